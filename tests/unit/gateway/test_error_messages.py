"""What a rejection says, of waiting too."""

from __future__ import annotations

import email.utils
import time
from datetime import datetime, timedelta, timezone

import orjson
import pytest

from portkey_handler.gateway.error_messages import describe_rejection, seconds_to_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, 0),
        ({"retry-after": "soon"}, None),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "9s"}, 9),
        (
            {
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "9s",
                "x-ratelimit-remaining-tokens": "500",
            },
            1,
        ),
        ({"retry-after": "2", "x-ratelimit-reset-tokens": "9s"}, 2),
        ({"x-ratelimit-reset-tokens": "6 apples"}, None),
    ],
)
def test_how_long_the_provider_asks_to_be_left_alone(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds go first, then Retry-After, then the reset of what is used up."""
    assert seconds_to_wait(headers) == (pytest.approx(seconds) if seconds is not None else None)


def test_moments_are_seconds_from_now() -> None:
    """An HTTP date, an ISO date and seconds since 1970 mean the same."""
    then = datetime.now(timezone.utc) + timedelta(seconds=100)
    texts = [
        email.utils.format_datetime(then, usegmt=True),
        then.isoformat().replace("+00:00", "Z"),
        str(then.timestamp()),
    ]
    for text in texts:
        found = seconds_to_wait({"x-ratelimit-reset-requests": text})
        assert found is not None
        assert 97 < found <= 100
    past = email.utils.formatdate(time.time() - 50, usegmt=True)
    assert seconds_to_wait({"retry-after": past}) == 0


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            "Message: fetch failed Cause: Error: getaddrinfo ENOTFOUND ollama",
            "Message: fetch failed Cause: Error: getaddrinfo ENOTFOUND ollama; the gateway cannot reach the "
            "provider; correct custom_host, or start the provider's server",
        ),
        ("<html><style>h1 {color: red}</style><body>\n<h1>Bad Gateway</h1></body>", "Bad Gateway"),
        ("", "no reason given"),
    ],
)
def test_a_page_instead_of_an_answer_is_told_as_text(page: str, said: str) -> None:
    """Somebody between the gateway and the model answered; the gateway hands his page over."""
    content = orjson.dumps({"html-message": page})
    assert describe_rejection(502, {}, content, b"{}") == f"502: {said}"
