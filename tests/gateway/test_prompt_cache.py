"""The mark for Anthropic's prompt cache goes through the real gateway, and the counts come back."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.gateway import Gateway
from support.predicting import bodies, predict

from portkey_handler.gateway.offline import OfflineProvider

LONG = "You judge reviews with care. " * 150
WORDS = len(LONG.split())


@pytest.mark.parametrize(
    ("asked", "marked"),
    [
        ({"system_prompt": LONG, "column": "q"}, ("system", 0)),
        ({"prompt_template": LONG + "{{ q }}"}, ("messages", 0, "content", 0)),
    ],
)
def test_the_cache_is_written_once_and_read_by_the_others(
    gateway: Gateway, provider: OfflineProvider, asked: dict[str, Any], marked: tuple[Any, ...]
) -> None:
    """In Anthropic's own words on the way there and back, and with its prices."""
    provider.behaviour.prompt_cache = set()
    engine = {
        "base_url": gateway.base_url,
        "custom_host": provider.base_url,
        "provider": "anthropic",
        "provider_api_key": "canary-key",
    }
    using = {"model": "claude-sonnet-4-5", "prompt_cache": "auto", "concurrency": 4, **asked}
    rows = {"q": [f"review {row}" for row in range(12)]}
    answers = predict(provider, rows, using, engine=engine)
    assert answers["answer_error"].isna().all()
    part: Any = bodies(provider)[0]
    for step in marked:
        part = part[step]
    assert part == {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    found = pd.DataFrame(list(answers["answer_evidence"]))
    assert (found["cache_write_tokens"].sum(), found["cached_tokens"].sum()) == (WORDS, 11 * WORDS)
    beside = found["prompt_tokens"].sum() - 12 * WORDS
    dollars = 3 * (beside + 1.25 * WORDS + 0.1 * 11 * WORDS) + 15 * found["completion_tokens"].sum()
    assert found["cost"].sum() == pytest.approx(dollars / 1e6)
