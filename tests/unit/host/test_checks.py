"""What is examined where the handler runs: the gateway, and the folder that outlives a query."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.gateway import free_port
from support.storage import make_handler

from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.host.data_dir import data_dir
from portkey_handler.host.doctor.checks import DataDir, Finding, check_data_dir, check_gateway, findings_of
from portkey_handler.options import resolve_engine
from portkey_handler.records import Evidence, Outcome
from portkey_handler.storage import answer_format as answers
from portkey_handler.storage import rate_limit_store as limits
from portkey_handler.storage.answer_cache import AnswerCache
from portkey_handler.usage import run_history as ledger
from portkey_handler.usage.estimate.dry_run import dry_runs

KEY = "pk-canary-7f3a9c"


def gateway_of(base_url: str) -> Finding:
    """Check the gateway of an engine with the canary for its key."""
    credentials, _ = resolve_engine({"base_url": base_url, "portkey_api_key": KEY}, {})
    return check_gateway(credentials, "engine e")


def states(findings: list[Finding]) -> dict[str, str]:
    """Give what was looked at and how it is."""
    return {finding.what: finding.state for finding in findings}


def only(what: str, findings: list[Finding]) -> Finding:
    """Give the one finding about something."""
    [found] = [finding for finding in findings if finding.what == what]
    return found


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give a folder with a journal in it, which has two answers."""
    path = tmp_path / "home" / "journal" / "engine.sqlite"
    with contextlib.closing(AnswerCache(path, reuse=1e6, keep=1e6)) as journal:
        for key in (b"a", b"b"):
            journal.put([(key, Outcome("the answer " * 20, None, Evidence(status=200)))])
    return tmp_path / "home"


def contents(folder: Path) -> Mapping[str, tuple[bytes, int]]:
    """Give every file's bytes and when it was last written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_gateway_that_answers(provider: OfflineProvider) -> None:
    """It is asked once, and gets no row."""
    found = gateway_of(provider.base_url)
    assert found == Finding("engine e", "ok", f"{provider.base_url} answers, and has not refused the key")
    assert [request.method for request in provider.requests] == ["GET"]


def test_a_gateway_that_is_not_there() -> None:
    """Its address, the reason and the remedies are told."""
    found = gateway_of(f"http://127.0.0.1:{free_port()}/v1")
    assert found.state == "wrong"
    assert found.words.endswith("/v1 cannot be reached: the connection was refused")
    assert found.remedy.startswith("start your gateway (npx @portkey-ai/gateway)")


def test_a_key_that_is_refused_is_not_shown(provider: OfflineProvider) -> None:
    """The gateway's words are told without the key that it repeats."""
    said = {"error": {"message": f"Invalid key {KEY}"}}
    provider.behaviour.faults = lambda _: Fault(status=401, body=said)
    found = gateway_of(provider.base_url)
    assert found.state == "wrong"
    assert found.words.startswith(f"{provider.base_url} does not take the key (401")
    assert "key" in found.remedy
    assert KEY not in str(found)


def test_looking_changes_nothing(kept: Path) -> None:
    """No file is made, changed or touched, also not those that SQLite makes beside its own."""
    before = contents(kept)
    found = check_data_dir(kept)
    assert states(found) == {"data directory": "ok", "space": "ok", "answer cache": "ok"}
    assert only("answer cache", found).words == "1 file of answers that were paid for, undamaged"
    assert contents(kept) == before


def test_looking_while_a_query_writes(kept: Path) -> None:
    """A journal that is open is no damaged one."""
    path = kept / "journal" / "engine.sqlite"
    with contextlib.closing(AnswerCache(path, reuse=1e6, keep=1e6)) as journal:
        journal.put([(b"c", Outcome("later", None, Evidence(status=200)))])
        journal.flush()
        assert states(check_data_dir(kept))["answer cache"] == "ok"


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """It is not made, and nothing is wrong with that."""
    folder = tmp_path / "some" / "where"
    assert states(check_data_dir(folder)) == {"data directory": "ok", "space": "ok"}
    assert not folder.parent.exists()


def test_a_file_in_its_place(tmp_path: Path) -> None:
    """Both remedies are told."""
    folder = tmp_path / "home"
    folder.touch()
    [found] = check_data_dir(folder)
    assert (found.state, found.words) == ("wrong", f"{folder} is no folder")
    assert "move it away, or name another folder by PORTKEY_HANDLER_HOME" in found.remedy


@pytest.mark.skipif(os.name != "posix", reason="the modes of POSIX")
def test_a_folder_that_others_can_enter(kept: Path) -> None:
    """The command that closes it is told, and does so."""
    kept.chmod(0o755)
    found = only("data directory", check_data_dir(kept))
    assert (found.state, found.remedy) == ("wrong", f"run: chmod 700 {kept}")
    kept.chmod(0o700)
    assert only("data directory", check_data_dir(kept)).state == "ok"


def test_a_journal_that_is_no_database(kept: Path) -> None:
    """A file of other bytes is named, and left where it is."""
    path = kept / "journal" / "engine.sqlite"
    path.write_bytes(b"no database at all" * 500)
    found = only("answer cache", check_data_dir(kept))
    assert (found.state, found.words) == ("wrong", f"{path} is damaged (file is not a database)")
    assert "stop MindsDB and move the file away" in found.remedy
    assert path.exists()


def test_an_answer_that_is_not_what_was_kept(kept: Path) -> None:
    """Also damage that SQLite does not see is found."""
    path = kept / "journal" / "engine.sqlite"
    path.write_bytes(path.read_bytes().replace(b"the answer", b"teh answer", 1))
    found = only("answer cache", check_data_dir(kept))
    assert found.words == f"{path} is damaged (answers that are not what was kept: 1)"


def test_a_damaged_ledger_is_named(kept: Path) -> None:
    """What was run is kept in a file of the same kind."""
    (kept / "ledger.sqlite").write_bytes(b"no database at all" * 500)
    assert only("run history", check_data_dir(kept)).words.startswith(f"{kept / 'ledger.sqlite'} is damaged")


def test_damaged_records_of_batches_are_named(kept: Path) -> None:
    """They are not replaced by themselves, because a batch in them may run; the remedy says what is lost."""
    (kept / "batches").mkdir()
    (kept / "batches" / "batches.sqlite").write_bytes(b"no database at all" * 500)
    found = only("batches", check_data_dir(kept))
    assert found.words.startswith(f"{kept / 'batches' / 'batches.sqlite'} is damaged")
    assert found.remedy.endswith("the rows of batches that run are asked and paid again")


def set_version(path: Path, version: int) -> None:
    """Make a file one of a newer release."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


@pytest.mark.parametrize(
    ("name", "what", "store"),
    [
        ("journal/engine.sqlite", "answer cache", answers),
        ("ledger.sqlite", "run history", ledger),
        ("limits.sqlite", "rate limits", limits),
    ],
)
def test_a_newer_file_is_not_called_damaged(name: str, what: str, store: Any, kept: Path) -> None:
    """It is told why it is not used, and to upgrade; nothing is changed."""
    set_version(kept / name, len(store.MIGRATIONS))
    assert states(check_data_dir(kept))["answer cache"] == "ok"
    set_version(kept / name, 99)
    before = contents(kept)
    assert only(what, check_data_dir(kept)) == Finding(
        what,
        "wrong",
        f"{kept / name} was written by a newer portkey-handler (it has version 99, and this release reads "
        f"versions up to {len(store.MIGRATIONS)}), so that it is not used",
        "upgrade portkey-handler, or name another folder by PORTKEY_HANDLER_HOME",
    )
    assert contents(kept) == before


def test_what_was_set_aside_is_named(kept: Path) -> None:
    """That answers were lost once is a warning, beside a journal that works."""
    (kept / "journal" / "engine.sqlite.damaged-1").touch()
    found = [finding for finding in check_data_dir(kept) if finding.what == "answer cache"]
    assert [finding.state for finding in found] == ["warning", "ok"]
    assert "delete it" in found[0].remedy


def test_a_file_that_cannot_be_read_is_named(kept: Path) -> None:
    """A journal without its table is no error of ours."""
    with contextlib.closing(sqlite3.connect(kept / "journal" / "engine.sqlite")) as connection:
        connection.execute("DROP TABLE answers")
    assert "it cannot be read: no such table" in only("answer cache", check_data_dir(kept)).words


@pytest.mark.parametrize(
    ("free", "state"), [(2**34, "ok"), (2**30 - 1, "warning"), (99 * 2**20, "wrong"), (0, "wrong")]
)
def test_room(free: int, state: str) -> None:
    """Below a gigabyte somebody should look; without room nothing is kept."""
    found = only("space", findings_of(DataDir(Path("/data"), free=free)))
    assert found.state == state
    assert bool(found.remedy) is (state != "ok")


def test_a_folder_that_cannot_be_written() -> None:
    """What it costs is told, and who should own it."""
    [found] = findings_of(DataDir(Path("/data"), is_writable=False))
    assert found.state == "wrong"
    assert "answers paid for are not kept" in found.words
    assert "let the user who runs MindsDB own it" in found.remedy


def describe_check(engine: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the rows of DESCRIBE model.check."""
    handler = make_handler({**engine, "check": False}, {"column": "text"})
    rows: list[dict[str, Any]] = handler.describe("check").to_dict("records")
    return rows


def test_describe_checks_where_the_handler_runs(provider: OfflineProvider) -> None:
    """The engine is named, its gateway asked, and the folder looked at."""
    rows = describe_check({"base_url": provider.base_url, "portkey_api_key": KEY})
    assert [row["what"] for row in rows] == ["engine portkey_engine", "data directory", "space"]
    assert {row["state"] for row in rows} == {"ok"}
    assert {row["remedy"] for row in rows} == {None}
    assert str(data_dir()) in rows[1]["words"]


def test_describe_tells_what_is_wrong() -> None:
    """A gateway that is not there is a row, not an error."""
    row, *_ = describe_check({"base_url": f"http://127.0.0.1:{free_port()}/v1"})
    assert (row["what"], row["state"]) == ("engine portkey_engine", "wrong")
    assert row["remedy"].startswith("start your gateway")


def test_a_dry_run_sends_nothing(provider: OfflineProvider) -> None:
    """Then the gateway is left out, and the folder is looked at all the same."""
    with dry_runs(lambda _: None):
        rows = describe_check({"base_url": provider.base_url})
    assert [row["what"] for row in rows] == ["data directory", "space"]
    assert provider.requests == []
