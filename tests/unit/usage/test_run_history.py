"""What was run, on disk: recorded whatever the end, bounded, shared by processes, and never in the way."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.usage.query_usage import Failure, LatencyHistogram, ModelUsage, ProgressSample
from portkey_handler.usage.run_history import MIGRATIONS, DailyUsage, RunHistory
from portkey_handler.usage.run_record import RunRecord

#: What another process does: as many records as it can, each said when it is on disk.
RECORDING = """
import sys
from pathlib import Path
from portkey_handler.usage.query_usage import Failure, LatencyHistogram, ModelUsage
from portkey_handler.usage.run_history import RunHistory
sys.path.insert(0, sys.argv[3])
from test_run_history import a_run, a_failure
ledger = RunHistory(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    ledger.record(a_run(requests=1), [a_failure(number)])
    print(number, flush=True)
"""


def a_run(**given: Any) -> RunRecord:
    """Make a record of two rows that one model answered, with 10 and 30 ms."""
    use = ModelUsage(2, 20, 10, 5, 0.25, 0, LatencyHistogram(Counter({27: 1, 39: 1})))
    kinds = {
        "engine": "e", "model": "m", "started": time.time(), "seconds": 1.5, "rows": 3, "distinct_items": 2,
        "unasked": 1, "answered": 2, "failed": 0, "kept": 0, "copies": 0, "cut_off": 0, "gateway_hits": 0,
        "requests": 2, "prompt_tokens": 20, "completion_tokens": 10, "cached_tokens": 5, "cost": 0.25,
        "unpriced": 0, "trace_id": "t", "ended": "done", "asked": "gpt", "models": {"gpt-1": use},
        "latencies": use.latencies, "slowest": [(1, 30), (0, 10)], "moments": [ProgressSample(1.0, 2, 0)],
    }  # fmt: skip
    return RunRecord(**{**kinds, **given})  # type: ignore[arg-type]


def a_failure(row: int, at: float | None = None) -> Failure:
    """Make a failure."""
    return Failure(time.time() if at is None else at, row, "400: no", 400, "t", "s")


def execute(ledger: RunHistory, statement: str) -> list[Any]:
    """Do something to the file that the ledger would not."""
    with contextlib.closing(sqlite3.connect(ledger.path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def ledger(tmp_path: Path) -> RunHistory:
    """Give a ledger in a folder that is not there yet."""
    return RunHistory(tmp_path / "home")


# What is kept


def test_a_run_comes_back_as_it_was(ledger: RunHistory) -> None:
    """With everything in it, its histogram and moments too; newest first."""
    ledger.record(a_run(ended="first"), [])
    ledger.record(a_run(kept_by={"gpt-1": 4}, reasons={"400: é 日本": 2}), [])
    last, first = ledger.runs("e", "m")
    assert first.ended == "first"
    assert last.models["gpt-1"].latencies.counts == {27: 1, 39: 1}
    assert last.models["gpt-1"].cost == 0.25
    assert last.kept_by == {"gpt-1": 4}
    assert last.reasons == {"400: é 日本": 2}
    assert last.slowest == [(1, 30), (0, 10)]
    assert last.moments == [ProgressSample(1.0, 2, 0)]
    assert (last.asked, last.trace_id, last.seconds) == ("gpt", "t", 1.5)
    assert ledger.runs("e", "other") == ledger.runs("other", "m") == []
    assert ledger.models() == [("e", "m")]


def test_nothing_is_there_before_the_first_query(ledger: RunHistory) -> None:
    """Who reads makes no file."""
    assert ledger.runs() == ledger.usage("e", "m") == ledger.failures("e", "m") == ledger.models() == []
    assert not ledger.path.exists()


def test_use_is_summed_up_by_day_and_model_that_answered(ledger: RunHistory) -> None:
    """A query's own counts stand once, with the model that gave most answers; days are those of UTC."""
    second = ModelUsage(1, 7, 3, 0, 0.5, 0, LatencyHistogram({80: 1}))
    late = 1_767_225_599.0  # 2025-12-31 23:59:59 UTC
    for started in (late, late + 1, late + 2):
        models = {"gpt-1": a_run().models["gpt-1"], "claude": second}
        ledger.record(a_run(started=time.time() - late - 3 + started, models=models), [])
    days = ledger.usage("e", "m")
    assert sum(day.queries for day in days) == 3
    assert sum(day.rows for day in days) == 9
    assert {day.answered_by for day in days} == {"gpt-1", "claude"}
    assert sum(day.use.cost for day in days if day.answered_by == "claude") == 1.5
    assert sum(day.queries for day in days if day.answered_by == "claude") == 0
    merged: Counter[int] = Counter()
    for day in days:
        merged.update(day.use.latencies.counts)
    assert merged == {27: 3, 39: 3, 80: 3}


def test_days_are_those_of_utc(ledger: RunHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the machine stands."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        started = time.time() // 86_400 * 86_400 + 1
        ledger.record(a_run(started=started), [])
        (day,) = ledger.usage("e", "m")
        assert day.day == time.strftime("%Y-%m-%d", time.gmtime(started))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_query_that_nobody_answered_is_counted_with_the_model_that_was_asked(ledger: RunHistory) -> None:
    """Or with the one whose answers were kept."""
    ledger.record(a_run(models={}, asked="gpt", failed=2, answered=0), [])
    ledger.record(a_run(models={}, asked="gpt", kept_by={"gpt-2026": 2}, kept=2), [])
    found = {day.answered_by: (day.queries, day.failed, day.kept) for day in ledger.usage("e", "m")}
    assert found == {"gpt": (1, 2, 0), "gpt-2026": (1, 0, 2)}


# How much is kept


def test_it_is_bounded(ledger: RunHistory) -> None:
    """The last thousand runs and hundred failures of each model; another model's stay."""
    ledger.record(a_run(model="other"), [a_failure(7)])
    ledger.record(a_run(ended="oldest"), [])
    execute(
        ledger,
        "INSERT INTO runs SELECT NULL, engine, model, started, seconds, rows, distinct_items, unasked, "
        "answered, failed, kept, copies, cut_off, gateway_hits, requests, prompt_tokens, completion_tokens, "
        "cached_tokens, cost, unpriced, trace_id, 'middle', details, NULL FROM runs, "
        "(WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1100) SELECT i FROM n) "
        "WHERE model = 'm'",
    )
    ledger.record(a_run(ended="newest"), [a_failure(row) for row in range(70)])
    ledger.record(a_run(ended="newest"), [a_failure(row) for row in range(70, 140)])
    runs = ledger.runs("e", "m")
    assert len(runs) == execute(ledger, "SELECT count(*) FROM runs WHERE model = 'm'")[0][0] == 1000
    assert [run.ended for run in runs[:3]] == ["newest", "newest", "middle"]
    assert [one.row for one in ledger.failures("e", "m")] == list(range(139, 39, -1))
    assert execute(ledger, "SELECT count(*) FROM errors") == [(101,)]
    assert len(ledger.runs("e", "other")) == 1


def test_what_is_older_than_four_hundred_days_goes(ledger: RunHistory) -> None:
    """Of every model, with the next records of any."""
    old = time.time() - 401 * 86_400
    ledger.record(a_run(model="gone"), [a_failure(1)])
    for table, column, value in (
        ("runs", "started", old),
        ("errors", "at", old),
        ("usage", "day", "'2020-01-01'"),
    ):
        execute(ledger, f"UPDATE {table} SET {column} = {value}")
    for _ in range(2):
        ledger.record(a_run(), [])
    assert ledger.models() == [("e", "m")]
    assert ledger.usage("e", "gone") == ledger.failures("e", "gone") == []


def test_a_clock_that_is_wrong_once_deletes_nothing(
    ledger: RunHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The age is measured from the record before."""
    ledger.record(a_run(model="kept"), [a_failure(1)])
    with monkeypatch.context() as wrong:
        now = time.time()
        wrong.setattr(time, "time", lambda: now + 500 * 86_400)
        ledger.record(a_run(), [])
    ledger.record(a_run(), [])
    assert ("e", "kept") in ledger.models()
    assert ledger.failures("e", "kept")


# Several processes, kills


def _python(code: str, ledger: RunHistory, number: int) -> subprocess.Popen[str]:
    here = Path(__file__)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(ledger.path.parent), str(number), str(here.parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(here.parents[2])},
        text=True,
    )


def test_several_processes_record_at_once(ledger: RunHistory) -> None:
    """Nothing is lost and sums are right, the first moment of the file included."""
    processes = [_python(RECORDING, ledger, 40) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    assert len(ledger.runs("e", "m")) == 160
    (day,) = ledger.usage("e", "m")
    assert (day.queries, day.requests, day.use.prompt_tokens) == (160, 160, 3200)
    assert day.use.latencies.counts == {27: 160, 39: 160}
    assert len(ledger.failures("e", "m")) == 100


def test_a_kill_costs_at_most_the_record_that_was_written(ledger: RunHistory) -> None:
    """The file is whole, and what was recorded is in it, as often as a writer is killed."""
    said = 0
    for kill in range(4):
        with _python(RECORDING, ledger, 100_000) as process:
            assert process.stdout is not None
            for _ in range(5 + 7 * kill):
                assert process.stdout.readline()
                said += 1
            process.kill()
            said += len(process.stdout.read().splitlines())
        assert execute(ledger, "PRAGMA integrity_check") == [("ok",)]
        found = len(ledger.runs("e", "m"))
        assert said <= found <= said + 1
        said = found
        assert ledger.usage("e", "m")[0].queries == found


# Trouble with the file


def test_only_its_owner_can_read_it(ledger: RunHistory) -> None:
    """The folder, the file and the files beside it, whatever the umask."""
    before = os.umask(0)
    try:
        ledger.record(a_run(), [])
        held = sqlite3.connect(ledger.path)
        held.execute("SELECT count(*) FROM runs").fetchall()
        modes = {stat.filemode(entry.stat().st_mode) for entry in ledger.path.parent.iterdir()}
        held.close()
    finally:
        os.umask(before)
    assert modes == {"-rw-------"}
    assert stat.filemode(ledger.path.parent.stat().st_mode) == "drwx------"


@pytest.mark.parametrize("place", [0, 3000, 9000, 30000])
def test_a_damaged_file_is_no_error(place: int, ledger: RunHistory, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever the damage is: it is set aside and a new one begun, or does not matter; nothing is deleted."""
    for row in range(60):
        ledger.record(a_run(), [a_failure(row)])
    with ledger.path.open("r+b") as file:
        file.seek(place)
        file.write(os.urandom(20_000))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            ledger.record(a_run(ended="after"), [])
    assert [run.ended for run in ledger.runs("e", "m")[:3]] == ["after"] * 3
    assert "is not recorded" not in caplog.text
    assert "is damaged" in caplog.text
    assert list(ledger.path.parent.glob("ledger.sqlite.damaged-*"))


def test_details_that_cannot_be_read_are_left_out(ledger: RunHistory) -> None:
    """SQLite does not notice a changed byte inside a text."""
    ledger.record(a_run(), [])
    execute(ledger, "UPDATE runs SET details = substr(details, 5)")
    execute(ledger, "UPDATE usage SET latencies = 'x'")
    ledger.record(a_run(), [])
    assert [len(run.models) for run in ledger.runs("e", "m")] == [1, 0]
    assert ledger.usage("e", "m")[0].use.latencies.counts == {27: 1, 39: 1}


def test_a_home_that_cannot_be_used_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "home").write_text("in the way")
    ledger = RunHistory(tmp_path / "home" / "inner")
    with caplog.at_level(logging.WARNING):
        ledger.record(a_run(), [])
    assert caplog.text.count("what the query used is not recorded") == 1
    assert ledger.runs() == []


def test_a_home_that_is_read_only_is_a_warning(ledger: RunHistory) -> None:
    """Root may write everywhere, so it is somebody else who tries."""
    ledger.path.parent.mkdir(mode=0o555)
    process = _python(
        RECORDING.replace("ledger = ", "import os; os.geteuid() or os.setuid(65534); ledger = "), ledger, 1
    )
    said, warned = process.communicate(timeout=60)
    assert (process.returncode, said.split()) == (0, ["0"])
    assert "what the query used is not recorded" in warned
    assert list(ledger.path.parent.iterdir()) == []


def test_a_file_that_cannot_be_read_is_told_to_who_asks(ledger: RunHistory) -> None:
    """DESCRIBE has nothing else to do than to say it."""
    ledger.path.parent.mkdir()
    ledger.path.write_bytes(os.urandom(9000))
    with pytest.raises(PortkeyHandlerError, match="cannot be read"):
        ledger.runs()


def test_who_holds_the_file_is_not_waited_for_endlessly(
    ledger: RunHistory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query goes on without its record."""
    monkeypatch.setattr("portkey_handler.usage.run_history._BUSY_SECONDS", 0.1)
    ledger.record(a_run(), [])
    with contextlib.closing(sqlite3.connect(ledger.path, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING):
            ledger.record(a_run(), [])
    assert "another process holds it" in caplog.text
    ledger.record(a_run(), [])
    assert len(ledger.runs("e", "m")) == 2


def test_what_sqlite_cannot_keep_is_no_error(ledger: RunHistory, caplog: pytest.LogCaptureFixture) -> None:
    """Halves of characters become question marks; numbers beyond 64 bits are a warning."""
    ledger.record(a_run(model="m\ud800", reasons={"\ud800": 1}, models={"\udfff": ModelUsage(1)}), [])
    assert [run.model for run in ledger.runs()] == ["m?"]
    with caplog.at_level(logging.WARNING):
        ledger.record(a_run(prompt_tokens=2**70), [])
    assert caplog.text.count("is not recorded") == 1


# Files of other releases

DATA = Path(__file__).parents[2] / "data"
HOMES = sorted(DATA.glob("home-*"))


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """Give a table's rows by the names of its columns."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def test_every_attribute_has_a_column(ledger: RunHistory) -> None:
    """An attribute that is not recorded would stop all records."""
    ledger.record(a_run(), [a_failure(1)])
    columns = {
        table: {name for _, name, *_ in execute(ledger, f"PRAGMA table_info({table})")}
        for table in ("runs", "errors", "usage")
    }
    for kind, table, without in (
        (RunRecord, "runs", set(json.loads(a_run().details()))),
        (Failure, "errors", set()),
        (DailyUsage, "usage", {"use"}),
        (ModelUsage, "usage", set()),
    ):
        lacking = {one.name for one in dataclasses.fields(kind)} - without - columns[table]
        assert not lacking, (
            f"add a migration at the end of ledger.MIGRATIONS: ALTER TABLE {table} ADD COLUMN {min(lacking)}"
        )


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.name)
def test_an_attribute_that_came_later_has_a_default(home: Path, tmp_path: Path) -> None:
    """Records of before do not have it."""
    shutil.copyfile(home / "ledger.sqlite", tmp_path / "ledger.sqlite")
    for kind, table in (
        (RunRecord, "runs"),
        (Failure, "errors"),
        (DailyUsage, "usage"),
        (ModelUsage, "usage"),
    ):
        before = set(rows(tmp_path / "ledger.sqlite", table)[0])
        for one in dataclasses.fields(kind):
            has_default = one.default is not MISSING or one.default_factory is not MISSING
            assert one.name in before or has_default, f"give {kind.__name__}.{one.name} a default"


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.name)
def test_records_of_earlier_releases_are_read(home: Path, tmp_path: Path) -> None:
    """Every value of every column and of the details; reading does not change the file."""
    ledger = RunHistory(tmp_path)
    shutil.copyfile(home / "ledger.sqlite", ledger.path)
    before = ledger.path.read_bytes()
    runs, written = ledger.runs(), rows(ledger.path, "runs")
    assert len(runs) == len(written) >= 6
    for run, row in zip(reversed(runs), written, strict=True):
        del row["number"]
        details = json.loads(row.pop("details"))
        assert {name: getattr(run, name) for name in row} == row
        now = json.loads(run.details())
        for name, use in details.pop("models").items():
            assert use.items() <= now["models"][name].items()
        assert details.items() <= now.items()
    failures = [dataclasses.asdict(one) for one in ledger.failures("local", "mood")]
    assert len(failures) == 2
    for failure, row in zip(reversed(failures), rows(ledger.path, "errors"), strict=True):
        assert row.items() >= {name: failure[name] for name in failure.keys() & row.keys()}.items()
        assert failure["reason"] == "400: the content was filtered ✂"
    use = {
        (engine, model, day.day, day.answered_by): day
        for engine, model in ledger.models()
        for day in ledger.usage(engine, model)
    }
    for row in rows(ledger.path, "usage"):
        day = use.pop((row.pop("engine"), row.pop("model"), row.pop("day"), row.pop("answered_by")))
        latencies = json.loads(row.pop("latencies"))
        assert {str(step): count for step, count in day.use.latencies.counts.items()} == latencies
        assert {name: getattr(day if hasattr(day, name) else day.use, name) for name in row} == row
    assert use == {}
    assert ledger.path.read_bytes() == before


def test_longer_reasons_of_earlier_releases_are_read(ledger: RunHistory) -> None:
    """They kept 300 characters; a file with such reasons is read and gone on with as it is."""
    long = "400: " + "x" * 295
    ledger.record(a_run(reasons={long: 1}), [dataclasses.replace(a_failure(1), reason=long)])
    ledger.record(a_run(), [a_failure(2)])
    assert [one.reason for one in ledger.failures("e", "m")] == ["400: no", long]
    assert [run.reasons for run in ledger.runs("e", "m")][-1] == {long: 1}


@pytest.mark.parametrize("home", HOMES, ids=lambda home: home.name)
def test_a_file_of_an_earlier_release_is_gone_on_with(home: Path, tmp_path: Path) -> None:
    """What was recorded stays, what comes is added to it."""
    ledger = RunHistory(tmp_path)
    shutil.copyfile(home / "ledger.sqlite", ledger.path)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for change in ("runs SET started", "errors SET at", "usage SET day"):  # else what is old goes
        execute(ledger, f"UPDATE {change} = {repr(today) if 'day' in change else time.time()}")
    before = [(run.started, run.trace_id, run.details()) for run in ledger.runs("local", "mood")]
    (count,) = [day.queries for day in ledger.usage("local", "mood") if day.answered_by == "gpt-4o"]
    use = {"gpt-4o": ModelUsage(1, 5, 7)}
    ledger.record(a_run(engine="local", model="mood", models=use), [a_failure(9)])
    after = [(run.started, run.trace_id, run.details()) for run in ledger.runs("local", "mood")]
    assert (after[1:], after[0][1]) == (before, "t")
    assert [day.queries for day in ledger.usage("local", "mood") if day.answered_by == "gpt-4o"] == [
        count + 1
    ]
    assert [one.row for one in ledger.failures("local", "mood")] == [9, 3, 3]
    assert execute(ledger, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_columns_and_details_that_are_not_known_are_dropped(ledger: RunHistory) -> None:
    """A newer release may have added them without a new version."""
    ledger.record(a_run(), [a_failure(1)])
    for table in ("runs", "errors", "usage"):
        execute(ledger, f"ALTER TABLE {table} ADD COLUMN later DEFAULT 3")
    details = json.loads(a_run().details())
    details["models"]["gpt-1"]["later"] = details["later"] = 4
    details["moments"] = [[1.0, 2, 0, "later"]]
    with contextlib.closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE runs SET details = ?", (json.dumps(details),))
    (run,) = ledger.runs()
    assert run.details() == a_run().details()
    assert [one.row for one in ledger.failures("e", "m")] == [1]
    assert [day.use.prompt_tokens for day in ledger.usage("e", "m")] == [20]


def test_what_was_not_written_has_its_default(ledger: RunHistory) -> None:
    """NULL is what a column of a migration has in old rows; details of before lack what came later."""
    ledger.record(a_run(), [])
    execute(ledger, "UPDATE usage SET kept = NULL, cached_tokens = NULL, latencies = NULL")
    execute(
        ledger, "UPDATE runs SET details = json_remove(details, '$.kept_by', '$.models.gpt-1.cached_tokens')"
    )
    (run,) = ledger.runs()
    assert (run.kept_by, run.models["gpt-1"].cached_tokens, run.asked) == ({}, 0, "gpt")
    (day,) = ledger.usage("e", "m")
    assert (day.kept, day.use.cached_tokens, day.use.latencies.counts, day.rows) == (0, 0, {}, 3)
    ledger.record(a_run(kept=2), [])
    (day,) = ledger.usage("e", "m")
    assert (day.kept, day.use.cached_tokens) == (2, 5)


def test_a_newer_file_is_left_alone(ledger: RunHistory, caplog: pytest.LogCaptureFixture) -> None:
    """A query is not recorded and says so; who reads gets the same sentence as an error."""
    ledger.record(a_run(), [])
    execute(ledger, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = {entry: entry.read_bytes() for entry in ledger.path.parent.iterdir()}
    with caplog.at_level(logging.WARNING):
        ledger.record(a_run(), [])
    with pytest.raises(PortkeyHandlerError) as caught:
        ledger.runs("e", "m")
    assert str(caught.value).startswith(
        f"{ledger.path} was written by a newer portkey-handler (it has version"
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"what the query used is not recorded: {caught.value}"
    ]
    assert {entry: entry.read_bytes() for entry in ledger.path.parent.iterdir()} == before


def test_a_file_that_may_not_be_read_is_told_to_who_asks(ledger: RunHistory) -> None:
    """Root may read everything, so a folder stands in its place."""
    ledger.path.mkdir(parents=True)
    with pytest.raises(PortkeyHandlerError, match="cannot be read: "):
        ledger.runs()
