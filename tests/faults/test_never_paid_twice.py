"""Never paid twice: whatever happens between two runs, what was answered is not asked again."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
from support.asking import Asks, assert_answered, create_engine, create_model, questions
from support.paid import Client, Ended, Paid, answer_to, run_here

from portkey_handler.errors import PortkeyHandlerError, QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.session import Session

CONCURRENCY = 16
SELECT = "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"


def script(provider: OfflineProvider, folder: Path, rows: pd.DataFrame, **using: object) -> str:
    """Write the rows into a folder, and give the SQL by which a client in another process asks them."""
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / "t.csv", index=False)
    options = {"engine": "e", "model": "one", "column": "q", "concurrency": CONCURRENCY, **using}
    return create_engine("e", {"base_url": provider.base_url}) + create_model("m", options) + SELECT


def answered(ended: Ended, number: int) -> None:
    """The client came to its end with an answer for every row."""
    assert ended.code == 0, ended.stderr
    assert_answered(pd.DataFrame(ended.rows), number)


# Kills


def _kill_and_ask_again(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path, *, rows: int, kills: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    provider.behaviour.latency = 0.02
    sql = script(provider, tmp_path / "files", questions(rows))
    for kill in range(kills):
        left = rows - len(paid.answers)
        if left <= CONCURRENCY:
            break
        with Client(sql, tmp_path / "files", home) as client:
            # Anywhere in what is left, so that all the kills find something to break.
            paid.wait(paid.total + chance.randint(1, max(1, left // (kills - kill))))
            client.kill()
    assert_answered(run_here(sql, tmp_path / "files"), rows)
    assert len(paid.answers) == rows
    assert paid.twice <= kills * CONCURRENCY
    since = paid.since()
    assert_answered(run_here(sql, tmp_path / "files"), rows)
    assert since() == 0


def test_a_kill_costs_at_most_what_was_in_flight(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Killed three times at random moments: every row answered, twice only those in flight at a kill."""
    _kill_and_ask_again(provider, paid, tmp_path, home, rows=600, kills=3, seed=3)


@pytest.mark.soak
def test_twenty_kills_cost_at_most_what_was_in_flight(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Killed twenty times in 5,000 rows, at moments that no other run has had."""
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - to run it again
    _kill_and_ask_again(provider, paid, tmp_path, home, rows=5000, kills=20, seed=seed)


def test_a_kill_costs_no_samples(provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path) -> None:
    """A hundred equal rows that are asked one by one keep the samples that they had before the kill."""
    provider.behaviour.latency = 0.02
    paid.say = lambda _, total: f"sample {total}"
    rows = pd.DataFrame({"id": range(100), "q": ["tell me a joke"] * 100})
    files = tmp_path / "files"
    sql = script(provider, files, rows, deduplicate=False, temperature=1, concurrency=8)
    with Client(sql, files, home) as client:
        paid.wait(50)
        client.kill()
    answers = Counter(run_here(sql, files)["answer"])
    assert answers.total() == len(answers) == 100
    assert paid.total <= 100 + 8


# Statements that fail when the answers are there


def test_a_second_model_that_fails_costs_nothing_of_the_first(
    session: Session, provider: OfflineProvider, paid: Paid, home: Path
) -> None:
    """Its 401 ends the statement; the first model's answers are there when the key is mended."""

    def revoked(request: RecordedRequest) -> Fault | None:
        return Fault(status=401) if request.method == "POST" and request.body["model"] == "two" else None

    provider.behaviour.faults = revoked
    session.register("t", questions(50))
    session.sql(create_engine("e", {"base_url": provider.base_url}))
    session.sql(create_model("m", {"engine": "e", "model": "one", "column": "q"}))
    session.sql(create_model("n", {"engine": "e", "model": "two", "column": "q"}).replace("answer", "other"))
    both = "SELECT t.id, t.q, m.answer, n.other FROM t JOIN m JOIN n"
    with pytest.raises(PortkeyHandlerError, match="401"):
        session.sql(both)
    first = len(paid.posts)
    assert Counter(request.body["model"] for request in paid.posts)["one"] == 50

    provider.behaviour.faults = None
    answers = session.sql(both)
    assert_answered(answers, 50)
    assert answers["other"].tolist() == answers["answer"].tolist()
    assert [request.body["model"] for request in paid.posts[first:]] == ["two"] * 50


def test_a_table_that_cannot_be_written_costs_nothing(
    session: Session, provider: OfflineProvider, paid: Paid, tmp_path: Path
) -> None:
    """The folder goes while the rows are asked; when it is back, the same statement asks nothing."""
    files = tmp_path / "files"

    def spoil() -> None:
        shutil.rmtree(files)
        files.write_text("a file in place of the folder")

    paid.after(20, spoil)
    session.register("t", questions(50))
    session.sql(create_engine("e", {"base_url": provider.base_url}))
    session.sql(create_model("m", {"engine": "e", "model": "one", "column": "q"}))
    create = "CREATE TABLE files.kept (SELECT t.id, t.q, m.answer FROM t JOIN m)"
    with pytest.raises((PortkeyHandlerError, OSError)):
        session.sql(create)
    assert paid.asked == 50

    files.unlink()
    files.mkdir()
    session.sql(create)
    assert paid.asked == 50
    assert_answered(session.sql("SELECT * FROM files.kept ORDER BY id"), 50)


def test_one_failed_row_costs_one_request_when_it_is_mended(
    ask: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """One error names the row and its reason; the next run with that row mended sends 1 request."""
    bad = "question 617"

    def refused(request: RecordedRequest) -> Fault | None:
        if request.method != "POST" or last_text(request.body) != bad:
            return None
        return Fault(status=400, body={"error": {"message": "this prompt is not allowed"}})

    provider.behaviour.faults = refused
    rows = questions(1000)
    with pytest.raises(QueryError) as caught:
        ask(rows)
    first_line = str(caught.value).splitlines()[0]
    for part in ("999 answered and cached, 1 failed", "row 617", "this prompt is not allowed", "run again"):
        assert part in first_line
    assert (paid.asked, paid.total) == (1000, 999)

    rows.loc[617, "q"] = "a better question"
    assert_answered(ask(rows), 1000)
    assert (paid.asked, paid.total) == (1001, 1000)


def test_a_failure_is_never_kept(ask: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """What failed is asked again, and only that."""
    provider.behaviour.faults = [Fault(status=400)]
    answers = ask(20, concurrency=1, on_error="null")
    assert answers["answer"].isna().tolist() == [True] + [False] * 19
    since = paid.since()
    assert_answered(ask(20, on_error="null"), 20)
    assert since() == 1


# The same question in other words


@pytest.mark.parametrize(
    "select",
    [
        "SELECT t.id, t.q, m.answer FROM t JOIN m ORDER BY t.q DESC",
        "SELECT t.id, t.q, m.answer FROM (SELECT * FROM t ORDER BY q DESC) AS t JOIN m",
        "SELECT t.id, t.q, m.answer FROM t JOIN m WHERE t.id > 5",
        "SELECT t.id, t.q, m.answer FROM t JOIN m USING concurrency = 3, timeout = 7, max_attempts = 2",
    ],
)
def test_another_order_asks_nothing(ask: Asks, paid: Paid, select: str) -> None:
    """Neither does another choice of the rows, nor how they are sent; the model is dropped and made anew."""
    ask(30)
    since = paid.since()
    answers = ask(30, select=select)
    assert answers["answer"].tolist() == [answer_to(question) for question in answers["q"]]
    assert (since(), len(answers) > 20) == (0, True)


def test_a_changed_key_asks_nothing(ask: Asks, paid: Paid) -> None:
    """A key decides who pays, not what is answered."""
    ask(10, engine={"portkey_api_key": "first-key", "provider_api_key": "first-provider-key"})
    since = paid.since()
    assert_answered(ask(10, engine={"portkey_api_key": "other", "provider_api_key": "another"}), 10)
    assert since() == 0


@pytest.mark.parametrize(
    ("engine", "using"),
    [
        ({"provider": "anthropic"}, {}),
        ({"custom_host": "http://127.0.0.1:9/v1"}, {}),
        ({"virtual_key": "another-vault-entry"}, {}),
        ({"config": '{"retry": {"attempts": 2}, "override_params": {"model": "x"}}'}, {}),
        ({}, {"model": "two"}),
        ({}, {"temperature": 0.5}),
        ({}, {"max_tokens": 7}),
        ({}, {"system_prompt": "Be brief."}),
        ({}, {"prompt_template": "{{q}}!", "column": None}),
    ],
    ids=lambda value: " ".join(value) or "-",
)
def test_another_question_is_never_answered_from_the_journal(
    ask: Asks, paid: Paid, engine: dict[str, object], using: dict[str, object]
) -> None:
    """Another provider, route, model or parameter may answer otherwise."""
    ask(5, engine={"provider": "openai"})
    since = paid.since()
    ask(5, engine={"provider": "openai", **engine}, **using)
    assert since() == 5


def test_another_gateway_is_never_answered_from_the_journal(ask: Asks, paid: Paid) -> None:
    """Who answers at another address is not known."""
    ask(5)
    with OfflineProvider() as other:
        others = Paid(other)
        assert_answered(ask(5, engine={"base_url": other.base_url}), 5)
        assert others.asked == 5
    assert paid.asked == 5


def test_reuse_may_be_refused(ask: Asks, paid: Paid) -> None:
    """'never' asks again, and what it answers is there for those who don't."""
    ask(10)
    since = paid.since()
    assert_answered(ask(10, reuse="never"), 10)
    assert since() == 10
    assert_answered(ask(10), 10)
    assert since() == 10


def test_a_reuse_that_is_over_asks_again(ask: Asks, paid: Paid) -> None:
    """An answer older than that is not used, though it is there."""
    ask(10)
    since = paid.since()
    made = time.time()
    assert_answered(ask(10, reuse="1h"), 10)
    assert since() == 0
    while time.time() < made + 1.1:  # it is time that has to pass
        time.sleep(0.1)
    assert_answered(ask(10, reuse="1s"), 10)
    assert since() == 10


# Several at once


def test_four_processes_ask_the_same_at_once(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Right answers in all of them, no error, and nothing that waits for ever."""
    provider.behaviour.latency = 0.01
    files = tmp_path / "files"
    sql = script(provider, files, questions(300))
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(sql, files, home)) for _ in range(4)]
        for ended in [client.wait() for client in clients]:
            answered(ended, 300)
            assert "WARNING" not in ended.stderr
    assert paid.asked <= 4 * 300
    since = paid.since()
    assert_answered(run_here(sql, files), 300)
    assert since() == 0
