"""The server itself: its command, and that it never outlives who has started it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from portkey_handler.session import Session

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(models: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a data directory that has the language model's file."""
    del models
    folder = tmp_path / "home"
    (folder / "models").mkdir(parents=True)
    for file in (ROOT / ".cache" / "local" / "models").glob("*.gguf"):
        (folder / "models" / file.name).symlink_to(file)
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(folder))
    return folder


def _takes_ctrl_c() -> None:
    """Take Ctrl-C as a program in the foreground does; one in the background is told to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_the_command_serves_until_ctrl_c(home: Path) -> None:
    """It says where, and what to write; both models are listed."""
    command = [sys.executable, "-m", "portkey_handler", "local", "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ},
        preexec_fn=_takes_ctrl_c,  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            [base_url] = re.findall(r"^(http://127\.0\.0\.1:\d+/v1) answers; Ctrl-C ends it\.", first)
            with urllib.request.urlopen(f"{base_url}/models") as reply:  # noqa: S310 - on loopback
                names = [one["id"] for one in json.load(reply)["data"]]
            assert names == ["smollm2-135m", "multilingual-e5-small"]
            assert f"base_url = '{base_url}'" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert home.is_dir()


@pytest.mark.parametrize("content", [b"", b"GGUF no model at all"])
def test_a_file_that_is_no_model(content: bytes, home: Path, tmp_path: Path) -> None:
    """One line says so."""
    file = tmp_path / "wrong.gguf"
    file.write_bytes(content)
    command = [sys.executable, "-m", "portkey_handler", "local", "--model", str(file), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    # Without llama.cpp's own lines.
    assert done.stderr == f"{file} is not a language model in the GGUF format, or a damaged one\n"
    assert home.is_dir()


SCRIPT = """
import time
from portkey_handler.session import Session
session = Session()
session.sql("CREATE ML_ENGINE here FROM portkey USING base_url = 'local'")
from portkey_handler.local.process import SERVER
print(SERVER._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_with_its_program(sign: signal.Signals, home: Path) -> None:
    """Also when it is killed."""
    assert home.is_dir()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_takes_ctrl_c,  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        server = psutil.Process(int(process.stdout.readline()))
        assert server.is_running()
        process.send_signal(sign)
        process.wait(20)
    until = time.monotonic() + 20
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.1)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_was_killed_is_started_again(home: Path) -> None:
    """The next query has another one."""
    from portkey_handler.local.process import SERVER

    with Session() as session:
        session.sql("CREATE ML_ENGINE here FROM portkey USING base_url = 'local'")
        session.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'here', model = 'smollm2-135m', column = 'text', "
            "max_tokens = 2"
        )
        assert session.sql("SELECT answer FROM m WHERE text = 'a'")["answer"].notna().all()
        process = SERVER._process
        assert process is not None
        process.kill()
        process.wait()
        assert session.sql("SELECT answer FROM m WHERE text = 'b'")["answer"].notna().all()
    assert home.is_dir()
