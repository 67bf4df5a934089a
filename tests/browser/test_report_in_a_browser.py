"""The report in a real browser: drawn, readable in the dark and on a small screen, reached by keyboard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium.webdriver.common.keys import Keys
from support import unavailable
from support.browser import BrowserUnavailableError, browser, show
from support.storage import make_handler

from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.host.data_dir import data_dir
from portkey_handler.usage.report import choose, write_page
from portkey_handler.usage.run_history import RunHistory

#: Contrast of text to what is behind it that WCAG 2.2 asks for at level AA.
ENOUGH = 4.5
#: Contrast of parts of a picture.
ENOUGH_DRAWN = 3.0

_DRAWN = """
return [...document.querySelectorAll('svg')].map(svg => {
    const box = svg.getBoundingClientRect();
    const shapes = [...svg.querySelectorAll('.series rect, .series path, .series circle')]
        .map(shape => shape.getBoundingClientRect()).filter(one => one.width * one.height > 4);
    return {width: box.width, height: box.height, shapes: shapes.length,
            inside: shapes.every(one => one.left >= box.left - 1 && one.right <= box.right + 1)};
});
"""
_CONTRAST = """
const parse = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const behind = element => {
    for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!/, 0\\)$|transparent/.test(colour)) return parse(colour);
    }
    return [255, 255, 255];
};
const told = [...document.querySelectorAll('h1, h2, p, a, li, th, td, caption, figcaption')]
    .map(one => [ratio(parse(getComputedStyle(one).color), behind(one)), one.textContent]);
const drawn = [...document.querySelectorAll('svg text')].filter(one => one.textContent.trim())
    .map(one => [ratio(parse(getComputedStyle(one).fill), behind(one.closest('figure'))), one.textContent]);
const shapes = [...document.querySelectorAll('svg .series rect.rect')]
    .map(one => [ratio(parse(getComputedStyle(one).fill), behind(one.closest('figure'))), one.outerHTML]);
return {text: [...told, ...drawn].sort((a, b) => a[0] - b[0])[0],
        shapes: shapes.sort((a, b) => a[0] - b[0])[0], paper: light(behind(document.body))};
"""
_FOCUS = """
const at = document.activeElement, style = getComputedStyle(at);
const name = at.getAttribute('aria-labelledby') || at.getAttribute('href') || '';
return [name, style.outlineStyle, style.outlineWidth];
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """Give a browser; where it can't be had the test skips, or fails in CI."""
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(browser())
        except BrowserUnavailableError as reason:
            unavailable(str(reason))
        yield started


@pytest.fixture(params=["last", "all"])
def page(request: pytest.FixtureRequest, provider: OfflineProvider, tmp_path: Path) -> Path:
    """Give the page of two queries, with all that can be drawn."""
    provider.behaviour.faults = lambda asked: Fault(status=400) if "bad" in str(asked.body) else None
    using = {"model": "gpt-4o-mini", "on_error": "null", "max_attempts": 1}
    handler = make_handler({"base_url": provider.base_url}, using)
    for number in (30, 60):
        texts = [f"text {row % 50}" for row in range(number)] + ["bad <b>", None]
        handler.predict(pd.DataFrame({"q": texts}))
    model = "portkey_model" if request.param == "all" else None
    path = tmp_path / "page.html"
    path.write_text(write_page(choose(RunHistory(data_dir()), model)), encoding="utf-8")
    return path


def test_charts_are_drawn_and_nothing_is_complained_of(running: Any, page: Path) -> None:
    """Every one has a size and shapes inside it; the console is empty and nothing was loaded."""
    show(running, page)
    drawn = running.execute_script(_DRAWN)
    assert len(drawn) == 6
    assert all(one["width"] > 300 and one["height"] > 90 for one in drawn)
    assert all(one["shapes"] and one["inside"] for one in drawn), drawn
    assert running.get_log("browser") == []
    assert running.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(scheme: str, running: Any, page: Path) -> None:
    """The paper follows what the person prefers, and text and bars stand out from it."""
    show(running, page, scheme)
    found = running.execute_script(_CONTRAST)
    assert (found["paper"] > 0.5) == (scheme == "light")
    assert found["text"][0] >= ENOUGH, found["text"]
    assert found["shapes"][0] >= ENOUGH_DRAWN, found["shapes"]


def test_the_keyboard_reaches_everything(running: Any, page: Path) -> None:
    """First the way past the links, then each link, then each table, in the page's order, and seen."""
    show(running, page)
    wanted = running.execute_script(
        "return [...document.querySelectorAll('a, .table')]"
        ".map(one => one.getAttribute('aria-labelledby') || one.getAttribute('href'))"
    )
    assert len(wanted) >= 1 + 7 + 7
    body = running.find_element("tag name", "body")
    reached = []
    for _ in wanted:
        (running.switch_to.active_element if reached else body).send_keys(Keys.TAB)
        name, outline, width = running.execute_script(_FOCUS)
        reached.append(name)
        assert (outline, width) == ("solid", "3px"), name
    assert reached == wanted


def test_the_first_key_leads_past_the_links(running: Any, page: Path) -> None:
    """Tab, Enter, Tab: the first table."""
    show(running, page)
    running.find_element("tag name", "body").send_keys(Keys.TAB)
    running.switch_to.active_element.send_keys(Keys.ENTER)
    running.switch_to.active_element.send_keys(Keys.TAB)
    assert running.execute_script(_FOCUS)[0] == "figures-table"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_screen_has_no_page_to_push_sideways(scheme: str, running: Any, page: Path) -> None:
    """Wide tables scroll in themselves."""
    show(running, page, scheme, width=360)
    widths = running.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1] == 360
