"""Files of one owner, and files that are written whole."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portkey_handler.storage.private_files import locked, make_private, open_private, replace_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Make files for everybody where no mode is given."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_modes(tmp_path: Path) -> None:
    """What is made belongs to its owner alone; what was there keeps its permissions."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    made = shared / "made"
    make_private(shared, made, made / "inner")
    os.close(open_private(made / "file"))
    replace_file(made / "whole", b"1")
    with locked(made / "lock"):
        pass

    assert [mode(path) for path in (shared, made, made / "inner")] == [0o755, 0o700, 0o700]
    assert [mode(made / name) for name in ("file", "whole", "lock")] == [0o600, 0o600, 0o600]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """A failed write leaves the old content and no draft beside it."""
    path = tmp_path / "catalog.json"
    replace_file(path, b"old")
    with pytest.raises(TypeError):
        replace_file(path, "no bytes")  # type: ignore[arg-type]

    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["catalog.json"]


def test_a_link_in_place_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    """The draft's name can be guessed, and the content could be a key."""
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"")
    (tmp_path / f".catalog.json.{os.getpid()}-{threading.get_ident()}.tmp").symlink_to(foreign)
    with pytest.raises(OSError, match="symbolic links"):
        replace_file(tmp_path / "catalog.json", b"key")

    assert foreign.read_bytes() == b""


def test_threads_write_the_same_file_whole(tmp_path: Path) -> None:
    """No write fails, and what is there is what one of them has written."""
    path = tmp_path / "index.keys"
    contents = [bytes([65 + number]) * 200_000 for number in range(4)]
    with ThreadPoolExecutor(len(contents)) as pool:
        for done in [pool.submit(replace_file, path, content) for content in contents * 10]:
            done.result()
    assert path.read_bytes() in contents
    assert [file.name for file in tmp_path.iterdir()] == ["index.keys"]


ADD = """
import sys
from pathlib import Path
from portkey_handler.storage.private_files import locked, replace_file

number = Path(sys.argv[1], "number")
for _ in range(25):
    with locked(Path(sys.argv[1], "lock")):
        replace_file(number, str(int(number.read_bytes()) + 1).encode())
"""


def test_processes_write_one_at_a_time(tmp_path: Path) -> None:
    """No addition of any process is lost."""
    (tmp_path / "number").write_bytes(b"0")
    processes = [subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path)]) for _ in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "number").read_bytes() == b"75"
