"""Check answers against JSON Schemas (Draft 2020-12); the only module that imports the library for them.

A message names the place and what is expected there, not the value. So rows with the same fault have the same
reason, and no error shows a text of the data.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .moments import MOMENTS, read_moment
from .output_types import Kind, cut

if TYPE_CHECKING:
    import jsonschema

_MOST_MISFITS = 3
_MOST_LOOKED_AT = 100
_LONGEST = 120
#: Words of a schema that could fetch something, and words whose check could take very long.
_REFERENCES = frozenset({"$ref", "$dynamicRef"})
_PATTERNS = frozenset({"pattern", "patternProperties"})
#: Words of a schema whose values are not schemas, or hold schemas by names of the user.
_DATA = frozenset({"enum", "const", "default", "dependentRequired", "examples"})
_OF_NAMES = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_DEEPEST = 50
#: A value of each type, to test whether values can be checked at all.
_SAMPLES: tuple[Any, ...] = (None, True, 1, 0.5, "", [None], {"": None})

_PYTHON: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
    "date": (str,),
    "datetime": (str,),
    "time": (str,),
}
_NAMES = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class Fit:
    """Finds how an object differs from a schema.

    Args:
        schema: The schema, as checked by `check_schema`.
        kinds: The type of each column.
    """

    def __init__(self, schema: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
        self._validator = _validator(schema)
        self._kinds = kinds

    def misfits(self, answer: Any) -> list[str]:
        """Return where an answer does not fit, a few places at most; an empty list if it fits."""
        try:
            # The library reports several missing names one by one.
            errors = itertools.islice(self._validator.iter_errors(answer), _MOST_LOOKED_AT)
            said = list(dict.fromkeys(map(_said, errors)))[:_MOST_MISFITS]
        except RecursionError:
            return ["it is nested too deeply to be checked"]
        return said or list(itertools.islice(self._unfit_cells(answer), _MOST_MISFITS))

    def _unfit_cells(self, answer: Mapping[str, Any]) -> Iterator[str]:
        for name, kind in self._kinds.items():
            value = answer.get(name)
            if value is None or kind == "any":
                continue
            if type(value) not in _PYTHON[kind]:
                yield f"{cut(name)}: expected {kind}, not {_named(value)}"
            elif kind == "integer" and not _is_whole(value):
                yield f"{cut(name)}: expected a whole number of 64 bits"
            elif kind in MOMENTS and read_moment(kind, value) is None:
                yield f"{cut(name)}: expected a {kind} such as {MOMENTS[kind][1]}"


def _is_whole(value: Any) -> bool:
    return bool(-(2**63) <= value < 2**63 and value == int(value))


def check_schema(schema: Mapping[str, Any], shown: str) -> None:
    """Check that a schema can be used to check answers, and that it refers to nothing outside of itself.

    Args:
        schema: The whole schema.
        shown: The name of the schema in messages about a fault outside of columns.

    Raises:
        ValueError: The schema is wrong or cannot be used; the message says where and why.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        _check_words(schema)
        Draft202012Validator.check_schema(schema)
        _check_references(schema)
        validator = _validator(schema)
        for sample in _SAMPLES:
            validator.is_valid(dict.fromkeys(schema["properties"], sample))
    except SchemaError as error:
        path = [str(part) for part in error.absolute_path]
        where = ".".join(path[1:] if path[:1] == ["properties"] else [shown, *path]).strip(".")
        said = _short(error.message)
        raise ValueError(f"{where}: no JSON Schema ({said})" if where else said) from None
    except RecursionError:
        raise ValueError("the JSON Schema refers to itself without end") from None


def _validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    # Imported late: most models have no schema, and the import takes a tenth of a second.
    from jsonschema import Draft202012Validator
    from referencing import Registry

    registry: Any = Registry()  # fetches nothing
    return Draft202012Validator(schema, registry=registry)


def _check_words(schema: Mapping[str, Any]) -> None:
    """Raise an error for words that refer to another address, or whose check could take very long."""
    for each in parts_of(schema):
        for word in _PATTERNS.intersection(each):
            raise ValueError(
                f"{word} cannot be used: a regular expression may take very long on some answers; use "
                "enum, or regexp_matches in the SELECT"
            )
        for word in _REFERENCES.intersection(each):
            if not str(each[word]).startswith("#"):
                raise ValueError(
                    f"{word} '{cut(str(each[word]))}' refers to something outside of the JSON Schema, which "
                    "is not fetched; put its schema into $defs"
                )
        if "$id" in each and each is not schema:
            raise ValueError("$id can only be used at the top of the JSON Schema")


def _check_references(schema: Mapping[str, Any]) -> None:
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    registry: Any = Registry()
    resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
    for each in parts_of(schema):
        for word in _REFERENCES.intersection(each):
            try:
                resolver.lookup(each[word])
            except Unresolvable:
                raise ValueError(
                    f"{word} '{cut(str(each[word]))}' refers to nothing in the JSON Schema"
                ) from None


def parts_of(schema: Any, left: int = _DEEPEST) -> Iterator[Mapping[str, Any]]:
    """Return a schema and all schemas in it.

    Raises:
        ValueError: They are nested too deeply.
    """
    if not left:
        raise ValueError("the JSON Schema is nested too deeply")
    if isinstance(schema, list):
        for one in schema:
            yield from parts_of(one, left - 1)
    elif isinstance(schema, Mapping):
        yield schema
        for word, value in schema.items():
            if word in _OF_NAMES and isinstance(value, Mapping):
                for one in value.values():
                    yield from parts_of(one, left - 1)
            elif word not in _DATA:
                yield from parts_of(value, left - 1)


def _said(error: Any) -> str:
    """Return what is wrong and where; the value is not shown."""
    word, wanted = error.validator, error.validator_value
    where = ".".join(f"[{part}]" if isinstance(part, int) else cut(str(part)) for part in error.absolute_path)
    prefix = f"{where.replace('.[', '[')}: " if where else ""
    if word == "type":
        named = wanted if isinstance(wanted, str) else " or ".join(map(str, wanted))
        return f"{prefix}expected {named}, not {_named(error.instance)}"
    if word == "required":
        missing = [name for name in wanted if name not in error.instance]
        return f"{prefix}{_listed(missing)} missing"
    if word == "additionalProperties" and wanted is False:
        known = error.schema.get("properties") or {}
        return f"{prefix}{_listed([name for name in error.instance if name not in known])} not asked for"
    if word in ("enum", "const"):
        return f"{prefix}expected {_short(str(wanted))}"
    if word == "anyOf":
        types = [one.get("type") if isinstance(one, Mapping) else None for one in wanted]
        if all(isinstance(name, str) for name in types):
            return f"{prefix}expected {' or '.join(map(str, types))}, not {_named(error.instance)}"
    return f"{prefix}does not fit {word} = {_short(str(wanted))}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(cut, names[:3]))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"


def _named(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), "something else")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
