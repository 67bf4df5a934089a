"""A query asks no more rows than its result needs; no result changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.paid import Arrivals
from support.plans import assert_same_by_both_plans, combined, naively, prompts

from portkey_handler.errors import PortkeyHandlerError, QueryError, StatementError
from portkey_handler.gateway.offline import Fault, OfflineProvider, last_text
from portkey_handler.session import Session
from portkey_handler.session.model_order import Drop, ordered
from portkey_handler.session.waves import FIRST_WAVE, next_wave


def answer(body: Mapping[str, Any]) -> str:
    """Answer a prompt by its word and number."""
    word, _, rest = last_text(body).partition(" ")
    if not rest.strip().isdigit():
        return rest
    number = int(rest)
    found = {
        "keep": "yes" if number % 10 == 0 else "no",
        "half": "yes" if number % 2 else "no",
        "kind": "abc"[number % 3],
        "size": str(number % 5),
    }
    return found.get(word, rest)


@pytest.fixture
def session(provider: OfflineProvider) -> Iterator[Session]:
    """Open a session with models whose answers follow from the number of the row."""
    provider.behaviour.answer = answer
    with Session() as opened:
        opened.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL c PREDICT keep USING engine = 'e', model = 'one', prompt_template = 'keep {{id}}';"
            "CREATE MODEL h PREDICT half USING engine = 'e', model = 'one', prompt_template = 'half {{id}}';"
            "CREATE MODEL k PREDICT kind USING engine = 'e', model = 'one', prompt_template = 'kind {{id}}';"
            "CREATE MODEL s PREDICT size USING engine = 'e', model = 'one', prompt_template = 'size {{id}}';"
            "CREATE MODEL b PREDICT seen USING engine = 'e', model = 'one', prompt_template = 'both {{kind}} {{id}}'"
        )
        yield opened


def asked(provider: OfflineProvider, word: str) -> list[int]:
    """Return the rows that a model was asked about, in the order of their numbers."""
    return sorted(int(text.split()[-1]) for text in prompts(provider, word))


def rows(count: int) -> pd.DataFrame:
    """Make rows."""
    return pd.DataFrame({"id": range(count), "back": range(count, 0, -1), "tie": [1] * count})


# How many rows a wave has


def test_a_wave_is_at_most_as_large_as_all_before_it() -> None:
    """No row in vain beyond that; the first has 32 rows, later ones what the share kept lets expect."""
    assert next_wave(0, 0, 5, 500) == 32
    assert next_wave(0, 0, 5, 20) == 20
    assert next_wave(32, 4, 5, 500) == 10
    assert next_wave(32, 0, 5, 500) == 32
    assert next_wave(64, 1, 100, 500) == 64
    assert next_wave(32, 31, 32, 500) == 8
    assert next_wave(32, 5, 5, 500) == 0
    assert next_wave(490, 0, 5, 500) == 10
    assert next_wave(500, 0, 5, 500) == 0
    assert next_wave(32, 3, None, 500) == 468


@given(
    kept=st.lists(st.booleans(), max_size=600),
    wanted=st.integers(0, 40),
)
def test_the_waves_end_at_the_result(kept: list[bool], wanted: int) -> None:
    """They reach the shortest prefix that suffices, and at most one wave beyond it."""
    begun, sizes = 0, []
    while size := next_wave(begun, sum(kept[:begun]), wanted, len(kept)):
        assert size <= max(begun, FIRST_WAVE)
        begun += size
        sizes.append(size)
    assert sum(kept[:begun]) >= min(wanted, sum(kept))
    if sizes:
        assert sum(kept[: begun - sizes[-1]]) < max(wanted, 1)


# The order of models


def test_the_model_that_drops_rows_most_cheaply_is_first() -> None:
    """By the price of a dropped row; those that drop none keep the order of the statement, at the end."""
    free: frozenset[int] = frozenset()
    drops = {0: Drop(32, 16, 10.0), 1: Drop(32, 28, 1.0), 3: Drop(32, 0, 100.0)}
    assert ordered(drops, dict.fromkeys(range(5), free)) == [1, 0, 3, 2, 4]
    assert ordered(drops, {0: free, 1: frozenset({0}), 2: free, 3: free}) == [0, 1, 3, 2]
    assert ordered({}, dict.fromkeys(range(3), free)) == [0, 1, 2]


# LIMIT above a condition on answers


def test_a_limit_ends_the_query_when_enough_rows_are_found(
    session: Session, provider: OfflineProvider
) -> None:
    """One row in ten is kept, and five are wanted: 42 are asked, of which row 40 is the fifth."""
    session.register("t", rows(500))
    found = session.sql("SELECT t.id, k.kind FROM t JOIN c JOIN k WHERE c.keep = 'yes' LIMIT 5")
    assert found["id"].tolist() == [0, 10, 20, 30, 40]
    assert found["kind"].tolist() == ["a", "b", "c", "a", "b"]
    assert asked(provider, "keep") == [*range(42)]
    assert asked(provider, "kind") == [0, 10, 20, 30, 40]


def test_the_rows_are_asked_in_the_order_of_the_result(session: Session, provider: OfflineProvider) -> None:
    """ORDER BY of data; OFFSET counts among the rows that are wanted; equal rows keep the order of the data."""
    session.register("t", rows(500))
    found = session.sql(
        "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' ORDER BY t.tie, t.back LIMIT 3 OFFSET 2"
    )
    assert found["id"].tolist() == [470, 460, 450]
    assert asked(provider, "keep") == [*range(500 - 58, 500)]


@pytest.mark.parametrize(
    ("select", "found"),
    [
        ("-t.id AS id", [-90, -80, -70]),
        ("DISTINCT -t.id AS id", [-90, -80, -70]),
        ("t.id AS other, -t.id AS id, t.id AS id", [90, 80, 70]),
        ("c.keep AS back, -t.id AS id", ["yes"] * 3),
    ],
)
def test_a_name_in_order_by_is_that_of_the_result(
    select: str, found: list[Any], session: Session, provider: OfflineProvider
) -> None:
    """A name of SELECT comes before a column of the data, as in DuckDB; of two equal names, the first counts."""
    session.register("t", rows(100))
    query = f"SELECT {select} FROM t JOIN c WHERE c.keep = 'yes' ORDER BY id LIMIT 3"
    assert session.sql(query).iloc[:, 0].tolist() == found
    assert asked(provider, "keep")


def test_where_the_order_is_that_of_answers_all_are_asked(
    session: Session, provider: OfflineProvider
) -> None:
    """So are they for aggregates, DISTINCT, window functions, and conditions that may fail or change."""
    session.register("t", rows(100))
    for statement in (
        "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' ORDER BY c.keep LIMIT 2",
        "SELECT count(*) AS n FROM t JOIN c WHERE c.keep = 'yes' LIMIT 1",
        "SELECT DISTINCT c.keep FROM t JOIN c WHERE c.keep != 'z' LIMIT 2",
        "SELECT t.id, row_number() OVER (ORDER BY t.id) AS n FROM t JOIN c WHERE c.keep = 'yes' LIMIT 2",
        "SELECT t.id FROM t JOIN c WHERE CAST(c.keep AS VARCHAR) = 'yes' LIMIT 2",
        "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' AND random() + length(c.keep) < 99 LIMIT 2",
        "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' OFFSET 2",
    ):
        before = len(asked(provider, "keep"))
        session.sql(f"{statement} USING reuse = 'never'")
        assert len(asked(provider, "keep")) - before == 100, statement


def test_no_row_is_asked_for_a_limit_of_none(session: Session, provider: OfflineProvider) -> None:
    """LIMIT 0 gives the columns."""
    session.register("t", rows(500))
    found = session.sql("SELECT t.id, c.keep FROM t JOIN c WHERE c.keep = 'yes' LIMIT 0")
    assert (list(found.columns), len(found)) == (["id", "keep"], 0)
    assert provider.requests == []


def test_a_comparison_that_no_row_can_make_ends_the_query(
    session: Session, provider: OfflineProvider
) -> None:
    """A text with a number: it is said after the first wave, and not when all rows are paid for."""
    session.register("t", rows(500))
    with pytest.raises(PortkeyHandlerError, match="Cannot compare values of type VARCHAR and type INTEGER"):
        session.sql("SELECT t.id FROM t JOIN c WHERE c.keep > 5 LIMIT 2")
    assert len(provider.requests) == 32


def test_exists_needs_one_row(session: Session, provider: OfflineProvider) -> None:
    """The first row that the condition keeps is enough."""
    session.register("t", rows(500))
    found = session.sql(
        "SELECT 1 AS yes WHERE EXISTS (SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' AND t.id > 5) "
        "USING reuse = 'never'"
    )
    assert found["yes"].tolist() == [1]
    assert asked(provider, "keep") == [*range(6, 6 + 32)]


def test_a_row_that_is_not_asked_cannot_fail(session: Session, provider: OfflineProvider) -> None:
    """A row that is asked can: it is named by its number in the table."""
    session.register("t", rows(500))
    provider.behaviour.faults = Arrivals(Fault(status=400), lambda prompt: prompt in ("keep 300", "keep 7"))
    query = "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' {} LIMIT 4"
    assert session.sql(query.format("AND t.id > 9"))["id"].tolist() == [10, 20, 30, 40]
    with pytest.raises(QueryError, match=r"1 failed \(row 7: 400: The offline stand-in fails with 400\.\)"):
        session.sql(query.format(""))
    with pytest.raises(QueryError, match=r"1 failed \(row 0: 400: "):
        session.sql(query.format("AND t.id > 6 ORDER BY t.id"))


@pytest.mark.parametrize("naive", [True, False])
def test_a_first_wave_that_fails_ends_no_query_whose_other_rows_can_be_answered(
    naive: bool, session: Session, provider: OfflineProvider
) -> None:
    """Rows from all over the table are tried then, as without waves."""
    session.register("t", rows(300))
    provider.behaviour.faults = Arrivals(Fault(status=400), lambda prompt: int(prompt.split()[-1]) < 40)
    with naively(naive):
        found = session.sql("SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 3 USING on_error = 'null'")
    assert found["id"].tolist() == [40, 50, 60]


def test_a_model_that_answers_nothing_ends_the_query(session: Session, provider: OfflineProvider) -> None:
    """After the first wave, and some rows from all over the table."""
    session.register("t", rows(2000))
    provider.behaviour.faults = Arrivals(Fault(status=400), lambda _prompt: True)
    found = session.sql("SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 3 USING on_error = 'null'")
    assert len(found) == 0
    numbers = asked(provider, "keep")
    assert len(numbers) == 48
    assert numbers[:32] == [*range(32)]
    assert numbers[-1] > 1500


def test_a_row_equal_to_one_of_an_earlier_wave_is_not_sent(
    session: Session, provider: OfflineProvider
) -> None:
    """Also where no answer of an earlier query may be used; with `deduplicate = false` each is sent."""
    session.register("t", pd.DataFrame({"id": [number % 20 for number in range(200)]}))
    query = "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 15 USING reuse = 'never'"
    assert session.sql(query)["id"].tolist() == [0, 10] * 7 + [0]
    assert asked(provider, "keep") == [*range(20)]
    before = len(provider.requests)
    assert session.sql(f"{query}, deduplicate = false")["id"].tolist() == [0, 10] * 7 + [0]
    assert len(provider.requests) - before > 140


# One query, whatever the number of waves


def test_the_waves_of_a_model_are_one_run(
    session: Session, provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """One record, one line at the end."""
    caplog.set_level(logging.INFO, "portkey_handler")
    session.register("t", rows(500))
    session.sql("SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 9")
    requests = len(asked(provider, "keep"))
    said = [one.getMessage() for one in caplog.records if one.name == "portkey_handler.predictor"]
    assert len(said) == 1
    assert said[0].startswith(f"c: {requests} answered, {requests} requests, ")
    runs = session.sql("DESCRIBE c.runs")
    assert runs["rows"].tolist() == [requests]
    assert runs["ended"].tolist() == ["done"]


def test_limits_hold_for_all_waves(session: Session, provider: OfflineProvider) -> None:
    """`max_rows` and `max_cost` count what all waves ask; what was answered is cached."""
    session.register("t", rows(500))
    query = "SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 20 USING "
    with pytest.raises(PortkeyHandlerError) as caught:
        session.sql(query + "max_rows = 100")
    assert str(caught.value) == (
        "c: 64 rows were asked and the answers are cached; the result needs up to 64 more, which is above "
        "max_rows = 100; raise max_rows, or lower LIMIT"
    )
    assert asked(provider, "keep") == [*range(64)]
    with pytest.raises(PortkeyHandlerError) as caught:
        session.sql(
            query
            + "max_cost = 0.0007, reuse = 'never', price = '{\"input\": 1, \"output\": 1}', max_tokens = 2"
        )
    assert "together with the $" in str(caught.value)
    assert "spent more than max_cost = 0.0007; what was answered is cached" in str(caught.value)


def test_a_kept_prompt_is_that_of_its_row(session: Session) -> None:
    """`keep_prompts` finds the rows of each wave."""
    session.register("t", rows(100))
    session.sql(
        "CREATE MODEL p PREDICT keep USING engine = 'e', model = 'one', keep_prompts = true, "
        "prompt_template = 'keep {{id}}'"
    )
    session.sql("SELECT t.id FROM t JOIN p WHERE p.keep = 'yes' LIMIT 5")
    kept = session.sql("DESCRIBE p.answers")
    pairs = {(row, prompt) for row, prompt in zip(kept["row"].astype(int), kept["prompt"], strict=True)}
    assert pairs == {(number, f"user: keep {number}") for number in range(42)}


# The order of independent models


def test_the_model_that_keeps_fewer_rows_is_asked_first(session: Session, provider: OfflineProvider) -> None:
    """`h` keeps half, `c` a tenth: after 32 rows of both, `h` is asked only about what `c` keeps."""
    session.register("t", rows(500))
    found = session.sql("SELECT t.id FROM t JOIN h JOIN c WHERE h.half = 'no' AND c.keep = 'yes'")
    assert found["id"].tolist() == [*range(0, 500, 10)]
    assert asked(provider, "keep") == [*range(500)]
    assert asked(provider, "half") == [*range(32), *range(40, 500, 10)]


def test_a_later_query_knows_the_order(session: Session, provider: OfflineProvider) -> None:
    """Shares and prices of the last query with the same conditions; other conditions are compared anew."""
    session.register("t", rows(500))
    query = "SELECT t.id FROM t JOIN h JOIN c WHERE h.half = 'no' AND c.keep = '{}' AND t.id >= {}"
    session.sql(query.format("yes", 0))
    session.register("t", rows(1000))
    session.sql(query.format("yes", 500))
    assert asked(provider, "half") == [*range(32), *range(40, 500, 10), *range(500, 1000, 10)]
    planned = session.sql("DESCRIBE h.runs")["planned"].tolist()
    assert planned[0] == "asked in the order of earlier queries: c, h"
    before = len(asked(provider, "half"))
    session.sql(query.format("no", 500) + " USING reuse = 'never'")
    assert len(asked(provider, "half")) - before == 500


def test_a_dear_model_is_asked_last(session: Session, provider: OfflineProvider) -> None:
    """A price of 100 times as much outweighs the share."""
    for name, price in (("c", 100), ("h", 1)):
        session.sql(f'RETRAIN {name} USING price = \'{{"input": {price}, "output": {price}}}\'')
    session.register("t", rows(500))
    session.sql("SELECT t.id FROM t JOIN c JOIN h WHERE h.half = 'no' AND c.keep = 'yes'")
    assert asked(provider, "half") == [*range(500)]
    assert asked(provider, "keep") == [*range(32), *range(32, 500, 2)]


def test_a_model_without_a_condition_is_asked_last(session: Session, provider: OfflineProvider) -> None:
    """It stands first in the statement."""
    session.register("t", rows(60))
    found = session.sql("SELECT * FROM t JOIN s JOIN c WHERE c.keep = 'yes'")
    assert found["id"].tolist() == [0, 10, 20, 30, 40, 50]
    assert found["size"].tolist() == ["0"] * 6
    assert [*found.columns] == ["id", "back", "tie", "size", "keep"]
    assert asked(provider, "size") == [0, 10, 20, 30, 40, 50]


def test_a_model_that_reads_the_answers_of_another_comes_after_it(
    session: Session, provider: OfflineProvider
) -> None:
    """`b` names the answers of `k` in its template."""
    session.register("t", rows(400))
    found = session.sql(
        "SELECT t.id, b.seen FROM t JOIN k JOIN b JOIN c WHERE b.seen = 'a 0' AND c.keep = 'yes'"
    )
    assert found.to_numpy().tolist() == [[0, "a 0"]]
    assert asked(provider, "keep") == [*range(32), *range(32, 400)]


@pytest.mark.parametrize(
    ("joined", "seen"),
    [
        ("d JOIN c", ["- - 0", "- - 10"]),
        ("c JOIN d", ["yes - 0", "yes - 10"]),
        ("h JOIN d JOIN c", ["- no 0", "- no 10"]),
        ("d JOIN h JOIN c", ["- - 0", "- - 10"]),
    ],
)
@pytest.mark.parametrize("ends", ["AND t.id < 11", "LIMIT 2"])
def test_a_model_sees_only_the_answers_of_models_before_it(
    joined: str, seen: list[str], ends: str, session: Session
) -> None:
    """Also where those behind it in the statement are asked first: `is defined` would show them."""
    session.sql(
        "CREATE MODEL d PREDICT told USING engine = 'e', model = 'one', prompt_template = 'told "
        "{% if keep is defined %}{{keep}}{% else %}-{% endif %} {% if half is defined %}{{half}}{% else %}-{% endif %} {{id}}'"
    )
    session.register("t", rows(400))
    query = f"SELECT t.id, d.told FROM t JOIN {joined} WHERE c.keep = 'yes' {ends}"
    assert session.sql(query)["told"].tolist() == seen


@pytest.mark.parametrize(
    "query",
    [
        "SELECT t.id FROM t JOIN k UNION ALL SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' {}",
        "SELECT t.id FROM t JOIN k EXCEPT SELECT t.id FROM t {}",
        "SELECT t.id FROM t JOIN k UNION SELECT t.id FROM t JOIN h INTERSECT SELECT t.id FROM t JOIN c {}",
        "SELECT u.id FROM (SELECT t.id FROM t UNION SELECT t.id FROM t JOIN c {}) AS u",
    ],
)
@pytest.mark.parametrize("end", ["LIMIT 3", "ORDER BY 1", "ORDER BY 1 LIMIT 3 OFFSET 2"])
def test_the_end_of_a_union_belongs_to_no_part(
    query: str, end: str, session: Session, provider: OfflineProvider
) -> None:
    """It was applied to the last part, where models were asked; a subselect says what is meant."""
    session.register("t", rows(20))
    with pytest.raises(StatementError, match="nobody can tell which part ORDER BY and LIMIT belong to"):
        session.sql(query.format(end))
    assert provider.requests == []
    whole = (
        "SELECT * FROM (SELECT t.id FROM t JOIN k WHERE k.kind = 'a' UNION ALL SELECT t.id FROM t) AS u "
        "ORDER BY id DESC LIMIT 3"
    )
    assert session.sql(whole)["id"].tolist() == [19, 18, 18]


def test_a_query_in_exists_is_asked_once(session: Session, provider: OfflineProvider) -> None:
    """It was asked twice, which only the answer cache hid."""
    session.register("t", rows(20))
    for word in ("EXISTS", "NOT EXISTS"):
        before = len(provider.requests)
        session.sql(
            f"SELECT 1 AS yes WHERE {word} (SELECT count(*) FROM t JOIN c WHERE c.keep = 'no') USING reuse = 'never'"
        )
        assert len(provider.requests) - before == 20


# What is planned can be seen before and after


def test_explain_says_how_the_rows_are_chosen(session: Session, provider: OfflineProvider) -> None:
    """A model whose answers are only shown is asked about the rows of the result."""
    session.register("t", rows(500))
    query = "SELECT t.id, k.kind FROM t JOIN k JOIN c WHERE c.keep = 'yes' LIMIT 5"
    found = session.sql(f"EXPLAIN {query}")
    assert found["step"].tolist() == ["ask k", "└ ask c"]
    one = session.sql("EXPLAIN SELECT t.id FROM t JOIN c WHERE c.keep = 'yes' LIMIT 1")["what"][0]
    assert one.endswith(", in waves, from 32 rows on, until 1 row is found")
    second, first = found["what"]
    assert first.startswith("at most 500 rows, 500 requests, about ")
    assert first.endswith(", in waves, from 32 rows on, until 5 rows are found")
    assert second.startswith("at most 5 rows, 5 requests, about ")
    assert second.endswith(", asked last, about the rows of the result")
    dry = session.sql(f"{query} USING dry_run = true")
    assert len(dry) == 0 or dry["kind"].isna().all()
    estimate = session.sql("DESCRIBE k.estimate").set_index("what")["value"]
    assert (estimate["rows"], estimate["plan"]) == ("5", "asked last, about the rows of the result")
    assert provider.requests == []


def test_a_plan_is_a_tree(session: Session) -> None:
    """A step stands above the steps that its rows come from; queries of a UNION stand side by side."""
    session.register("t", rows(60))
    found = session.sql(
        "EXPLAIN WITH w AS (SELECT t.id FROM t JOIN h WHERE h.half = 'yes') "
        "SELECT a.id, b.seen FROM (SELECT w.id FROM w JOIN c JOIN s WHERE c.keep = 'yes') AS a JOIN k JOIN b"
    )
    assert found["step"].tolist() == ["ask b", "└ ask k", "  └ ask s", "    └ ask c", "  └ ask h"]
    found = session.sql(
        "EXPLAIN SELECT x.id, k.kind FROM (SELECT t.id FROM t JOIN c UNION ALL SELECT t.id FROM t JOIN h) AS x JOIN k"
    )
    assert found["step"].tolist() == ["ask k", "└ ask h", "└ ask c"]


def test_the_runs_say_what_was_planned_and_what_came(session: Session) -> None:
    """Beside the number of rows that were asked."""
    session.register("t", rows(500))
    session.sql("SELECT t.id FROM t JOIN h JOIN c WHERE h.half = 'no' AND c.keep = 'yes'")
    compared = "h and c answer the first 32 rows; then the one that drops rows most cheaply comes first"
    assert session.sql("DESCRIBE c.runs")[["rows", "planned"]].to_numpy().tolist() == [[500, compared]]
    assert session.sql("DESCRIBE h.runs")[["rows", "planned"]].to_numpy().tolist() == [[78, compared]]
    session.sql("SELECT t.id FROM t JOIN s")
    assert session.sql("DESCRIBE s.runs")["planned"].tolist() == [""]


# The same result as without a plan, and nothing asked beyond it

COMPARED = st.sampled_from(
    [
        "c.keep = 'yes'", "c.keep != 'yes'", "h.half = 'yes'", "k.kind = 'a'", "k.kind IN ('a', 'b')",
        "k.kind NOT IN ('a', NULL)", "s.size = '2'", "s.size > '1'", "h.half IS NULL", "k.kind IS NOT NULL",
        "t.id > 30", "k.kind_error IS NULL", "b.seen LIKE 'a%'", "k.kind = k2.kind", "upper(k.kind) = 'B'",
    ]
)  # fmt: skip
CONDITIONS = combined(COMPARED, 4)
FORMS = st.sampled_from(
    [
        "SELECT t.id, c.keep, h.half, k.kind, s.size, b.seen FROM {} WHERE {} LIMIT 4",
        "SELECT t.id, k.kind FROM {} WHERE {} ORDER BY t.tie, t.back LIMIT 3 OFFSET 2",
        "SELECT * FROM {} WHERE {} ORDER BY t.tie LIMIT 40",
        "SELECT * FROM {} WHERE {}",
        "SELECT k.kind, count(*) AS n FROM {} WHERE {} GROUP BY k.kind ORDER BY k.kind LIMIT 2",
        "SELECT count(*) AS n FROM (SELECT t.id FROM {} WHERE {} LIMIT 5) AS q",
        "SELECT 1 AS one WHERE EXISTS (SELECT t.id FROM {} WHERE {})",
    ]
)
JOINED = st.permutations(["c", "h", "k", "s"]).map(lambda order: " JOIN ".join(["t", *order, "k AS k2", "b"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.sampled_from([0, 5, 40, 90, 330]),
    empty=st.integers(1, 9),
    joined=JOINED,
    condition=CONDITIONS,
    form=FORMS,
    fails=st.sampled_from(["", "3", "40"]),
)
def test_the_result_is_that_of_asking_all(
    count: int,
    empty: int,
    joined: str,
    condition: str,
    form: str,
    fails: str,
    session: Session,
    provider: OfflineProvider,
) -> None:
    """Tables, conditions, NULLs, ties, failing rows, a model twice, one that reads another's answers."""
    provider.behaviour.faults = (
        Arrivals(Fault(status=400), lambda prompt: prompt == f"kind {fails}") if fails else None
    )
    table = rows(count)
    table["id"] = pd.Series(
        [None if row % empty == empty - 1 else row for row in range(count)], dtype="Int64"
    )
    session.register("t", table)
    statement = form.format(joined, condition) + " USING on_error = 'null', max_attempts = 1"
    assert_same_by_both_plans(session, provider, statement, fails=bool(fails))
