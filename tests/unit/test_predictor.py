"""Frame in, frame out, through the stand-in provider."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import pickle
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import InputError, QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, last_text
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.usage.progress import Progress, on_progress


def predict(provider: OfflineProvider, frame: pd.DataFrame, **using: Any) -> pd.DataFrame:
    """Answer a frame; the answer of a row is its prompt."""
    provider.behaviour.answer = last_text
    provider.behaviour.record = True
    using = {"model": "m", "max_tokens": None, "max_attempts": 1, **using}
    plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    # A plan goes to where the work runs as a pickle.
    predictor = pickle.loads(pickle.dumps(Predictor(plan)))  # noqa: S301 - our own bytes
    frames: pd.DataFrame = predictor(frame, EngineConfig({"base_url": provider.base_url}))
    return frames


def asked(provider: OfflineProvider, cells: Any, **using: Any) -> list[Any]:
    """Give the prompts that a column's cells become, NULL for what is not sent."""
    frame = pd.DataFrame({"q": cells})
    return predict(provider, frame, on_error="null", concurrency=1, **using)["answer"].tolist()


# The frame


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(3),
        pd.Index([7, 7, 7]),
        pd.Index(["c", "a", "b"], name="id"),
        pd.Index([1.0, float("nan"), float("nan")]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2)], names=["x", "y"]),
        pd.DatetimeIndex(["2026-01-01", "2026-01-01", "2025-01-01"]),
    ],
    ids=["range", "duplicates", "text", "NaN", "levels", "dates"],
)
def test_the_index_is_returned(index: pd.Index, provider: OfflineProvider) -> None:
    """Hosts align by index: it comes back as it was, whatever stands in it."""
    frame = pd.DataFrame({"q": ["one", "two", "three"]}, index=index)
    answers = predict(provider, frame)
    pd.testing.assert_index_equal(answers.index, index)
    assert answers["answer"].tolist() == ["one", "two", "three"]
    assert list(answers.columns) == ["answer"]


def test_the_input_is_not_changed(provider: OfflineProvider) -> None:
    """Neither cells nor types, columns, index or attributes."""
    frame = pd.DataFrame({"q": ["a", None, "a"], "answer": [1, 2, 3], "n": [1.0, None, 2.0]}, index=[3, 3, 1])
    frame.attrs["told"] = "once"
    before = frame.copy(deep=True)
    predict(provider, frame, column="q")
    pd.testing.assert_frame_equal(frame, before)
    assert frame.attrs == {"told": "once"}


def test_a_column_named_like_the_target_is_no_candidate(provider: OfflineProvider) -> None:
    """The answer replaces it in the host's result; it can be asked by name."""
    frame = pd.DataFrame({"answer": ["old"], "q": ["new"]})
    assert predict(provider, frame)["answer"].tolist() == ["new"]
    assert predict(provider, frame, column="answer")["answer"].tolist() == ["old"]


@pytest.mark.parametrize(("using", "columns"), [
    ({}, ["answer"]),
    ({"on_error": "null"}, ["answer", "answer_error"]),
    ({"evidence": True}, ["answer", "answer_evidence"]),
    ({"on_error": "null", "evidence": True}, ["answer", "answer_error", "answer_evidence"]),
])  # fmt: skip
def test_no_rows_have_the_right_columns(
    using: dict[str, Any], columns: list[str], provider: OfflineProvider
) -> None:
    """An empty frame in, an empty one with the same columns as a full one out; nothing is sent."""
    full = predict(provider, pd.DataFrame({"q": ["a"]}), **using)
    sent = len(provider.requests)
    for frame in (pd.DataFrame({"q": []}), pd.DataFrame({"q": ["a"]})[:0], pd.DataFrame()):
        empty = predict(provider, frame, **using)
        assert list(empty.columns) == list(full.columns) == columns
        assert len(empty) == 0
        assert (empty.dtypes == full.dtypes).all()
    assert len(provider.requests) == sent


def test_rows_without_columns_are_an_error(provider: OfflineProvider) -> None:
    """There is nothing to ask; the error says what to select."""
    with pytest.raises(InputError, match="no column that could hold the prompt"):
        predict(provider, pd.DataFrame(index=[0, 1]))
    assert provider.requests == []


def test_labels_need_not_be_text(provider: OfflineProvider) -> None:
    """Frames made without names have numbers for labels."""
    assert predict(provider, pd.DataFrame([["a"]]))["answer"].tolist() == ["a"]
    frame = pd.DataFrame([["a", "b"]])
    assert predict(provider, frame, column="1")["answer"].tolist() == ["b"]
    assert predict(provider, frame, prompt_template='{{ row["1"] }}-{{ row["0"] }}')["answer"].tolist() == [
        "b-a"
    ]


# Which column


def test_the_only_column_is_asked(provider: OfflineProvider) -> None:
    """Technical columns of the host don't count."""
    frame = pd.DataFrame({"__mindsdb_row_id": [1], "document": ["text"]})
    assert predict(provider, frame)["answer"].tolist() == ["text"]


def test_two_candidates_are_named(provider: OfflineProvider) -> None:
    """The error names both, and asks for column or prompt_template."""
    frame = pd.DataFrame({"original_text": ["Hello"], "target_language": ["es"]})
    with pytest.raises(InputError) as caught:
        predict(provider, frame)
    for part in ("original_text, target_language", "column = 'original_text'", "prompt_template = '"):
        assert part in str(caught.value)
    assert provider.requests == []


def test_a_missing_column_is_told_with_the_ones_there_are(provider: OfflineProvider) -> None:
    """Did you mean, and the list."""
    with pytest.raises(InputError, match=r"did you mean 'question'.*they have id, question"):
        predict(provider, pd.DataFrame({"id": [1], "question": ["a"]}), column="questin")


def test_two_columns_of_one_name_are_an_error(provider: OfflineProvider) -> None:
    """Which of them is meant cannot be told; nothing is sent."""
    frame = pd.DataFrame([["a", "b"]], columns=["q", "q"])
    with pytest.raises(InputError, match="2 columns of the rows are called 'q'"):
        predict(provider, frame, column="q")
    assert provider.requests == []


# Cells


@pytest.mark.parametrize(
    ("cells", "sent"),
    [
        ([3, 4], ["3", "4"]),
        ([3, None], ["3", None]),
        (pd.array([9007199254740993, None], dtype="Int64"), ["9007199254740993", None]),
        (pd.Series([9007199254740993, None], dtype="object"), ["9007199254740993", None]),
        (pd.array([1.0, None], dtype="Float64"), ["1", None]),
        (pd.array([1.5, None], dtype="Float64"), ["1.5", None]),
        (pd.Series([4.0, None], dtype="object"), ["4", None]),
        (pd.Series([4.5, None, 2.0], dtype="object"), ["4.5", None, "2.0"]),
        ([1.5, None, 2.0], ["1.5", None, "2.0"]),
        ([1e300, None], ["1e+300", None]),
        ([2.0, 3.0], ["2.0", "3.0"]),
        ([True, False], ["true", "false"]),
        (pd.array([True, None], dtype="boolean"), ["true", None]),
        ([decimal.Decimal("3.10")], ["3.10"]),
        ([datetime.date(2026, 11, 20)], ["2026-11-20"]),
        (pd.to_datetime(["2026-11-20 08:30", None]), ["2026-11-20T08:30:00", None]),
        ([b"caf\xc3\xa9"], ["café"]),
        (["👩‍👩‍👧 日本", "a\nb\t\x00"], ["👩‍👩‍👧 日本", "a\nb\t\x00"]),
        (["{{ q }} {% x %}"], ["{{ q }} {% x %}"]),
        (["", "  \n", None, float("nan"), pd.NA, pd.NaT], [None] * 6),
        ([["a", 1, None], {"k": 2}], ['["a",1,null]', '{"k":2}']),
    ],
)  # fmt: skip
def test_cells_are_asked_as_what_they_are(cells: Any, sent: list[Any], provider: OfflineProvider) -> None:
    """Whole numbers stay whole, also beside NULLs; NULL and blank are not sent; text goes out verbatim."""
    assert asked(provider, cells) == sent
    assert len(provider.requests) == sum(text is not None for text in sent)
    assert asked(provider, cells, prompt_template="{{ q }}") == sent


@pytest.mark.parametrize("cell", ["\ud800", b"\xff", object()])
def test_a_cell_that_cannot_be_sent_is_its_rows_own_failure(cell: Any, provider: OfflineProvider) -> None:
    """The other rows are answered, and the reason names the column."""
    for using in ({"column": "q"}, {"prompt_template": "{{ q }}"}):
        frame = pd.DataFrame({"q": pd.Series(["a", cell, "b"], dtype="object")})
        answers = predict(provider, frame, on_error="null", **using)
        assert answers["answer"].tolist() == ["a", None, "b"]
        assert "q" in answers["answer_error"][1]


def test_a_row_of_5_megabytes_arrives_whole(provider: OfflineProvider) -> None:
    """Long documents are neither cut nor refused."""
    text = "ä" * 2_500_000
    provider.behaviour.answer = lambda body: str(len(last_text(body)))
    plan = resolve(target="answer", engine={}, model={"model": "m"}, environment={}).plan
    answers = Predictor(plan)(pd.DataFrame({"q": [text]}), EngineConfig({"base_url": provider.base_url}))
    assert answers["answer"].tolist() == ["2500000"]


def test_rows_with_nothing_to_ask_say_so(provider: OfflineProvider) -> None:
    """NULL is NULL with its reason, and no failure."""
    frame = pd.DataFrame({"q": ["a", None, " "]})
    answers = predict(provider, frame, on_error="null", evidence=True)
    assert answers["answer_error"].tolist() == [
        None,
        "nothing to ask: q is NULL",
        "nothing to ask: q is blank",
    ]
    assert answers["answer_evidence"][1] == {"error": "nothing to ask: q is NULL"}
    assert predict(provider, frame)["answer"].tolist() == ["a", None, None]


def test_evidence_tells_how_the_answer_came_about(provider: OfflineProvider) -> None:
    """Status, finish reason, tokens, attempts and ids stand beside the answer."""
    (evidence,) = predict(provider, pd.DataFrame({"q": ["one two"]}), evidence=True)["answer_evidence"]
    assert evidence.pop("latency_ms") >= 0
    assert evidence.pop("request_id").startswith("chatcmpl-")
    headers = provider.requests[0].headers
    assert evidence.pop("trace_id") == headers["x-portkey-trace-id"]
    assert evidence.pop("span_id") == headers["x-portkey-span-id"]
    assert evidence == {
        "status": 200,
        "finish_reason": "stop",
        "model": "m",
        "prompt_tokens": 2,
        "completion_tokens": 2,
        "total_tokens": 4,
        "attempts": 1,
    }


def test_the_system_prompt_goes_first(provider: OfflineProvider) -> None:
    """It is a template too."""
    frame = pd.DataFrame({"q": ["Hi"], "lang": ["es"]})
    predict(provider, frame, column="q", system_prompt="Answer in {{ lang }}.")
    assert provider.requests[0].body["messages"] == [
        {"role": "system", "content": "Answer in es."},
        {"role": "user", "content": "Hi"},
    ]


# Failures


def broken(provider: OfflineProvider) -> None:
    """Let prompts that say so fail."""
    provider.behaviour.faults = lambda request: (
        Fault(status=400, body={"error": {"message": last_text(request.body)}})
        if last_text(request.body).startswith("bad")
        else None
    )


def test_raise_tries_every_row_and_then_says_which_failed(provider: OfflineProvider) -> None:
    """The first line is enough: how many, which, why, what to do. Reasons are grouped below."""
    broken(provider)
    frame = pd.DataFrame({"q": ["a", "bad 1", "b", None, "bad 2", "bad 1"]})
    with pytest.raises(QueryError) as caught:
        predict(provider, frame, concurrency=1)
    error = caught.value
    first, second = str(error).splitlines()
    assert first.startswith("2 answered and cached, 3 failed (rows 1, 5: 400: bad 1)")
    assert "run again to send only those (2 requests), or add on_error = 'null'" in first
    assert (error.requests_again, error.cost_again) == (2, None)
    assert second == "  row 4: 400: bad 2"
    assert (error.answered, error.failed) == (2, 3)
    assert error.reasons == [("400: bad 1", [1, 5]), ("400: bad 2", [4])]
    assert len(provider.requests) == 4


def test_null_says_row_by_row(provider: OfflineProvider) -> None:
    """Failed rows are NULL, and the reason stands beside them."""
    broken(provider)
    answers = predict(provider, pd.DataFrame({"q": ["a", "bad", "b"]}), on_error="null", concurrency=1)
    assert answers["answer"].tolist() == ["a", None, "b"]
    assert answers["answer_error"].tolist() == [None, "400: bad", None]


def test_what_cannot_succeed_stops_the_query(provider: OfflineProvider) -> None:
    """A rejected key is told once, after as many requests as were in flight."""
    provider.behaviour.key = "right"
    with pytest.raises(
        QueryError, match=r"^the query was stopped after . requests?, because no other row"
    ) as caught:
        predict(provider, pd.DataFrame({"q": list("abcdefghijklmnopq")}))
    assert (caught.value.answered, caught.value.failed) == (0, 17)
    assert len(provider.requests) <= 8


def test_a_query_that_is_stopped_may_give_null(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """With on_error = 'null' the rows that were not asked are NULL and say why; one warning tells it."""
    provider.behaviour.key = "right"
    frame = pd.DataFrame({"q": list("abcdefghijklmnopq")})
    answers = predict(provider, frame, on_error="null", concurrency=1)
    why = "401: Incorrect API key provided.; check portkey_api_key, provider_api_key or virtual_key of the engine"
    assert answers["answer"].isna().all()
    assert answers["answer_error"].tolist() == [
        why,
        *[f"not asked: the query was stopped, because {why}"] * 16,
    ]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        f"answer: the query was stopped after 1 request, because no other row could succeed: {why}; running "
        "again needs at most 17 requests; rows without an answer are NULL"
    ]


# Where it runs


def test_it_works_inside_a_running_loop(provider: OfflineProvider) -> None:
    """A notebook has one; the call is as synchronous as ever."""

    async def cell() -> pd.DataFrame:
        return predict(provider, pd.DataFrame({"q": ["a"]}))

    assert asyncio.run(cell())["answer"].tolist() == ["a"]


def test_it_can_be_awaited(provider: OfflineProvider) -> None:
    """`run` is the same for who has a loop."""
    provider.behaviour.answer = last_text
    plan = resolve(target="answer", engine={}, model={"model": "m"}, environment={}).plan
    coroutine = Predictor(plan).run(pd.DataFrame({"q": ["a"]}), EngineConfig({"base_url": provider.base_url}))
    assert asyncio.run(coroutine)["answer"].tolist() == ["a"]


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of every fork of a threaded process
import pandas as pd
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
predictor = Predictor(resolve(target="answer", engine={}, model={"model": "m"}, environment={}).plan)
def check(start):
    frame = pd.DataFrame({"q": [f"prompt {n}" for n in range(start, start + 200)]})
    answers = predictor(frame, EngineConfig({"base_url": sys.argv[1]}))["answer"]
    return all(a.endswith(f"| {q}") for a, q in zip(answers, frame["q"]))
assert check(0)
children = []
for k in range(1, 5):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if check(k * 1000) else 1)
    children.append(pid)
assert check(9000)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_it_works_after_a_fork_with_each_answer_at_its_row(provider: OfflineProvider) -> None:
    """Nothing is shared with the parent, whose connections would bring other rows' answers."""
    subprocess.run([sys.executable, "-c", FORK, provider.base_url], check=True, timeout=60)
    assert len(provider.requests) == 6 * 200


def test_progress_is_told_to_who_watches(provider: OfflineProvider) -> None:
    """Inside the `with` block, also from the thread in which the rows are asked; not outside."""
    heard: list[Progress] = []
    with on_progress(heard.append):
        predict(provider, pd.DataFrame({"q": ["a", "b", None]}))
    assert (heard[-1].done, heard[-1].total, heard[-1].failed, heard[-1].requests) == (3, 3, 0, 2)
    told = len(heard)
    predict(provider, pd.DataFrame({"q": ["a"]}))
    assert len(heard) == told
