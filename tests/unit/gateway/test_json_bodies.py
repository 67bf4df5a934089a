"""Reading JSON that servers have written carelessly."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from support.predicting import answered

from portkey_handler.gateway import json_bodies
from portkey_handler.gateway.offline import Fault, OfflineProvider


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": "half \\ud83d"}', {"a": "half "}),
        (b'["\\ud83d half"]', ["\ufffd half"]),
        (b'["\\ude42 half"]', ["\ufffd half"]),
        (b'["whole \\ud83d\\ude42 and half \\ud83d"]', ["whole \U0001f642 and half "]),
        (b'{"\\ud83d": NaN}', {"": math.nan}),
        (b"[Infinity, -Infinity]", [math.inf, -math.inf]),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b"[NaN, 18446744073709551615, 18446744073709551616]", [math.nan, 2**64 - 1, 2.0**64]),
        (b"[NaN, %s]" % (b"9" * 5000), [math.nan, math.inf]),
    ],
)
def test_what_json_does_not_allow_is_read(content: bytes, value: Any) -> None:
    """Half of a character at the end of an answer that was cut off was "not JSON", six times paid."""
    found = json_bodies.read(content)
    assert repr(found) == repr(value)
    orjson.dumps(found)  # it can be kept


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"<html>", b"data: {}", b'{"a": "\xff"}', b"[" * 100_000, b"{'a': 1}", b"nan", b'{"a": 1}}'],
)
def test_what_is_no_json_is_none(content: bytes) -> None:
    """Whatever is wrong with it: one error."""
    with pytest.raises(ValueError, match=r"^not JSON$"):
        json_bodies.read(content)


CUT = b'{"choices":[{"message":{"content":"Nice \\ud83d\\ude42\\ud83d"},"finish_reason":"length"}]}'


def test_an_answer_that_is_cut_within_a_character_is_an_answer(provider: OfflineProvider) -> None:
    """It ends before that character, and was asked for once."""
    provider.behaviour.faults = [Fault(status=200, body=CUT)]
    assert answered(provider) == ("Nice \U0001f642", None)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html><body>Sign in</body></html>", "a web page; correct base_url (33 bytes, status 200)"),
        (b"", "not JSON (0 bytes, status 200)"),
        (b'data: {"choices": []}', "not JSON (21 bytes, status 200)"),
    ],
)
def test_what_is_no_answer_says_so(provider: OfflineProvider, content: bytes, reason: str) -> None:
    """Its content, which may be anything, is not shown."""
    provider.behaviour.faults = lambda _: Fault(status=200, body=content)
    assert answered(provider) == (None, f"the reply of {provider.base_url} is {reason}")
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("upstream connect error", "upstream connect error"),
        ("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "Bad Gateway nginx"),
        ("502 Bad Gateway", "Bad Gateway"),
        ("first line\n  second", "first line second"),
        (b"\xff\xfe\x00\x01", "no reason given"),
        (b"\x00\x01", "no reason given"),
        (b'{"error": {"message": "half \\ud83d", "score": NaN}}', "half"),
        ("", "no reason given"),
        ("null", "no reason given"),
    ],
)
def test_an_error_that_is_no_json_has_words_too(
    provider: OfflineProvider, body: str | bytes, words: str
) -> None:
    """Errors without words have no reason; these have words."""
    provider.behaviour.faults = [Fault(status=502, body=body)]
    assert answered(provider, max_attempts=1) == (None, f"502: {words}")
