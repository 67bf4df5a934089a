"""The tokens of a request: estimated without a vocabulary before it is sent, and read from its response."""

from __future__ import annotations

import math
import re
from typing import Any

_ASCII = bytes(range(0x80))
_NOT_THREE_BYTES = bytes(set(range(0x100)) - set(range(0xE0, 0xF0)))
_NOT_FOUR_BYTES = bytes(set(range(0x100)) - set(range(0xF0, 0xF8)))
_EMBEDDED = re.compile(rb";base64,[A-Za-z0-9+/=\\]+")
#: An image of 1,024 by 1,024 pixels is 765 tokens at OpenAI and about 1,400 at Anthropic, by their documents.
_IMAGE_TOKENS = 1000


def estimate_tokens(body: bytes, expected_answer: int) -> int:
    """Estimate the tokens of a request and its answer, without a vocabulary.

    Counts four ASCII characters to a token, which is OpenAI's rule of thumb for English; two characters that
    take two bytes in UTF-8 (accented Latin, Greek, Cyrillic, Hebrew, Arabic); one character of three bytes
    (Chinese, Japanese, Korean, the scripts of India); half a character of four bytes (emoji).
    That is between the counts of older and of newer vocabularies (Petrov et al. 2023, "Language Model
    Tokenizers Introduce Unfairness Between Languages", compares them). An embedded file counts as one image.
    Good enough to start with: `RateLimiter.correct` makes up for the difference.

    Args:
        body: The JSON body, in UTF-8. Takes about 1 ms a MB.
        expected_answer: Tokens of the answer, see `MeanTokens`.

    Returns:
        At least 1.
    """
    images = 0
    if b";base64," in body:
        body, images = _EMBEDDED.subn(b"", body)
    quarters = len(body)
    if not body.isascii():
        # What is left are the bytes of characters beyond ASCII; the first byte tells a character's length.
        beyond = body.translate(None, _ASCII)
        three = len(beyond.translate(None, _NOT_THREE_BYTES))
        four = len(beyond.translate(None, _NOT_FOUR_BYTES))
        # In quarters of a token: characters of two, three, four bytes are 2, 4, 8 of them.
        quarters += three + 4 * four
    return max(1, math.ceil(quarters / 4) + _IMAGE_TOKENS * images + expected_answer)


class MeanTokens:
    """Learns how many tokens something has, such as an answer.

    Args:
        first: What is expected until the first one is known, such as the most that an answer may have; None
            for 100.
    """

    def __init__(self, first: int | None = None) -> None:
        self._mean = float(100 if first is None else first)
        self._known = 0

    @property
    def expected(self) -> int:
        """Tokens expected of the next one: the mean so far, in which the last hundred weigh most."""
        return math.ceil(self._mean)

    def learn(self, tokens: int) -> None:
        """Note the tokens of one."""
        self._known = min(self._known + 1, 100)
        self._mean += (tokens - self._mean) / self._known


def used_tokens(body: Any) -> tuple[int | None, int | None]:
    """Return the tokens of a request with its answer, and of the answer alone; None where not known.

    Args:
        body: The parsed body of a response.
    """
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None, None
    total, answer = usage.get("total_tokens"), usage.get("completion_tokens")
    return total if isinstance(total, int) else None, answer if isinstance(answer, int) else None
