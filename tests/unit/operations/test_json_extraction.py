"""What a model wrote as an object: exactly, and as models write it where nothing makes them write JSON."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_handler.operations.json_extraction import NotReadable, exactly, leniently


@pytest.mark.parametrize(("text", "value"), [
    ('{"a": 1}', {"a": 1}),
    (' \n{"a": [1.0, -0.5e1, "日 \\u65e5", null, true]}\n', {"a": [1.0, -5.0, "日 日", None, True]}),
    ("[]", []),
    ("18446744073709551615", 2**64 - 1),
    ('"x"', "x"),
])  # fmt: skip
def test_json_is_read_as_it_is(text: str, value: Any) -> None:
    """Numbers stay what they were written as."""
    found = exactly(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [
    "", "Sure", '{"a": 1} and more', '{"a": 1}{"a": 1}', "{'a': 1}", '{"a": 1,}', '{"a": 01}', '{"a": .5}',
    '{"a": True}', '{"a": NaN}', "Infinity", '{"a": 1e400}', '{"a": 18446744073709551616}', "9" * 5000,
    '{"a": 1, "a": 1}', '{"a": "\\ud800"}', "[" * 255 + "]" * 255, "[" * 100_000, '{"a": "\x00"}', "\ufeff{}",
])  # fmt: skip
def test_what_is_no_json_is_not_read(text: str) -> None:
    """Neither what other readers would let pass, nor what could not be kept."""
    with pytest.raises(NotReadable):
        exactly(text)


@pytest.mark.parametrize(("text", "values"), [
    ('{"a": 1}', [{"a": 1}]),
    ('[{"a": 1}]', [[{"a": 1}]]),
    ('Sure:\n```json\n{"a": 1}\n```\nBye.', [{"a": 1}]),
    ('```\n[{"a": 1}, {"a": 2}]\n```', [[{"a": 1}, {"a": 2}]]),
    ('It\'s [1] {x}: {"a": "{it\'s}"} {y}', [{"a": "{it's}"}]),
    ('First {"a": 1}, then {"a": 2}', [{"a": 1}, {"a": 2}]),
    ("{'a': 'it\\'s \"x\"', 'b': True, 'c': None, \"d\": \"None\"}",
     [{"a": 'it\'s "x"', "b": True, "c": None, "d": "None"}]),
    ("{'a': '\\n\\u65e5\\\\'}", [{"a": "\n日\\"}]),
    ("{'a': 'it's'}", []),
    ('{"a": {"b": 1}', []),
    ('{"a": {"b": 1},}', []),
    ("no object", []),
    ("{}" * 50, [{}] * 20),
    ("}}{", []),
    ("'{\"a\": 1}'", [{"a": 1}]),
])  # fmt: skip
def test_objects_in_prose(text: str, values: list[Any]) -> None:
    """Whole ones only: a part of what cannot be read is not given for it."""
    assert list(leniently(text)) == values


@pytest.mark.parametrize("text", [
    "{" * 100_000,
    "[ " * 50_000,
    "'\\'" * 33_000,
    "{'" * 50_000,
    '{"a": ' * 16_000 + "}" * 16_000,
    "{" + "'\\" * 49_000,
    "{" + "\\'" * 49_000 + "}",
])  # fmt: skip
def test_searching_has_an_end(text: str) -> None:
    """A text that was made to be searched for long is read like any other of its length."""
    assert list(leniently(text)) == []


def test_long_texts_are_not_searched() -> None:
    """They have to be the object as it is."""
    whole = '{"a": "' + "x" * 200_000 + '"}'
    assert list(leniently(whole)) == [{"a": "x" * 200_000}]
    assert list(leniently(f"Sure: {whole}")) == []
