"""What a query leaves behind when it is over, seen by DESCRIBE: the provider's own sums, however it ended."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.asking import create_engine, create_model, questions
from support.paid import Client, Paid
from support.predicting import bodies, predict, replying
from support.storage import make_handler

from portkey_handler.cli.run_summary import RunSummary
from portkey_handler.errors import InputError, PortkeyHandlerError, QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.handler import PortkeyHandler
from portkey_handler.host.data_dir import data_dir
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.records import RowNames
from portkey_handler.usage.run_history import RunHistory
from portkey_handler.usage.run_record import RunRecord

USING = {"model": "gpt-4o-mini", "max_attempts": 1, "column": "q"}
#: The price of a token of gpt-4o-mini, asked and answered, in US dollars.
PRICES = (0.15e-6, 0.6e-6)


def rows(*cells: Any) -> pd.DataFrame:
    """Make rows of one column."""
    return pd.DataFrame({"q": list(cells)})


def refusing(word: str, status: int = 400) -> Any:
    """Give a behaviour that refuses texts with a word in them."""

    def faults(request: RecordedRequest) -> Fault | None:
        return Fault(status=status) if word in str(request.body) else None

    return faults


def described(handler: PortkeyHandler, table: str) -> list[dict[str, Any]]:
    """Give the rows of a table of DESCRIBE."""
    records: list[dict[str, Any]] = handler.describe(table).to_dict("records")
    return records


def last_run() -> RunRecord:
    """Give the record of the last query."""
    return RunHistory(data_dir()).runs(most=1)[0]


def test_the_counts_are_those_of_the_provider(provider: OfflineProvider) -> None:
    """Rows of every kind, requests, tokens and dollars."""
    handler = make_handler({"base_url": provider.base_url}, {**USING, "on_error": "null"})
    handler.predict(rows("kept 1", "kept 2"))
    provider.reset()
    provider.behaviour.faults = refusing("bad")
    handler.predict(rows("kept 1", "kept 1", "new", "new", "other", None, " ", "bad", "kept 2"))
    run, first = described(handler, "runs")
    counts = ("rows", "distinct", "answered", "failed", "kept", "copies", "unasked", "requests")
    assert [run[name] for name in counts] == [9, 5, 6, 1, 3, 2, 2, 3]
    assert [first[name] for name in counts] == [2, 2, 2, 0, 0, 0, 0, 2]
    assert len(bodies(provider)) == 3
    assert run["ended"] == "1 row failed"
    assert first["ended"] == "done"
    (day,) = described(handler, "usage")
    assert day["model"] == "gpt-4o-mini"
    assert [day[name] for name in ("queries", "rows", "requests", "answered", "failed", "kept")] == [
        2,
        11,
        5,
        8,
        1,
        3,
    ]
    asked, answered = day["prompt_tokens"], day["completion_tokens"]
    assert day["cost"] == pytest.approx(asked * PRICES[0] + answered * PRICES[1])
    assert day["unpriced"] == 0
    assert 0 < day["p50_ms"] <= day["p95_ms"] <= day["p99_ms"]


def test_tokens_are_the_sum_of_what_the_provider_said(provider: OfflineProvider) -> None:
    """Those of kept rows are not used again."""
    usage = {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    body = {"model": "gpt-4o-mini", "choices": [{"message": {"content": "x"}}], "usage": usage}
    provider.behaviour.faults = replying(lambda _: body)
    handler = make_handler({"base_url": provider.base_url}, USING)
    handler.predict(rows("a", "b", "a"))
    handler.predict(rows("a", "b", "c"))
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    assert [[run[name] for name in names] for run in described(handler, "runs")] == [[11, 3, 4], [22, 6, 8]]
    (day,) = described(handler, "usage")
    assert [day[name] for name in names] == [33, 9, 12]


def test_the_share_of_the_providers_cache_is_told(provider: OfflineProvider) -> None:
    """In the record, in DESCRIBE and in the summary for programs; of nothing there is no share."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 3,
        "total_tokens": 1003,
        "cache_read_input_tokens": 600,
        "cache_creation_input_tokens": 300,
    }
    body = {"model": "claude-haiku-4-5", "choices": [{"message": {"content": "x"}}], "usage": usage}
    provider.behaviour.faults = replying(lambda _: body)
    handler = make_handler({"base_url": provider.base_url}, USING)
    handler.predict(rows("a", "b"))
    record = last_run()
    assert (record.prompt_tokens, record.cached_tokens, record.cache_write_tokens) == (2000, 1200, 600)
    assert record.cached_share == 0.6
    for table in ("runs", "usage"):
        (found,) = described(handler, table)
        assert (found["cached_share"], found["cache_write_tokens"]) == (0.6, 600)
    summary = RunSummary()
    summary.add_query(record)
    told = summary.as_dict(0, None)
    assert (told["prompt_tokens"], told["cached_tokens"], told["cache_write_tokens"]) == (2000, 1200, 600)
    handler.predict(rows("a", "b"))
    assert last_run().cached_share is None
    assert described(handler, "runs")[0]["cached_share"] is None


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": "12"}, {"prompt_tokens": -1}, {"prompt_tokens": 2**62}, [1]]
)
@pytest.mark.parametrize("model", ["gpt", {"name": "gpt"}, 7])
def test_nonsense_of_a_provider_is_not_summed_up(usage: Any, model: Any, provider: OfflineProvider) -> None:
    """Tokens that are no number of tokens, and a model that is no name, fail no row and no record."""
    body = {"model": model, "choices": [{"message": {"content": "x"}}], "usage": usage}
    provider.behaviour.faults = replying(lambda _: body)
    assert predict(provider, {"q": ["a"]}, USING)["answer"].tolist() == ["x"]
    assert (last_run().prompt_tokens, last_run().answered) == (0, 1)


def test_a_price_that_is_not_known_is_not_zero(provider: OfflineProvider) -> None:
    """NULL, and how many answers that are."""
    handler = make_handler({"base_url": provider.base_url}, {**USING, "model": "my-own"})
    handler.predict(rows("a", "b"))
    assert [(run["cost"], run["unpriced"]) for run in described(handler, "runs")] == [(None, 2)]
    assert [(day["cost"], day["unpriced"]) for day in described(handler, "usage")] == [(None, 2)]


def test_errors_name_row_reason_status_and_ids(provider: OfflineProvider) -> None:
    """Newest first, as the gateway's logs know them."""
    provider.behaviour.faults = refusing("bad")
    handler = make_handler({"base_url": provider.base_url}, {**USING, "concurrency": 1, "trace_id": "t-1"})
    with pytest.raises(QueryError):
        handler.predict(rows("a", "bad 1", "b", "bad 2"))
    errors = described(handler, "errors")
    assert [(one["row"], one["status"], one["trace_id"]) for one in errors] == [
        (3, 400, "t-1"),
        (1, 400, "t-1"),
    ]
    assert all("400" in one["reason"] for one in errors)
    spans = [request.headers["x-portkey-span-id"] for request in provider.requests]
    assert [one["span_id"] for one in errors] == [spans[3], spans[1]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", one["time"]) for one in errors)
    assert described(handler, "runs")[0]["ended"] == "2 rows failed, and so did the query"


# How it ended


def test_rows_have_the_names_that_the_host_gives_them(provider: OfflineProvider) -> None:
    """In the message, in DESCRIBE's errors and among the slowest rows."""
    provider.behaviour.faults = refusing("bad")
    plan = resolve(
        target="answer", engine={}, model=USING, environment={}, engine_name="e", model_name="m"
    ).plan
    names = RowNames(column="id", values=[10, 11, 12])
    with pytest.raises(QueryError, match=r"1 answered and cached, 2 failed \(rows id = 10, id = 12: 400"):
        Predictor(plan)(rows("bad 0", "good", "bad 2"), EngineConfig({"base_url": provider.base_url}), names)
    ledger = RunHistory(data_dir())
    assert {one.row for one in ledger.failures("e", "m")} == {"id = 10", "id = 12"}
    assert {row for row, _ in ledger.runs(most=1)[0].slowest} == {"id = 10", "id = 11", "id = 12"}


@pytest.mark.parametrize(
    ("using", "ended"),
    [
        ({"column": "nowhere"}, "not asked: InputError"),
        ({"deadline": 0.05, "concurrency": 1}, "deadline passed; 2 rows not asked"),
    ],
)
def test_what_did_not_come_to_its_end_is_recorded(
    using: dict[str, Any], ended: str, provider: OfflineProvider
) -> None:
    """With what it had asked until then."""
    provider.behaviour.latency = 0.3
    handler = make_handler({"base_url": provider.base_url}, {**USING, **using})
    with pytest.raises(PortkeyHandlerError):
        handler.predict(rows("a", "b", "c"))
    assert described(handler, "runs")[0]["ended"] == ended


def test_a_stopped_query_says_what_stopped_it(provider: OfflineProvider) -> None:
    """The kind and the status, not the provider's words."""
    provider.behaviour.faults = refusing("secret words", 401)
    handler = make_handler({"base_url": provider.base_url}, {**USING, "concurrency": 1})
    with pytest.raises(QueryError):
        handler.predict(rows(*(f"secret words {number}" for number in range(9))))
    assert described(handler, "runs")[0]["ended"] == "stopped by AuthenticationError (401); 8 rows not asked"


@pytest.mark.slow
def test_an_interrupted_query_is_recorded(provider: OfflineProvider, tmp_path: Path) -> None:
    """Ctrl-C in another process: what was answered until then counts."""
    paid = Paid(provider)
    provider.behaviour.latency = 0.05
    (tmp_path / "files").mkdir()
    questions(400).to_csv(tmp_path / "files" / "t.csv", index=False)
    options = {"engine": "e", "model": "one", "column": "q", "concurrency": 4}
    made = create_engine("e", {"base_url": provider.base_url}) + create_model("m", options)
    with Client(
        made + "SELECT m.answer FROM files.t AS t JOIN m", tmp_path / "files", tmp_path / "home"
    ) as client:
        paid.wait(8)
        client.interrupt()
        client.wait()
    (run,) = RunHistory(tmp_path / "home").runs("e", "m")
    assert re.fullmatch(r"interrupted; \d+ rows not asked", run.ended)
    assert 8 <= run.answered == paid.total
    assert run.rows == 400


def test_a_cancelled_coroutine_is_recorded(provider: OfflineProvider) -> None:
    """As whoever awaits the predictor would cancel it."""
    provider.behaviour.latency = 0.2
    plan = resolve(target="answer", engine={}, model=USING, environment={}).plan

    async def cancelled() -> None:
        task = asyncio.create_task(
            Predictor(plan).run(rows("a", "b"), EngineConfig({"base_url": provider.base_url}))
        )
        while not provider.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert last_run().ended == "interrupted"
    assert (last_run().engine, last_run().model) == ("", "answer"), (
        "a predictor alone has the target for a name"
    )


def test_no_rows_are_no_query(provider: OfflineProvider) -> None:
    """Nothing is recorded where there was nothing to answer."""
    handler = make_handler({"base_url": provider.base_url}, USING)
    handler.predict(rows())
    with pytest.raises(InputError):
        make_handler({"base_url": provider.base_url}, {**USING, "column": "x"}).predict(rows())
    assert described(handler, "runs") == []


def test_tables_without_rows_have_their_columns(provider: OfflineProvider) -> None:
    """Before the first query."""
    handler = make_handler({"base_url": provider.base_url}, USING)
    assert list(handler.describe("errors").columns) == [
        "time",
        "row",
        "reason",
        "status",
        "trace_id",
        "span_id",
    ]
    assert {"day", "model", "cost", "p50_ms", "p95_ms", "p99_ms"} <= set(handler.describe("usage").columns)
    assert {"started", "distinct", "cut_off", "ended"} <= set(handler.describe("runs").columns)


def test_neither_keys_nor_texts_are_recorded(provider: OfflineProvider) -> None:
    """Prompts, answers and keys are nowhere in the file."""
    provider.behaviour.answer = lambda _: "canary-answer"
    provider.behaviour.faults = refusing("canary-prompt-2")
    engine = {
        "base_url": provider.base_url,
        "portkey_api_key": "canary-key",
        "provider_api_key": "canary-key",
    }
    handler = make_handler(engine, {**USING, "system_prompt": "canary-system", "on_error": "null"})
    handler.predict(rows("canary-prompt-1", "canary-prompt-2"))
    assert last_run().rows == 2
    written = b"".join(path.read_bytes() for path in data_dir().glob("ledger.sqlite*"))
    assert b"gpt-4o-mini" in written
    assert b"canary" not in written


def test_trouble_with_the_ledger_fails_no_query(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder stands where its file should be; the answers come, and a warning says what is missing."""
    data_dir().mkdir(exist_ok=True)
    (data_dir() / "ledger.sqlite").mkdir()
    handler = make_handler({"base_url": provider.base_url}, USING)
    assert len(handler.predict(rows("a", "b"))) == 2
    assert "what the query used is not recorded" in caplog.text
    with pytest.raises(PortkeyHandlerError, match="cannot be read"):
        handler.describe("runs")
