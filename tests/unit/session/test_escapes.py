"""An escape sequence in a statement, a file or a row is in no error and no line of the log as it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.escapes import CANARY, FORGED, X, acting
from support.planted_keys import KEPT, MISPLACED, SLIPS, all_of, statements_of, with_key

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

#: Files cannot have a slash in their names.
NAME = X.replace("/", "|")
FILES = {
    f"whole{NAME}.csv": "a\n1\n",
    f"bytes{NAME}.csv": b"\xff\xfe\x00broken",
    f"book{NAME}.xlsx": "no workbook",
    f"json{NAME}.json": f"{{broken {X}",
    f"parquet{NAME}.parquet": "no parquet",
    f"gzip{NAME}.csv.gz": "no gzip",
    "columns.csv": f'q,"c{X}"\none,"cell {X}"\n',
    "twice.csv": f'"c{X}","c{X}"\n1,2\n',
    "no_end.csv": f'a,b\n1,"x{X}\n2,3\n',
    "too_many.csv": f"a,b\n1,x\n2,3,4,{CANARY}\n",
    "broken.jsonl": f'{{"a": 1}}\n{{"a": {CANARY}}}\n',
}
#: Statements about them, and models that read rows with the canary in different ways.
STATEMENTS = [
    *(f"SELECT * FROM files.`{name.split('.')[0]}`" for name in FILES),
    "SELECT nothing FROM files.columns",
    "INSERT INTO files.columns VALUES (1, 2, 3)",
    "INSERT INTO files.columns (nothing) VALUES (1)",
    "SELECT CAST(q AS INT) FROM r",
    "SELECT nothing FROM r",
    *(
        f"CREATE OR REPLACE MODEL m PREDICT y USING engine = 'e', {options}; SELECT r.q, m.y FROM r JOIN m"
        for options in (
            "column = 'nothing'",
            "prompt_template = '{{ nothing }}'",
            "prompt_template = '{{ q | number }}'",
            "messages_column = 'q'",
            "column = 'q', image_column = 'id'",
            "column = 'q', model = '{{ q }}'",
            "column = 'q', metadata = {'a': '{{ q }}'}",
            "column = 'q', dry_run = true",
        )
    ),
]


@pytest.fixture
def session(provider: OfflineProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Give a session whose folders, files, columns, rows and answers have the canary."""
    provider.behaviour.answer = lambda _: f"answer {X}"
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(tmp_path / f"home{NAME}"))
    folder = tmp_path / f"files{NAME}"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "t.csv").write_text("a\n1\n")
    with Session(tmp_path / f"session{NAME}", files=folder) as opened:
        opened.register("r", pd.DataFrame({"id": [f"k{CANARY}"], f"c{X}": [1], "q": [f"x{X}"]}))
        opened.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false; "
            "CREATE MODEL m0 PREDICT y USING engine = 'e', column = 'q'"
        )
        yield opened


@pytest.mark.parametrize("canary", [f"x{CANARY}", f"x{X}"])
def test_a_statement_acts_nowhere(session: Session, canary: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever part of it errors and the log repeat: names, options, values."""
    caplog.set_level(logging.DEBUG)
    failed = [
        error
        for script in (*SLIPS, *MISPLACED, *KEPT)
        for statement in statements_of(with_key(script, canary))
        if (error := _error(session, statement)) is not None
    ]
    assert len(failed) > len(SLIPS) + 0.9 * len(MISPLACED)
    assert [signs for error in failed if (signs := acting(error))] == []
    assert acting(_log(caplog)) == []


def test_files_and_rows_act_nowhere(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """The names of files, folders and columns, what is in broken files, cells."""
    caplog.set_level(logging.DEBUG)
    failed = [_error(session, one) for statement in STATEMENTS for one in statements_of(statement)]
    assert sum(error is not None for error in failed) >= 15
    assert [signs for error in failed if error is not None and (signs := acting(error))] == []
    assert acting(_log(caplog)) == []
    problems = session.sql("SHOW FILES")["PROBLEM"]
    assert problems.notna().sum() >= 4
    assert acting("".join(filter(None, problems))) == []


def test_names_of_models_begin_no_line(session: Session) -> None:
    """A model that is called like a line of the log is refused, and so are targets and engines."""
    for statement in (
        f"CREATE MODEL `m{FORGED}` PREDICT a USING engine = 'e', column = 'q'",
        f"CREATE MODEL m PREDICT `a{FORGED}` USING engine = 'e', column = 'q'",
        f"CREATE ML_ENGINE `e{FORGED}` FROM portkey USING check = false",
    ):
        with pytest.raises(
            PortkeyHandlerError, match="has a control character in it; choose another"
        ) as caught:
            session.sql(statement)
        assert acting(str(caught.value)) == []


def _error(session: Session, statement: str) -> str | None:
    try:
        session.sql(statement)
    except PortkeyHandlerError as error:
        return all_of(error)
    return None


def _log(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()}{record.args}" for record in caplog.records)
