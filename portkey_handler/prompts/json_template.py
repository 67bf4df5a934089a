"""JSON with templates in it: the columns of a row are filled into the texts of an object or list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from ..errors import InputError
from .cell_text import is_null, to_json, to_text
from .template import Template

#: A compiled part of the JSON: row → value.
_Fill = Callable[[Mapping[str, Any]], Any]


class JsonTemplate:
    """A JSON value whose texts are templates, compiled once.

    Keys are never templates. If `keep_types` is true, a text that is only a column, ``"{{ column }}"``,
    becomes the cell itself: a list stays a list, a number a number, and NULL is null. Otherwise it becomes
    a text.

    Args:
        value: An object, list or constant.
        where: The option, for errors.
        keep_types: Whether a text that is only a column keeps the cell's type.

    Attributes:
        columns: Names of the columns in it, in order of first use.
        is_plain: Whether no template has a condition or filter.

    Raises:
        TemplateError: A template is wrong; the message names its part of the JSON.
    """

    def __init__(self, value: Any, where: str, *, keep_types: bool = False) -> None:
        self._where = where
        self._keep_types = keep_types
        self._templates: list[Template] = []
        self._fill = self._compile(value, where)
        self.columns = tuple(dict.fromkeys(name for one in self._templates for name in one.columns))
        self.is_plain = all(one.is_plain for one in self._templates)

    def check(self, columns: list[str]) -> None:
        """Check that a frame has the columns.

        Raises:
            InputError: It lacks a column.
        """
        for template in self._templates:
            template.check(columns, where=self._where)

    def render(self, values: Mapping[str, Any]) -> Any:
        """Return the JSON of one row.

        Raises:
            InputError: A cell cannot be used there.
        """
        return self._fill(values)

    def _compile(self, value: Any, place: str) -> _Fill:
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, Mapping):
            parts = {str(name): self._compile(part, f"{place}.{name}") for name, part in value.items()}
            return lambda values: {name: fill(values) for name, fill in parts.items()}
        if isinstance(value, list):
            items = [self._compile(part, f"{place}[{number}]") for number, part in enumerate(value)]
            return lambda values: [fill(values) for fill in items]
        return lambda _: value

    def _text(self, text: str, place: str) -> _Fill:
        if "{" not in text:
            return lambda _: text
        template = Template(text, where=place)
        self._templates.append(template)
        name = template.only_column
        return template.render if name is None or not self._keep_types else _cell(name)


def _cell(name: str) -> _Fill:
    def fill(values: Mapping[str, Any]) -> Any:
        cell = values[name]
        if type(cell) in (str, int, bool):
            return cell
        if is_null(cell):
            return None
        if isinstance(cell, Decimal) and cell.is_finite():
            return orjson.Fragment(to_text(cell))  # all digits; a float may have fewer
        try:
            return plain_json(cell)
        except InputError as error:
            raise InputError(f"column {name!r}: {error}") from None

    return fill


def plain_json(cell: Any) -> Any:
    """Return a cell as a value of JSON: an object, a list, a text, a number.

    Raises:
        InputError: The cell holds a value that JSON cannot hold.
    """
    return orjson.loads(to_json(cell))
