from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from portkey_handler.errors import StatementError
from portkey_handler.session import Session


@pytest.fixture
def value(open_session: Callable[..., Session]) -> Callable[[str], Any]:
    """Evaluate one expression; NULL is None."""
    session = open_session()

    def evaluate(expression: str) -> Any:
        cell = session.sql(
            f"SELECT {expression} AS x FROM (SELECT 1 AS one, 'a' AS a, NULL AS nothing) AS t"
        )["x"]
        return None if cell.isna().tolist() == [True] else cell.tolist()[0]

    return evaluate


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 - (2 - 3)", 2),
        ("2 * (3 + 4)", 14),
        ("7 % 4", 3),
        ("7 / 2", 3.5),
        ("-one", -1),
        ("- (one + 1) * 2", -4),
        ("3 - -2", 5),
        ("9007199254740993", 9007199254740993),
        ("'it''s'", "it's"),
        ("'a\\'b'", "a'b"),
        ("'back\\slash'", "back\\slash"),
        ("'C:\\\\temp'", "C:\\\\temp"),
        ("'a\\nb'", "a\\nb"),
        ("regexp_matches('7', '\\d')", True),
        ("'50%' LIKE '50\\%'", False),
        ("'say \\\"hi\\\"'", 'say "hi"'),
        ("'-- no /* comment */'", "-- no /* comment */"),
        ("'two\nlines'", "two\nlines"),
        ("'schön 🎉'", "schön 🎉"),
        ("a || 'b' || one", "ab1"),
        ("a || 'b' = 'ab'", True),
        ("a || 'b' LIKE 'a%'", True),
        ("'x' = a || 'b' OR one = 1", True),
        ("one = 1 AND a || 'b' || 'c' = 'a' || 'bc' AND one < 2", True),
        ("'n' || one + 1", "n2"),
        ("'{\"k\": 5}'->>'k' || 'x'", "5x"),
        ("a || (one = 1)", "atrue"),
        ("NOT a || 'b' = 'c'", True),
        ("a || 'b' BETWEEN 'a' AND 'a' || 'c' AND one = 1", True),
        ("one = 1 AND '{\"k\": 5}' ->> 'k' = '5' AND one < 2", True),
        ("'5' = '{\"k\": 5}' ->> 'k'", True),
        ("NOT '{\"k\": 5}' ->> 'k' = '6'", True),
        ("'6' BETWEEN '{\"k\": 5}' ->> 'k' AND '{\"k\": 7}' ->> 'k'", True),
        ("one IN (2) OR '{\"k\": 5}' ->> 'k' IN ('5')", True),
        ("a ~ 'b' OR a ~ 'a'", True),
        ("one = 1 AND list_value(1.0, 0.0) <-> list_value(1.0, 2.0) < 3", True),
        ("list_value(1.0, 0.0) <=> list_value(-1.0, 0.0)", 2),
        ("'{\"k.n\": 5}' ->> 'k.n'", "5"),
        ("(SELECT upper(j -> 'k') FROM (SELECT '{\"k\": \"v\"}' AS j) AS q)", '"V"'),
        ("-one::text", "-1"),
        ("2 * 3::text", "6"),
        ("1 | 1 + 1", 2),
        ("1 << 1 + 1", 4),
        ("nothing = one IS NULL", None),
        ("NOT one = 1 AND one = 1", False),
        ("NOT (one = 2 OR one = 3)", True),
        ("one != 1", False),
        ("one <> 2", True),
        ("nothing IS NULL", True),
        ("nothing IS NOT NULL", False),
        ("nothing = 1", None),
        ("one IN (1, 2)", True),
        ("one IN (2)", False),
        ("one NOT IN (1, 2)", False),
        ("one IN (SELECT 1)", True),
        ("(one, a) IN ((1, 'a'))", True),
        ("(one, a) IN ((2, 'a'), (1, 'a'))", True),
        ("a LIKE 'A'", False),
        ("a NOT LIKE 'b%'", True),
        ("one BETWEEN 0 AND 2", True),
        ("one >= 1 AND one <= 1 AND one > 0 AND one < 2", True),
        ("CASE WHEN one = 1 THEN 'y' ELSE 'n' END", "y"),
        ("CASE one WHEN 2 THEN 'y' END", None),
        ("CAST('3' AS INT)", 3),
        ("CAST(2.5 AS DECIMAL(10, 2)) = 2.5", True),
        ("one::text", "1"),
        ("CONVERT('5', SIGNED)", 5),
        ("CAST('3000000000' AS SIGNED)", 3000000000),
        ("upper(a)", "A"),
        ("if(one = 1, 'y', 'n')", "y"),
        ("ifnull(nothing, 4)", 4),
        ("coalesce(nothing, 4)", 4),
        ("left('abc', 2)", "ab"),
        ("substring('abc' FROM 2 FOR 1)", "b"),
        ("substring('abc' FROM 2)", "bc"),
        ("extract(year FROM DATE '2024-05-06')", 2024),
        ("trim('x' FROM 'xax')", "a"),
        ("'{\"k\": {\"n\": 5}}'->'k'->>'n'", "5"),
        ("'{\"k\": [1, 2]}'->'k'", [1, 2]),
        ("6 & 3", 2),
        ("6 | 1", 7),
        ("6 ^ 3", 5),
        ("1 << 4", 16),
        ("a ~ 'a'", True),
        ("'ab' ~ 'a'", False),
        ("a !~ 'b'", True),
        ("TRUE", True),
        ("(SELECT 5)", 5),
        ("EXISTS (SELECT 1)", True),
        ("NOT EXISTS (SELECT 1)", False),
        ("count(*)", 1),
        ("count(DISTINCT a)", 1),
        ("sum(one) + 1", 2),
        ("sum(one) OVER (PARTITION BY a ORDER BY one)", 1),
        ("1 + sum(one) OVER (ORDER BY one rows BETWEEN unbounded preceding AND current row)", 2),
        ("'n' || row_number() OVER (ORDER BY one)", "n1"),
        ("one = 1 AND 2 > row_number() OVER (ORDER BY one)", True),
        ("- sum(one) OVER (ORDER BY one)", -1),
        ("DATE '2024-02-28' + INTERVAL 2 DAY", datetime.datetime(2024, 3, 1)),
        ("t.one", 1),
        ("T.ONE", 1),
        ("`one`", 1),
        ('t."one"', 1),
    ],
)  # fmt: skip
def test_expression(value: Callable[[str], Any], expression: str, expected: Any) -> None:
    """Each construct means on DuckDB what it says."""
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT ?", r"\? and :name cannot be used here"),
        ("SELECT * FROM t WHERE a > LATEST", "LAST and LATEST are not supported"),
        ("SELECT a FROM t FOR UPDATE", "FOR UPDATE is not supported"),
        ("SELECT @var FROM t", "@variables cannot be used here"),
        ("SELECT CAST(1 AS nosuch)", "the type 'nosuch' is not known"),
        ("SELECT getenv('HOME')", "getenv is not known or not allowed"),
        ("SELECT ns.f(1)", "the function ns.f is not supported"),
        ("SELECT 1 UNION SELECT 2 LIMIT 1", "nobody can tell which part"),
        ("SELECT a FROM t GROUP BY a WITH ROLLUP", "WITH ROLLUP is not supported"),
        ("SELECT a <+> b FROM t", r"the operator <\+> is not supported"),
        ("SELECT * FROM t JOIN LATERAL t AS u", "JOIN LATERAL is not supported"),
    ],
)
def test_refused(open_session: Callable[..., Session], statement: str, message: str) -> None:
    """What has no meaning here is refused by name."""
    import pandas as pd

    session = open_session()
    session.register("t", pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(StatementError, match=message):
        session.sql(statement)


def test_order_of_nulls(open_session: Callable[..., Session]) -> None:
    """NULL comes last unless the statement says otherwise, whichever the direction."""
    import pandas as pd

    session = open_session()
    session.register("t", pd.DataFrame({"a": pd.array([2, None, 1], dtype="Int64")}))

    def order(by: str) -> list[Any]:
        return [
            None if item is pd.NA else item for item in session.sql(f"SELECT a FROM t ORDER BY {by}")["a"]
        ]

    assert order("a") == [1, 2, None]
    assert order("a DESC") == [2, 1, None]
    assert order("a NULLS FIRST") == [None, 1, 2]
    assert order("a DESC NULLS FIRST") == [None, 2, 1]


def test_names_of_columns(open_session: Callable[..., Session]) -> None:
    """Functions without alias are numbered as in the host; names that repeat get a number."""
    result = open_session().sql(
        "SELECT count(*), count(*), 5, 'x', a, a, pow(a, 2), list(a), a::text, "
        "extract(year FROM DATE '2024-01-01') FROM (SELECT 1 AS a) t GROUP BY a"
    )

    assert list(result.columns) == [
        "count_0", "count_1", "5", "x", "a", "a_1", "pow_0", "list_0", "cast_0", "extract_0",
    ]  # fmt: skip


def test_names_that_are_words_elsewhere(open_session: Callable[..., Session]) -> None:
    """A name of the host is a name, whatever it means to DuckDB; a text behind a value is its alias."""
    import pandas as pd

    session = open_session()
    names = [
        "all", "anti", "array", "columns", "date", "filter", "interval", "json", "map", "offset", "pivot",
        "qualify", "range", "row", "sample", "struct", "table", "timestamp", "top", "2x", "1e5",
    ]  # fmt: skip
    session.register("anti", pd.DataFrame({name: [number] for number, name in enumerate(names)}))

    result = session.sql(
        f"SELECT {', '.join(names)}, sample.top AS natural, 'a' 'b', row \"c d\" FROM anti sample"
    )

    assert list(result.columns) == [*names, "natural", "b", "c d"]
    assert result.iloc[0, : len(names)].tolist() == list(range(len(names)))
    assert list(session.sql("TABLE anti").columns) == names
    assert session.sql("SELECT natural.all FROM anti natural JOIN anti AS qualify")["all"].tolist() == [0]


def test_combinations(open_session: Callable[..., Session]) -> None:
    """UNION, INTERSECT, EXCEPT and WITH work on data alone."""
    session = open_session()

    def answer(text: str) -> list[Any]:
        return sorted(session.sql(text).iloc[:, 0].tolist())

    assert answer("SELECT 1 UNION SELECT 1 UNION ALL SELECT 2") == [1, 2]
    assert answer("SELECT 1 EXCEPT SELECT 2") == [1]
    assert answer("SELECT 1 INTERSECT SELECT 2") == []
    assert answer("SELECT 1 UNION SELECT 2 INTERSECT SELECT 2") == [2]  # from left to right, as in the host
    assert answer(
        "WITH c AS (SELECT 1 AS x), d AS (SELECT x + 1 AS x FROM c) SELECT x FROM c UNION SELECT x FROM d"
    ) == [
        1,
        2,
    ]
    assert answer("SELECT x FROM (SELECT 3 AS x UNION SELECT 4) AS u WHERE u.x > 3") == [4]


@pytest.mark.parametrize(
    ("join", "count"),
    [
        ("JOIN", 1),
        ("LEFT JOIN", 2),
        ("RIGHT JOIN", 2),
        ("FULL JOIN", 3),
        ("OUTER JOIN", 3),
        ("INNER JOIN", 1),
    ],
)
def test_joins(open_session: Callable[..., Session], join: str, count: int) -> None:
    """Data is joined as the statement says."""
    import pandas as pd

    session = open_session()
    session.register("a", pd.DataFrame({"k": [1, 2]}))
    session.register("b", pd.DataFrame({"k": [2, 3]}))

    assert len(session.sql(f"SELECT * FROM a {join} b ON a.k = b.k")) == count
