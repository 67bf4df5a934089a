"""The keys under which answers are cached."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.operations.query_items import QueryItems
from portkey_handler.operations.tracing import Tracing
from portkey_handler.options import resolve
from portkey_handler.records import Item

FRAME = pd.DataFrame(
    {
        "q": ["Grüße", "b"],
        "n": [1.5, 2.0],
        "image": ["http://x/a.png", None],
        "talk": ['[{"role": "user", "content": "hi"}]', '[{"role": "user", "content": "ho"}]'],
    }
)
#: CREATE MODEL … USING, and the keys of the frame's rows. Caches of earlier releases hold these.
PINNED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "chat": ({"column": "q"}, ["9dcfe4d412aa58c79b5b814914e40322", "e84d216b77759db073ef0fa1440f6301"]),
    "parameters": (
        {
            "column": "q",
            "model": "m",
            "temperature": 0.1,
            "stop": ["é", "\n"],
            "parameters": {"zeta": {"b": 1, "a": [1, 2.0, None]}, "alpha": "ü"},
        },
        ["cb9718ab009fb385af02ef325c7ef3e7", "7e19d22b9207fb9cdc789db3cc8f3ade"],
    ),
    "system": (
        {"prompt_template": "{{q}} {{n}}", "system_prompt": "Be {{n}}"},
        ["9c37b8344f9db5e3f8f370cecd614abf", "ecf91afd40784ddf9e85ca890ff7002f"],
    ),
    "messages": (
        {"messages": [{"role": "system", "content": "ö"}, {"role": "user", "content": "{{q}}"}]},
        ["cd1005e25bf52c59ced3659377834e00", "0c383730941c598a468be46582bab362"],
    ),
    "messages_column": (
        {"messages_column": "talk", "response_format": {"type": "json_object"}},
        ["da11cdeb5729a3af66916b1cefb8a13f", "452872a840912246471ec124cc783d9e"],
    ),
    "image": (
        {"column": "q", "image_column": "image"},
        ["ba50e1f64b710e782fcd52d744d4984f", "e84d216b77759db073ef0fa1440f6301"],
    ),
    "typed words": (
        {"column": "q", "output": "mood string, score float", "max_tokens": 50, "temperature": 0.5},
        ["d67669623393732aacd6bcf029137b1b", "fe54bc4fcc0d943655f52931e46629f9"],
    ),
    "typed schema": (
        {
            "column": "q",
            "output": {"type": "object", "properties": {"é": {"type": "string"}}},
            "output_method": "tool",
        },
        ["cc4f05192021bb31634fc750251f7468", "b52adc7160066e7e4af693cd3e4d6010"],
    ),
    "metadata": (
        {"column": "q", "metadata": {"shop": "{{n}}"}, "config": "pc-a"},
        ["0c786129b21a48d308ae9cfcd8e54529", "cb8eae4cf3a2c6e0f96044b3072e1463"],
    ),
    "shared metadata": (
        {"column": "q", "metadata": {"shop": "x"}, "config": "pc-a"},
        ["e76a58911ffdcd7c333591b83cf8e05e", "9690d3bd8e8457061521a2cf7489695f"],
    ),
    "no config": (
        {"column": "q", "metadata": {"shop": "x"}},
        ["9dcfe4d412aa58c79b5b814914e40322", "e84d216b77759db073ef0fa1440f6301"],
    ),
    "copies": (
        {"column": "q", "deduplicate": False},
        [
            "9dcfe4d412aa58c79b5b814914e403220000000000000000",
            "e84d216b77759db073ef0fa1440f63010000000000000000",
        ],
    ),
    "completion": (
        {"mode": "completion", "column": "q", "top_p": 0.9},
        ["4119702a36b0eff9e657d4a455c36666", "470ab2595373937365655fcf62cb24fb"],
    ),
    "embedding": (
        {"mode": "embedding", "model": "m", "column": "q", "dimensions": 3},
        ["ffe30aa1e53e799f47db51aa2d72c5ca", "220869a0d2857f5af061b35ef6967242"],
    ),
    "prompt": (
        {"mode": "prompt", "prompt_id": "pp-1", "variables": {"text": "{{q}}", "deep": {"n": "{{n}}"}}},
        ["be28ca05b317e100388787adb99f76b6", "c0140ac375cd6278b37ec5494b7b8520"],
    ),
    "prompt columns": (
        {"mode": "prompt", "prompt_id": "pp-1", "variables": ["q", "n"], "temperature": 0.5},
        ["7db7044c2afc090162f97f2631d87030", "e3b6f5c7ffec4208c7c64b8d3ed5b19c"],
    ),
    "request": (
        {
            "mode": "request",
            "path": "/rerank",
            "body": {"query": "{{q}}", "n": "{{ n }}", "top_n": 1},
            "parameters": {"model": "m", "deep": {"a": [1]}},
            "answer": "$.results[0].score",
        },
        ["d424101bface5209e4ac20fb80f3d52f", "f17f18622c9a6082158ad49299edf33f"],
    ),
}


@pytest.mark.parametrize("case", PINNED)
def test_keys_are_those_of_earlier_releases(case: str) -> None:
    """Another key would ask and pay for every cached answer again."""
    using, keys = PINNED[case]
    resolved = resolve(target="a", engine={}, model=using, environment={}, engine_name="e", model_name="m")
    gateway = GatewayConfig.resolve(resolved.credentials, resolved.plan)
    tracing = Tracing("m", gateway.trace_id, gateway.metadata, may_route=gateway.routes_by_metadata)
    items = list(QueryItems(resolved.plan, tracing).of(FRAME))
    assert [item.key.hex() for item in items if isinstance(item, Item)] == keys
