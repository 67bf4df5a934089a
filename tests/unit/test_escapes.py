"""An escape sequence in any text of a reply is in no error, log, record or table as it is; results keep it."""

from __future__ import annotations

import io
import logging
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from support.escapes import CANARY, FORGED, REPLIES, SHOWN, X, acting
from support.planted_keys import all_of

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session
from portkey_handler.usage.progress import Progress
from portkey_handler.usage.report import choose, write_page
from portkey_handler.usage.result_table import print_table
from portkey_handler.usage.run_history import RunHistory
from portkey_handler.usage.terminal import drawn

#: Options of models that read a reply in different ways.
MODELS = {
    "chat": "column = 'q'",
    "one row fails alone": "column = 'q', on_error = 'null', evidence = true",
    "typed": "column = 'q', output = 'mood string, score float', on_error = 'null', evidence = true",
    "completion": "mode = 'completion', column = 'q', on_error = 'null', evidence = true",
    "embedding": "mode = 'embedding', model = 'x', column = 'q', on_error = 'null'",
    "request": "mode = 'request', path = '/rerank', body = {'a': '{{ q }}'}, answer = '$.x', on_error = 'null'",
}
#: What a model's text is in the evidence, as it is.
OF_THE_MODEL = ("raw", "reasoning", "logprobs")


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_acts_nowhere(
    reply: str,
    provider: OfflineProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Whatever reads it: errors, reasons, evidence, the log, DESCRIBE, and tables of a terminal."""
    provider.behaviour.faults = lambda _: REPLIES[reply]
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    caplog.set_level(logging.DEBUG)
    told: dict[str, str] = {}
    with Session() as session:
        session.register("t", pd.DataFrame({"id": [1], "q": ["x"]}))
        session.sql("CREATE ML_ENGINE e FROM portkey USING check = false")
        for name, options in MODELS.items():
            model = f"m{len(told)}"
            session.sql(f"CREATE MODEL {model} PREDICT a USING engine = 'e', max_attempts = 1, {options}")
            try:
                told[name] = _told(session.sql(f"SELECT t.id, m.* FROM t JOIN {model} AS m"))
            except PortkeyHandlerError as error:
                told[name] = all_of(error)
        for number, (name, table) in enumerate(product([*MODELS][:2], ("runs", "usage", "errors"))):
            told[f"{name}, {table}"] = _raw(session.sql(f"DESCRIBE m{number // 3}.{table}"))
    told["log"] = "\n".join(f"{record.getMessage()}{record.args}" for record in caplog.records)
    told["terminal"] = "".join(capsys.readouterr())
    assert {where: signs for where, text in told.items() if (signs := acting(text))} == {}


def _told(rows: pd.DataFrame) -> str:
    """Return what this package says in a result, and write all of it as a table, as a terminal gets it."""
    print_table(rows.columns, rows.itertuples(index=False, name=None), len(rows))
    (evidence,) = rows.get("a_evidence", [None])
    known = [str(value) for name, value in (evidence or {}).items() if name not in OF_THE_MODEL]
    return _raw(rows[[name for name in rows if name.endswith("_error")]]) + "".join(known)


def _raw(rows: pd.DataFrame) -> str:
    """Return all cells, without quotes that would write out what acts."""
    return "".join(str(cell) for row in rows.itertuples(index=False, name=None) for cell in row)


def test_a_result_keeps_what_the_model_wrote(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In frames and in files: a program reads the data as it is."""
    provider.behaviour.answer = lambda _: f"answer {X}"
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session(files=tmp_path) as session:
        session.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false; "
            "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q'; "
            "CREATE TABLE files.kept (SELECT a FROM m WHERE q = 'x')"
        )
        assert session.sql("SELECT a FROM m WHERE q = 'x'")["a"].tolist() == [f"answer {X}"]
        assert session.sql("SELECT a FROM files.kept")["a"].tolist() == [f"answer {X}"]
    (file,) = tmp_path.glob("kept.*")
    assert f"answer {CANARY}".encode() in file.read_bytes()


def test_nothing_is_left_out_of_a_provider_s_words() -> None:
    """What acts is written out, and nothing is left out; the replies above have it."""
    shown = str(PortkeyHandlerError(f"no {X}"))
    assert shown == f"no {SHOWN}\\n{FORGED[1:]}"
    assert acting(CANARY) == acting(X)[:-1] != []


def test_progress_acts_nowhere() -> None:
    """In a terminal's block, in a notebook's line and in the log."""
    progress = Progress(f"m{X}", 1, 2, failed=1, reasons=[(f"no {X}", 1)])
    terminal = Console(file=io.StringIO(), force_terminal=True, width=200)
    terminal.print(drawn(progress))
    block: str = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert acting(block) == []
    assert "m\\x1b[2J" in block
    for line in (str(progress), str(Progress(f"m{X}", 2, 2, ended=f"m{X}: done"))):
        assert acting(line) == []
        assert line.startswith(f"m{SHOWN}\\n2026-01-01 00:00:00 ERROR all is lost: ")


def test_a_report_acts_nowhere(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A page has the names of models and the reasons, without what acts."""
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(tmp_path))
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    replies = [REPLIES["an answer"], REPLIES["bad request"], REPLIES["filtered"]]
    provider.behaviour.faults = lambda request: replies[request.number % 3]
    with Session() as session:
        session.register("t", pd.DataFrame({"q": ["x", "y", "z"]}))
        session.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false; "
            "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', on_error = 'null', max_attempts = 1; "
            "SELECT m.a FROM t JOIN m"
        )
    page = write_page(choose(RunHistory(tmp_path), "m"))
    assert acting(page) == []
    assert "all is lost" in page
