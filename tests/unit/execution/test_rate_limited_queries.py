"""Limits per minute, through a query."""

from __future__ import annotations

import itertools
import os

import pandas as pd
import pytest

from portkey_handler.errors import OptionError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.options import resolve
from portkey_handler.predictor import Predictor


def ask(provider: OfflineProvider, rows: int, **using: object) -> pd.DataFrame:
    """Ask as many different rows."""
    frame = pd.DataFrame({"q": [f"question {number}" for number in range(rows)]})
    resolved = resolve(
        target="answer", engine={"base_url": provider.base_url}, model=using, environment=os.environ
    )
    return Predictor(resolved.plan)(frame, resolved.credentials)


def test_requests_are_spread_over_the_minute(provider: OfflineProvider) -> None:
    """1,200 a minute are 20 a second: no burst, and every row is answered."""
    answers = ask(provider, 20, requests_per_minute=1200)
    assert answers["answer"].notna().all()
    times = [request.time for request in provider.requests]
    for first, eleventh in zip(times, times[10:], strict=False):
        assert eleventh - first >= 0.4  # half a second, less what the way here may differ


def test_attempts_count(provider: OfflineProvider) -> None:
    """A request that is tried again takes another turn."""
    from portkey_handler.gateway.offline import Fault

    provider.behaviour.faults = [Fault(status=500)] * 5
    ask(provider, 5, requests_per_minute=1200)
    times = [request.time for request in provider.requests]
    assert len(times) == 10
    assert all(later - earlier >= 0.02 for earlier, later in itertools.pairwise(times))


def test_tokens_hold_requests_back(provider: OfflineProvider) -> None:
    """A request waits until its estimated tokens fit; the first ones are let through."""
    ask(provider, 6, tokens_per_minute=60_000, max_tokens=100)
    times = [request.time for request in provider.requests]
    assert len(times) == 6
    assert times[-1] - times[0] >= 0.2


def test_embeddings_have_no_answer_to_wait_for(provider: OfflineProvider) -> None:
    """Their tokens are those of the texts: some words are not held back as if an answer came after them."""
    ask(provider, 6, mode="embedding", model="m", inputs_per_request=1, tokens_per_minute=60_000)
    ask(provider, 6, model="m", max_tokens=100, tokens_per_minute=60_000)
    times = [request.time for request in provider.requests]
    # An answer of 100 tokens would be a tenth of a second of such a minute.
    assert times[5] - times[0] < (times[11] - times[6]) / 2


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_a_limit_is_more_than_nothing(name: str) -> None:
    """0 would wait for ever."""
    with pytest.raises(OptionError, match=f"{name} = 0: expected a number above 0"):
        resolve(target="a", engine={}, model={name: 0}, environment={})
