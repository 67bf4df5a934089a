"""What all rows share stands in front and is the same, byte for byte, so that providers can cache it."""

from __future__ import annotations

import os
from typing import Any

import orjson
import pandas as pd
import pytest

from portkey_handler.operations.query_items import QueryItems
from portkey_handler.operations.tracing import Tracing
from portkey_handler.options import resolve
from portkey_handler.records import Item, Response

SYSTEM = "You judge reviews. " * 50
RULES = "Rules: be fair, be short. " * 50
#: Cells of many kinds, the first characters of which differ.
TEXTS = ["Good.", "\U0001f600 \u00e9", '"quoted"', "{{ no template }}", "Great value\nfor little", "9"]
FRAME = pd.DataFrame({"q": TEXTS, "kind": ["a", "b"] * 3, "n": range(6)})
EXAMPLES = [
    {"role": "user", "content": "It broke."},
    {"role": "assistant", "content": "bad"},
]


def bodies(**using: Any) -> list[bytes]:
    """Give the body of each row's first request."""
    plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    items = QueryItems(plan, Tracing("m"))
    made = [item for item in items.of(FRAME) if isinstance(item, Item)]
    assert len(made) == len(FRAME)
    return [next(items.operation.ask([item])).body for item in made]


def shared_by(all_of_them: list[bytes]) -> bytes:
    """Give the beginning that the bodies share."""
    return os.path.commonprefix(all_of_them)  # noqa: RUF071 - no paths


@pytest.mark.parametrize("method", [None, "json_schema", "tool", "prompt"])
@pytest.mark.parametrize(
    "asked",
    [
        {"system_prompt": SYSTEM, "column": "q"},
        {"system_prompt": SYSTEM, "prompt_template": RULES + "{{ q }} ({{ kind }})"},
        {
            "messages": [
                {"role": "system", "content": SYSTEM},
                *EXAMPLES,
                {"role": "user", "content": "{{ q }}"},
            ]
        },
    ],
)
def test_the_shared_beginning_of_chats_is_the_same(asked: dict[str, Any], method: str | None) -> None:
    """System prompt, examples and the template up to its first column; with typed columns, too."""
    typed = {} if method is None else {"output": "mood string, score int", "output_method": method}
    made = bodies(model="m", **asked, **typed)
    shared = shared_by(made)
    messages = orjson.loads(made[0])["messages"]
    assert messages[0]["role"] == "system"
    assert messages[0]["content"].startswith(SYSTEM)
    # Up to the content of the last message, and there up to the first column.
    *before, last = messages
    start = b'{"messages":' + orjson.dumps(before)[:-1] + b',{"role":"user","content":"'
    assert shared.startswith(start)
    if "prompt_template" in asked:
        assert shared == start + RULES.encode()
        assert last["content"].startswith(RULES)
    # What follows the messages is the same for all rows, too: the schema, the tools, the model.
    rests = {body.partition(b'"}],"')[2] for body in made}
    assert len(rests) == 1
    if method in ("json_schema", "tool"):
        assert b'"mood"' in rests.pop()
    elif method == "prompt":
        assert b"JSON Schema" in shared


def test_the_shared_beginning_of_completions_is_the_same() -> None:
    """The template up to its first column."""
    made = bodies(mode="completion", model="m", prompt_template=RULES + "{{ q }}")
    assert shared_by(made) == b'{"prompt":"' + RULES.encode()


def test_another_query_has_the_same_beginning() -> None:
    """Whatever the order in which its options are written: nothing of the time or of chance is in it."""
    using = {
        "model": "m",
        "system_prompt": SYSTEM,
        "column": "q",
        "output": "mood string",
        "temperature": 0.5,
    }
    turned = dict(reversed(using.items()))
    assert bodies(**using) == bodies(**turned)


def test_a_repair_keeps_the_beginning() -> None:
    """The conversation is continued, so that its beginning is in the cache."""
    using = {"model": "m", "system_prompt": SYSTEM, "column": "q", "output": "mood string"}
    plan = resolve(target="answer", engine={}, model=using, environment={}).plan
    items = QueryItems(plan, Tracing("m"))
    (item, *_) = (one for one in items.of(FRAME) if isinstance(one, Item))
    steps = items.operation.ask([item])
    first = next(steps).body
    wrong = {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}
    second = steps.send(Response(200, wrong)).body
    end = b'}],"max_tokens"'
    assert second.startswith(first.partition(end)[0])
    assert len(second) > len(first)
