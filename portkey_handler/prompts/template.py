"""Prompt templates, and the messages of a chat.

A template is text with Jinja's ``{{ column }}``, ``{% if … %}`` and a short list of filters. The docstring of
`compiler` says what is allowed, and why. Data is never read as a template: ``{{…}}`` in a cell is sent
unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError, did_you_mean, listed
from .cell_text import is_null, to_text
from .compiler import compile_template
from .nodes import Condition, Evaluate, Literal, Lookup, Piece, Show

__all__ = ["Template", "chat_messages", "is_null", "to_text"]


class Template:
    r"""A compiled prompt template.

    ``{{ name }}`` is the column of that name, ``{{ row["my column"] }}`` one whose name is not an identifier.
    `to_text` says how a cell becomes text; NULL is empty. Templates with equal sources are equal. Only the
    source is pickled; unpickling compiles it again.

    Attributes:
        source: The text of the template.
        columns: Names of the columns in it, in order of first use.

    Raises:
        TemplateError: The syntax is wrong, or something is not allowed; the message has the line and the
            remedy.
    """

    __slots__ = ("_filled", "_optional", "_pieces", "_texts", "columns", "source")

    def __init__(self, source: str, *, where: str = "prompt_template") -> None:
        pieces, columns, optional = compile_template(source, where)
        self.source = source
        self.columns: tuple[str, ...] = columns
        self._optional = optional
        self._pieces = pieces
        self._texts, self._filled = _plain(pieces)

    @property
    def is_plain(self) -> bool:
        """Return whether the template is only text and columns, without a condition or filter."""
        return self._texts is not None

    @property
    def only_column(self) -> str | None:
        """Return the column if the template is only that column, else None."""
        return self._filled[0] if self._texts == ["", "", ""] else None

    @property
    def beginning(self) -> str:
        """Return the text before the first column or condition, which is the same in every row."""
        first = self._pieces[0] if self._pieces else None
        return first.text if isinstance(first, Literal) else ""

    def render(self, values: Mapping[str, Any]) -> str:
        """Return the prompt of one row.

        Args:
            values: The row: column name → cell, as the frame holds it.

        Raises:
            InputError: A cell cannot be text, a column is missing, or a filter or comparison does not fit the
                value; the message names the column, never the value.
        """
        texts = self._texts
        if texts is None:
            return "".join(_run(self._pieces, values))
        parts = texts.copy()
        try:
            parts[1::2] = [
                cell if (cell := values[name]).__class__ is str and cell.isascii() else to_text(cell)
                for name in self._filled
            ]
        except (InputError, KeyError):
            return "".join(_run(self._pieces, values))  # fails again, with an error that names the column
        return "".join(parts)

    def check(self, columns: Sequence[str], where: str = "prompt_template") -> None:
        """Check that a frame has the columns of the template.

        Columns that the template tests with ``is defined`` may be missing.

        Args:
            columns: The frame's columns.
            where: The option, for the error.

        Raises:
            InputError: Columns are missing; the message names each, the nearest name, and the existing
                columns.
        """
        there = [str(column) for column in columns]
        missing = [name for name in self.columns if name not in there and name not in self._optional]
        if missing:
            said = "; ".join(_missing(name, there) for name in missing)
            raise InputError(f"{where}: {said}. The rows {listed(there)}")

    def __eq__(self, other: object) -> bool:
        """Compare the sources."""
        return self.source == other.source if isinstance(other, Template) else NotImplemented

    def __hash__(self) -> int:
        """Hash the source."""
        return hash((Template, self.source))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the source only."""
        return Template, (self.source,)

    def __repr__(self) -> str:
        """Show the columns, not the text."""
        return f"<Template of {len(self.source)} characters, columns {', '.join(self.columns) or 'none'}>"


def _missing(name: str, there: Sequence[str]) -> str:
    several = [column for column in there if column.lower().endswith(f".{name.lower()}")]
    if len(several) > 1:  # of a JOIN
        return f'{name!r} is a column of several tables; write {{{{ row["{several[0]}"] }}}}'
    return f"there is no column {name!r}{did_you_mean(name, there)}"


def chat_messages(text: str, system_prompt: str | None = None) -> list[dict[str, str]]:
    """Return the messages of a chat with one question.

    Args:
        text: The user's message.
        system_prompt: The system message before it. None or empty sends none, so that a query can turn off
            the system prompt of a model.
    """
    messages = [{"role": "system", "content": system_prompt}] if system_prompt else []
    return [*messages, {"role": "user", "content": text}]


def _plain(pieces: Sequence[Piece]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Return the texts between the columns, or None if the template is not plain, and the columns.

    Most templates are plain, and joining them takes a third of the time of running their parts.
    """
    texts, filled = [""], []
    for piece in pieces:
        if isinstance(piece, Literal):
            texts[-1] += piece.text
        elif isinstance(piece, Show) and isinstance(piece.value, Lookup) and not piece.value.optional:
            filled.append(piece.value.name)
            texts += ["", ""]
        else:
            return None, ()
    return texts, tuple(filled)


def _run(pieces: Sequence[Piece], values: Mapping[str, Any]) -> list[str]:
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, Literal):
            parts.append(piece.text)
        elif isinstance(piece, Show):
            parts.append(_show(piece.value, values))
        else:
            parts += _run(_branch(piece, values), values)
    return parts


def _show(value: Evaluate, values: Mapping[str, Any]) -> str:
    if not isinstance(value, Lookup):
        return to_text(value(values))
    cell = value.cell(values)
    try:
        return to_text(cell)
    except InputError as error:
        raise InputError(f"column {value.name!r}: {error}") from None


def _branch(condition: Condition, values: Mapping[str, Any]) -> Sequence[Piece]:
    for test, pieces in condition.branches:
        if test(values):
            return pieces
    return condition.otherwise
