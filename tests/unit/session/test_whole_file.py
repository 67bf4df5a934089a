"""Where the command line writes: files whole; devices, pipes, links and mounted files as they are."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from portkey_handler.session import whole_file
from portkey_handler.session.whole_file import write_whole


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """One that only its owner may read stays so; a new one has the usual mode."""
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    write_whole(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "other.csv", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "other.csv").stat().st_mode) == 0o644


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is replaced."""
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target.csv", tmp_path / "out.csv"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    """It was replaced by a file, and so were devices: /dev/null, where root writes there."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write_whole(path, b"rows")
    reader.join(timeout=30)
    assert found == [b"rows"]
    assert path.is_fifo()


def test_a_file_that_cannot_be_replaced_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is mounted into a container."""
    path = tmp_path / "out.csv"
    path.write_bytes(b"old and longer")

    def busy(path: Path, content: bytes, mode: int) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy", str(path))

    monkeypatch.setattr(whole_file, "replace_file", busy)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.slow
def test_stdout_is_a_file_too(tmp_path: Path) -> None:
    """By its name, here that of the process's own."""
    link = tmp_path / "stdout"
    link.symlink_to("/dev/fd/1")
    command = [sys.executable, "-m", "portkey_handler", "sql", "SELECT 1 AS one", "--format", "csv"]
    done = subprocess.run(
        [*command, "-o", str(link)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n1\n", "")
    assert link.is_symlink()


@pytest.mark.slow
def test_a_reader_that_wants_no_more_is_no_error() -> None:
    """`… | head -1` wrote that a file cannot be used: Broken pipe."""
    command = [sys.executable, "-m", "portkey_handler", "sql", "SELECT 1 AS one", "--format", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1
