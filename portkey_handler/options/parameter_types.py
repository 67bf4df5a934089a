"""The types of body parameters, and how a value of USING becomes one.

SQL has no negative numbers, exponents or nested objects in USING, so each of them may be written as a string
(``temperature = '-0.5'``, ``logit_bias = '{"50256": -100}'``). A value is validated and forwarded, never
adjusted. A value of the wrong type is an error, and so is a value outside of the bounds of all providers.
"""

from __future__ import annotations

import decimal
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

#: All types; a parameter has one of them, or several with "|" between.
KINDS = ("string", "integer", "number", "boolean", "object", "array", "any")

#: Numbers as in JSON, and ".5" and "+1", which SQL users write.
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_WHOLE = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
#: The range of integers in a body: 64 bits.
_LARGEST = 2**63
_SHOWN = 80
#: Where a number or a word is expected, a longer text is not shown, because it may be a key.
LONGEST_WORD_SHOWN = 20


@dataclass(frozen=True)
class Parameter:
    """One documented parameter of an endpoint's body.

    Attributes:
        kind: One or several of `KINDS`, such as "string|array".
        words: Its meaning, in a line.
        values: Texts that the SDK lists for it, for the documentation; others are forwarded too.
        items: The type of an array's items where it is known and only one.
        minimum: The smallest number that any provider accepts, or None.
    """

    kind: str
    words: str
    values: tuple[str, ...] = ()
    items: str | None = None
    minimum: int | None = None

    def convert(self, value: Any) -> Any:
        """Return a value as the JSON type of this parameter.

        None (SQL's NULL) stays None: the caller does not send it.

        Raises:
            ValueError: It is of another type or out of bounds. The message says what was expected, and shows
                at most 80 characters of what was given.
        """
        if value is None:
            return None
        found = _convert(_python_scalar(value), self)
        if self.minimum is not None and not isinstance(found, bool) and found < self.minimum:
            raise ValueError(f"expected {_expected(self)} of at least {self.minimum}, got {_shown(value)}")
        try:
            orjson.dumps(found)
            json.dumps(found, allow_nan=False)  # the other library writes NaN as null
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected a value that JSON can hold: {error}") from None
        return found


def _convert(value: Any, parameter: Parameter) -> Any:
    kinds = parameter.kind.split("|")
    if "any" in kinds:
        return _parsed(value, (dict, list)) if isinstance(value, str) else value
    if isinstance(value, str):
        return _from_text(value, kinds, parameter)
    for kind in kinds:
        found = _of_kind(value, kind)
        if found is not None and _items_fit(found, parameter.items):
            return found
    raise ValueError(_refusal(parameter, value))


def _of_kind(value: Any, kind: str) -> Any:
    """Return a value that is not a text as this type, or None where it does not fit."""
    if isinstance(value, bool):
        return value if kind == "boolean" else None
    if kind in {"integer", "number"} and isinstance(value, (int, float)):
        return _number(value, whole=kind == "integer")
    if kind == "object" and isinstance(value, dict):
        return value
    if kind == "array" and isinstance(value, (list, tuple)):
        return list(value)
    return None


def _number(value: float, *, whole: bool) -> float | None:
    if isinstance(value, float) and (not math.isfinite(value) or (whole and not value.is_integer())):
        return None
    found = int(value) if whole else value
    return None if isinstance(found, int) and not -_LARGEST <= found < _LARGEST else found


def _from_text(text: str, kinds: list[str], parameter: Parameter) -> Any:
    for kind in kinds:
        found = _read(text, kind, parameter)
        if found is not None:
            return found
    if "string" not in kinds:
        raise ValueError(_refusal(parameter, text) + _json_fault(text, kinds))
    if _json_fault(text, kinds):
        # A text may start with a bracket without being JSON, as in stop = '['.
        raise ValueError(_refusal(parameter, text) + _json_fault(text, kinds))
    return text


def _read(text: str, kind: str, parameter: Parameter) -> Any:
    """Return a text read as this type, or None where it does not fit."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower())
    if kind == "integer" and _NUMBER.fullmatch(text):
        return _of_kind(int(text) if _WHOLE.fullmatch(text) else float(text), kind)
    if kind == "number" and _NUMBER.fullmatch(text):
        return _of_kind(int(text) if _WHOLE.fullmatch(text) else float(text), kind)
    if kind in {"object", "array"}:
        found = _parsed(text, dict if kind == "object" else list)
        return found if not isinstance(found, str) and _items_fit(found, parameter.items) else None
    return None


def _parsed(text: str, wanted: type | tuple[type, ...]) -> Any:
    """Return JSON as a value of the wanted type, else the text itself."""
    try:
        found = _loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, wanted) else text


def _loads(text: str) -> Any:
    # Not strict: strings in SQL may have line breaks. NaN is not JSON.
    return json.loads(text, strict=False, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _json_fault(text: str, kinds: list[str]) -> str:
    """Return what is wrong with a text that was meant as JSON; empty if it was not meant as JSON."""
    meant = ("object" in kinds and text.lstrip().startswith("{")) or (
        "array" in kinds
        and re.match(r'\s*\[\s*(["{]|$)' if "string" in kinds else r"\s*\[", text) is not None
    )
    if not meant or (text.strip() == "[" and "string" in kinds):
        return ""
    try:
        _loads(text)
    except json.JSONDecodeError as error:
        return f": not JSON at character {error.pos + 1} ({error.msg})"
    except (ValueError, RecursionError):
        return ": not JSON"
    return ""


def _items_fit(found: Any, items: str | None) -> bool:
    if items != "string" or not isinstance(found, list):
        return True
    return all(isinstance(item, str) for item in found)


def _python_scalar(value: Any) -> Any:
    """Return a numpy scalar or a Decimal, which Python callers may pass, as one of Python's own types."""
    if isinstance(value, decimal.Decimal):
        whole = value.is_finite() and value.adjusted() < 19 and value == value.to_integral_value()
        return int(value) if whole else float(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    return value


def _expected(parameter: Parameter) -> str:
    words = {"integer": "an integer", "object": "an object", "array": "an array", "any": "any value"}
    names = [words.get(kind, f"a {kind}") for kind in parameter.kind.split("|")]
    if parameter.items is not None:
        names = [f"{name} of {parameter.items}s" if name == "an array" else name for name in names]
    return " or ".join(names)


def _refusal(parameter: Parameter, value: Any) -> str:
    remedy = ""
    if isinstance(value, str) and not value.lstrip().startswith(("[", "{")):
        remedy = {"array": """; write '["…"]'""", "object": """; write '{"…": …}'"""}.get(parameter.kind, "")
    return f"expected {_expected(parameter)}, got {_shown(value)}{remedy}"


def may_be_a_key(value: Any) -> bool:
    """Return whether a wrong value is one long word, which is not shown: neither JSON nor an address."""
    return (
        isinstance(value, str)
        and len(value) > LONGEST_WORD_SHOWN
        and not any(map(str.isspace, value))
        and not value.lower().startswith(("{", "[", "http"))
    )


def _shown(value: Any) -> str:
    if isinstance(value, str):
        cut = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
        return f"a text of {len(value)} characters" if may_be_a_key(value) else repr(cut)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        try:
            return str(value)[:_SHOWN]
        except ValueError:  # Python converts at most 4,300 digits
            return "a number of thousands of digits"
    if isinstance(value, (dict, list, tuple)):
        return "an object" if isinstance(value, dict) else "an array"
    return type(value).__name__
