"""Foreign text in a terminal or a log: escape sequences and marks of direction are written out, not obeyed."""

from __future__ import annotations

import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.foreign_text import visible
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.predictor import ask
from portkey_handler.session import Session

#: Clears the screen, sets the title, C1, right to left, a line that forges another.
CANARY = "\x1b[2J\x1b]0;title\x07\x9b31m\u202egnp.exe\u2066\u200f\r"
SHOWN = "\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\u202egnp.exe\\u2066\\u200f\\r"
ACTING = ("\x1b[2J", "\x1b]0", "\x07", "\x9b", "\u202e", "\u2066", "\u200f")


def test_what_acts_is_written_out() -> None:
    """Letters of every language, emoji, tabs and line breaks stay."""
    assert visible(CANARY) == SHOWN
    for text in ("plain", "日本 🙂 é", "👩‍👩‍👧", "עברית العربية", "a\tb\nc", "half \ud83d"[:4]):
        assert visible(text) == text
    assert visible("half \ud83d") == "half \\ud83d"


def test_errors_are_safe_to_show(provider: OfflineProvider) -> None:
    """Of providers, of names, of files."""
    provider.behaviour.faults = lambda _: Fault(
        status=400, body={"error": {"message": f"no {CANARY}"}}, headers={"x-portkey-provider": "p"}
    )
    rows = ask(
        pd.DataFrame({"q": ["a"]}), column="q", engine={"base_url": provider.base_url}, on_error="null"
    )
    assert not any(sign in rows["answer_error"][0] for sign in ACTING)
    error = PortkeyHandlerError(f"the table {CANARY} does not exist")
    assert str(error) == f"the table {SHOWN} does not exist"


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT * FROM `x{CANARY}`",
        f"SELECT `x{CANARY}` FROM t",
        f"DESCRIBE `x{CANARY}`",
        f"SELECT 'x{CANARY}' FRM t WHERE",
        f"SELECT nothing('{CANARY}')",
        f"CREATE ML_ENGINE e FROM portkey USING `x{CANARY}` = 1",
        f"CREATE ML_ENGINE e FROM `x{CANARY}`",
        f"CREATE ML_ENGINE `x{CANARY}` FROM portkey USING check = false",
        f"CREATE ML_ENGINE e FROM portkey USING on_error = 'x{CANARY}'",
        f"SET files.t.encoding = 'x{CANARY}'",
    ],
)
def test_errors_of_statements_are_safe_to_show(statement: str) -> None:
    """Whatever part of the statement they repeat."""
    with Session() as session:
        session.register("t", pd.DataFrame({"a": [1]}))
        with pytest.raises(PortkeyHandlerError) as caught:
            session.sql(statement)
    assert not any(sign in str(caught.value) for sign in ACTING)


def test_a_name_forges_no_line_of_a_log(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A model that is called like a line of the log is refused, and so are targets."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session() as session, caplog.at_level(logging.DEBUG):
        session.sql("CREATE ML_ENGINE e FROM portkey USING check = false")
        for statement in (
            "CREATE MODEL `m\nERROR all is lost` PREDICT a USING engine = 'e', column = 'q'",
            "CREATE MODEL m PREDICT `a\nERROR all is lost` USING engine = 'e', column = 'q'",
        ):
            with pytest.raises(PortkeyHandlerError, match="has a control character in it; choose another"):
                session.sql(statement)
    assert not any("\nERROR" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["table", "csv", "json"])
def test_a_terminal_is_not_acted_on(fmt: str, provider: OfflineProvider, tmp_path: Path) -> None:
    """Answers, names of columns and models, what a provider says: 14 of 14 places were raw."""
    provider.behaviour.answer = lambda _: f"answer {CANARY}"
    (tmp_path / "t.csv").write_text(f'q,"col{CANARY[:-1]}"\none,"cell {CANARY[:-1]}"\n', encoding="utf-8")
    sql = (
        "CREATE ML_ENGINE e FROM portkey USING check = false; "
        "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt-4o-mini'; "
        "SELECT t.*, m.a FROM files.t AS t JOIN m; SHOW FILES;"
    )
    command = [sys.executable, "-m", "portkey_handler", "sql", sql, "--files", str(tmp_path), "--format", fmt]
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [*command, "--verbose"],
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url, "TERM": "dumb", "COLUMNS": "200"},
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
    )
    os.close(secondary)
    shown = b""
    while True:
        try:
            piece = os.read(primary, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(primary)
    assert process.wait() == 0
    text = shown.decode("utf-8", "replace")
    assert "answer \\x1b[2J" in text or "answer \\\\" in text or "\\u001b" in text
    assert not any(sign in text for sign in ACTING)


@pytest.mark.slow
def test_a_pipe_gets_the_data_as_it_is(provider: OfflineProvider, tmp_path: Path) -> None:
    """A program reads what the model wrote."""
    provider.behaviour.answer = lambda _: "\x1b[31mred"
    sql = (
        "CREATE ML_ENGINE e FROM portkey USING check = false; CREATE MODEL m PREDICT a USING engine = 'e', "
        "column = 'q', model = 'gpt-4o-mini'; SELECT a FROM m WHERE q = 'x'"
    )
    done = subprocess.run(
        [sys.executable, "-m", "portkey_handler", "sql", sql, "--files", str(tmp_path), "--format", "csv"],
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"a\n\x1b[31mred\n"
