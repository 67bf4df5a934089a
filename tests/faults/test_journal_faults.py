"""The journal is a help, never a hindrance: without it the query works, and says what is lost."""

from __future__ import annotations

import logging
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
from support.asking import Asks, assert_answered, create_engine, create_model, questions
from support.paid import Client, Paid, run_client, run_here

from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.storage.answer_cache import AnswerCache

SQLITE = b"SQLite format 3\0"


def files_of(home: Path) -> list[Path]:
    """Give every file under the home."""
    return [path for path in home.rglob("*") if path.is_file()]


def journals(home: Path) -> list[Path]:
    """Give the journals that SQLite could open."""
    return [path for path in files_of(home / "journal") if path.read_bytes().startswith(SQLITE)]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was warned of."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# A home that cannot be used


def test_an_unusable_home_costs_the_journal_only(
    ask: Asks, paid: Paid, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file in place of the folder: every row is answered, and a warning each says what is not on disk."""
    home.write_text("not a folder")
    assert_answered(ask(30), 30)
    told = warnings(caplog)
    assert [("not cached" in text, "recorded" in text) for text in told] == [(True, False), (False, True)]
    assert all(str(home) in text for text in told)
    assert_answered(ask(30), 30)
    assert paid.asked == 60


def test_the_error_says_when_nothing_was_kept(ask: Asks, provider: OfflineProvider, home: Path) -> None:
    """'Answered and cached' would be a lie."""
    home.write_text("not a folder")
    provider.behaviour.faults = [Fault(status=400)]
    with pytest.raises(QueryError) as caught:
        ask(30)
    first_line = str(caught.value).splitlines()[0]
    assert "answered and cached" not in first_line
    assert "not cached" in first_line or "nothing was cached" in first_line


@pytest.mark.parametrize("room", [0, 70_000], ids=lambda room: f"{room} bytes")
def test_a_full_disk_costs_the_journal_only(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path, room: int
) -> None:
    """Full from the start, and full in the middle of the rows."""
    files = tmp_path / "files"
    files.mkdir()
    rows = questions(200)
    rows["q"] += " " + "x" * 500  # the answer repeats it, and has to be kept
    rows.to_csv(files / "t.csv", index=False)
    sql = (
        create_engine("e", {"base_url": provider.base_url})
        + create_model("m", {"engine": "e", "model": "one", "column": "q", "max_tokens": 1000})
        + "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"
    )
    ended = run_client(sql, files, home, largest_file=room)
    assert ended.code == 0, ended.stderr
    assert_answered(pd.DataFrame(ended.rows), 200)
    assert "WARNING" in ended.stderr
    assert paid.asked == 200

    # And where there is room again, what was kept is used and the rest is kept.
    assert_answered(run_here(sql, files), 200)
    since = paid.since()
    assert_answered(run_here(sql, files), 200)
    assert since() == 0


# A file that is damaged


def _garbage_at_the_head(content: bytes) -> bytes:
    return b"garbage!" * 64 + content[512:]


def _garbage_behind_the_head(content: bytes) -> bytes:
    return content[:100] + b"\xff\x00garbage-" * 10 + content[200:]


def _garbage_in_the_middle(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + b"\xde\xad\xbe\xef" * (third // 4) + content[third + third // 4 * 4 :]


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _nothing(content: bytes) -> bytes:
    return b""


def _no_database(content: bytes) -> bytes:
    return b"this was never a journal\n" * 400


def _other_answers(content: bytes) -> bytes:
    return content.replace(b"the answer to question", b"the answer to nonsense")


@pytest.mark.parametrize(
    "damage",
    [
        _garbage_at_the_head,
        _garbage_behind_the_head,
        _garbage_in_the_middle,
        _half,
        _nothing,
        _no_database,
        _other_answers,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_damaged_journal_is_set_aside(
    ask: Asks, paid: Paid, home: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    """Right answers with a warning, though they are paid again; the run after that asks nothing."""
    assert callable(damage)
    ask(400)
    (journal,) = journals(home)
    for path in files_of(home):
        if path.name.startswith(journal.name) and path != journal:
            path.unlink()  # nothing beside it that could mend it
    journal.write_bytes(damage(journal.read_bytes()))
    caplog.clear()

    assert_answered(ask(400), 400)
    if damage is not _nothing:
        assert warnings(caplog)
    assert paid.twice > 0

    assert_answered(ask(400), 400)
    since = paid.since()
    assert_answered(ask(400), 400)
    assert since() == 0


def test_a_folder_in_place_of_the_journal_costs_the_journal_only(
    ask: Asks, paid: Paid, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be opened is not used, with a warning."""
    ask(5)
    (journal,) = journals(home)
    for path in files_of(home):
        if path.name.startswith(journal.name):
            path.unlink()
    journal.mkdir()
    caplog.clear()
    assert_answered(ask(5), 5)
    assert (len(warnings(caplog)), paid.asked) == (1, 10)


def test_many_open_a_new_journal_at_once(tmp_path: Path) -> None:
    """SQLite does not let them wait for who makes the file; we do."""

    def opened(path: Path, all_here: threading.Barrier) -> str | None:
        all_here.wait()
        journal = AnswerCache(path, reuse=60, keep=60)
        journal.close()
        return journal.fault

    with ThreadPoolExecutor(8) as pool:
        for number in range(30):
            path = tmp_path / f"home{number}" / "journal" / "engine.sqlite"
            all_here = threading.Barrier(8)
            faults = [pool.submit(opened, path, all_here) for _ in range(8)]
            assert [fault.result() for fault in faults] == [None] * 8


# Who can read it, and what stands in it


def test_the_journal_is_its_owners_only_and_holds_neither_prompts_nor_keys(
    provider: OfflineProvider, paid: Paid, tmp_path: Path
) -> None:
    """Whatever the umask, and in the files that a kill leaves behind, too."""
    names = ("prompt", "system", "portkey-key", "provider-key", "header")
    canaries = [f"{name}-canary" for name in names]
    paid.say = lambda *_: "an answer that stays"
    provider.behaviour.latency = 0.02
    provider.behaviour.faults = lambda request: Fault(status=400) if request.number % 7 == 0 else None
    rows = pd.DataFrame({"id": range(300), "q": [f"prompt-canary {row}" for row in range(300)]})
    files, home = tmp_path / "files", tmp_path / "home"
    files.mkdir()
    rows.to_csv(files / "t.csv", index=False)
    engine = {
        "base_url": provider.base_url,
        "portkey_api_key": "portkey-key-canary",
        "provider_api_key": "provider-key-canary",
        "headers": '{"x-own": "header-canary"}',
    }
    model = {
        "engine": "e",
        "model": "one",
        "column": "q",
        "system_prompt": "system-canary",
        "on_error": "null",
        "requests_per_minute": 100000,
        "tokens_per_minute": 100000000,
    }
    sql = create_engine("e", engine) + create_model("m", model) + "SELECT m.answer FROM files.t AS t JOIN m"
    with Client(sql, files, home, umask=0) as client:
        paid.wait(50)
        client.kill()

    for _ in range(2):
        found = files_of(home)
        assert any(b"an answer that stays" in path.read_bytes() for path in found)
        for path in found:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            content = path.read_bytes()
            assert [canary for canary in canaries if canary.encode() in content] == [], path
        for folder in [home, *(path for path in home.rglob("*") if path.is_dir())]:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        run_here(sql, files)
