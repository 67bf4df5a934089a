"""The report that compares models: the figures side by side, escaped, without anything from elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.report_pages import Page, a_run, cells
from typer.testing import CliRunner

from portkey_handler.cli import app
from portkey_handler.errors import NotFoundError, UsageError
from portkey_handler.host.data_dir import data_dir
from portkey_handler.usage.query_usage import LatencyHistogram, ModelUsage
from portkey_handler.usage.report import Chosen, choose_all, write_comparison
from portkey_handler.usage.run_history import RunHistory

SECTIONS = ("figures", "cost", "latency", "errors", "models")
#: Half as dear as `a_run`, four answers, no failure.
CHEAP = {
    "model": "n", "rows": 4, "answered": 4, "failed": 0, "unasked": 0, "kept": 0, "requests": 4, "cost": 0.25,
    "prompt_tokens": 8, "completion_tokens": 8, "reasons": {}, "latencies": LatencyHistogram({40: 4}),
    "models": {"tiny": ModelUsage(4, 8, 8, 0, 0.25, 0, LatencyHistogram(Counter({40: 4})))},
}  # fmt: skip
NOTHING = {"model": "o", "rows": 0, "answered": 0, "failed": 0, "models": {}, "latencies": LatencyHistogram()}


def compared(*runs: Any) -> Page:
    """Write the page of models with a run each, and read it."""
    return Page(write_comparison([Chosen([run], all_of_model=True) for run in runs]))


def test_the_figures_stand_side_by_side() -> None:
    """A column for each model; what no model has told is none."""
    page = compared(a_run(), a_run(**CHEAP))
    assert page.tables["figures-table"][0] == ["What", "e.m", "e.n"]
    figures = cells(page, "figures")
    assert figures["Rows"] == ["6", "4"]
    assert figures["Answered, % of the rows"] == ["50", "100"]
    assert figures["Failed, % of the rows"] == ["16.7", "0"]
    assert figures["New answers"] == ["2", "4"]
    assert figures["Tokens per new answer"] == ["15", "4"]
    assert figures["Cost in US dollars"] == ["0.25", "0.25"]
    assert figures["US dollars per 1,000 new answers"] == ["125", "62.5"]
    assert figures["50% within, milliseconds"] == ["10", "32"]
    assert cells(page, "errors") == {"400: no": ["1", "0"]}
    assert page.tables["models-table"][1:] == [
        ["e.m", "gpt-1", "2", "20", "10", "0.25"],
        ["e.n", "tiny", "4", "8", "8", "0.25"],
    ]
    assert (
        "e.m answered 50.0 % of 6 rows, $125.00 per 1,000 new answers, half of them within 10 ms"
        in "".join(page.texts)
    )


def test_a_model_without_a_price_or_an_answer() -> None:
    """It has no bar of 0 dollars, and is compared all the same."""
    unpriced = {"gpt-1": ModelUsage(2, 20, 10, unpriced=2)}
    page = compared(a_run(models=unpriced, cost=0.0, unpriced=2), a_run(**NOTHING), a_run(**CHEAP))
    figures = cells(page, "figures")
    assert figures["US dollars per 1,000 new answers"] == ["none", "none", "62.5"]
    assert figures["Cost in US dollars"] == ["none", "0.25", "0.25"]
    assert figures["Tokens per new answer"] == ["15", "none", "4"]
    assert figures["95% within, milliseconds"][1] == "none"
    assert "US dollars per 1,000 new answers: e.m not known; e.o not known; e.n $62.50" in page.texts
    assert {attributes.get("id") for tag, attributes in page.tags if tag == "section"} == set(SECTIONS)


def test_two_that_asked_nothing_are_still_a_page() -> None:
    """Each section says so."""
    page = compared(a_run(**NOTHING, reasons={}), a_run(**{**NOTHING, "model": "p"}, reasons={}))
    assert {"No row failed.", "No answer has a known price."} <= set(page.texts)
    assert "No model answered, so no tokens were used." in page.texts


def test_every_picture_has_its_text_and_nothing_is_loaded() -> None:
    """As the report of one model."""
    text = write_comparison([Chosen([a_run()], True), Chosen([a_run(**CHEAP)], True)])
    page = Page(text)
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 4
    assert all(one["role"] == "img" and len(one["aria-label"] or "") > 20 for one in pictures)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "use")]
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert page.open == []


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.text() | st.sampled_from(["</style><script>alert(1)</script>", '" onload="x', "]]>", "<!--", "&amp;"])
)
def test_nothing_from_the_data_becomes_markup(text: str) -> None:
    """Names, reasons and models, whatever is in them."""
    plain = compared(a_run(), a_run(**CHEAP))
    page = compared(
        a_run(model=text, engine=text, reasons={text: 1}, models={text: ModelUsage(1, 2, cost=0.1)}),
        a_run(**CHEAP),
    )
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags}
    assert {name for _, one in page.tags for name in one} <= {name for _, one in plain.tags for name in one}
    assert page.open == []


def test_which_models_are_compared(tmp_path: Path) -> None:
    """Two to four different ones, by the names that a report takes."""
    ledger = RunHistory(tmp_path)
    for model in "mnopq":
        ledger.record(a_run(model=model), [])
    assert [one.name for one in choose_all(ledger, ["n", "e.m"])] == ["e.n", "e.m"]
    with pytest.raises(UsageError, match=r"^a report compares different models, and e\.m is named twice$"):
        choose_all(ledger, ["n", "m", "e.m"])
    with pytest.raises(UsageError, match=r"^a report compares at most 4 models, and 5 are named$"):
        choose_all(ledger, [*"mnopq"])
    with pytest.raises(NotFoundError, match="no run of a model 'x' is recorded"):
        choose_all(ledger, ["m", "x"])


def test_the_command_compares_the_models_that_it_is_given(tmp_path: Path) -> None:
    """In the order in which they are named."""
    history = RunHistory(data_dir())
    history.record(a_run(), [])
    history.record(a_run(**CHEAP), [])
    path = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", "n", "m", "--output", str(path)])
    assert (done.exit_code, done.stdout.strip()) == (0, str(path))
    assert "<title>e.n and e.m compared</title>" in path.read_text(encoding="utf-8")
    done = CliRunner().invoke(app, ["report", "m", "m", "--output", str(path)])
    assert done.exit_code == 1
    assert "e.m is named twice" in done.output
