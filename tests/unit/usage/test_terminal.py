"""What a person sees on a terminal while a query runs, after it, and after giving up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from support.terminal import COLUMNS, Terminal

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.usage.progress import Progress
from portkey_handler.usage.terminal import drawn

pytestmark = pytest.mark.slow

QUERY = """
CREATE ML_ENGINE e FROM portkey;
CREATE MODEL mood PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o-mini', concurrency = 4,
    on_error = 'null';
SELECT m.answer FROM files.t AS t JOIN mood AS m
"""
ROWS = 24
CTRL_S, CTRL_Q = b"\x13", b"\x11"
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"


@pytest.fixture
def slow(provider: OfflineProvider) -> OfflineProvider:
    """Give a stand-in that takes its time and refuses the first row."""

    def faults(request: RecordedRequest) -> Fault | None:
        refused = request.method == "POST" and "question 0" in str(request.body)
        return Fault(status=400, body={"error": {"message": "No \x1b[2Jsuch thing."}}) if refused else None

    provider.behaviour.latency = 0.4
    provider.behaviour.faults = faults
    return provider


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """Give a command that asks 24 rows."""
    frame = pd.DataFrame({"id": range(ROWS), "q": [f"question {row}" for row in range(ROWS)]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    output = str(tmp_path / "answers.csv")
    return ("-m", "portkey_handler", "sql", QUERY, "--files", str(tmp_path), "--output", output)


def test_a_block_lives_while_rows_are_asked(slow: OfflineProvider, command: tuple[str, ...]) -> None:
    """Rows, time left, speed, flight, requests, tokens, dollars, failures; at the end one line is left."""
    with Terminal(*command, environment={"PORTKEY_BASE_URL": slow.base_url}) as terminal:
        terminal.wait_for(lambda seen: any("failed" in line and "$" in seen.lines[-2] for line in seen.lines))
        first, facts, failures = terminal.lines[-3:]
        assert re.fullmatch(r"mood +[━╸╺ ]+ +\d+/24 +about \d+ s left", first)
        assert re.fullmatch(
            r"[\d.]+ rows/s, 4 in flight, \d+ requests, \d+ tokens, \$0\.0+\d\d", facts.strip()
        )
        assert failures == r"1 failed: 1 x 400: No \x1b[2Jsuch thing."
        assert terminal.screen.cursor.hidden
        assert terminal.finish() == 0
        engine, model, end, written, *_ = terminal.lines
        assert (engine, model) == ("engine e was created", "model mood was created")
        assert written.startswith("24 rows in")
        assert not terminal.screen.cursor.hidden
    assert re.fullmatch(r"mood: 23 answered, 1 failed, 24 requests, \d+ tokens, \$0\.0+\d\d, \d+\.\d s", end)


@pytest.mark.parametrize("times", [1, 2])
def test_giving_up_leaves_the_terminal_as_it_was(
    slow: OfflineProvider, command: tuple[str, ...], times: int
) -> None:
    """After Ctrl-C, and one more by who cannot wait: no block, a cursor, no traceback, and what is done."""
    if times == 2:
        slow.behaviour.latency = 30.0  # so that what is in flight does not land before the second one
    with Terminal(*command, environment={"PORTKEY_BASE_URL": slow.base_url}) as terminal:
        terminal.wait_for(lambda seen: any("in flight" in line for line in seen.lines))
        terminal.process.send_signal(signal.SIGINT)
        if times == 2:
            drawn_before = terminal.written.count(b"in flight")
            terminal.wait_for(lambda seen: seen.written.count(b"in flight") > drawn_before + 2)
            terminal.process.send_signal(signal.SIGINT)
        assert terminal.finish() != 0
        assert terminal.written.count(HIDDEN) == terminal.written.count(SHOWN) >= 1
        assert not terminal.screen.cursor.hidden
    said = "\n".join(terminal.lines)
    assert "Traceback" not in said
    assert "in flight" not in said
    if times == 1:
        assert re.search(r"mood: interrupted; \d+ of 24 rows are done and cached", said)


def test_a_terminal_that_stands_still_stops_no_query(slow: OfflineProvider, command: tuple[str, ...]) -> None:
    """Ctrl-S holds what is written, and rows are asked all the same; Ctrl-Q shows the end."""
    with Terminal(*command, environment={"PORTKEY_BASE_URL": slow.base_url}) as terminal:
        terminal.wait_for(lambda seen: any("in flight" in line for line in seen.lines))
        terminal.type(CTRL_S)
        until = time.monotonic() + 30
        while slow.answered < ROWS - 1:
            assert time.monotonic() < until, slow.answered
            time.sleep(0.05)
        terminal.type(CTRL_Q)
        assert terminal.finish() == 0
        assert any(line.startswith("mood: 23 answered, 1 failed, ") for line in terminal.lines)


def test_nothing_lives_in_a_pipe(slow: OfflineProvider, command: tuple[str, ...]) -> None:
    """Without a terminal stderr gets the line about the end, and nothing that moves a cursor."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PORTKEY_BASE_URL": slow.base_url, "PORTKEY_HANDLER_LOG_SECONDS": "0.3"},
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("mood: 23 answered, 1 failed, ")
    assert "\x1b" not in done.stderr
    assert "rows/s" not in done.stdout


def test_who_asks_for_more_sees_lines_above_the_block(
    slow: OfflineProvider, command: tuple[str, ...]
) -> None:
    """With -v the log's lines stand whole on lines of their own, and the block goes on below them."""
    environment = {"PORTKEY_BASE_URL": slow.base_url, "PORTKEY_HANDLER_LOG_SECONDS": "0.5"}
    with Terminal(*command, "-v", environment=environment) as terminal:
        assert terminal.finish() == 0
    said = " ".join(terminal.lines)
    assert len(re.findall(r"mood: \d+ of 24 rows \(\d+ %\), [\d.]+ rows/s", said)) >= 2
    assert not any("━" in line for line in terminal.lines)


@pytest.mark.parametrize("width", [40, COLUMNS, 200])
def test_the_block_fits_every_width(width: int) -> None:
    """Long names, large numbers and long reasons are cut or wrapped, so that no line is too long."""
    progress = Progress(
        "a_model_with_quite_a_long_name_that_nobody_can_read",
        1_234_567,
        12_345_678,
        failed=12_345,
        kept=1_000_000,
        requests=2_345_678,
        flight=10_000,
        reasons=[(f"{status}: {'[bold]the same reason again ' * 5}", 4_115) for status in (400, 429, 500)],
        tokens=123_456_789,
        cost=1234.5,
        unpriced=17,
        rows_per_second=1234.5,
        seconds_left=123_456.0,
    )
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(drawn(progress))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= width
    assert width < COLUMNS or "1,234,567/12,345,678" in lines[0]
    assert "12,345 failed: 4,115 x 400: [bold]the" in lines[-1]
