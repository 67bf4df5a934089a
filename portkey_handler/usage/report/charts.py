"""Charts as SVG, drawn by pygal: no scripts, the colours of the page's style, and a text alternative."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import UsageError
from .html import cleaned

#: Colours that the page's style defines, for the light and the dark scheme.
GOOD, BAD, THIRD = "var(--good)", "var(--bad)", "var(--third)"
#: Colours of things that are compared, none of them better than another.
CATEGORIES = (GOOD, THIRD, "var(--focus)", "var(--soft)")
_WIDTH = 760
_LONGEST_LABEL = 44


def check_library() -> None:
    """Check that charts can be drawn.

    Raises:
        UsageError: The library is not installed; the message says how to install it.
    """
    try:
        import pygal
    except ImportError as error:
        raise UsageError(
            "the report's charts need pygal, which is not installed; install it by: "
            'pip install "portkey-handler[report]"'
        ) from error
    # For maps, which are not used here, pygal adds an import hook of an old kind: Python warns of it since
    # 3.10 and ignores it since 3.12.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    alternative: str,
    x: str,
    y: str,
    *,
    colours: Sequence[str] = (GOOD, BAD),
) -> str:
    """Return a chart of lines through points."""
    chart = _chart("XY", alternative, colours, height=300, x_title=x, y_title=y, dots_size=2)
    for name, points in series.items():
        chart.add(cleaned(name), points)
    return _svg(chart)


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], alternative: str, y: str) -> str:
    """Return a chart of vertical bars, stacked if there are several series."""
    chart = _chart(
        "StackedBar",
        alternative,
        (GOOD, BAD, THIRD),
        height=320,
        y_title=y,
        show_legend=len(series) > 1,
        x_label_rotation=40 if len(labels) > 6 else 0,
    )
    return _filled(chart, labels, series)


def horizontal_bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    alternative: str,
    x: str,
    *,
    colours: Sequence[str] = (GOOD, THIRD),
    most: float | None = None,
) -> str:
    """Return a chart of horizontal bars, the first label on top; the axis ends at `most`, if given."""
    several = len(series) > 1
    chart = _chart(
        "HorizontalStackedBar",
        alternative,
        colours,
        height=90 + 34 * len(labels) + 24 * several,
        x_title=x,
        show_legend=several,
        max_scale=8,
        range=None if most is None else (0, most),
    )
    backwards = {name: list(reversed(values)) for name, values in series.items()}
    return _filled(chart, list(reversed(labels)), backwards)


def _filled(chart: Any, labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    chart.x_labels = [_short(cleaned(label)) for label in labels]
    for name, values in series.items():
        chart.add(cleaned(name), list(values))
    return _svg(chart)


def _chart(kind: str, alternative: str, colours: Sequence[str], **options: Any) -> Any:
    import pygal
    from pygal.style import Style

    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--soft)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        colors=tuple(colours),
        font_family="inherit",
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
        title_font_size=14,
        opacity="1",
        transition="0s",
    )
    chart = getattr(pygal, kind)(
        style=style,
        js=(),
        disable_xml_declaration=True,
        width=_WIDTH,
        value_formatter=_number,
        x_value_formatter=_number,
        legend_at_bottom=True,
        truncate_label=-1,
        truncate_legend=-1,
        range_start=0,
        **options,
    )
    chart.add_xml_filter(lambda root: _described(root, alternative))
    return chart


def _described(root: Any, alternative: str) -> Any:
    """Return the SVG with its text alternative, without scripts and comments."""
    root.set("role", "img")
    root.set("aria-label", cleaned(alternative))
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.endswith("script"):
                parent.remove(child)
    return root


def _svg(chart: Any) -> str:
    text: str = chart.render()
    return text


def _number(number: float) -> str:
    return format(number, ",.6g")


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
