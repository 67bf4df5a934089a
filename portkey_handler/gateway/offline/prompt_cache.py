"""A prompt cache as Anthropic has it: the beginning of a prompt up to a mark is written, and read later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .answers import text_of


def cached_words(body: dict[str, Any], seen: set[str]) -> tuple[int, int]:
    """Return how many words of a prompt are read from the cache, and how many are written to it.

    Args:
        body: The request, of /messages or of a chat.
        seen: The beginnings in the cache; the one of this request is added.
    """
    texts: list[str] = []
    end = 0
    for text, is_marked in _parts(body):
        texts.append(text)
        end = len(texts) if is_marked else end
    if not end:
        return 0, 0
    beginning = "\0".join([str(body.get("model")), *texts[:end]])
    words = sum(len(text.split()) for text in texts[:end])
    if beginning in seen:
        return words, 0
    seen.add(beginning)
    return 0, words


def _parts(body: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a prompt in order, each with whether it is marked."""
    for content in (body.get("system"), *(message.get("content") for message in body["messages"])):
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                yield text_of([part]), "cache_control" in part
            elif part is not None:
                yield str(part), False
