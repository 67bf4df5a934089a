"""A query reads of a file what it needs: bytes are counted, not seconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from portkey_handler.session import Session
from portkey_handler.session.files import served

#: DuckDB reads in pieces of 4 MB, one for each thread.
MOST = 40_000_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A CSV of 80 MB, older than the tick in which two contents may have one time."""
    line = f"{{}},1.25,{'x' * 90}\n"
    with (tmp_path / "t.csv").open("w") as file:
        file.write("id,price,text\n")
        file.writelines(line.format(number) for number in range(800_000))
    os.utime(tmp_path / "t.csv", (1, 1))
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of bytes of each reading; readings are as before."""
    sizes: list[int] = []
    original = served._read_at

    def counted(descriptor: int, size: int, position: int) -> bytes:
        block = original(descriptor, size, position)
        sizes.append(len(block))
        return block

    monkeypatch.setattr(served, "_read_at", counted)
    return sizes


def test_a_limit_reads_the_beginning(
    open_session: Callable[..., Session], large: Path, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first use reads all of it, once; what was found out is kept for this version of the file."""
    from portkey_handler.session.files import folder

    monkeypatch.setattr(folder, "_TICK", 0)  # its change time cannot be set back
    session = open_session()
    size = (large / "t.csv").stat().st_size

    assert len(session.sql("SELECT * FROM files.t LIMIT 3")) == 3
    assert size <= sum(read) < size + MOST
    read.clear()
    assert len(session.sql("SELECT * FROM files.t LIMIT 3")) == 3
    assert sum(read) < MOST
    read.clear()
    assert session.sql("SELECT count(*) AS n, max(price) AS most FROM files.t").values.tolist() == [
        [800_000, 1.25]
    ]
    assert sum(read) < size + MOST
