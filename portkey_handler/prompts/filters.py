"""The filters and tests of prompt templates; none of them can fill the memory.

Each takes plain values (`cell_text.to_plain`) and behaves like Jinja's filter of that name unless its
docstring says otherwise. A chain of filters that make a text longer (``replace``, ``join``, ``tojson``) could
multiply its length. So one filter adds at most `MOST_ADDED` characters. Where the length is known beforehand,
a text that would be too long is not made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .cell_text import to_json, to_text

#: The most characters by which one filter may make a text longer.
MOST_ADDED = 1_000_000

#: Stands for "no default": a value that is not a number is an error.
_NONE_GIVEN = object()


def upper(value: Any) -> str:
    """Return a text in upper case."""
    return to_text(value).upper()


def lower(value: Any) -> str:
    """Return a text in lower case."""
    return to_text(value).lower()


def title(value: Any) -> str:
    """Return a text with each word capitalised."""
    return to_text(value).title()


def capitalize(value: Any) -> str:
    """Return a text with its first character in upper case and the rest in lower case."""
    return to_text(value).capitalize()


def trim(value: Any, chars: str | None = None) -> str:
    """Return a text without blanks (or the given characters) at both ends."""
    return to_text(value).strip(None if chars is None else to_text(chars))


def length(value: Any) -> int:
    """Return the number of characters of a text or of items of a list; 0 for NULL."""
    return len(value) if isinstance(value, (list, tuple, dict)) else len(to_text(value))


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Return a default for NULL (in Jinja: for a missing name); with true, for an empty value too."""
    return default_value if value is None or (boolean and not value) else value


def truncate(
    value: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int | None = None
) -> str:
    """Return a text cut to a length, between words unless killwords; up to 5 more characters are not cut."""
    text, end = to_text(value), to_text(end)
    length, leeway = _whole(length), 5 if leeway is None else _whole(leeway)
    if length < len(end):
        raise InputError(f"the length must be at least {len(end)}, the length of the text that marks the cut")
    if len(text) <= length + leeway:
        return text
    cut = text[: length - len(end)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def replace(value: Any, old: str, new: str, count: int | None = None) -> str:
    """Return a text with every occurrence (or the first ones) of a part replaced."""
    text, old, new = to_text(value), to_text(old), to_text(new)
    limit = -1 if count is None else _whole(count)
    found = text.count(old) if limit < 0 else min(limit, text.count(old))
    _bound(len(text) + found * (len(new) - len(old)), len(text))
    return text.replace(old, new, limit)


def join(value: Any, separator: str = "") -> str:
    """Return the items of a list joined; a text is not a list (in Jinja: a list of characters)."""
    if value is None:
        return ""
    if not isinstance(value, (list, tuple)):
        raise InputError("the value is not a list")
    items, separator = [to_text(item) for item in value], to_text(separator)
    size = sum(map(len, items))
    _bound(size + len(separator) * max(0, len(items) - 1), size)
    return separator.join(items)


def tojson(value: Any) -> str:
    """Return a value as JSON (Jinja also escapes it for HTML, which a prompt does not need)."""
    text = to_json(value)
    _bound(len(text), len(value) if isinstance(value, str) else len(text))
    return text


def round_(value: Any, precision: int = 0, method: str = "common") -> Any:
    """Return a number rounded to a number of digits; method common, ceil or floor. NULL stays NULL."""
    if value is None:
        return None
    number, digits = _number(value), _whole(precision)
    if method == "common":
        return round(number, digits)
    if method not in {"ceil", "floor"} or abs(digits) > 15:
        raise InputError("the method must be common, ceil or floor; ceil and floor take at most 15 digits")
    shifted = number * 10**digits if digits >= 0 else number / 10**-digits
    whole = math.ceil(shifted) if method == "ceil" else math.floor(shifted)
    return whole / 10**digits if digits > 0 else whole * 10**-digits


def int_(value: Any, default: Any = _NONE_GIVEN) -> Any:
    """Return a number without its fraction; without a default, a value that is not a number is an error."""
    try:
        return int(value) if isinstance(value, int) else int(_parse(value))
    except (TypeError, ValueError, OverflowError):
        return _default(value, default)


def float_(value: Any, default: Any = _NONE_GIVEN) -> Any:
    """Return a floating point number; otherwise like `int_`."""
    try:
        return float(_parse(value))
    except (TypeError, ValueError, OverflowError):
        return _default(value, default)


def _parse(value: Any) -> int | float:
    if not isinstance(value, str):
        return float(value)
    text = value.strip()
    try:
        return int(text)  # exact, where a float would round a large number
    except ValueError:
        return float(text)


def _default(value: Any, default: Any) -> Any:
    if default is not _NONE_GIVEN:
        return default
    if value is None:
        return None  # NULL stays NULL
    raise InputError("the value is not a number; give a default, as in int(0)")


def _number(value: Any) -> Any:
    if isinstance(value, (str, list, dict, tuple)) or not hasattr(value, "__round__"):
        raise InputError("the value is not a number; write |float before this filter")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise InputError("its argument must be a whole number")
    return value


def _bound(size: int, before: int) -> None:
    if size - before > MOST_ADDED:
        raise InputError(
            f"it would add {size - before:,} characters to the text; at most {MOST_ADDED:,} are allowed"
        )


FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": capitalize,
    "default": default,
    "float": float_,
    "int": int_,
    "join": join,
    "length": length,
    "lower": lower,
    "replace": replace,
    "round": round_,
    "title": title,
    "tojson": tojson,
    "trim": trim,
    "truncate": truncate,
    "upper": upper,
}

#: `is defined` and `is undefined` test names, not values; `compiler` handles them.
TESTS: dict[str, Callable[[Any], bool]] = {
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}
