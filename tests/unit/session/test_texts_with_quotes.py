"""Texts that begin or end with a quote or a backslash stay as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.gateway.offline import OfflineProvider, last_text
from portkey_handler.session import Session

TEXTS = [
    ("'''hi'''", "'hi'"),
    ("''''", "'"),
    ("''''''", "''"),
    ("'a '''", "a '"),
    ("'\"quoted\"'", '"quoted"'),
    ("'\\'a\\''", "'a'"),
    ("\"'x'\"", "'x'"),
    ('"""x"""', '"x"'),
    ('"say ""hi"""', 'say "hi"'),
    ("'it''s'", "it's"),
    ("''", ""),
    ('""', ""),
    ("'\\start'", "\\start"),
    ("'C:\\dir\\'", "C:\\dir\\"),
    ("'a\\\\b'", "a\\\\b"),
    ("'\n''x'", "\n'x"),
    ("'-- ''a'''", "-- 'a'"),
    ("'/* ''a'' */'''", "/* 'a' */'"),
]


@pytest.mark.parametrize(("written", "text"), TEXTS)
def test_a_text_is_what_is_written(written: str, text: str) -> None:
    """The host's parser strips the quotes at both ends."""
    with Session() as session:
        assert session.sql(f"SELECT {written} AS a")["a"].tolist() == [text]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM (SELECT '''x''' AS v) AS t WHERE v = '''x'''",
        "SELECT v FROM (SELECT '''x''' AS v) AS t WHERE v IN ('''x''', 'y')",
        "SELECT CASE WHEN true THEN '''x''' ELSE '''' END AS v",
        "SELECT concat('''', 'x', '''') AS v",
        "SELECT v FROM (SELECT 1 AS n, '''x''' AS v UNION SELECT 2, '''y''') AS u WHERE n = 1",
        "WITH c AS (SELECT '''x''' AS v) SELECT v FROM c",
        "SELECT '''x''' AS v -- '''not this'''",
        "SELECT /* '''nor this''' */ '''x''' AS v",
    ],
)
def test_it_stays_in_every_place(query: str) -> None:
    """Conditions, lists, functions, subselects."""
    with Session() as session:
        assert session.sql(query)["v"].tolist() == ["'x'"]


def test_options_and_prompts_keep_their_quotes(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A prompt that ends with a quote was sent without it."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.answer = last_text
    (tmp_path / "t.csv").write_text("q\none\n")
    with Session(files=tmp_path) as session:
        session.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false;"
            "CREATE MODEL m PREDICT a USING engine = 'e', prompt_template = '''{{ q }}''', "
            "system_prompt = 'Say \"so\"', stop = ['''', '\"'], parameters = {\"x\": \"'y'\"};"
            "CREATE MODEL n FROM files (SELECT '''x''' AS q) PREDICT a USING engine = 'e', column = 'q';"
        )
        assert session.sql("SELECT m.a FROM files.t JOIN m")["a"].tolist() == ["'one'"]
        assert session.sql("SELECT a FROM n WHERE q = '''x'''")["a"].tolist() == ["'x'"]
        assert session.sql("SELECT q FROM files (SELECT '''x''' AS q FROM t)")["q"].tolist() == ["'x'"]
        assert session.sql("SELECT ? AS a, '''x''' AS b", ["'?'"]).values.tolist() == [["'?'", "'x'"]]
    first = provider.requests[0].body
    assert first["messages"] == [
        {"role": "system", "content": 'Say "so"'},
        {"role": "user", "content": "'one'"},
    ]
    assert (first["stop"], first["x"]) == (["'", '"'], "'y'")


def test_an_error_shows_the_statement_not_what_replaces_it() -> None:
    """The place and the words are those that were written."""
    with Session() as session, pytest.raises(StatementError) as caught:
        session.sql("SELECT '''x''' FRM t WHERE")
    assert "portkey_text" not in str(caught.value)
    assert str(caught.value).startswith("syntax error in line 1, column ")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"'it\'s'", "it's"),
        ("'it''s'", "it's"),
        (r"""'say \"hi\", then'""", 'say "hi", then'),
        (r'''"it\'s mine"''', "it's mine"),
        (r'''"say \"hi\", then"''', 'say "hi", then'),
        ('"say ""hi"", then"', 'say "hi", then'),
        (r"'C:\\new\\table'", r"C:\\new\\table"),
    ],
)
def test_both_readers_mean_the_same_text(written: str, meant: str) -> None:
    """Lists are read by DuckDB's parser, and a statement without one by MindsDB's."""
    session = Session()
    assert session.sql(f"SELECT {written} AS a").iloc[0, 0] == meant
    assert session.sql(f"SELECT {written} AS a, [1] AS l").iloc[0, 0] == meant
    assert session.sql(f"SELECT [{written}] AS l").iloc[0, 0] == [meant]
