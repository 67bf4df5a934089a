"""HTML from data; everything that comes from a query is escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

_NUMBER = ' class="number"'


def cleaned(text: str) -> str:
    """Return a text without control characters and lone surrogates, which HTML must not contain."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(sign if sign.isprintable() else " " for sign in whole)


def escaped(text: object) -> str:
    """Return a text escaped for HTML, for use between tags or in quotes."""
    return html.escape(cleaned(str(text)))


def paragraph(text: str) -> str:
    """Return a paragraph with a text."""
    return f"<p>{escaped(text)}</p>"


def section(anchor: str, title: str, *parts: str) -> str:
    """Return a section with its heading; the parts are HTML."""
    inside = "\n".join(parts)
    heading = f'<h2 id="{anchor}-title">{escaped(title)}</h2>'
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{inside}\n</section>'


def figure(svg: str, caption: str) -> str:
    """Return a figure with a chart, which has its own text alternative."""
    return f"<figure>{svg}<figcaption>{escaped(caption)}</figcaption></figure>"


def table(name: str, caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that can be scrolled and reached by keyboard.

    Args:
        name: The id of its caption, unique in the page.
        caption: The caption.
        head: The titles of the columns.
        rows: The cells; the first cell of a row is its heading. Numbers are right-aligned, None is "none".
    """
    made = list(rows)
    numbers = [any(isinstance(row[place], (int, float)) for row in made) for place in range(len(head))]
    columns = "".join(map(_title, head, numbers))
    lines = "\n".join(f"<tr>{_named(first)}{''.join(map(_cell, rest))}</tr>" for first, *rest in made)
    return (
        f'<div class="table" role="region" aria-labelledby="{name}" tabindex="0">\n<table>\n'
        f'<caption id="{name}">{escaped(caption)}</caption>\n'
        f"<thead><tr>{columns}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>\n</div>"
    )


def _title(title: str, number: bool) -> str:
    return f'<th scope="col"{_NUMBER if number else ""}>{escaped(title)}</th>'


def _named(value: object) -> str:
    kind = _NUMBER if isinstance(value, (int, float)) else ""
    return f'<th scope="row"{kind}>{_shown(value)}</th>'


def _cell(value: object) -> str:
    kind = _NUMBER if isinstance(value, (int, float)) else ""
    return f"<td{kind}>{_shown(value)}</td>"


def _shown(value: object) -> str:
    if value is None:
        return '<span class="none">none</span>'
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) else escaped(value)
