"""A row that can no longer be in the result is not asked of the next model; no result changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.paid import Arrivals
from support.plans import assert_same_by_both_plans, combined, prompts

from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, last_text
from portkey_handler.session import Session


def answer(body: Mapping[str, Any]) -> str:
    """Answer a prompt: `kind …` by the last word's number, `size …` by its length."""
    word, _, rest = last_text(body).partition(" ")
    if word == "keep":
        return "yes" if int(rest) % 10 == 0 else "no"
    return {"kind": "abc"[len(rest) % 3], "size": str(len(rest)), "both": rest[:7]}.get(word, rest)


@pytest.fixture
def session(provider: OfflineProvider) -> Iterator[Session]:
    """Open a session with three models, whose answers follow from their prompts."""
    provider.behaviour.answer = answer
    with Session() as opened:
        opened.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL c PREDICT keep USING engine = 'e', model = 'one', prompt_template = 'keep {{id}}';"
            "CREATE MODEL k PREDICT kind USING engine = 'e', model = 'one', prompt_template = 'kind {{text}}';"
            "CREATE MODEL s PREDICT size USING engine = 'e', model = 'one', prompt_template = 'size {{text}}';"
            "CREATE MODEL b PREDICT seen USING engine = 'e', model = 'one', prompt_template = 'both {{kind}} {{text}}'"
        )
        yield opened


def rows(count: int) -> pd.DataFrame:
    """Make rows of different texts."""
    return pd.DataFrame({"id": range(count), "text": [f"row {number}" for number in range(count)]})


def test_the_second_model_is_asked_about_the_rows_that_the_first_has_kept(
    session: Session, provider: OfflineProvider
) -> None:
    """One row in ten: it was asked about all of them."""
    session.register("t", rows(500))
    found = session.sql("SELECT t.id, k.kind FROM t JOIN c JOIN k WHERE c.keep = 'yes'")
    assert found["id"].tolist() == list(range(0, 500, 10))
    assert found["kind"].tolist() == ["abc"[len(f"row {number}") % 3] for number in range(0, 500, 10)]
    assert len(prompts(provider, "keep")) == 500
    assert sorted(prompts(provider, "kind")) == sorted(f"kind row {number}" for number in range(0, 500, 10))


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("c.keep = 'yes' AND k.kind = 'a'", 5),
        ("c.keep = 'yes' OR k.kind = 'a'", 50),
        ("NOT (c.keep = 'no' OR k.kind = 'a')", 5),
        ("NOT (c.keep = 'no' AND k.kind = 'a')", 50),
        ("(c.keep = 'yes' AND k.kind = 'a') OR (c.keep = 'maybe' AND k.kind = 'b')", 5),
        ("c.keep = NULL", 0),
        ("c.keep IN ('maybe', NULL)", 0),
        ("c.keep NOT IN ('maybe', NULL)", 0),
        ("NOT c.keep IN ('yes', NULL)", 0),
        ("c.keep IS NOT NULL", 50),
        ("upper(c.keep) = 'YES' AND k.kind != 'z'", 5),
        ("(c.keep = 'yes' OR t.id = 1) AND k.kind IS NOT NULL", 6),
        ("c.keep LIKE 'y%' AND c.keep_error IS NULL", 5),
        ("length(c.keep) BETWEEN 3 AND 4", 5),
        # Not decided before the result is made: a cast that may fail, a function that is not always the same.
        ("CAST(c.keep AS VARCHAR) = 'yes'", 50),
        ("c.keep = 'yes' AND random() < 2", 5),
        ("random() + length(c.keep) > 3", 50),
        ("c.keep IN (SELECT 'yes')", 50),
        ("CASE WHEN c.keep = 'yes' THEN true ELSE false END = true", 50),
    ],
)
def test_a_row_is_asked_if_the_condition_can_still_be_true(
    where: str, asked: int, session: Session, provider: OfflineProvider
) -> None:
    """SQL's logic of three values; 50 rows, of which `keep` is yes in five."""
    session.register("t", rows(50))
    session.sql(f"SELECT t.id FROM t JOIN c JOIN k WHERE {where} USING on_error = 'null'")
    assert len(prompts(provider, "kind")) == asked


def test_a_join_with_the_answers_that_keeps_other_rows_drops_none(
    session: Session, provider: OfflineProvider
) -> None:
    """A row of the table on the right would lose its partner, and be in the result without it."""
    session.register("t", rows(20))
    session.register("names", pd.DataFrame({"kind": ["a", "z"], "long": ["first", "last"]}))
    select = "SELECT t.id, n.long FROM t JOIN c JOIN k {} JOIN names AS n ON n.kind = k.kind WHERE c.keep = 'yes' OR t.id IS NULL"
    for join, asked in (("RIGHT", 20), ("FULL", 20), ("LEFT", 2), ("", 2)):
        before = len(prompts(provider, "kind"))
        session.sql(select.format(join) + " USING reuse = 'never'")
        assert len(prompts(provider, "kind")) - before == asked, join


def refused(word: str) -> Arrivals:
    """Refuse every prompt with a word in it."""
    return Arrivals(Fault(status=400), lambda prompt: word in prompt)


def test_a_failed_row_is_named_by_its_number_among_all(session: Session, provider: OfflineProvider) -> None:
    """The second model sees fewer rows, and the user counts in the table."""
    session.register("t", pd.DataFrame({"id": [1, 10, 2, 20], "text": ["a", "b", "c", "bad"]}))
    provider.behaviour.faults = refused("kind bad")
    with pytest.raises(QueryError) as caught:
        session.sql("SELECT t.id, k.kind FROM t JOIN c JOIN k WHERE c.keep = 'yes'")
    first_line = str(caught.value).splitlines()[0]
    assert first_line.startswith(
        "1 answered and cached, 1 failed (row 3: 400: The offline stand-in fails with 400.)"
    )


def test_a_dry_run_counts_all_rows(session: Session, provider: OfflineProvider) -> None:
    """What the first model will answer is not known; its NULLs are no answers."""
    session.register("t", rows(30))
    session.sql("SELECT t.id FROM t JOIN c JOIN k WHERE c.keep = 'yes' USING dry_run = true")
    assert prompts(provider, "k") == []
    estimate = session.sql("DESCRIBE k.estimate")
    assert estimate.set_index(estimate.columns[0]).loc["rows"].iloc[0] == "30"


# The same result as without a plan, and nothing asked beyond it

TEXTS = st.sampled_from(["", "x", "xy", "xyz", "four", None])
COMPARED = st.sampled_from(
    [
        "c.keep = 'yes'", "c.keep != 'yes'", "k.kind = 'a'", "k.kind IN ('a', 'b')", "k.kind IN ('c', NULL)",
        "k.kind NOT IN ('a', NULL)", "s.size = '2'", "s.size > '1'", "s.size IS NULL", "k.kind IS NOT NULL",
        "t.id > 3", "t.text = 'xy'", "k.kind = s.size", "upper(k.kind) = 'B'", "b.seen LIKE 'a%'", "k.kind = NULL",
        "b.seen IS NULL", "k2.kind = k.kind", "k.kind_error IS NULL", "coalesce(k.kind, 'c') = 'c'",
    ]
)  # fmt: skip
CONDITIONS = combined(COMPARED, 6)
FORMS = st.sampled_from(
    [
        "SELECT t.id, t.text, c.keep, k.kind, s.size, b.seen FROM {} WHERE {}",
        "SELECT * FROM {} WHERE {}",
        "SELECT k.kind, count(*) AS n, min(t.id) AS least FROM {} WHERE {} GROUP BY k.kind ORDER BY k.kind",
        "SELECT DISTINCT k.kind, s.size FROM {} WHERE {} ORDER BY 1, 2",
        "SELECT t.id, s.size FROM {} WHERE {} ORDER BY s.size DESC, t.id LIMIT 3",
        "SELECT t.id, row_number() OVER (ORDER BY t.id) AS n FROM {} WHERE {}",
        "SELECT t.id FROM {} WHERE {} LIMIT 2 OFFSET 1",
    ]
)
JOINED = "t JOIN c JOIN k JOIN s JOIN k AS k2 JOIN b"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(TEXTS, max_size=12),
    condition=CONDITIONS,
    form=FORMS,
    fails=st.sampled_from(["", "xyz", "four"]),
)
def test_the_result_is_that_of_asking_all(
    texts: list[str | None],
    condition: str,
    form: str,
    fails: str,
    session: Session,
    provider: OfflineProvider,
) -> None:
    """Tables, conditions, NULLs, failing rows, ties, a model twice, a model that reads another's answer."""
    provider.behaviour.faults = refused(f"kind {fails}") if fails else None
    session.register("t", pd.DataFrame({"id": range(len(texts)), "text": pd.Series(texts, dtype=object)}))
    statement = form.format(JOINED, condition) + " USING on_error = 'null', max_attempts = 1"
    assert_same_by_both_plans(session, provider, statement, fails=bool(fails))
