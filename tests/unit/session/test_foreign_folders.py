"""Folders that others can write, folders that were there before, folders that cannot be: what is done to them."""

from __future__ import annotations

import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import PortkeyHandlerError, UsageError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.predictor import ask
from portkey_handler.session import Session


def mode_of(path: Path) -> int:
    """Give the mode of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """--session DIR set it to 0700, once /proc."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    with Session(folder) as session:
        session.sql("CREATE ML_ENGINE e FROM portkey USING check = false, portkey_api_key = 'pk-canary-1'")
    assert mode_of(folder) == 0o755
    assert mode_of(folder / "catalog.json") == 0o600


def test_a_folder_that_we_make_is_its_owners(tmp_path: Path) -> None:
    """And so is every folder on the way to it that was missing."""
    with Session(tmp_path / "a") as session:
        session.sql("SHOW MODELS")
    assert mode_of(tmp_path / "a") == 0o700


def test_a_folder_that_every_user_can_write_is_refused(tmp_path: Path) -> None:
    """Another user could put engines there to which keys would go."""
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError) as caught:
        Session(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} can be written by every user, and the session would hold keys there; name a folder of your "
        f"own, or run: chmod o-w {tmp_path}"
    )


@pytest.mark.parametrize("name", ["file/session", "file"])
def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, name: str) -> None:
    """The error is ours."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(PortkeyHandlerError, match="cannot be"):
        Session(tmp_path / name).sql("SHOW MODELS")


@pytest.mark.parametrize(
    "content", [b"[]", b"\xff\xfe", b"{", b"", b'{"format": "x"}', b'{"format": 1}', b'{"format": 1, "engines": []}',
                b'{"format": 1, "engines": {"e": 5}, "models": {}}', b'{"format": 1, "engines": {}, "models": {"m": {}}}',
                b"[" * 100_000]
)  # fmt: skip
def test_a_catalog_that_is_not_ours_is_said(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in it."""
    (tmp_path / "catalog.json").write_bytes(content)
    with Session(tmp_path) as session:
        for statement in (
            "SHOW MODELS",
            "SHOW ML_ENGINES",
            "CREATE ML_ENGINE x FROM portkey USING check = false",
        ):
            with pytest.raises(PortkeyHandlerError) as caught:
                session.sql(statement)
            assert str(caught.value) == (
                f"{tmp_path / 'catalog.json'} is not a catalog of this program; move it away, or name another folder"
            )
    assert (tmp_path / "catalog.json").read_bytes() == content


def test_answers_are_not_taken_from_a_folder_of_every_user(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever can write there can write answers."""
    home = Path(os.environ["PORTKEY_HANDLER_HOME"])
    frame = pd.DataFrame({"q": ["a"]})
    ask(frame, column="q", engine={"base_url": provider.base_url})
    home.chmod(0o777)
    with caplog.at_level(logging.WARNING):
        ask(frame, column="q", engine={"base_url": provider.base_url})
    assert len(provider.requests) == 2
    assert f"answers are not cached: {home} can be written by every user" in caplog.text


@pytest.mark.slow
def test_a_dry_run_leaves_no_copy_of_the_session(tmp_path: Path, provider: OfflineProvider) -> None:
    """catalog.json with its keys stayed in the temporary folder after a kill."""
    session, temporary = tmp_path / "session", tmp_path / "temporary"
    temporary.mkdir()
    with Session(session) as running:
        running.sql("CREATE ML_ENGINE e FROM portkey USING check = false, portkey_api_key = 'pk-canary-1'")
    rows = "\n".join(f"row {row}" for row in range(200_000))
    (tmp_path / "t.csv").write_text(f"q\n{rows}\n")
    sql = (
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt-4o-mini'; "
        "SELECT m.a FROM files.t JOIN m"
    )
    command = [sys.executable, "-m", "portkey_handler", "sql", sql, "--files", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--session", str(session), "--dry-run"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not [path for path in temporary.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert tempfile.gettempdir() != str(temporary)


@pytest.mark.skipif(os.name == "nt", reason="kinds of files of POSIX")
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device"])
def test_a_catalog_that_is_no_file_is_said(tmp_path: Path, kind: str) -> None:
    """At a pipe the session hung."""
    path = tmp_path / "catalog.json"
    {
        "a folder": path.mkdir,
        "a pipe": lambda: os.mkfifo(path),
        "a device": lambda: path.symlink_to("/dev/zero"),
    }[kind]()
    with Session(tmp_path) as session:
        for statement in ("SHOW MODELS", "CREATE ML_ENGINE x FROM portkey USING check = false"):
            with pytest.raises(UsageError) as caught:
                session.sql(statement)
            assert str(caught.value) == f"{path} is not a file; move it away, or name another folder"
