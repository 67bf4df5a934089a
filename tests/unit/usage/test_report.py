"""The report: one page, complete, escaped, without anything from elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.report_pages import Page, a_run, cells
from support.storage import make_handler
from typer.testing import CliRunner

from portkey_handler.cli import app
from portkey_handler.errors import NotFoundError, UsageError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.host.data_dir import data_dir
from portkey_handler.usage.query_usage import LatencyHistogram, ModelUsage
from portkey_handler.usage.report import Chosen, choose, write_page
from portkey_handler.usage.run_history import RunHistory
from portkey_handler.usage.run_record import RunRecord

SECTIONS = ("figures", "time", "latency", "models", "saved", "errors", "slowest")


def page_of(*runs: RunRecord, all_of_model: bool = True) -> Page:
    """Write the page of runs and read it."""
    return Page(write_page(Chosen(runs or [a_run()], all_of_model=all_of_model)))


def test_a_page_needs_nothing_from_elsewhere() -> None:
    """No script, no address, no file; the policy in its head says so to the browser."""
    text = write_page(Chosen([a_run()], all_of_model=False))
    page = Page(text)
    assert not [
        tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object", "image", "use")
    ]
    assert not [
        name for _, attributes in page.tags for name in attributes if name in ("src", "onload", "onclick")
    ]
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(", text)
    assert all(attributes["href"].startswith("#") for tag, attributes in page.tags if tag == "a")  # type: ignore[union-attr]
    assert "default-src 'none'" in text
    assert page.open == []


def test_every_picture_has_its_text_and_its_table() -> None:
    """Whoever does not see the charts has all the figures."""
    page = page_of()
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 6
    assert all(one["role"] == "img" and len(one["aria-label"] or "") > 20 for one in pictures)
    tables = [attributes for _, attributes in page.tags if attributes.get("role") == "region"]
    assert len(tables) == 7
    assert all(one["tabindex"] == "0" for one in tables)
    assert {one["aria-labelledby"] for one in tables} == set(page.tables)
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"][1:] == [
        f"#{name}" for name in SECTIONS
    ]
    assert {attributes.get("id") for tag, attributes in page.tags if tag == "section"} == set(SECTIONS)


def test_the_figures_are_those_of_the_run() -> None:
    """In the tables, as numbers."""
    page = page_of(all_of_model=False)
    figures = {name: value for name, (value, _) in cells(page, "figures").items()}
    assert (figures["Rows"], figures["Answered"], figures["Failed"], figures["Not asked"]) == (
        "6",
        "3",
        "1",
        "1",
    )
    assert (figures["Prompt tokens"], figures["Cost in US dollars"]) == ("20", "0.25")
    assert cells(page, "figures")["Cached tokens"] == [
        "5",
        "25 % of the prompt tokens, which the provider had in its cache",
    ]
    assert cells(page, "models") == {"gpt-1": ["2", "20", "10", "5", "25", "0", "0.25", "0"]}
    assert cells(page, "saved")["from the answer cache"] == ["1", "16.7"]
    assert cells(page, "errors") == {"400: no": ["1"]}
    assert cells(page, "slowest")["row 1"][0] == "180"
    assert cells(page, "slowest")["id = 7"][0] == "10"
    assert cells(page, "time") == {"0": ["0", "0"], "0.5": ["1", "0"], "1.5": ["3", "1"]}
    assert sum(int(number) for (number,) in cells(page, "latency").values()) == 2


def test_runs_of_a_model_are_summed_up() -> None:
    """And listed, newest first."""
    other = {"gpt-1": ModelUsage(1, 5, 5, 0, 0.5, 0), "claude": ModelUsage(4, 1, 1, 0, 0.0, 4)}
    page = page_of(a_run(ended="interrupted", models=other, reasons={"400: no": 2, "500: oh": 9}), a_run())
    assert cells(page, "figures")["Rows"][0] == "12"
    assert cells(page, "models") == {
        "claude": ["4", "1", "1", "0", "0", "0", "none", "4"],
        "gpt-1": ["3", "25", "15", "5", "20", "0", "0.75", "0"],
    }
    assert list(cells(page, "errors").items()) == [("500: oh", ["9"]), ("400: no", ["3"])]
    assert [row[-1] for row in page.tables["runs-table"][1:]] == ["interrupted", "done"]


def test_bars_of_latency_leave_no_gap() -> None:
    """What no answer took is a bar of height 0, and whatever the spread there are few bars."""
    page = page_of(a_run(latencies=LatencyHistogram({0: 3, 27: 1, 159: 2})))
    spans = [tuple(map(float, span.replace(",", "").split(" to "))) for span in cells(page, "latency")]
    assert [high for _, high in spans[:-1]] == [low for low, _ in spans[1:]]
    assert spans[0][0] <= 1
    assert spans[-1][1] > 960_000
    assert len(spans) <= 24


@pytest.mark.parametrize(
    "run",
    [
        a_run(models={}, latencies=LatencyHistogram(), reasons={}, slowest=[], moments=[], rows=0),
        a_run(models={"": ModelUsage(1, unpriced=1)}, cost=0.0, unpriced=1),
        a_run(
            models={"x" * 300: ModelUsage(1)},
            reasons={f"{'long ' * 50}{number}": number for number in range(20)},
        ),
    ],
)
@pytest.mark.parametrize("all_of_model", [True, False])
def test_little_and_much_can_be_drawn(run: RunRecord, all_of_model: bool) -> None:
    """Nothing asked, no model told, long names."""
    page = page_of(run, all_of_model=all_of_model)
    assert {attributes.get("id") for tag, attributes in page.tags if tag == "section"} == set(SECTIONS)


def test_a_thousand_runs_are_still_a_light_page() -> None:
    """The older ones are counted, and what is left out is said."""
    text = write_page(Chosen([a_run(started=1.8e9 - number) for number in range(1000)], all_of_model=True))
    assert len(text) < 250_000
    assert "800 older ones are left out" in text
    assert ">6,000<" in text


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.text() | st.sampled_from(["</style><script>alert(1)</script>", '" onload="x', "]]>", "<!--", "&amp;"])
)
def test_nothing_from_the_data_becomes_markup(text: str) -> None:
    """Names, reasons and models, whatever is in them."""
    plain = page_of(a_run())
    page = page_of(
        a_run(model=text, engine=text, reasons={text: 1}, models={text: ModelUsage(1, 2)}, trace_id=text)
    )
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags}
    assert {name for _, one in page.tags for name in one} <= {name for _, one in plain.tags for name in one}
    assert page.open == []
    shown = "".join(sign if sign.isprintable() else " " for sign in text.encode("utf-8", "replace").decode())
    assert [first for first, *_ in page.tables["errors-table"][1:]] == [shown]


# Which runs


def test_the_last_run_of_any_or_all_of_a_model(tmp_path: Path) -> None:
    """By name, and by engine where two have the same."""
    ledger = RunHistory(tmp_path)
    with pytest.raises(NotFoundError, match="no query is recorded"):
        choose(ledger, None)
    for engine, model in (("e", "m"), ("e", "m"), ("f", "m"), ("f", "n")):
        ledger.record(a_run(engine=engine, model=model), [])
    assert [(run.engine, run.model) for run in choose(ledger, None).runs] == [("f", "n")]
    assert len(choose(ledger, "e.m").runs) == 2
    assert len(choose(ledger, "n").runs) == 1
    with pytest.raises(NotFoundError, match=r"several engines have a model 'm'; write e\.m or f\.m"):
        choose(ledger, "m")
    with pytest.raises(NotFoundError, match="no run of a model 'x' is recorded; there are runs of m, n"):
        choose(ledger, "x")


# The command


def command(*arguments: str) -> Any:
    """Run `portkey-handler report` here."""
    return CliRunner().invoke(app, ["report", *arguments])


def test_the_command_writes_the_page(provider: OfflineProvider, tmp_path: Path) -> None:
    """Of what was asked a moment ago; it says where."""
    provider.behaviour.faults = _refusing_b
    handler = make_handler(
        {"base_url": provider.base_url}, {"model": "gpt-4o-mini", "on_error": "null", "max_attempts": 1}
    )
    handler.predict(pd.DataFrame({"q": ["a", "a", "b", None]}))
    path = tmp_path / "page.html"
    done = command("--output", str(path))
    assert (done.exit_code, done.stdout.strip()) == (0, str(path))
    page = Page(path.read_text(encoding="utf-8"))
    run = RunHistory(data_dir()).runs(most=1)[0]
    assert cells(page, "models")["gpt-4o-mini"][:3] == [
        "1",
        str(run.prompt_tokens),
        str(run.completion_tokens),
    ]
    assert cells(page, "saved")["equal to another row"] == ["1", "25"]
    assert list(cells(page, "errors").values()) == [["1"]]
    assert run.trace_id in path.read_text(encoding="utf-8")
    done = command("portkey_model", "--output", str(path))
    assert done.exit_code == 0
    assert "All recorded runs of portkey_engine.portkey_model" in path.read_text(encoding="utf-8")


def _refusing_b(request: RecordedRequest) -> Fault | None:
    return Fault(status=400) if '"b"' in str(request.body).replace("'", '"') else None


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, a folder to write to, and the library that draws, with how to install it."""
    done = command("--output", str(tmp_path / "page.html"))
    assert (done.exit_code, "no query is recorded" in done.output) == (1, True)
    RunHistory(data_dir()).record(a_run(), [])
    done = command("--output", str(tmp_path / "nowhere" / "page.html"))
    assert (done.exit_code, "cannot be written" in done.output) == (1, True)
    monkeypatch.setitem(sys.modules, "pygal", None)
    done = command("--output", str(tmp_path / "page.html"))
    assert (done.exit_code, 'pip install "portkey-handler[report]"' in done.output) == (1, True)
    with pytest.raises(UsageError, match="pygal, which is not installed"):
        write_page(Chosen([a_run()], all_of_model=False))
    assert not (tmp_path / "page.html").exists()
