"""The page of a report, built from its sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from . import comparison
from .charts import check_library
from .html import escaped, paragraph, section
from .sections import SECTIONS, Section, moment
from .selection import Chosen

_About = TypeVar("_About")

_FOOTER = "Written by portkey-handler report. Times are local to this machine. Rows count from 0."


def write_page(chosen: Chosen) -> str:
    """Return the page of a report.

    Args:
        chosen: The runs of the report.

    Returns:
        HTML without scripts that needs no network and no other file.

    Raises:
        UsageError: The library that draws the charts is not installed.
    """
    title = f"All recorded runs of {chosen.name}" if chosen.all_of_model else f"Last run: {chosen.name}"
    return _written(title, _lead(chosen), SECTIONS, chosen)


def write_comparison(chosen: Sequence[Chosen]) -> str:
    """Return the page that compares models, each over all its recorded runs; see `write_page`."""
    names = [one.name for one in chosen]
    title = f"{', '.join(names[:-1])} and {names[-1]} compared"
    return _written(title, comparison.lead(chosen), comparison.SECTIONS, chosen)


def _written(title: str, lead: str, sections: Sequence[Callable[[_About], Section]], about: _About) -> str:
    check_library()
    parts = [make(about) for make in sections]
    heading = escaped(title)
    links = "".join(f'<li><a href="#{anchor}">{escaped(title)}</a></li>' for anchor, title, _ in parts)
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    body = "\n".join(section(anchor, title, *inside) for anchor, title, inside in parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{heading}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#figures">Skip to the figures</a>
<header>
<h1>{heading}</h1>
{paragraph(lead)}
<nav aria-label="Sections"><ul>{links}</ul></nav>
</header>
<main>
{body}
</main>
<footer>{paragraph(_FOOTER)}</footer>
</body>
</html>
"""


def _lead(chosen: Chosen) -> str:
    last = chosen.runs[0]
    if not chosen.all_of_model:
        return f"{moment(last.started)}, {last.seconds:,.1f} s: {last.ended}. Trace {last.trace_id}."
    first = chosen.runs[-1]
    number = len(chosen.runs)
    return (
        f"{number:,} run{'s' if number != 1 else ''} from {moment(first.started)} "
        f"to {moment(last.started)}; the last one: {last.ended}."
    )
