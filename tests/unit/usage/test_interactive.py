"""What a person sees of a script on a terminal, and what a program that configures logging does not see."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.storage import make_handler
from support.terminal import Terminal

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

SETUP = """
import sys
import pandas as pd
from portkey_handler import Session, ask

rows = pd.DataFrame({"q": [f"question {row}" for row in range(12)]})
session = Session()
session.register("t", rows)
session.sql(\"\"\"
    CREATE ML_ENGINE e FROM portkey;
    CREATE MODEL mood PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o-mini', concurrency = 4
\"\"\")
"""
SQL = "session.sql('SELECT m.answer FROM t JOIN mood AS m')\n"
ASK = "ask(rows, column='q', model='gpt-4o-mini', target='mood', concurrency=4)\n"
THREADS = """
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor() as pool:
    for name in ("one", "two", "three"):
        pool.submit(ask, rows, column="q", model="gpt-4o-mini", target=name, concurrency=4, reuse="never")
"""
END = r"mood: 12 answered, 12 requests, \d+ tokens, \$0\.0+\d\d, \d\.\d s"
LOGGED = "import logging\nlogging.basicConfig(level=logging.INFO, format='%(name)s says %(message)s')\n"


@pytest.fixture
def provider(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch) -> OfflineProvider:
    """Give a slow stand-in, named by the environment."""
    provider.behaviour.latency = 0.4
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    return provider


@pytest.fixture
def script(tmp_path: Path, provider: OfflineProvider) -> Path:
    """Give the path of a script to be written."""
    return tmp_path / "script.py"


@pytest.mark.parametrize("query", [SQL, ASK])
def test_a_script_on_a_terminal_shows_its_progress(script: Path, query: str) -> None:
    """The block lives while rows are asked, and the line about the end stays; no logging is configured."""
    script.write_text(SETUP + query)
    with Terminal(str(script), environment={}) as terminal:
        terminal.wait_for(lambda seen: any("4 in flight" in line for line in seen.lines))
        assert terminal.finish() == 0
        (end,) = terminal.lines
        assert not terminal.screen.cursor.hidden
    assert re.fullmatch(END, end), end


def test_queries_at_a_time_share_the_terminal(script: Path) -> None:
    """One of them has the block, and each has its line."""
    script.write_text(SETUP + THREADS)
    with Terminal(str(script), environment={}) as terminal:
        terminal.wait_for(lambda seen: any("4 in flight" in line for line in seen.lines))
        assert terminal.finish() == 0
        assert not terminal.screen.cursor.hidden
        ends = terminal.lines
    assert sorted(line.partition(":")[0] for line in ends) == ["one", "three", "two"], ends


def test_a_program_that_configures_logging_gets_records_alone(script: Path) -> None:
    """Nothing is written beside them, and the terminal's block is not even loaded."""
    script.write_text(LOGGED + SETUP + SQL + "assert 'portkey_handler.usage.terminal' not in sys.modules\n")
    with Terminal(str(script), environment={}) as terminal:
        assert terminal.finish() == 0
        said = terminal.written.decode().strip()
    assert re.fullmatch(f"portkey_handler.predictor says {END}", said), said


def test_a_library_that_silences_the_package_hears_nothing(script: Path) -> None:
    """A handler that drops everything is a configuration, too."""
    silent = "import logging\nlogging.getLogger('portkey_handler').addHandler(logging.NullHandler())\n"
    script.write_text(silent + SETUP + SQL)
    with Terminal(str(script), environment={}) as terminal:
        assert terminal.finish() == 0
        assert terminal.lines == []


@pytest.mark.parametrize(("logging", "wanted", "lines"), [("", "0", 0), (LOGGED, "1", 2)])
def test_the_environment_decides(script: Path, logging: str, wanted: str, lines: int) -> None:
    """0 shows nothing, 1 shows it beside the records."""
    script.write_text(logging + SETUP + SQL)
    with Terminal(str(script), environment={"PORTKEY_HANDLER_PROGRESS": wanted}) as terminal:
        assert terminal.finish() == 0
        assert terminal.written.count(b"mood: 12 answered") == lines
        assert (b"in flight" in terminal.written) == bool(lines)


def test_another_word_in_the_environment_is_an_error(
    script: Path, monkeypatch: pytest.MonkeyPatch, provider: OfflineProvider
) -> None:
    """It names the variable and what it takes, before anything is sent."""
    from portkey_handler import Session, UsageError

    monkeypatch.setenv("PORTKEY_HANDLER_PROGRESS", "yes")
    with pytest.raises(UsageError) as caught:
        Session().sql("CREATE ML_ENGINE e FROM portkey")
    assert str(caught.value) == (
        "the variable PORTKEY_HANDLER_PROGRESS is 'yes'; it takes 0 to show no progress, or 1 to show it also "
        "where a program configures logging"
    )
    assert provider.requests == []


@pytest.mark.parametrize(("environment", "said"), [({}, ""), ({"PORTKEY_HANDLER_PROGRESS": "1"}, END)])
def test_nothing_is_shown_in_a_pipe(script: Path, environment: dict[str, str], said: str) -> None:
    """Servers and cron have no terminal; who asks for it has the line about the end, and no block."""
    ours = "portkey_handler.usage.terminal"
    script.write_text(f"{SETUP}\n{SQL}\nassert not {{'IPython', '{ours}'}} & set(sys.modules)\n")
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
    )
    assert re.fullmatch(said, done.stderr.strip()), done.stderr
    assert done.stdout == ""


def test_an_interrupt_is_said_once(script: Path, provider: OfflineProvider) -> None:
    """Python shows the warning of the log; the block is gone, and what is done is said."""
    provider.behaviour.latency = 1.0
    script.write_text(SETUP + ASK)
    with Terminal(str(script), environment={}) as terminal:
        terminal.wait_for(lambda seen: any("in flight" in line for line in seen.lines))
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.finish() != 0
        assert not terminal.screen.cursor.hidden
        assert terminal.written.count(b"mood: interrupted; ") == 1
        assert not any("in flight" in line for line in terminal.lines)


def test_a_dry_run_says_its_line(script: Path) -> None:
    """Also where its result is not looked at."""
    script.write_text(SETUP + "session.sql('SELECT m.answer FROM t JOIN mood AS m USING dry_run = true')\n")
    with Terminal(str(script), environment={}) as terminal:
        assert terminal.finish() == 0
        said = " ".join(terminal.lines)
    assert said.startswith("mood: a dry run, nothing was sent: 12 rows, 12 requests, about ")


@pytest.mark.parametrize("wrong", ["session.sql('DESCRIBE nobody')", "ask(rows, column='x', model='m')"])
def test_a_wrong_name_is_no_page_of_frames(script: Path, wrong: str) -> None:
    """The user's line, one frame of this package, and the message."""
    script.write_text(f"{SETUP}\n{wrong}\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    places = [line for line in lines if line.startswith("  File ")]
    assert len(places) == 2
    assert str(script) in places[0]
    assert re.match(r"portkey_handler\.errors\.\w+Error: ", lines[-1])


def test_developers_keep_the_frames(script: Path) -> None:
    """With the package's log at DEBUG, the traceback is whole."""
    debug = "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
    script.write_text(f"{debug}{SETUP}\nsession.sql('DESCRIBE nobody')\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert "catalog.py" in done.stderr


def test_a_handler_shows_nothing(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MindsDB calls it, whose terminal is not the user's; not even where the variable wants it."""
    monkeypatch.setenv("PORTKEY_HANDLER_PROGRESS", "1")
    handler = make_handler({"base_url": provider.base_url}, {"model": "gpt-4o-mini"})
    assert handler.predict(pd.DataFrame({"q": ["a"]}))["answer"].notna().all()
    assert capfd.readouterr() == ("", "")
