"""The record of a run, and a page of the report as it is read."""

from __future__ import annotations

import html.parser
import time
from collections import Counter
from typing import Any

from portkey_handler.usage.query_usage import LatencyHistogram, ModelUsage, ProgressSample
from portkey_handler.usage.run_record import RunRecord


def a_run(**given: Any) -> RunRecord:
    """Make a record of three rows, one of which failed."""
    use = ModelUsage(2, 20, 10, 5, 0.25, 0, LatencyHistogram(Counter({27: 1, 60: 1})))
    kinds = {
        "engine": "e", "model": "m", "started": time.time(), "seconds": 1.5, "rows": 6, "distinct_items": 3,
        "unasked": 1, "answered": 3, "failed": 1, "kept": 1, "copies": 1, "cut_off": 0, "gateway_hits": 0,
        "requests": 4, "prompt_tokens": 20, "completion_tokens": 10, "cached_tokens": 5, "cost": 0.25,
        "unpriced": 0, "trace_id": "trace-1", "ended": "done", "asked": "gpt", "models": {"gpt-1": use},
        "latencies": use.latencies, "reasons": {"400: no": 1}, "slowest": [(1, 180), ("id = 7", 10)],
        "moments": [ProgressSample(0.5, 1, 0), ProgressSample(1.5, 3, 1)],
    }  # fmt: skip
    return RunRecord(**{**kinds, **given})  # type: ignore[arg-type]


class Page(html.parser.HTMLParser):
    """What is in a page: tags with their attributes, texts, tables by the id of their caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; a row or a cell of a table besides."""
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "caption":
            self.tables[found["id"] or ""] = []
        elif tag == "tr":
            self.tables[[*self.tables][-1]].append([])
        elif tag in ("td", "th"):
            self.tables[[*self.tables][-1]][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that has no end."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Every tag ends where it should."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            self.tables[[*self.tables][-1]][-1][-1] += data


def cells(page: Page, table: str) -> dict[str, list[str]]:
    """Give the rows of a table by their first cell."""
    return {first: rest for first, *rest in page.tables[f"{table}-table"][1:]}
