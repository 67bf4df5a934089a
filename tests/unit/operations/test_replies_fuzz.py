"""Replies of providers, damaged in every way, beside good rows: nothing foreign comes out, nothing is mixed up."""

from __future__ import annotations

import copy
import gzip
import itertools
import json
import random
import tracemalloc
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_handler.execution import backoff
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.predictor import ask

#: Text that must never be an answer: it comes with a sign that the reply is none.
NEVER = "never an answer"
ROWS = ["good 1", "bad 1", "good 2", "bad 2", "good 3", "bad 3", "good 4"]


def chat(content: Any, finish: Any = "stop", **message: Any) -> dict[str, Any]:
    """Give a chat completion."""
    return {
        "id": "c-1",
        "object": "chat.completion",
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "finish_reason": finish,
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


#: Status, headers, body, and where in the body the sign stands that it is no answer.
REPLIES: list[tuple[int, dict[str, str], Any, tuple[Any, ...]]] = [
    (200, {}, chat("an answer"), ()),
    (200, {}, chat([{"type": "text", "text": "an "}, {"type": "text", "text": "answer"}]), ()),
    (200, {}, chat("<think>hm</think>an answer", reasoning_content="hm"), ()),
    (200, {}, chat(None, tool_calls=[{"function": {"name": "f", "arguments": '{"a": 1}'}}]), ()),
    (200, {}, chat(NEVER, "content_filter"), ("choices", 0, "finish_reason")),
    (200, {}, chat(NEVER, "RECITATION"), ("choices", 0, "finish_reason")),
    (200, {}, chat(NEVER, "network_error"), ("choices", 0, "finish_reason")),
    (200, {}, {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": '{"error": "x"}'}},
               **chat(NEVER)}, ("error",)),
    (246, {}, {**chat("an answer"), "hook_results": {"after_request_hooks": [
        {"id": "g", "verdict": False, "checks": [{"id": "default.contains", "verdict": False}]}]}}, ()),
    (400, {}, {"error": {"message": "maximum context length", "code": "context_length_exceeded"}, **chat(NEVER)}, ()),
    (422, {}, {"detail": [{"loc": ["body", "x"], "msg": "bad", "type": "missing"}]}, ()),
    (429, {"retry-after": "0"}, {"error": {"message": "Rate limit. Please try again in 0.01s"}}, ()),
    (429, {}, [{"error": {"code": 429, "details": [{"retryDelay": "0.01s"}], "message": "quota"}}], ()),
    (500, {}, {"html-message": "<html><script>x</script><body>Bad Gateway</body></html>"}, ()),
    (503, {}, {"Message": "busy", "__type": "ServiceUnavailableException"}, ()),
    (529, {}, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ()),
]  # fmt: skip

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["", "stop", "x" * 5000, "\u0000", "9" * 400, "{", "[[[", "</think>", "<think>", "NaN"]),
    st.sampled_from([[], {}, [[]], [None], {"a": {}}, [{"type": "text"}], {"text": 5}, ["a", 1, None]]),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "x-portkey-retry-attempt-count",
            "x-portkey-provider",
            "x-portkey-cache-status",
            "x-ratelimit-reset-requests",
            "x-ratelimit-remaining-requests",
            "x-request-id",
            "content-type",
        ]
    ),
    st.sampled_from(["9" * 300, "-1", "NaN", "1e999", "0", "soon", "text/html", "²", "6m0s", ""]),
    max_size=3,
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a body."""
    yield before
    if isinstance(value, dict):
        for name, one in value.items():
            yield from paths(one, (*before, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from paths(one, (*before, number))


def changed(body: Any, place: tuple[Any, ...], how: str, leaf: Any) -> Any:
    """Return a copy of a body that is changed at one place."""
    if not place:
        return {"replaced": leaf, "wrapped": [body], "left out": {}, "deep": nested(body)}[how]
    made = copy.deepcopy(body)
    inside = made
    for step in place[:-1]:
        inside = inside[step]
    if how == "left out":
        del inside[place[-1]]
    elif how == "wrapped":
        inside[place[-1]] = [inside[place[-1]]]
    elif how == "deep":
        inside[place[-1]] = nested(inside[place[-1]])
    else:
        inside[place[-1]] = leaf
    return made


def nested(value: Any) -> Any:
    """Return a value within two hundred lists."""
    for _ in range(200):
        value = [value]
    return value


def is_too_deep(answer: Any) -> bool:
    """Return whether an answer is nested so deeply that it cannot be kept, of which a warning tells."""
    try:
        orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return True
    return False


def written(body: Any, coding: str, end: float) -> tuple[bytes, dict[str, str]]:
    """Return a body as bytes, in a coding and perhaps cut, and the headers that belong to it."""
    text = json.dumps(body)
    content = text.encode({"utf-16": "utf-16", "latin": "latin-1", "bom": "utf-8-sig"}.get(coding, "utf-8"))
    if coding == "padded":
        content += b" " * 2_000_000
    content = content[: round(len(content) * end)]
    if coding == "gzip":
        return gzip.compress(content), {"content-encoding": "gzip"}
    if coding == "half":
        return content.replace(b"answer", b"answer \\ud83d"), {}
    return content, {}


@st.composite
def replies(draw: st.DrawFn) -> tuple[Fault, bool]:
    """Give a reply, and whether its row must have no answer."""
    status, headers, body, sign = draw(st.sampled_from(REPLIES))
    is_never = status >= 400 or bool(sign)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from([*paths(body)]))
        # Without its sign a failed reply is like any other.
        is_never = is_never and (status >= 400 or sign[: len(place)] != place)
        is_never = is_never and (status >= 400 or place[: len(sign)] != sign)
        body = changed(
            body, place, draw(st.sampled_from(["replaced", "wrapped", "left out", "deep"])), draw(LEAVES)
        )
    coding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-16", "latin", "bom", "gzip", "padded", "half"]))
    content, more = written(body, coding, draw(st.sampled_from([1.0] * 6 + [0.0, 0.3, 0.9, 0.99])))
    return Fault(status=status, headers={**headers, **draw(HEADERS), **more}, body=content), is_never


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "_FIRST_BACKOFF", 0.0)
    monkeypatch.setattr(backoff, "LONGEST_WAIT", 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("output", [None, "tone string, score float"])
def test_no_reply_harms_another_row(output: str | None, provider: OfflineProvider) -> None:
    """No foreign exception, no failure kept as an answer, each answer beside its row, good rows answered."""
    numbers = itertools.count()
    good = '{"tone": "%s", "score": 1}' if output else "%s"

    @settings(max_examples=250, deadline=None)
    @given(st.lists(replies(), min_size=3, max_size=3), st.integers(0, 2**32))
    def check(bad: list[tuple[Fault, bool]], seed: int) -> None:
        provider.reset()
        model = f"m-{next(numbers)}"  # nothing is kept from another example
        rows = random.Random(seed).sample(ROWS, len(ROWS))  # noqa: S311 - an order
        of = {f"bad {number}": reply for number, reply in enumerate(bad, start=1)}

        def prompt_of(request: RecordedRequest) -> str:
            texts = [message["content"] for message in request.body["messages"]]
            return next(text for text in texts if text in ROWS)

        provider.behaviour.answer = lambda body: (
            good % next(message["content"] for message in body["messages"] if message["content"] in ROWS)
        )
        provider.behaviour.faults = lambda request: of.get(prompt_of(request), (None, False))[0]
        frame = pd.DataFrame({"q": [f"{row}" for row in rows]}, index=range(100, 100 + len(rows)))
        asked = partial(
            ask, frame, column="q", model=model, engine={"base_url": provider.base_url}, on_error="null"
        )
        answers = asked(evidence=True, max_attempts=2, output=output)
        assert answers["q"].tolist() == rows
        stopped = answers["answer_error"].str.startswith("not asked: the query was stopped", na=False).any()
        for row in answers.to_dict("records"):
            prompt, answer = row["q"], row["answer"]
            if prompt.startswith("good"):
                expected = {"tone": prompt, "score": 1} if output else prompt
                assert answer == expected or stopped
            else:
                is_never = of[prompt][1]
                assert answer is None or not is_never
                assert answer is None or NEVER not in str(answer) or not is_never
                assert (answer is None) == (row["answer_error"] is not None)
            if row["answer_error"] is not None:
                assert len(row["answer_error"]) < 1_500
                assert "Traceback" not in row["answer_error"]
        # What is kept is what came out: nothing of a failure.
        provider.behaviour.faults = None
        again = asked(output=output)
        assert again["answer_error"].isna().all()
        for before, after in zip(answers["answer"], again["answer"], strict=True):
            assert before is None or before == after or is_too_deep(before)

    check()


def test_memory_stays_bounded(provider: OfflineProvider) -> None:
    """Replies of megabytes that are no answers leave nothing behind."""
    body = b'{"error": {"message": "' + b"x" * 3_000_000 + b'"}}'
    provider.behaviour.faults = lambda request: (
        Fault(status=400, body=body) if last_text(request.body).startswith("bad") else None
    )
    frame = pd.DataFrame({"q": [f"{'bad' if row % 2 else 'good'} {row}" for row in range(120)]})
    tracemalloc.start()
    answers = ask(
        frame,
        column="q",
        engine={"base_url": provider.base_url},
        on_error="null",
        evidence=True,
        concurrency=4,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answers["answer"].notna().tolist() == [True, False] * 60
    assert peak < 60_000_000
