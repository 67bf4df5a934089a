"""Machines as people have them: file systems without locks, read-only, full, gone; other processes that stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.asking import Asks, create_engine, create_model, questions
from support.paid import Paid, answer_to, run_client, run_here

from portkey_handler.errors import FileError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.storage import private_files
from portkey_handler.storage.private_files import locked

SOURCE = Path(__file__).parents[1] / "support" / "hostile_files.c"


@pytest.fixture(scope="session")
def hostile_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library that plays file systems which this machine does not have."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, on Linux")
    library = tmp_path_factory.mktemp("hostile") / "hostile_files.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with a table of 20 rows."""
    folder = tmp_path / "files"
    folder.mkdir()
    questions(20).to_csv(folder / "t.csv", index=False)
    return folder


def select(provider: OfflineProvider, rows: int, engine: str = "") -> str:
    """Write the statements that ask some rows."""
    return (
        create_engine("e", {"base_url": provider.base_url})
        + create_model("m", {"engine": "e", "model": "one", "column": "q"})
        + f"SELECT t.id, m.answer FROM files.t AS t JOIN m WHERE t.id < {rows}"
    )


def answers(rows: int) -> list[str]:
    """Give the answers to the first rows."""
    return [answer_to(text) for text in questions(rows)["q"]]


def warned(stderr: str, *without: Path) -> list[str]:
    """Give the warnings, with a name in place of each folder."""
    lines = [line.removeprefix("WARNING ") for line in stderr.splitlines() if line.startswith("WARNING")]
    for folder in without:
        lines = [line.replace(str(folder), folder.name) for line in lines]
    return lines


NO_LOCKS = (
    "its file system has no locks, which processes need to share a file; name another folder by "
    "PORTKEY_HANDLER_HOME"
)


@pytest.mark.parametrize("surrounding", ["NO_LOCKS_UNDER", "READ_ONLY_UNDER"])
def test_kept_answers_are_used_where_none_can_be_kept(
    surrounding: str, hostile_files: Path, provider: OfflineProvider, paid: Paid, home: Path, files: Path
) -> None:
    """What was paid on another day is not paid again; the query works, and each thing is said once."""
    assert run_here(select(provider, 5), files)["answer"].tolist() == answers(5)
    assert paid.asked == 5
    ended = run_client(
        select(provider, 8),
        files,
        home,
        environment={"LD_PRELOAD": str(hostile_files), surrounding: str(home)},
    )
    assert ended.code == 0, ended.stderr
    assert [row["answer"] for row in ended.rows or []] == answers(8)
    assert paid.asked == 8
    why = {
        "NO_LOCKS_UNDER": NO_LOCKS,
        "READ_ONLY_UNDER": "it cannot be written; make it writable, or name another folder by PORTKEY_HANDLER_HOME",
    }[surrounding]
    assert warned(ended.stderr, home) == [
        f"answers are not cached: home/journal cannot be used: {why}; those that are in the cache are used",
        f"what the query used is not recorded: home/ledger.sqlite cannot be used: {why}",
    ]


def test_a_table_is_written_where_there_are_no_locks(
    hostile_files: Path, provider: OfflineProvider, paid: Paid, home: Path, files: Path
) -> None:
    """It failed after every row was paid."""
    sql = (
        select(provider, 5).replace("SELECT", "CREATE TABLE files.out (SELECT") + "); SELECT * FROM files.out"
    )
    ended = run_client(
        sql, files, home, environment={"LD_PRELOAD": str(hostile_files), "NO_LOCKS_UNDER": str(files)}
    )
    assert ended.code == 0, ended.stderr
    assert [row["answer"] for row in ended.rows or []] == answers(5)


def test_a_home_that_vanishes_is_said(
    ask: Asks, paid: Paid, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite goes on writing into files that nobody will find again."""
    paid.after(10, lambda: shutil.rmtree(home))
    frame = ask(20)
    assert len(frame) == 20
    [journal] = [text for text in caplog.messages if "not cached" in text]
    assert journal.startswith(f"answers are not cached: {home}")
    assert journal.endswith("was deleted while the query ran")
    assert ask(20)["answer"].notna().all()  # and the next query makes the folder again
    since = paid.since()
    ask(20)
    assert since() == 0


def test_a_full_disk_loses_no_table(provider: OfflineProvider, paid: Paid, home: Path, files: Path) -> None:
    """The error is ours, the old table is as it was, and the answers are paid once."""
    before = (files / "t.csv").read_bytes()
    insert = "INSERT INTO files.t SELECT id, q FROM files.t"
    ended = run_client(insert, files, home, largest_file=100)
    assert ended.code == 1
    assert ended.stderr.splitlines()[-1] == (
        f"portkey_handler.errors.FileError: {files}/t.csv cannot be used: File too large; make room there, then run "
        "the statement again"
    )
    assert (files / "t.csv").read_bytes() == before
    assert sorted(path.name for path in files.iterdir() if not path.name.startswith(".")) == ["t.csv"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_lock_of_a_stopped_process_is_said_and_not_waited_for_endlessly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ctrl-Z in the middle of an INSERT, for example."""
    monkeypatch.setattr(private_files, "TELL_SECONDS", 0.05)
    monkeypatch.setattr(private_files, "GIVE_UP_SECONDS", 0.2)
    lock = tmp_path / ".files.lock"
    holder = (
        "import sys, time; from pathlib import Path; from portkey_handler.storage.private_files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", holder, lock], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(FileError) as caught, locked(lock):
                pass
        finally:
            process.kill()
    assert caplog.messages == [f"waiting for another process, which holds {lock}"]
    assert str(caught.value) == (
        f"another process has held {lock} for 0 s; nothing was written: end that process (it may be stopped: lsof "
        "shows it), then run the statement again"
    )
    with locked(lock):  # which a killed process holds no longer
        pass


#: Two caches of one process, a cache of another that comes and goes, two more answers; then a kill.
COME_AND_GO = """
import os, signal, subprocess, sys
from pathlib import Path
from portkey_handler.records import Evidence, Outcome
from portkey_handler.storage.answer_cache import AnswerCache
path = Path(sys.argv[1])
def put(cache, key):
    cache.put([(key, Outcome(key.decode(), None, Evidence()))])
    cache.flush()
one = AnswerCache(path, reuse=100, keep=100)
put(one, b"1")
two = AnswerCache(path, reuse=100, keep=100)
other = "import sys; from pathlib import Path; from portkey_handler.storage.answer_cache import AnswerCache\\n"
other += "AnswerCache(Path(sys.argv[1]), reuse=100, keep=100).close()"
subprocess.run([sys.executable, "-c", other, str(path)], check=True)
put(one, b"2")
put(two, b"3")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_another_process_that_comes_and_goes_takes_no_answers_along(tmp_path: Path) -> None:
    """Opening the file beside SQLite ended SQLite's locks, and the other process deleted the log in use."""
    from portkey_handler.storage.answer_cache import AnswerCache

    path = tmp_path / "home" / "journal" / "engine.sqlite"
    subprocess.run([sys.executable, "-c", COME_AND_GO, path], check=False)
    cache = AnswerCache(path, reuse=100, keep=100)
    assert [cache.has(key) for key in (b"1", b"2", b"3", b"4")] == [True, True, True, False]
    cache.close()
