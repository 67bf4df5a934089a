"""Views: queries that are kept, and run each time they are selected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from portkey_handler.errors import AlreadyExistsError, NotFoundError, PortkeyHandlerError, StatementError
from portkey_handler.gateway.offline import OfflineProvider, last_text
from portkey_handler.session import Session


@pytest.fixture
def session(session: Session) -> Session:
    """Give a session with the reviews, a model, and a view of the good reviews."""
    session.sql("CREATE VIEW good AS (SELECT id, text, stars FROM files.reviews WHERE stars > 2)")
    return session


def said(session: Session, statement: str) -> str:
    """Return what a statement says it has done."""
    [(_, done)] = session.results(statement)
    return str(getattr(done, "words", done))


def rows(session: Session, statement: str) -> Any:
    """Return the rows of a query as Python's values."""
    return json.loads(session.sql(statement).to_json(orient="values"))


@pytest.mark.parametrize(
    "written",
    [
        "CREATE VIEW v AS (SELECT id FROM files.reviews WHERE stars > 3)",
        "CREATE VIEW mindsdb.v (SELECT id FROM files.reviews WHERE stars > 3)",
        "CREATE VIEW v FROM files (SELECT id FROM reviews WHERE stars > 3)",
        "CREATE VIEW v FROM files AS (\n  SELECT id FROM reviews -- all\n  WHERE stars > 3\n)",
        "CREATE VIEW IF NOT EXISTS v FROM mindsdb (SELECT id FROM files.reviews WHERE stars > 3)",
        "CREATE OR REPLACE VIEW v AS (SELECT id FROM files.reviews WHERE stars > 3)",
        "CREATE VIEW v AS SELECT id FROM files.reviews WHERE stars > 3",
        "CREATE VIEW v AS FROM files.reviews SELECT id WHERE stars > 3",
        "CREATE VIEW v (id) AS SELECT id FROM files.reviews WHERE stars > 3",
        "CREATE VIEW `v` AS (SELECT id FROM files.reviews WHERE stars > 3);",
        "create view V as (select id from files (select * from reviews where stars > 3))",
        "CREATE VIEW v AS ((SELECT id FROM files.reviews WHERE stars > 3))",
        "CREATE VIEW v AS (WITH c AS (SELECT * FROM good) SELECT id FROM c WHERE stars > 3)",
        "CREATE VIEW v AS (SELECT id FROM files.reviews WHERE stars = 5 UNION SELECT id FROM good WHERE stars = 4)",
    ],
)
def test_every_form_makes_the_same_view(session: Session, written: str) -> None:
    """MindsDB's syntax, and what DuckDB's parser reads."""
    assert said(session, written).lower() == "the view v was created"
    assert rows(session, "SELECT * FROM v ORDER BY id") == [[1], [2]]
    assert said(session, "DROP VIEW v") == "the view v was dropped"
    with pytest.raises(NotFoundError, match="the table or model v does not exist"):
        session.sql("SELECT * FROM v")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT good.id, mindsdb.good.stars FROM mindsdb.good WHERE stars = 5", [[1, 5]]),
        ("SELECT g.id FROM good AS g JOIN good AS h ON g.id = h.id + 1", [[2]]),
        ("SELECT id FROM files.reviews WHERE id IN (SELECT id FROM good WHERE stars < 5)", [[2], [5]]),
        (
            "SELECT r.id FROM files.reviews AS r WHERE NOT EXISTS (SELECT 1 FROM good WHERE good.id = r.id)",
            [[3], [4]],
        ),
        ("SELECT (SELECT max(id) FROM good) AS a, [(SELECT min(id) FROM good)] AS b", [[5, [1]]]),
        ("WITH c AS (SELECT id FROM good) SELECT count(*) AS n FROM c", [[3]]),
        ("SELECT id FROM good UNION SELECT 9 AS id ORDER BY id", [[1], [2], [5], [9]]),
        ("SELECT count(*) AS n FROM (SELECT * FROM good) AS s JOIN good ON s.id = good.id", [[3]]),
        ("SELECT CASE WHEN 2 IN (SELECT id FROM good) THEN 'yes' END AS x", [["yes"]]),
        # WITH is nearer than a view, and hides no table that a view reads.
        ("WITH good AS (SELECT 7 AS id) SELECT id FROM good", [[7]]),
        ("WITH t AS (SELECT 7 AS id) SELECT t.id, v.x FROM t, of_t AS v", [[7, 1]]),
        ("WITH t AS (SELECT 7 AS id) SELECT t.id, v.x FROM with_t AS v, t", [[7, 8]]),
        ("SELECT v.x, t.x AS y FROM with_t AS v, t", [[8, 1]]),
    ],
)
def test_a_view_stands_wherever_a_table_can(session: Session, query: str, found: Any) -> None:
    """In JOIN, IN, EXISTS, subselects and WITH."""
    session.register("t", pd.DataFrame({"x": [1]}))
    session.sql("CREATE VIEW of_t AS (SELECT x FROM t)")
    session.sql("CREATE VIEW with_t AS (WITH t AS (SELECT 8 AS x) SELECT t.x FROM t)")
    assert rows(session, query) == found


def test_a_view_of_views_sees_new_rows(session: Session, tmp_path: Path) -> None:
    """The query is run each time; columns have the names that CREATE VIEW gives them."""
    session.sql("CREATE TABLE files.seen (SELECT 1 AS id)")
    session.sql("CREATE VIEW inner_one AS (SELECT id, id * 10 FROM files.seen)")
    session.sql("CREATE VIEW outer_one (number, tens) AS SELECT * FROM inner_one")
    assert rows(session, "SELECT tens, number FROM outer_one") == [[10, 1]]
    session.sql("INSERT INTO files.seen VALUES (2)")
    assert rows(session, "SELECT sum(o.tens) AS s FROM outer_one AS o") == [[30]]
    with pytest.raises(StatementError, match="names 1 columns, and its query has 2: id, "):
        session.sql("CREATE VIEW wrong (a) AS SELECT * FROM inner_one")


def test_a_view_is_data_for_a_model(session: Session, asked: Any) -> None:
    """Its rows are asked, and conditions on them are applied before."""
    found = rows(session, "SELECT g.id, m.answer FROM good AS g JOIN m WHERE g.stars < 5 ORDER BY g.id")
    assert found == [[2, "TWO\nLINES"], [5, "SCHÖN 🎉"]]
    [frame] = asked.frames
    assert frame["text"].tolist() == ["two\nlines", "schön 🎉"]


def test_a_view_with_a_model_says_what_it_pays(session: Session, asked: Any) -> None:
    """A view of such a view says it too."""
    one = "CREATE VIEW told AS (SELECT g.id, m.answer FROM good AS g JOIN m)"
    ending = "each SELECT from it asks m, and pays for the rows whose answers are not cached"
    assert said(session, one) == f"the view told was created; {ending}"
    two = "CREATE VIEW short AS (SELECT id, left(answer, 3) AS start FROM told)"
    assert said(session, two) == f"the view short was created; {ending}"
    assert rows(session, "DESCRIBE short") == [["id", "BIGINT"], ["start", "VARCHAR"]]
    asked.clear()
    assert rows(session, "SELECT start FROM short ORDER BY id") == [["GOO"], ["TWO"], ["SCH"]]
    assert len(asked.frames) == 1
    assert rows(
        session, "SELECT r.id FROM files.reviews AS r JOIN told AS t ON t.id = r.id WHERE t.answer LIKE 'S%'"
    ) == [[5]]
    assert rows(
        session, "SELECT n.answer FROM told AS t JOIN m AS n ON t.answer = n.text WHERE t.id = 2"
    ) == [["TWO\nLINES"]]


def test_answers_of_a_view_are_paid_once(
    provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CREATE, EXPLAIN and a dry run ask nothing; USING reaches the model, and that of the view is nearer."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.answer = last_text
    with Session(files=tmp_path) as session:
        session.register("t", pd.DataFrame({"id": [1, 2], "q": ["one", "two"]}))
        session.sql(
            "CREATE ML_ENGINE e FROM portkey USING check = false;"
            "CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'gpt-4o-mini';"
            "CREATE VIEW v AS (SELECT t.id, m.a FROM t JOIN m)"
        )
        [step] = rows(session, "EXPLAIN SELECT * FROM v")
        assert step[0] == "ask m"
        assert step[1].startswith("2 rows, 2 requests")
        session.sql("SELECT * FROM v USING dry_run = true")
        assert provider.requests == []
        for _ in range(2):
            assert rows(session, "SELECT a FROM v ORDER BY id") == [["one"], ["two"]]
        assert len(provider.requests) == 2
        session.sql("SELECT * FROM v USING max_tokens = 7, reuse = 'never'")
        assert [request.body["max_tokens"] for request in provider.requests[2:]] == [7, 7]
        session.sql("CREATE VIEW w AS (SELECT t.id, m.a FROM t JOIN m WHERE t.id = 1) USING max_tokens = 5")
        session.sql("SELECT * FROM w USING max_tokens = 7")
        assert [request.body["max_tokens"] for request in provider.requests[4:]] == [5]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "CREATE VIEW me AS SELECT * FROM me",
            r"the view me reads itself \(me → me\); name a table in its query",
        ),
        (
            "CREATE VIEW b AS (SELECT * FROM good); CREATE OR REPLACE VIEW good AS (SELECT * FROM b)",
            r"the view good reads itself \(good → b → good\)",
        ),
        ("CREATE VIEW a AS (SELECT (SELECT x FROM a))", r"the view a reads itself"),
        ("CREATE VIEW v AS (SELECT nothing FROM files.reviews)", "nothing"),
        ("CREATE VIEW v AS (SELECT * FROM nothing)", "the table or model nothing does not exist"),
        ("CREATE VIEW v AS (SELECT id\nFROM files.reviews WHERE = 3)", "syntax error in line 2, column 26"),
        ("CREATE VIEW v (SHOW TABLES)", r"a view keeps a query: CREATE VIEW name AS \(SELECT …\)"),
        ("CREATE VIEW v FROM shop (SELECT 1)", "the database shop does not exist; there are: files, mindsdb"),
        ("CREATE VIEW files.v AS (SELECT 1)", "files.v: only the project mindsdb"),
        ("CREATE VIEW models AS (SELECT 1)", "models is a table of the session itself"),
        ("CREATE VIEW good AS (SELECT 1)", "the view good exists already; CREATE OR REPLACE VIEW"),
        ("CREATE VIEW M AS (SELECT 1)", "M is a model; choose another name for the view"),
        ("CREATE VIEW T AS (SELECT 1)", "T is a table; choose another name for the view"),
        ("CREATE OR REPLACE MODEL good PREDICT a USING engine = 'e'", "good is a view; choose another name"),
        ("ALTER VIEW nothing AS (SELECT 1)", "the view nothing does not exist; there are: good"),
        ("DROP VIEW god", "the view god does not exist, did you mean 'good'"),
        ("DROP VIEW m", "m is a model, not a view: DROP MODEL m"),
        ("INSERT INTO good VALUES (1, 'a', 2)", "good is a view, which is only read; INSERT INTO a table"),
        ("DROP TABLE good", "good is a view, not a table: DROP VIEW good"),
    ],
)
def test_what_cannot_be_a_view(session: Session, statement: str, message: str) -> None:
    """The error says what is wrong, and nothing is changed."""
    session.register("t", pd.DataFrame({"x": [1]}))
    with pytest.raises(PortkeyHandlerError, match=message):
        session.sql(statement)
    assert rows(session, "SELECT count(*) AS n FROM good") == [[3]]
    with pytest.raises(AlreadyExistsError, match="good is a view; choose another name for the data"):
        session.register("good", pd.DataFrame({"x": [1]}))


def test_replacing_and_dropping(session: Session) -> None:
    """OR REPLACE and ALTER VIEW change a view; IF EXISTS and IF NOT EXISTS forgive."""
    assert said(session, "CREATE OR REPLACE VIEW good AS SELECT 1 AS x") == "the view good was replaced"
    assert said(session, "ALTER VIEW good AS (SELECT 2 AS x)") == "the view good was replaced"
    there = said(session, "CREATE VIEW IF NOT EXISTS good AS (SELECT 3 AS x)")
    assert there == "the view good exists already, so nothing was changed"
    assert rows(session, "SELECT x FROM good") == [[2]]
    assert said(session, "DROP VIEW IF EXISTS good, other") == (
        "the view good was dropped; there is no view other, so nothing was changed"
    )


def test_views_show(session: Session) -> None:
    """SHOW VIEWS, SHOW TABLES, information_schema, DESCRIBE, SUMMARIZE; a key in a query is masked."""
    key = "sk-proj-9f8A7b6C5d4E3f2G1h0J9k8L7m6N5o4P"
    session.sql(f"CREATE VIEW odd AS (SELECT '{key}' AS x)")
    query = "SELECT id, text, stars FROM files.reviews WHERE stars > 2"
    assert rows(session, "SHOW VIEWS WHERE NAME = 'good'") == [["good", "mindsdb", query]]
    assert rows(session, "SHOW VIEWS LIKE 'g%'") == [["good", "mindsdb", query]]
    assert rows(session, "SELECT QUERY FROM information_schema.views WHERE NAME = 'good'") == [[query]]
    assert key not in session.sql("SHOW VIEWS").to_string()
    assert rows(session, "SHOW TABLES WHERE Table_type = 'VIEW'") == [["good", "VIEW"], ["odd", "VIEW"]]
    assert rows(session, "DESCRIBE good") == [["id", "BIGINT"], ["text", "VARCHAR"], ["stars", "BIGINT"]]
    assert rows(session, "DESCRIBE VIEW mindsdb.good") == rows(session, "DESCRIBE good")
    assert session.sql("SUMMARIZE good")["count"].tolist() == [3, 3, 3]


def test_views_are_kept_in_the_folder_of_a_session(
    open_session: Callable[..., Session], tmp_path: Path
) -> None:
    """Another session has them, with the names of their columns."""
    folder = tmp_path / "session"
    with open_session(path=folder) as first:
        first.sql("CREATE TABLE files.t (SELECT 5 AS x); CREATE VIEW v (n) AS SELECT x + 0 FROM files.t")
    with open_session(path=folder) as second:
        assert rows(second, "SELECT n FROM v") == [[5]]


def test_a_table_of_the_connection_is_told_apart(open_session: Callable[..., Session]) -> None:
    """A table that another program makes under a view's name is not taken for it."""
    with duckdb.connect() as connection:
        session = open_session(connection=connection)
        session.sql("CREATE VIEW v AS (SELECT 1 AS x)")
        with pytest.raises(AlreadyExistsError, match="v is a view; choose another name for the table"):
            session.sql("CREATE TABLE v (SELECT 3 AS x)")
        connection.execute("CREATE TABLE v AS SELECT 2 AS x")
        with pytest.raises(StatementError, match=r"v is a view and a table: write mindsdb\.v for the view"):
            session.sql("SELECT * FROM v")
        assert rows(session, "SELECT x FROM mindsdb.v") == [[1]]
        assert rows(session, "SELECT x FROM main.v") == [[2]]


def test_views_that_multiply_are_refused(session: Session) -> None:
    """Thirty views, each of two of the one before, would be a thousand million tables."""
    session.sql("CREATE VIEW v0 AS (SELECT 1 AS x)")
    doubled = "CREATE VIEW v{} AS (SELECT a.x FROM v{} AS a JOIN v{} AS b ON a.x = b.x)"
    for number in range(1, 9):
        session.sql(doubled.format(number, number - 1, number - 1))
    assert rows(session, "SELECT x FROM v8") == [[1]]
    with pytest.raises(StatementError, match="reads more than 1,000 views"):
        session.sql(doubled.format(9, 8, 8))


def test_a_parameter_is_no_part_of_a_view(session: Session) -> None:
    """Its value would have to become text."""
    with pytest.raises(StatementError, match="a parameter stands where no value can"):
        session.sql("CREATE VIEW v AS (SELECT $x AS x)", {"x": "a"})
