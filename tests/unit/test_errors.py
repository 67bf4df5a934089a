"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from portkey_handler import errors
from portkey_handler.errors import GatewayError, PortkeyHandlerError, QueryError, RateLimitError
from portkey_handler.records import Evidence

KINDS = [
    kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, PortkeyHandlerError) and name == kind.__name__
]


#: Values of every keyword attribute there is.
VALUES: dict[str, Any] = {
    "status": 429,
    "request_id": "r",
    "trace_id": "t",
    "retry_after": 2.5,
    "evidence": Evidence(status=429, provider="openai"),
    "attempts": 3,
    "stopped_by": "AuthenticationError",
    "ends_the_query": True,
    "concerns_every_row": True,
    "concerns_one_row": True,
    "code": "rate_limit_exceeded",
    "retryable": True,
    "problems": ["what is wrong"],
    "answered": 1,
    "failed": 2,
    "requests_again": 2,
    "cost_again": 0.5,
    "reasons": [("400: no", [1, 5])],
    "place": 7,
    "brief": "syntax error in line 1",
    "excerpt": ("LINE 1: SELECT FORM t", "               ^"),
}


def made(kind: type[PortkeyHandlerError], message: str) -> PortkeyHandlerError:
    """Make an error that has a value for each of its attributes."""
    return kind(message, **{name: VALUES[name] for name in kind("").details})


@pytest.mark.parametrize("kind", KINDS)
def test_survives_pickling(kind: type[PortkeyHandlerError]) -> None:
    """A host's worker hands its errors to another process: kind, message and attributes arrive."""
    error = made(kind, "row 3: no\nsecond line")
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        arrived = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
        assert type(arrived) is kind
        assert str(arrived) == str(error)
        assert arrived.details == error.details
        for name in error.details:
            assert getattr(arrived, name) == VALUES[name]


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_the_message(kind: type[PortkeyHandlerError]) -> None:
    """`str` gives what a person is to read and nothing else; the rest are attributes."""
    error = made(kind, "what, where, remedy")
    assert str(error) == error.message == "what, where, remedy"
    assert error.args == ("what, where, remedy",)


@pytest.mark.parametrize("kind", KINDS)
def test_survives_copying(kind: type[PortkeyHandlerError]) -> None:
    """A copy has the kind, the message and the attributes."""
    error = made(kind, "no")
    copied = copy.deepcopy(error)
    assert (type(copied), str(copied), copied.details) == (kind, "no", error.details)


@pytest.mark.parametrize("kind", KINDS)
def test_an_attribute_that_an_error_does_not_have_is_refused(kind: type[PortkeyHandlerError]) -> None:
    """A misspelt keyword is a defect, which must not vanish in an attribute that is never read."""
    with pytest.raises(TypeError, match=f"{kind.__name__} has no stauts"):
        kind("no", stauts=400)


def test_another_message_makes_another_error() -> None:
    """What is added on the way leaves the error as it was; the new one has its kind and attributes."""
    error = RateLimitError("429: slow down", retry_after=7200.0, status=429)
    longer = error.replace(message="429: slow down (it asks to wait 7,200 s)", attempts=2)
    assert type(longer) is RateLimitError
    assert (str(error), error.attempts) == ("429: slow down", 1)
    arrived = pickle.loads(pickle.dumps(longer))  # noqa: S301 - our own bytes
    assert str(arrived) == "429: slow down (it asks to wait 7,200 s)"
    assert (arrived.retry_after, arrived.status, arrived.attempts) == (7200.0, 429, 2)


def test_the_details_cannot_be_written() -> None:
    """They are a view of the attributes."""
    error = GatewayError("no", status=400)
    error.details["status"] = 500
    assert error.status == error.details["status"] == 400
    with pytest.raises(AttributeError):
        error.details = {}  # type: ignore[misc]


def test_details_that_are_not_known_are_none() -> None:
    """Who catches a gateway error may read its details without asking whether they are there."""
    error = GatewayError("no")
    assert [error.status, error.request_id, error.trace_id, error.retry_after, error.evidence] == [None] * 5


def test_attributes_that_are_not_there_are_an_attribute_error() -> None:
    """A misspelt attribute is told as Python tells it."""
    with pytest.raises(AttributeError, match="answerd"):
        _ = QueryError("no", answered=3).answerd


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """The drawing names every error under the parent that it has, and no other."""
    drawn: list[tuple[str, str]] = []
    parents: list[tuple[int, str]] = []
    for indent, name in re.findall(r"^( +)(?:[x+] +)?([A-Z]\w+Error)\b", errors.__doc__ or "", re.MULTILINE):
        while parents and parents[-1][0] >= len(indent):
            parents.pop()
        drawn.append((name, parents[-1][1] if parents else "Exception"))
        parents.append((len(indent), name))
    assert sorted(drawn) == sorted((kind.__name__, kind.__bases__[0].__name__) for kind in KINDS)


def test_what_is_worth_another_attempt() -> None:
    """Which failures are tried again, and which are told at once, is part of the tree."""
    assert {kind.__name__ for kind in KINDS if getattr(kind, "retryable", False)} == {
        "ConnectionLostError",
        "InvalidResponseError",
        "RateLimitError",
        "CapacityError",
        "ServerError",
        "RequestTimeoutError",
        "ConnectError",
    }
