"""What is left of a provider's limits, by the headers of its responses."""

from __future__ import annotations

import pytest

from portkey_handler.gateway.waits import remaining_in, seconds_to_wait
from portkey_handler.records import Remaining


@pytest.mark.parametrize(
    ("headers", "remaining"),
    [
        ({}, None),
        ({"content-type": "application/json"}, None),
        # OpenAI, Groq, Azure
        ({"x-ratelimit-remaining-requests": "59"}, Remaining(requests=59)),
        ({"x-ratelimit-remaining-tokens": "149984"}, Remaining(tokens=149_984)),
        (
            {"x-ratelimit-remaining-requests": " 59 ", "x-ratelimit-remaining-tokens": "0"},
            Remaining(requests=59, tokens=0),
        ),
        # Anthropic
        (
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
                "anthropic-ratelimit-tokens-remaining": "28000",
                "anthropic-ratelimit-input-tokens-remaining": "20000",
                "anthropic-ratelimit-output-tokens-remaining": "8000",
            },
            Remaining(49, 28_000, 20_000, 8_000),
        ),
        # What is no number says nothing.
        ({"x-ratelimit-remaining-requests": "-1"}, None),
        ({"x-ratelimit-remaining-tokens": "many"}, None),
        ({"x-ratelimit-remaining-tokens": "1.5"}, None),
        ({"x-ratelimit-remaining-tokens": "\u0661"}, None),
        ({"x-ratelimit-remaining-tokens": "9" * 5000}, None),
    ],
)
def test_what_is_left_of_the_limits(headers: dict[str, str], remaining: Remaining | None) -> None:
    """Requests and tokens, in the words of OpenAI and of Anthropic."""
    assert remaining_in(headers) == remaining


def test_anthropic_says_when_a_limit_has_its_whole_amount_again() -> None:
    """Of the limits that are used up; Retry-After, which it sends too, goes first."""
    headers = {
        "anthropic-ratelimit-requests-reset": "2000-01-01T00:00:00Z",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2100-01-01T00:00:00Z",
        "anthropic-ratelimit-tokens-remaining": "1000",
    }
    assert seconds_to_wait(headers) == 0
    assert seconds_to_wait({**headers, "retry-after": "7"}) == 7


@pytest.mark.parametrize(
    "text",
    ["Mon, 01 Jan 2026 00:00:00 +99999999999999999999", "Mon, 01 Jan 0001 00:00:00 GMT", "soon", "1e"],
)
def test_a_time_that_is_none_says_nothing(text: str) -> None:
    """One with a zone beyond every number ended the query with an error of Python."""
    assert seconds_to_wait({"retry-after": text}) in (None, 0)
