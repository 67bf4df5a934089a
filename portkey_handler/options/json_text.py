"""JSON documents in a plan: a text that can be compared, hashed and pickled, and its value, parsed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class JsonText(str):
    """A JSON document as text, with a parsed view.

    It is a `str` and compares like one. Only the text is pickled.
    """

    __slots__ = ("_value",)

    @classmethod
    def canonical(cls, value: Mapping[str, Any]) -> JsonText:
        """Return an object as text; equal objects give equal texts, whatever the order of their names."""
        return cls(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    @property
    def value(self) -> Any:
        """The parsed value. Its objects and lists cannot be changed; copy them with `{**it}` and `[*it]`.

        The text is parsed at the first use; later uses return the same object.

        Raises:
            ValueError: The text is not JSON.
        """
        try:
            return self._value
        except AttributeError:
            self._value: Any = _frozen(json.loads(self))
            return self._value

    def __reduce__(self) -> tuple[type[JsonText], tuple[str]]:
        return JsonText, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make pydantic keep this class; without it, pydantic would make a plain `str`."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return FrozenObject((name, _frozen(part)) for name, part in value.items())
    if isinstance(value, list):
        return FrozenList(map(_frozen, value))
    return value


def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:  # noqa: ARG001 - a method
    raise TypeError("JSON of a plan cannot be changed; copy it: {**value} or [*value]")


class FrozenObject(dict[str, Any]):
    """An object of a `JsonText`: a dict, so that every JSON library can write it. Copies can be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, ({**self},)


class FrozenList(list[Any]):
    """A list of a `JsonText`. Copies can be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, ([*self],)
