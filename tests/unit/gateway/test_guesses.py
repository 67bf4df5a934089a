"""What the stand-in answers where words alone tell it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portkey_handler.gateway.offline.guesses import guessed_answer
from portkey_handler.options.output_types import fragment_of


def answer(task: str, text: str) -> str:
    """Return the answer to a text, with the task as the system message."""
    return guessed_answer(
        {"messages": [{"role": "system", "content": task}, {"role": "user", "content": text}]}
    )


def typed(text: str, **columns: str) -> dict[str, Any]:
    """Return the object that is answered for columns with types in the words of `output`."""
    properties = {name: fragment_of(words, name) for name, words in columns.items()}
    schema = {"type": "object", "properties": properties}
    body = {
        "messages": [{"role": "user", "content": text}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
    }
    found: dict[str, Any] = json.loads(guessed_answer(body))
    return found


@pytest.mark.parametrize(
    ("task", "text", "wanted"),
    [
        ("positive, negative or mixed?", "I love it, it works.", "positive"),
        ("positive, negative or mixed?", "Leaks. Money back.", "negative"),
        ("positive or negative?", "It is a lamp.", "neutral"),
        ("Which language is this?", "Das ist nicht der Koffer für mich", "German"),
        ("Which language is this?", "音質は良いけれど", "Japanese"),
        ("What number is in it?", "It died after 3 weeks.", "3"),
        ("Summarise.", "It broke. They sent a new one.", "It broke."),
    ],
)
def test_a_text_is_answered(task: str, text: str, wanted: str) -> None:
    """A mood, a language, a number, or else the first sentence."""
    assert answer(task, text) == wanted


def test_typed_columns_say_what_the_text_says() -> None:
    """A label by the mood, the language, a number; NULL where a text says none and NULL is allowed."""
    columns = {
        "mood": "enum(happy, angry, mixed)",
        "language": "string",
        "broken": "boolean",
        "good": "boolean",
        "number": "integer null",
        "price": "float null",
        "bought": "date null",
        "seen": "datetime null",
        "tags": "list null",
    }
    complaint = typed("The zip broke on 2026-03-04.", **columns)
    assert complaint == {
        "mood": "angry",
        "language": "English",
        "broken": True,
        "good": False,
        "number": 2026,
        "price": 2026.0,
        "bought": "2026-03-04",
        "seen": None,
        "tags": ["The zip broke on 2026-03-04."],
    }
    praise = typed("I love it.", **columns)
    assert (praise["mood"], praise["broken"], praise["good"]) == ("happy", False, True)
    assert (praise["number"], praise["price"], praise["bought"]) == (None, None, None)


def test_a_column_that_takes_no_null_has_a_value() -> None:
    """It fits its type, as an answer by grammar would."""
    assert type(typed("I love it.", number="integer")["number"]) is int
