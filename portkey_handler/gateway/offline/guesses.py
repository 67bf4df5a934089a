"""Answers of use without a language model: a mood by a list of words, the language, a number, a beginning.

They are for `--offline`, and for the demo where no language model can be installed. They depend only on the
request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .answers import last_text, text_of
from .fitting import fitting, schema_asked_for


def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


_GOOD = _words("""
    love loves great good excellent perfect perfectly best happy works comfortable recommend easy dry warm
    super toll perfekt schönes leicht bequem prima ordentlich scharf bon parfaite parfait clair efficace
    excelente perfecta perfeita maravilla mejor cómoda ottima bella świetna отличный linda leve
    良い 買ってよかった 喜んでいます 簡単 きれい ممتازة رائعة साफ़ खुश 좋아요
""")
_BAD = _words("""
    broke broken leaks died bad poor cold never not stained rust frayed refund back worst ate disappeared
    nicht kaputt stumpf kurz schlecht aber nur mais trop bruit court cassé pero corto atascado no costuras
    però non mas desaparece но 固い 痛く 蒸れます سيئ لا लेकिन 다만 但是
""")
_SCRIPTS = (
    ("Japanese", re.compile("[\u3040-\u30ff]")),
    ("Korean", re.compile("[\uac00-\ud7af]")),
    ("Chinese", re.compile("[\u4e00-\u9fff]")),
    ("Arabic", re.compile("[\u0600-\u06ff]")),
    ("Hindi", re.compile("[\u0900-\u097f]")),
    ("Russian", re.compile("[\u0400-\u04ff]")),
)
_SMALL_WORDS = {
    "English": "the and is it to of not was my they for",
    "German": "der die das und ist nicht ich mit für den nur",
    "French": "le la les est et pas du une mais il au",
    "Spanish": "el la los y es no que por con una está",
    "Portuguese": "o a os e é não que uma com do da",
    "Italian": "il lo la è e non che una per ma",
    "Polish": "nie jest i w na się ale choć",
    "Norwegian": "og er ikke det som en kunne vært",
}
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_NUMBER = re.compile(r"\d+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Names of columns that are true for a text of this mood.
_MOODS = {
    "broken": "bad",
    "damaged": "bad",
    "negative": "bad",
    "bad": "bad",
    "angry": "bad",
    "complaint": "bad",
}


def guessed_answer(body: Mapping[str, Any]) -> str:
    """Return an answer to what is asked, as well as words alone tell it.

    Args:
        body: A request's JSON with `messages` or `prompt`.
    """
    text = last_text(body)
    schema = schema_asked_for(body)
    if schema is not None:
        return json.dumps(_typed(schema, text), ensure_ascii=False)
    task = " ".join(text_of(message.get("content")) for message in body.get("messages", ())).lower()
    if "positive" in task and "negative" in task:
        return mood(text, ("positive", "negative", "mixed" if "mixed" in task else "neutral"))
    if "language" in task.replace("any language", ""):
        return language(text)
    if "number" in task or "how many" in task:
        found = _NUMBER.search(text)
        return found[0] if found else "0"
    return beginning(text)


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    """Return an object that fits a schema, with what can be guessed in its place."""
    made = fitting(schema, beginning(text))
    properties = schema.get("properties")
    if isinstance(made, dict) and isinstance(properties, dict):
        for name, column in properties.items():
            ways = list(_ways(column))
            kinds = {kind for way in ways for kind in _kinds(way)}
            choices = [str(choice) for way in ways for choice in way.get("enum") or () if choice is not None]
            if choices:
                made[name] = _chosen(choices, text)
            elif name.lower() in ("language", "lang"):
                made[name] = language(text)
            elif "boolean" in kinds:
                made[name] = mood(text, ("good", "bad", "")) == _MOODS.get(name.lower(), "good")
            elif "null" in kinds and not any(way.get("type") == "array" for way in ways):
                made[name] = _said(made[name], ways, text)
    return made


def _ways(column: Any) -> Iterator[Mapping[str, Any]]:
    """Give the schema of a column, or each of its alternatives."""
    if isinstance(column, dict):
        alternatives = column.get("anyOf") or column.get("oneOf")
        yield from (one for one in alternatives or [column] if isinstance(one, dict))


def _kinds(way: Mapping[str, Any]) -> list[str]:
    kinds = way.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _said(made: Any, ways: list[Mapping[str, Any]], text: str) -> Any:
    """Return the number or the date that a text says, None where it says none, and a text as it was made."""
    if isinstance(made, (int, float)):
        found = _NUMBER.search(text)
        return type(made)(found[0]) if found else None
    if any(way.get("format") for way in ways):
        found = _DATE.search(text)
        return found[0] if found and any(way.get("format") == "date" for way in ways) else None
    return made


def _chosen(choices: list[str], text: str) -> str:
    by_mood = {
        "good": ("positive", "happy", "good"),
        "bad": ("negative", "unhappy", "angry", "bad"),
        "both": ("mixed", "neutral"),
    }
    wanted = by_mood[mood(text, ("good", "bad", "both"))] + (language(text).lower(),)
    return next((choice for choice in choices if choice.lower() in wanted), choices[0])


def mood(text: str, words: tuple[str, str, str]) -> str:
    """Return the first word for a text that praises, the second for one that complains, else the third."""
    found = {word.lower() for word in _WORD.findall(text)}
    # Languages without blanks between words are searched through.
    good = len(found & _GOOD) + sum(word in text for word in _GOOD if not word.isascii() and len(word) > 1)
    bad = len(found & _BAD) + sum(word in text for word in _BAD if not word.isascii() and len(word) > 1)
    return words[2] if good == bad else words[0] if good > bad else words[1]


def language(text: str) -> str:
    """Return the name of a text's language, as its letters and small words tell it."""
    for name, letters in _SCRIPTS:
        if letters.search(text):
            return name
    found = [word.lower() for word in _WORD.findall(text)]
    scores = {name: sum(found.count(word) for word in words.split()) for name, words in _SMALL_WORDS.items()}
    return max(scores, key=lambda name: scores[name])


def beginning(text: str) -> str:
    """Return the first sentence, shortened to about sixty characters."""
    first = re.split(r"(?<=[.!?;。])\s", " ".join(text.split()), maxsplit=1)[0]
    return first if len(first) <= 60 else first[:60].rsplit(" ", 1)[0] + " …"
