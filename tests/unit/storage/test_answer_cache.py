"""Answers on disk: kept, found again, over, damaged, out of room."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import shutil
import sqlite3
import stat
import time
import zlib
from array import array
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest

from portkey_handler.records import Evidence, Outcome
from portkey_handler.storage import answer_cache
from portkey_handler.storage.answer_cache import AnswerCache
from portkey_handler.storage.answer_format import MIGRATIONS

DAY = 86_400.0


def outcome(value: Any, **evidence: Any) -> Outcome:
    """Make an answered row's outcome."""
    return Outcome(value, None, Evidence(status=200, **evidence))


def with_journal(
    path: Path, work: Callable[[AnswerCache], Any], reuse: float = DAY, keep: float = DAY
) -> Any:
    """Open a journal, do something with it, close it."""
    with contextlib.closing(AnswerCache(path, reuse=reuse, keep=keep)) as journal:
        return work(journal)


def keep(path: Path, **answers: Any) -> None:
    """Keep answers by their keys."""

    def work(journal: AnswerCache) -> None:
        for key, value in answers.items():
            journal.put([(key.encode(), outcome(value))])

    with_journal(path, work)


def execute(path: Path, statement: str) -> list[Any]:
    """Do something to the file that the journal would not."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file in a folder that is not there yet."""
    return tmp_path / "home" / "journal" / "engine.sqlite"


@pytest.mark.parametrize(
    "value", ["text", "", "日本 👩‍👩‍👧 \x00", 3, 1.5, True, [1, "a", None], {"a": {"b": 2}}]
)
def test_an_answer_is_found_again_as_it_was(value: Any, path: Path) -> None:
    """Whatever its type, by the next query."""
    keep(path, a=value)
    found = with_journal(path, lambda journal: journal.cached(b"a"))
    assert (found.value, found.reason, found.failed) == (value, None, False)
    assert with_journal(path, lambda journal: journal.cached(b"b")) is None


def test_evidence_comes_back_and_says_from_when(path: Path) -> None:
    """A kept row tells what the first asking told, and when that was."""

    def work(journal: AnswerCache) -> None:
        journal.put([(b"a", outcome("x", finish_reason="stop", total_tokens=7, attempts=2))])

    with_journal(path, work)
    known = with_journal(path, lambda journal: journal.cached(b"a")).evidence.as_dict()
    assert known["kept_from"].startswith("20")
    assert (known["finish_reason"], known["total_tokens"], known["attempts"]) == ("stop", 7, 2)


def test_failures_are_not_kept(path: Path) -> None:
    """What failed is asked again."""

    def work(journal: AnswerCache) -> None:
        journal.put([(b"a", Outcome(None, "400: no", Evidence(status=400), failed=True))])

    with_journal(path, work)
    assert with_journal(path, lambda journal: journal.cached(b"a")) is None


def test_the_newest_of_several_answers_counts(path: Path) -> None:
    """A query that asked again has replaced what was there."""
    keep(path, a="old")
    keep(path, a="new")
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "new"


def test_what_is_too_old_is_not_used_and_goes_when_its_time_is_over(path: Path) -> None:
    """`reuse` is the reader's; how long it stays in the file was the writer's."""
    keep(path, a="x")
    execute(path, "UPDATE answers SET made_at = made_at - 100")
    assert with_journal(path, lambda journal: journal.cached(b"a"), reuse=99) is None
    assert with_journal(path, lambda journal: journal.cached(b"a"), reuse=0) is None
    assert with_journal(path, lambda journal: journal.cached(b"a"), reuse=200).value == "x"
    execute(path, "UPDATE answers SET expires_at = expires_at - 172800")
    with_journal(path, lambda journal: journal.cached(b"a"))
    assert execute(path, "SELECT count(*) FROM answers") == [(0,)]


def test_only_its_owner_can_read_it(path: Path) -> None:
    """The folder, the file and the files beside it while it is open."""

    def modes(journal: AnswerCache) -> set[str]:
        return {stat.filemode(entry.stat().st_mode) for entry in path.parent.iterdir()}

    keep(path, a="x")
    assert with_journal(path, modes) == {"-rw-------"}
    assert stat.filemode(path.parent.stat().st_mode) == "drwx------"


def test_it_is_on_disk_when_flush_returns(path: Path) -> None:
    """Another process sees it before the slot is free; nothing waits for close."""

    def work(journal: AnswerCache) -> list[Any]:
        journal.put([(b"a", outcome("x"))])
        journal.put([(b"b", outcome("y"))])
        journal.flush()
        return execute(path, "SELECT count(*) FROM answers")

    assert with_journal(path, work) == [(2,)]


@pytest.mark.parametrize("place", [0, 2000, 5000])
def test_a_damaged_file_is_set_aside(place: int, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The query goes on with a new one, or with none; a warning says so, and nothing is deleted."""
    keep(path, **{f"k{number}": "x" * 300 for number in range(100)})
    with path.open("r+b") as file:
        file.seek(place)
        file.write(os.urandom(6000))
    with caplog.at_level(logging.WARNING):
        found = with_journal(path, lambda journal: [journal.cached(f"k{n}".encode()) for n in range(100)])
    assert all(one is None or one.value == "x" * 300 for one in found)
    assert "is damaged" in caplog.text
    assert list(path.parent.glob("engine.sqlite.damaged-*"))
    keep(path, b="y")
    assert with_journal(path, lambda journal: journal.cached(b"b")).value == "y"


def test_damage_that_is_no_text_is_set_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite's message then quotes bytes that Python cannot read, and is no error of SQLite's to it."""
    keep(path, a="x")
    content = path.read_bytes()
    place = content.index(b"CREATE TABLE answers")
    path.write_bytes(content[: place + 7] + b"\xa0" * 4 + content[place + 11 :])
    keep(path, a="y")
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "y"
    assert "is damaged" in caplog.text


def test_a_damaged_file_is_set_aside_once(path: Path) -> None:
    """Who finds the damage later leaves the new file of the other alone."""
    path.parent.mkdir(parents=True)
    path.write_bytes(os.urandom(9000))
    first = AnswerCache(path, reuse=DAY, keep=DAY)
    late = AnswerCache(path, reuse=DAY, keep=DAY)
    late._inode += 1  # as if it had opened the damaged file, before the first one set it aside
    late._give_up(sqlite3.DatabaseError("file is not a database"))
    first.put([(b"a", outcome("x"))])
    first.close()
    late.close()
    assert len(list(path.parent.glob("*.damaged-*"))) == 1
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "x"


def test_an_unusable_folder_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file stands where the folder should be: the query works, and the fault is told once."""
    (tmp_path / "home").write_text("in the way")

    def work(journal: AnswerCache) -> str | None:
        journal.put([(b"a", outcome("x"))])
        journal.put([(b"b", outcome("y"))])
        assert journal.cached(b"a") is None
        return journal.fault

    with caplog.at_level(logging.WARNING):
        fault = with_journal(tmp_path / "home" / "journal" / "e.sqlite", work)
    assert fault is not None
    assert "cannot be used" in fault
    assert caplog.text.count("answers are not cached") == 1


def test_a_disk_that_fills_up_costs_no_query(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once an answer cannot be written, none is, and a waiting slot is freed."""

    def work(journal: AnswerCache) -> str | None:
        assert journal._connection is not None
        journal._connection.execute("PRAGMA max_page_count = 4")  # SQLite's own way to a full disk
        for number in range(20):
            journal.put([(str(number).encode(), outcome("x" * 3000))])
            journal.flush()
        return journal.fault

    with caplog.at_level(logging.WARNING):
        fault = with_journal(path, work)
    assert fault is not None
    assert "full" in fault
    assert caplog.text.count("answers are not cached") == 1


def test_two_open_it_at_once(path: Path) -> None:
    """Both may write, and each sees what the other has written when it comes to ask the same."""

    def work(first: AnswerCache) -> None:
        second = AnswerCache(path, reuse=DAY, keep=DAY)
        first.put([(b"a", outcome("1"))])
        second.put([(b"b", outcome("2"))])
        first.flush()
        assert second.cached(b"a") is None
        assert second.claim(b"a")
        assert second.cached(b"a").value == "1"
        second.close()

    with_journal(path, work)
    for key, value in ((b"a", "1"), (b"b", "2")):
        assert with_journal(path, lambda journal, key=key: journal.cached(key)).value == value


VECTOR = [number / 7 for number in range(-20, 20)]


@pytest.mark.parametrize("value", [VECTOR, [1, *VECTOR], [1.5] * 3, [*VECTOR, None]])
def test_a_vector_comes_back_bit_for_bit(value: list[Any], path: Path) -> None:
    """Many floats are kept in binary; a list that holds anything else keeps the kinds of what is in it."""
    keep(path, a=value)
    kept = with_journal(path, lambda journal: journal.cached(b"a"))
    assert kept.value == value
    assert [type(one) for one in kept.value] == [type(one) for one in value]


def test_several_answers_are_kept_together(path: Path) -> None:
    """Those of one request are on disk together when keep returns; failures among them are not kept."""
    answers = [(str(number).encode(), outcome(number)) for number in range(100)]
    failed = (b"failed", Outcome(None, "no", Evidence(), failed=True))
    with_journal(path, lambda journal: journal.put([*answers, failed]))
    assert execute(path, "SELECT count(*) FROM answers") == [(100,)]
    assert with_journal(path, lambda journal: journal.cached(b"99")).value == 99


def test_an_answer_that_cannot_be_written_costs_no_query(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is nested more deeply than the library writes: a warning, and the others are kept."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    keep(path, a=deep, b="y")
    assert with_journal(path, lambda journal: journal.cached(b"a")) is None
    assert with_journal(path, lambda journal: journal.cached(b"b")).value == "y"
    assert "an answer is not cached" in caplog.text


# Files of other releases

DATA = Path(__file__).parents[2] / "data"
#: The places of evidence in answers of the first release, with a value of its own for each.
FIRST = {
    "status": 201, "finish_reason": "stop", "model": "gpt", "provider": "openai", "target": "a",
    "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cached_tokens": 4, "attempts": 5,
    "gateway_attempts": 6, "latency_ms": 7, "cache_status": "MISS", "request_id": "r", "trace_id": "t",
    "span_id": "s", "system_fingerprint": "f", "logprobs": [{"token": "x"}],
    "guardrails": [{"verdict": True}], "cost": 0.5, "kept_from": None, "raw": "{",
}  # fmt: skip


def write_old_answer(path: Path, key: bytes, answer: bytes) -> None:
    """Keep an answer as the first release has done it, in a file that may be new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    now = time.time()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS answers (number INTEGER PRIMARY KEY, key BLOB NOT NULL, "
            "made_at REAL NOT NULL, expires_at REAL NOT NULL, answer BLOB NOT NULL, "
            "checksum INTEGER NOT NULL)"
        )
        connection.execute(
            "INSERT INTO answers (key, made_at, expires_at, answer, checksum) VALUES (?, ?, ?, ?, ?)",
            (key, now, now + DAY, answer, zlib.crc32(answer, zlib.crc32(key))),
        )


def test_every_place_of_the_first_releases_evidence_is_read(path: Path) -> None:
    """Its answers do not say what their places are called."""
    write_old_answer(path, b"a", orjson.dumps((list(FIRST.values()), "x")))
    write_old_answer(path, b"v", orjson.dumps((list(FIRST.values()),)) + b"\n" + array("d", VECTOR).tobytes())
    for key, value in ((b"a", "x"), (b"v", VECTOR)):
        found = with_journal(path, lambda journal, key=key: journal.cached(key))
        known = found.evidence.as_dict()
        assert known.pop("kept_from").startswith("20")
        assert found.value == value
        assert known == {name: told for name, told in FIRST.items() if told is not None}


def test_the_first_release_reads_and_writes_on(path: Path) -> None:
    """It may run beside this one: what it keeps in a file of this one is read."""
    keep(path, a="x")
    write_old_answer(path, b"b", orjson.dumps((list(FIRST.values()), "y")))
    assert with_journal(path, lambda journal: journal.cached(b"b")).evidence.latency_ms == 7
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "x"


@pytest.mark.parametrize(
    "file", sorted(DATA.glob("home-0.1/journal/*.sqlite")), ids=lambda file: file.name[:8]
)
def test_answers_of_the_first_release_are_read(file: Path, path: Path) -> None:
    """Every value of every answer, whatever else is in evidence today."""
    path.parent.mkdir(parents=True)
    shutil.copyfile(file, path)
    written = execute(path, "SELECT key, made_at, answer FROM answers ORDER BY number")
    assert len(written) >= 3
    long = 1e10
    with contextlib.closing(AnswerCache(path, reuse=long, keep=long)) as journal:
        for key, made_at, answer in written:
            head, _, numbers = answer.partition(b"\n")
            told, *value = orjson.loads(head)
            found = journal.cached(key)
            assert found is not None
            assert found.value == (value[0] if value else array("d", numbers).tolist())
            known = found.evidence.as_dict() if found.evidence else {}
            assert known.pop("kept_from") == datetime.fromtimestamp(made_at, timezone.utc).isoformat(
                timespec="seconds"
            )
            assert known == {name: one for name, one in zip(FIRST, told, strict=True) if one is not None}
    assert execute(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def write_other_answer(path: Path, key: bytes, evidence: Mapping[str, Any]) -> None:
    """Keep an answer as a release does it whose evidence has these names."""
    keep(path, seed="x")
    write_old_answer(path, key, orjson.dumps((list(evidence.values()), "other")))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        names = orjson.dumps(list(evidence)).decode()
        connection.execute("INSERT OR IGNORE INTO evidence_names (names) VALUES (?)", (names,))
        connection.execute(
            "UPDATE answers SET names = (SELECT number FROM evidence_names WHERE names = ?) WHERE key = ?",
            (names, key),
        )


@pytest.mark.parametrize("seed", range(5))
def test_evidence_is_read_by_its_names(seed: int, path: Path) -> None:
    """In any order; names that are not known are dropped, and what is missing has its default."""
    chance = random.Random(seed)  # noqa: S311 - a choice of cases
    known = {name: told for name, told in FIRST.items() if name != "kept_from" and chance.random() < 0.6}
    unknown = {f"new_{number}": [number] for number in range(chance.randrange(1, 4))}
    names = [*known, *unknown]
    chance.shuffle(names)
    write_other_answer(path, b"a", {name: {**known, **unknown}[name] for name in names})
    found = with_journal(path, lambda journal: journal.cached(b"a"))
    assert found.value == "other"
    assert found.evidence._replace(kept_from=None) == Evidence(**known)


def test_names_that_another_release_writes_meanwhile_are_read(path: Path) -> None:
    """It has opened the file after this one."""

    def work(journal: AnswerCache) -> Any:
        assert journal.cached(b"seed").value == "x"
        write_other_answer(path, b"a", {"later": 1, "status": 202})
        assert journal.claim(b"a")
        return journal.cached(b"a")

    keep(path, seed="x")
    assert with_journal(path, work).evidence.status == 202


def test_an_answer_whose_names_are_lost_is_asked_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As one is that is not what was kept."""
    keep(path, a="x", b="y")
    execute(path, "UPDATE answers SET names = 7 WHERE number = 1")
    assert with_journal(path, lambda journal: journal.cached(b"a")) is None
    assert "answers are requested again" in caplog.text
    assert with_journal(path, lambda journal: journal.cached(b"b")).value == "y"


@pytest.mark.parametrize("only_look", [False, True])
def test_a_newer_file_is_left_alone(only_look: bool, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is kept or found, one warning says why, and the file is as it was."""
    keep(path, a="x")
    execute(path, "PRAGMA user_version = 99")
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY, only_look=only_look)) as journal:
        assert not journal.has(b"a")
        assert journal.claim(b"b")
        journal.put([(b"b", outcome("y"))])
        journal.flush()
        fault = journal.fault
    assert fault is not None
    assert fault.startswith(f"{path} was written by a newer portkey-handler (it has version 99")
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [fault]
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_an_answer_from_the_future_is_not_used(path: Path) -> None:
    """It was made while the clock was wrong, so nobody knows how old it is; minutes are no matter."""
    keep(path, a="x")
    execute(path, "UPDATE answers SET made_at = made_at + 200, expires_at = expires_at + 200")
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "x"
    execute(path, "UPDATE answers SET made_at = made_at + 86400, expires_at = expires_at + 86400")
    assert with_journal(path, lambda journal: journal.cached(b"a")) is None


def test_a_file_that_another_process_keeps_for_itself_is_still_read(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is paid is used, new answers are not cached, and the file stays as it is."""
    monkeypatch.setattr(answer_cache, "_OPEN_SECONDS", 0.05)
    keep(path, a="x")

    def work(journal: AnswerCache) -> Any:
        journal.put([(b"b", outcome("y"))])
        found = journal.cached(b"a")
        return found and found.value

    with contextlib.closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert with_journal(path, work) == "x"
        assert "answers are not cached" in caplog.text
        assert "; those that are in the cache are used" in caplog.text
        holder.rollback()
    assert with_journal(path, lambda journal: journal.cached(b"b")) is None
    assert with_journal(path, lambda journal: journal.cached(b"a")).value == "x"


def test_a_file_that_can_no_longer_be_read_is_said_once(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is only read may be changed by its owner; not each row warns of it."""
    monkeypatch.setattr(answer_cache, "_OPEN_SECONDS", 0.05)
    keys = [b"%d" % number for number in range(20)]
    keep(path, **{key.decode(): "x" for key in keys})

    def work(journal: AnswerCache) -> list[Any]:
        holder.rollback()
        assert journal.cached(keys[0]).value == "x"  # type: ignore[union-attr]
        execute(path, "DROP TABLE answers")
        caplog.clear()
        return [journal.cached(key) for key in keys]

    with contextlib.closing(sqlite3.connect(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert with_journal(path, work) == [None] * 20
    assert [record.getMessage() for record in caplog.records] == [
        f"answers are not cached: {path.parent} cannot be used: no such table: answers"
    ]
