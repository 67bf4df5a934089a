"""Many kept answers: the index over their digests, and the end of those whose time is over."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portkey_handler.records import Evidence, Outcome
from portkey_handler.storage import known_answers
from portkey_handler.storage.answer_cache import AnswerCache
from portkey_handler.storage.key_index import KeyIndex

DAY = 86_400.0


def key_of(number: int) -> bytes:
    """Give a digest as items have."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the file of a cache."""
    return tmp_path / "home" / "journal" / "engine.sqlite"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge and read as if a hundred answers were many."""
    monkeypatch.setattr(known_answers, "_READ_AT_MOST", 50)
    monkeypatch.setattr(known_answers, "_MERGED_FROM", 20)


def keep(path: Path, numbers: range, answer: str = "A{}") -> None:
    """Cache answers, through one cache that is then closed."""
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as cache:
        cache.put([(key_of(n), Outcome(answer.format(n), None, Evidence(status=200))) for n in numbers])


def found(path: Path, numbers: range, reuse: float = DAY) -> list[object]:
    """Return the answers, None where there is none."""
    with contextlib.closing(AnswerCache(path, reuse=reuse, keep=DAY)) as cache:
        outcomes = [cache.cached(key_of(n)) for n in numbers]
    return [outcome and outcome.value for outcome in outcomes]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as the cache would not."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def covered(path: Path) -> int:
    """Return how far the index on disk goes."""
    with opened(path) as connection:
        return KeyIndex.of(path.with_suffix(".keys"), connection).covered


def expire(path: Path, condition: str = "1") -> None:
    """End the time of answers."""
    with opened(path) as connection:
        connection.execute(f"UPDATE answers SET expires_at = expires_at - {3 * DAY} WHERE {condition}")


def test_answers_are_found_in_the_index_after_it_and_nowhere(path: Path) -> None:
    """Merged twice, with a few answers behind its end."""
    keep(path, range(100))
    assert covered(path) == 100
    keep(path, range(100, 160))
    assert covered(path) == 160
    keep(path, range(160, 165))
    assert covered(path) == 160
    assert found(path, range(167)) == [f"A{n}" for n in range(165)] + [None, None]


def test_the_newest_answer_counts_wherever_it_is(path: Path) -> None:
    """Two of one item in the index, and one in the index with a newer one behind its end."""
    keep(path, range(30), "old {}")
    keep(path, range(25), "new {}")
    keep(path, range(2), "newest {}")
    assert covered(path) == 55
    assert found(path, range(30)) == [
        *[f"newest {n}" for n in range(2)],
        *[f"new {n}" for n in range(2, 25)],
        *[f"old {n}" for n in range(25, 30)],
    ]


def test_an_older_answer_is_used_where_the_newest_is_over(path: Path) -> None:
    """A query with a shorter `reuse` may have written the newest."""
    keep(path, range(30), "old {}")
    keep(path, range(30), "new {}")
    expire(path, "number > 30")
    assert found(path, range(3)) == ["old 0", "old 1", "old 2"]


def test_what_is_too_old_for_the_query_is_not_used(path: Path) -> None:
    """In the index and behind it."""
    keep(path, range(30))
    keep(path, range(30, 35))
    with opened(path) as connection:
        connection.execute("UPDATE answers SET made_at = made_at - 100")
        connection.execute("UPDATE answers SET made_at = made_at + 1e6 WHERE number = 2")
    path.with_suffix(".keys").unlink()
    keep(path, range(200, 230))  # makes the index anew
    assert covered(path) == 65
    assert found(path, range(35), reuse=99) == [None] * 35
    assert found(path, range(3), reuse=200) == ["A0", None, "A2"]


def test_a_killed_query_leaves_no_index_and_its_answers_are_found(path: Path) -> None:
    """Its cache was never closed: the next one makes the index."""
    cache = AnswerCache(path, reuse=DAY, keep=DAY)
    cache.put([(key_of(n), Outcome(f"A{n}", None, Evidence())) for n in range(80)])
    cache.flush()
    assert not path.with_suffix(".keys").exists()
    assert found(path, range(81)) == [f"A{n}" for n in range(80)] + [None]
    assert covered(path) == 80
    cache.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"pkhkeys1", b"pkhkeys1" + bytes(32), b"pkhkeys1" + b"\xff" * 4_000, bytes(2_000)],
    ids=["empty", "a byte", "a magic", "a header of zeros", "nonsense", "zeros"],
)
def test_a_damaged_index_loses_no_answer(content: bytes, path: Path) -> None:
    """It is made again."""
    keep(path, range(40))
    path.with_suffix(".keys").write_bytes(content)
    assert found(path, range(41)) == [f"A{n}" for n in range(40)] + [None]
    assert covered(path) == 40


def test_an_index_that_lies_gives_no_wrong_answer(path: Path) -> None:
    """Places that belong to other items: those items are asked again."""
    keep(path, range(40))
    index = path.with_suffix(".keys")
    content = bytearray(index.read_bytes())
    content[-8 * 40 :] = bytes(reversed(content[-8 * 40 :]))
    index.write_bytes(bytes(content))
    answers = found(path, range(40))
    assert {answer for n, answer in enumerate(answers) if answer not in (None, f"A{n}")} == set()


def test_an_index_of_another_file_is_not_used(path: Path) -> None:
    """The answers were deleted, and their numbers are given to others."""
    keep(path, range(40))
    path.unlink()
    keep(path, range(100, 145))
    assert found(path, range(100, 146)) == [f"A{n}" for n in range(100, 145)] + [None]


def test_digests_that_begin_alike_are_told_apart(path: Path) -> None:
    """The index holds only their starts."""
    keys = [b"12345678" + bytes([n]) * 8 for n in range(30)]
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as cache:
        cache.put([(key, Outcome(n, None, Evidence())) for n, key in enumerate(keys)])
    assert covered(path) == 30
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as cache:
        assert [cache.cached(key).value for key in keys] == list(range(30))
        assert cache.cached(b"12345678" + b"other123") is None
        assert cache.cached(b"1234") is None


def test_two_queries_share_answers_of_the_index(path: Path) -> None:
    """An item in the index needs no lock; one that another query has is not given."""
    keep(path, range(30))
    with (
        contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as one,
        contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as other,
    ):
        assert [one.claim(key_of(3)), other.claim(key_of(3))] == [True, True]
        assert one.claim(key_of(70))
        assert not other.claim(key_of(70))
        one.put([(key_of(70), Outcome("A70", None, Evidence()))])
        one.flush()
        assert other.claim(key_of(70))
        assert other.cached(key_of(70)).value == "A70"


def test_a_dry_run_reads_the_index_and_makes_nothing(path: Path) -> None:
    """Not even the index that it lacks."""
    keep(path, range(60))
    path.with_suffix(".keys").unlink()
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY, only_look=True)) as cache:
        assert [cache.has(key_of(n)) for n in (0, 59, 60)] == [True, True, False]
    assert not path.with_suffix(".keys").exists()


def test_answers_whose_time_is_over_go_and_the_file_shrinks(path: Path) -> None:
    """In steps, at the end of queries; what is still usable stays."""
    keep(path, range(3_000), "x" * 1_000)
    before = path.stat().st_size
    expire(path, "number <= 2900")
    for number in range(12):
        keep(path, range(10_000 + number, 10_001 + number))
    with opened(path) as connection:
        assert connection.execute(
            "SELECT count(*) FROM answers WHERE expires_at < ?", (time.time(),)
        ).fetchone() == (0,)
    assert path.stat().st_size < before / 5
    assert found(path, range(2_900, 3_000)) == ["x" * 1_000] * 100
    assert found(path, range(10)) == [None] * 10


def test_answers_behind_others_that_are_kept_longer_go_as_well(path: Path) -> None:
    """The oldest are kept for long, so the steps at the beginning of the file find nothing."""
    keep(path, range(2_000))
    expire(path, "number > 1000")
    for number in range(60):
        keep(path, range(10_000 + number, 10_001 + number))
    with opened(path) as connection:
        [over] = connection.execute(
            "SELECT count(*) FROM answers WHERE expires_at < ?", (time.time(),)
        ).fetchone()
    assert over < 100
    assert found(path, range(1_000)) == [f"A{n}" for n in range(1_000)]


def test_a_file_of_an_older_release_is_written_anew_when_little_is_left(path: Path) -> None:
    """It was made without what lets a file shrink in steps."""
    keep(path, range(2_000), "x" * 1_000)
    with opened(path) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    before = path.stat().st_size
    expire(path, "number <= 1900")
    for number in range(8):
        keep(path, range(10_000 + number, 10_001 + number))
    assert path.stat().st_size < before / 5
    assert found(path, range(1_900, 2_000)) == ["x" * 1_000] * 100


def test_deleting_gives_way_to_a_query_that_writes(path: Path) -> None:
    """Housekeeping waits for nobody: the lock of another process is no error and no wait."""
    keep(path, range(100))
    expire(path)
    with contextlib.closing(AnswerCache(path, reuse=DAY, keep=DAY)) as cache:
        with contextlib.closing(sqlite3.connect(path)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            cache.close()
            holder.rollback()
        assert cache.fault is None
    with opened(path) as connection:
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (100,)
