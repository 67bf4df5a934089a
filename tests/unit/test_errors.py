"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from portkey_handler import errors
from portkey_handler.errors import GatewayError, PortkeyHandlerError, QueryError, RateLimitError
from portkey_handler.records import Evidence

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, PortkeyHandlerError) and kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS)
def test_survives_pickling(kind: type[PortkeyHandlerError]) -> None:
    """A host's worker hands its errors to another process: kind, message and details arrive."""
    error = kind("row 3: no\nsecond line", status=429, evidence=Evidence(status=429, provider="openai"))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        arrived = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
        assert type(arrived) is kind
        assert str(arrived) == str(error)
        assert arrived.details == error.details
        assert arrived.status == 429
        assert arrived.evidence.provider == "openai"


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_the_message(kind: type[PortkeyHandlerError]) -> None:
    """`str` gives what a person is to read and nothing else; the details are attributes."""
    error = kind("what, where, remedy", status=400)
    assert str(error) == error.message == "what, where, remedy"
    assert error.args == ("what, where, remedy",)


@pytest.mark.parametrize("kind", KINDS)
def test_survives_copying(kind: type[PortkeyHandlerError]) -> None:
    """Copies, which look for attributes before there are any, do not recurse."""
    copied = copy.deepcopy(kind("no", status=400))
    assert (type(copied), str(copied), copied.status) == (kind, "no", 400)


def test_a_message_that_grew_arrives_whole() -> None:
    """The mapper adds to a message; the addition goes along."""
    error = RateLimitError("429: slow down", retry_after=7200.0)
    error.message += " (it asks to wait 7,200 s)"
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(arrived) == "429: slow down (it asks to wait 7,200 s)"
    assert arrived.retry_after == 7200.0


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
        "ServerError",
        "RequestTimeoutError",
        "ConnectError",
    }
