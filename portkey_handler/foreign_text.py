"""Text from outside, made safe to show: keys are masked, and what acts on a terminal or a log is written out.

Every error of this package, every line of its log and every reason of a failed row goes through here, and so
does what the command line writes to a terminal. Results in files, pipes and frames do not.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from itertools import groupby
from typing import Any

from .secret import MASK

#: Beginnings of keys of providers and gateways, Bearer tokens, JSON Web Tokens.
#: Columns are called pk_customer_id and hf_score, so that after an underscore a long word must follow.
#: What is looked for beyond a beginning has a length, so that a text of a million beginnings takes no hours.
_BEGINNINGS = re.compile(
    r"\bsk-[\w-]{6,}"
    r"|\b(?:pk|rk|glpat|xox[abps])-(?=[\w-]{0,60}\d)[\w-]{8,}|\bnvapi-[\w-]{20,}"
    r"|\b(?:xai|pplx|csk|tvly|pa|fc)-(?:dev-)?(?=[a-z]*\d)[a-z0-9]{16,}"
    r"|\b(?:sk|pk|rk|gsk|hf|r8|fw|gh[opsu]|tgp|jina|lsv2|sbp|dop|npm|github|key)_(?:[a-z0-9]{2,4}_)?"
    r"[a-z0-9]{16,}\w*"
    r"|\bAIza[\w-]{20,}|\bAQ\.A[\w-]{20,}|\bya29\.[\w-]{10,}|\bdapi[0-9a-f]{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]{8,1000}\.[\w.-]+|(?<=bearer )[\w.~+/=-]{8,}",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
# But for the names of our own files: /journal/0123….sqlite, /batches/0123….lock.
_HEXADECIMAL = re.compile(
    r"(?<!/journal/)(?<!/batches/)\b[0-9a-f]{32,}\b"
    r"|\b[0-9a-f]{32,}\b(?!\.(?:sqlite|keys|claims|lock)\b)|\bASIA[0-9A-Z]{12,}"
)
_WORD = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,}={0,2}")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_WORD_OR_NAME = re.compile(r"(?<![\w+/-])[\w+/-]{20,}={0,2}")
_SIGNS = re.compile(r"[\W_]")
#: Letters of one kind in a row that are no chance.
_A_WORD = 9
_DIGIT = "digit"
#: Names from outside are cut: of models, finish reasons, ids. They are kept for every row.
_LONGEST_NAME = 200

#: Characters that act on a terminal, reorder or hide a part of a line instead of being seen: C0 and C1
#: controls but for tab and line break, marks of direction, separators of lines and paragraphs, characters
#: without a width, halves of characters. Joiners stay inside emoji and between letters that need them, and
#: so do the tags of flags, which stand behind 🏴.
_UNSEEN = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
    "|(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f]|$)|^[\u200c\u200d]"
)


def begins_like_a_key(text: str) -> bool:
    """Return whether a text has a key in it that can be told by its beginning."""
    return _BEGINNINGS.search(text) is not None


def without_keys(text: str, *, strict: bool = False) -> str:
    """Return a text in which whatever looks like a key is masked.

    Args:
        text: The text.
        strict: Mask UUIDs and shorter words, too, which are more often names: for what a user has written.
    """
    for known in (_BEGINNINGS, _PASSWORD, _HEXADECIMAL):
        text = known.sub(MASK, text)
    text = _WORD.sub(lambda found: MASK if _is_random(found[0]) else found[0], text)
    if strict:
        text = _WORD_OR_NAME.sub(
            lambda found: MASK if _is_random(found[0], strict=True) else found[0], _UUID.sub(MASK, text)
        )
    return text


def _is_random(word: str, *, strict: bool = False) -> bool:
    """Return whether the letters and digits of a word were drawn, and are no words that people write.

    Drawn ones change all the time between capital letters, small letters and digits.
    """
    signs = len(_SIGNS.findall(word.strip("/=")))
    letters = _SIGNS.sub("", word)
    runs = [(kind, len([*run])) for kind, run in groupby(letters, _kind_of)]
    kinds = {kind for kind, _ in runs}
    changes = len(runs) - 1
    if signs * (12 if strict else 8) > len(word):
        return False  # a path, or words of a name
    if len(kinds) == 3:
        in_words = sum(length for _, length in runs if length >= 4)
        is_name = any(length >= _A_WORD for kind, length in runs if kind != _DIGIT)
        if strict and changes * 2 >= len(letters):
            return True  # as no name does that 20 letters or more have
        return len(letters) >= 24 and in_words * 2 < len(letters) and not is_name
    if not strict or len(kinds) == 1:
        return False
    if _DIGIT in kinds:
        return changes >= 5 and changes * 6 >= len(letters)
    return len(letters) >= 32 and changes * 3 >= len(letters)


def _kind_of(letter: str) -> str:
    return _DIGIT if letter.isdigit() else "capital" if letter.isupper() else "small"


def visible(text: str) -> str:
    """Return a foreign text as it may be shown in a terminal or a log: what acts there is written out."""
    if text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[1] or ascii(found[0])[1:-1], text)


@lru_cache(1024)
def safe(text: str) -> str:
    """Return a foreign text as it may be shown: without keys, and visible."""
    return visible(without_keys(text))


def in_one_line(text: str) -> str:
    """Return a foreign text as one line of a log: its line breaks are written out."""
    return safe(text).replace("\n", "\\n")


def as_name(text: Any) -> str | None:
    """Return a name from outside: cut, in one line and safe to show; None for what is no text."""
    return in_one_line(text[:_LONGEST_NAME]) if type(text) is str and text else None


def as_id(text: Any) -> str | None:
    """Return an id from outside as `as_name` does; it stays as it is if it looks like a key."""
    return visible(text[:_LONGEST_NAME]).replace("\n", "\\n") if type(text) is str and text else None


def logger_of(module: str) -> logging.Logger:
    """Return the logger of a module of this package: each of its records is one line, and safe to show."""
    logger = logging.getLogger(module)
    logger.addFilter(_make_safe)
    return logger


def _make_safe(record: logging.LogRecord) -> bool:
    record.msg, record.args = in_one_line(record.getMessage()), ()
    return True
