from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import AlreadyExistsError, NotFoundError, OptionError, StatementError, UsageError
from portkey_handler.session import Session

CANARY = "sk-canary"


def test_kept_in_a_folder(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """A second session finds what the first one made; only its owner can read it."""
    home = tmp_path / "home"
    open_session(home).sql(
        f"CREATE ML_ENGINE e FROM portkey USING api_key = '{CANARY}';"
        "CREATE MODEL m PREDICT answer USING engine = 'e'"
    )

    assert open_session(home).sql("SELECT answer FROM m WHERE text = 'a'")["answer"].tolist() == ["A"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert not any(CANARY in path.name for path in home.iterdir())


def test_writers_do_not_lose_each_other(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Sessions that write at the same time all find their engines afterwards."""
    sessions = [open_session(tmp_path / "home") for _ in range(8)]
    threads = [
        threading.Thread(target=session.sql, args=(f"CREATE ML_ENGINE e{number} FROM portkey",))
        for number, session in enumerate(sessions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sessions[0].sql("SHOW ML_ENGINES")) == 8


def test_keys_are_not_shown(open_session: Callable[..., Session]) -> None:
    """SHOW and DESCRIBE mask what is not known to be harmless, and passwords in addresses."""
    session = open_session()
    session.sql(
        f"CREATE ML_ENGINE e FROM portkey USING api_key = '{CANARY}', apikee = '{CANARY}', "
        f'headers = {{"x": "{CANARY}"}}, base_url = \'http://u:{CANARY}@h/v1\''
    )

    shown = session.sql("SHOW ML_ENGINES")
    texts = [shown.to_string(), repr(session), session.sql("DESCRIBE ML_ENGINE e").to_string(),
             session.sql("SELECT * FROM ml_engines").to_string()]  # fmt: skip

    assert shown["CONNECTION_DATA"][0] == {
        "api_key": "******", "apikee": "******", "headers": "******", "base_url": "http://******@h/v1",
    }  # fmt: skip
    assert not any(CANARY in text for text in texts)


def test_engine_life(open_session: Callable[..., Session]) -> None:
    """Engines are made once, dropped when no model needs them, and missing ones are named."""
    session = open_session()
    session.sql("CREATE ML_ENGINE e FROM portkey; CREATE ML_ENGINE IF NOT EXISTS E FROM portkey")
    with pytest.raises(AlreadyExistsError, match="the engine e exists already"):
        session.sql("CREATE ML_ENGINE e FROM portkey")
    with pytest.raises(NotFoundError, match="the handler openai is not here"):
        session.sql("CREATE ML_ENGINE o FROM openai")
    with pytest.raises(ValueError, match="bad option"):
        session.sql("CREATE ML_ENGINE b FROM portkey USING bad = true")
    session.sql("CREATE MODEL m PREDICT answer USING engine = 'e'")
    with pytest.raises(UsageError, match="the engine e is used by the model m"):
        session.sql("DROP ML_ENGINE e")
    session.sql("DROP MODEL m; DROP ML_ENGINE e; DROP ML_ENGINE IF EXISTS e")
    with pytest.raises(NotFoundError, match="the engine e does not exist"):
        session.sql("DROP ML_ENGINE e")
    assert len(session.sql("SHOW ML_ENGINES")) == 0


def test_model_life(session: Session) -> None:
    """Models are made once or replaced, retrained into versions, described and dropped."""
    with pytest.raises(AlreadyExistsError, match="the model m exists already"):
        session.sql("CREATE MODEL m PREDICT answer USING engine = 'e'")
    session.sql("CREATE MODEL IF NOT EXISTS m PREDICT answer USING engine = 'e'")
    session.sql("RETRAIN m USING prefix = 'x', active = false")
    assert session.sql("SELECT answer FROM m WHERE text = 'a'")["answer"].tolist() == ["A"]
    session.sql("RETRAIN m USING prefix = 'x'")
    assert session.sql("SELECT answer FROM m WHERE text = 'a'")["answer"].tolist() == ["xA"]
    assert session.sql("DESCRIBE m.args").to_dict("list") == {
        "name": ["column", "prefix"],
        "value": ["text", "x"],
    }
    assert session.sql("DESCRIBE MODEL mindsdb.m")["TABLES"].tolist() == [["args"]]
    assert session.sql("SHOW MODELS WHERE name = 'm' AND active = true")["VERSION"].tolist() == [3]
    session.sql("CREATE OR REPLACE PREDICTOR m PREDICT other USING engine = 'e'")
    assert session.sql("SHOW MODELS LIKE 'm'")["PREDICT"].tolist() == ["other"]
    session.sql("DROP MODEL mindsdb.m; DROP MODEL IF EXISTS m")
    with pytest.raises(NotFoundError, match="the model m does not exist"):
        session.sql("DROP MODEL m")


def test_model_from_data(session: Session) -> None:
    """FROM files (SELECT …) hands its rows to the handler."""
    session.sql(
        "CREATE MODEL d FROM files (SELECT * FROM reviews WHERE stars > 2) PREDICT answer USING engine = 'e'"
    )

    assert session._catalog.model("d").storage["args"]["rows"] == 3


def test_engine_is_needed(open_session: Callable[..., Session]) -> None:
    """A model names its engine; the handler's own name makes an empty one."""
    session = open_session()
    with pytest.raises(OptionError, match="the model m needs engine = "):
        session.sql("CREATE MODEL m PREDICT answer USING column = 'text'")
    with pytest.raises(NotFoundError, match="the engine nosuch does not exist"):
        session.sql("CREATE MODEL m PREDICT answer USING engine = 'nosuch'")
    session.sql("CREATE MODEL m PREDICT answer USING engine = 'portkey'")
    assert session.sql("SHOW ML_ENGINES")["NAME"].tolist() == ["portkey"]


def test_names_do_not_clash(session: Session) -> None:
    """A frame and a model cannot share a name."""
    session.register("frame", pd.DataFrame({"a": [1]}))
    with pytest.raises(AlreadyExistsError, match="m is a model"):
        session.register("M", pd.DataFrame({"a": [1]}))
    with pytest.raises(AlreadyExistsError, match="frame is a registered table"):
        session.sql("CREATE MODEL frame PREDICT answer USING engine = 'e'")


def test_shows(session: Session) -> None:
    """What is there can be listed."""
    session.register("frame", pd.DataFrame({"a": [1]}))

    assert session.sql("SHOW FILES").to_dict("records") == [
        {"NAME": "reviews", "FORMAT": "csv", "PROBLEM": None}
    ]
    assert session.sql("SHOW TABLES FROM files")["Tables_in_files"].tolist() == ["reviews"]
    assert session.sql("SHOW TABLES")["Tables_in_mindsdb"].tolist() == ["m", "second", "frame"]
    assert session.sql("SHOW HANDLERS")["NAME"].tolist() == ["portkey"]
    assert session.sql("SHOW DATABASES")["Database"].tolist() == ["files", "mindsdb"]
    assert session.sql("SELECT name FROM mindsdb.models")["NAME"].tolist() == ["m", "second"]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "CREATE DATABASE d",
            "CreateDatabase is not supported in the embedded session; supported are: CREATE ML",
        ),
        ("USE files", "Use is not supported"),
        ("SET show_secrets = true", "SET show_secrets is not supported"),
        ("SHOW STATUS", "SHOW STATUS is not supported"),
        ("SELEC 1", "syntax error in line 1, column 1, near 'SELEC 1'"),
        ("SELECT 1 FROM", "syntax error in line 1, column 14, after 'SELECT 1 FROM'"),
    ],
)
def test_not_supported(session: Session, statement: str, message: str) -> None:
    """The first line says what is wrong and where."""
    with pytest.raises(StatementError) as caught:
        session.sql(statement)
    assert message in str(caught.value).splitlines()[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("SELECT 1; SELECT 2", 2),
        ("SELECT ';' AS a; SELECT 'it''s; \\'; ' AS b;;", 2),
        ("-- a; b\nSELECT 1 /* ; */; -- end;", 1),
        ("SELECT `a;b` FROM (SELECT 1 AS `a;b`) AS t", 1),
        ("", 0),
        (" ; ;", 0),
    ],
)
def test_statements_are_split(open_session: Callable[..., Session], text: str, count: int) -> None:
    """Semicolons in strings, names and comments end nothing; every statement's rows are shown."""
    results: list[tuple[str, Any]] = list(open_session().run(text))

    assert len(results) == count
    assert open_session().sql(text).shape[0] == min(count, 1)


def test_statement_without_rows(session: Session) -> None:
    """It gives an empty frame; a script for the server may turn off a cache that is not here."""
    assert session.sql("SELECT 1; SET predictor_cache = false").empty


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[1]", b"null", b'{"engines": {"e": "sk-canary', b"\xff\xfe", b"{}",
        b'{"format": 0, "x": "sk-canary"}', b'{"format": "1", "engines": {}}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_catalog(
    content: bytes, open_session: Callable[..., Session], tmp_path: Path
) -> None:
    """It is named with the remedy, none of what is in it is shown, and it is not overwritten."""
    path = tmp_path / "catalog.json"
    path.write_bytes(content)
    for statement in ("SHOW ML_ENGINES", "CREATE ML_ENGINE e FROM portkey"):
        with pytest.raises(UsageError) as caught:
            open_session(tmp_path).sql(statement)
        remedy = "is not a catalog of this program; move it away, or name another folder"
        assert str(caught.value) == f"{path} {remedy}"
        assert caught.value.__cause__ is None
    assert path.read_bytes() == content


def test_a_catalog_that_cannot_be_read(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """A folder stands in its place: the system's reason is told."""
    (tmp_path / "catalog.json").mkdir()
    with pytest.raises(UsageError, match=r"catalog\.json is not a file; move it away"):
        open_session(tmp_path).sql("SHOW ML_ENGINES")


def test_a_newer_catalog_is_left_alone(open_session: Callable[..., Session], tmp_path: Path) -> None:
    """Its format, the one that is known and the remedy are told, and it is not overwritten."""
    path = tmp_path / "catalog.json"
    content = b'{"format": 99, "key": "sk-canary", "engines": [], "models": []}'
    path.write_bytes(content)
    for statement in ("SHOW MODELS", "CREATE ML_ENGINE e FROM portkey", "DROP MODEL IF EXISTS m"):
        with pytest.raises(UsageError) as caught:
            open_session(tmp_path).sql(statement)
        assert str(caught.value) == (
            f"{path} was written by a newer portkey-handler (it has version 99, and this release reads "
            "versions up to 1); upgrade portkey-handler, or name another folder"
        )
    assert path.read_bytes() == content
