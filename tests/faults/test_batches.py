"""Batches: every row is answered once and paid once, whatever happens between the first request and the last."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.asking import Asks, assert_answered, create_engine, create_model, questions
from support.paid import Client, Paid, answer_to, run_here

from portkey_handler.batches import lines, waiting
from portkey_handler.batches.journal import BatchJournal
from portkey_handler.errors import AboveLimitError, OptionError, QueryError, StoreError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest
from portkey_handler.session import Session

EVIDENCE = "SELECT t.id, t.q, m.answer, m.answer_evidence FROM t JOIN m"
BOTH = "SELECT t.id, t.q, m.answer, m.answer_error FROM t JOIN m"
#: US dollars of a token of gpt-4o-mini, ordinary: of the prompt and of the answer.
PROMPT, COMPLETION = 0.15e-6, 0.6e-6

pytestmark = pytest.mark.usefixtures("quick_batches")


def times(paid: Paid) -> set[int]:
    """How often the prompts were answered."""
    return {*paid.answers.values()}


def starts(provider: OfflineProvider) -> int:
    """How many batches the provider has."""
    return len(provider.batches.batches)


def test_every_row_is_a_line_of_one_batch(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Thirty rows are one file and one batch, nothing else is asked, and the second time nothing at all."""
    provider.behaviour.batches.looks = 3
    assert_answered(ask_batch(30), 30)
    assert times(paid) == {1}
    assert [request.path for request in paid.posts] == ["/v1/files", "/v1/batches"]
    since = paid.since()
    assert_answered(ask_batch(30), 30)
    assert since() == 0


def test_the_invoice_is_half_of_the_ordinary_price(ask_batch: Asks, provider: OfflineProvider) -> None:
    """What the evidence says of the cost is what the provider wants for its lines."""
    rows = ask_batch(20, select=EVIDENCE, evidence=True)
    cost = sum(evidence["cost"] for evidence in rows["answer_evidence"])
    wanted = sum(
        one.prompt_tokens * PROMPT + one.completion_tokens * COMPLETION for one in provider.batches.invoice
    )
    assert len(provider.batches.invoice) == 20
    assert cost == pytest.approx(wanted / 2)
    [batch] = provider.batches.batches
    assert {evidence["batch"]["id"] for evidence in rows["answer_evidence"]} == {batch}


def test_equal_rows_are_one_line(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Ten equal rows are one line; with deduplicate = false they are ten."""
    rows = pd.DataFrame({"id": range(10), "q": ["the same"] * 10})
    assert ask_batch(rows)["answer"].tolist() == [answer_to("the same")] * 10
    assert paid.total == 1
    ask_batch(rows, deduplicate=False)
    assert paid.total == 11
    assert [batch["request_counts"]["total"] for batch in provider.batches.batches.values()] == [1, 10]


def test_lines_out_of_order_duplicate_and_foreign(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Lines are found by their ids: the order, a copy and the line of somebody else do not matter."""

    def mixed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        foreign = {**found[0], "custom_id": "somebody-else"}
        unknown = {**found[1], "custom_id": "00" * 16}
        return [foreign, *found[::-1], found[3], unknown]

    provider.behaviour.batches.output = mixed
    assert_answered(ask_batch(12), 12)
    assert times(paid) == {1}


def test_a_line_that_is_missing_is_asked_by_itself(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """A batch that is complete and lacks two lines: these two rows are sent directly."""
    provider.behaviour.batches.output = lambda found: found[2:]
    assert_answered(ask_batch(10), 10)
    assert [request.path for request in paid.posts][2:] == ["/v1/chat/completions"] * 2


def test_a_line_that_failed_for_good_is_the_rows_error(ask_batch: Asks, provider: OfflineProvider) -> None:
    """A line with status 400 is not sent again; the row has the provider's reason."""

    def refused(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = {"error": {"message": "This row is too odd.", "code": "invalid_value"}}
        return [{**found[0], "response": {"status_code": 400, "body": body}}, *found[1:]]

    provider.behaviour.batches.output = refused
    rows = ask_batch(5, on_error="null", select=BOTH)
    assert "This row is too odd." in rows["answer_error"][0]
    assert rows["answer"].isna().tolist() == [True, False, False, False, False]


def test_a_line_that_failed_for_now_is_asked_by_itself(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """A line with status 500 is sent directly, as a request with that status is."""

    def failed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = {"error": {"message": "The server had an error.", "type": "server_error"}}
        return [{**found[0], "response": {"status_code": 500, "body": body}}, *found[1:]]

    provider.behaviour.batches.output = failed
    assert_answered(ask_batch(5), 5)
    assert [request.path for request in paid.posts][2:] == ["/v1/chat/completions"]


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_a_batch_that_ends_early_keeps_what_it_has_answered(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, end: Any
) -> None:
    """Four of ten lines were answered; the others fail, and the next run puts only them into a batch."""
    provider.behaviour.batches.ends = end
    provider.behaviour.batches.answered = 4
    rows = ask_batch(10, on_error="null", select=BOTH)
    assert rows["answer"].notna().sum() == 4
    assert "run the statement again to put it into another batch" in rows["answer_error"][9]
    provider.behaviour.batches.ends, provider.behaviour.batches.answered = "completed", None
    assert_answered(ask_batch(10), 10)
    assert times(paid) == {1}
    assert [batch["request_counts"]["total"] for batch in provider.batches.batches.values()] == [10, 6]


def test_a_batch_that_fails_says_why(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Its error is the provider's, such as a limit of tokens; another run makes another batch."""
    provider.behaviour.batches.ends = "failed"
    provider.behaviour.batches.error = "Enqueued token limit reached."
    with pytest.raises(QueryError, match="failed before this row was answered: Enqueued token limit reached"):
        ask_batch(3)
    provider.behaviour.batches.ends = "completed"
    assert_answered(ask_batch(3), 3)
    assert times(paid) == {1}


def test_a_refused_batch_is_the_error_of_its_rows(ask_batch: Asks, provider: OfflineProvider) -> None:
    """The provider takes no batch: its words are the rows' error, and the next run tries again."""
    body = {"error": {"message": "You may not use batches.", "type": "invalid_request_error"}}
    provider.behaviour.faults = [None, Fault(status=400, body=body)]
    with pytest.raises(QueryError, match="You may not use batches"):
        ask_batch(3)
    assert_answered(ask_batch(3), 3)
    assert starts(provider) == 1


def test_many_rows_are_several_files(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file has as many lines as the provider takes; the next file has the rest."""
    monkeypatch.setattr(lines, "MOST_LINES", 10)
    assert_answered(ask_batch(25), 25)
    assert times(paid) == {1}
    counts = [batch["request_counts"]["total"] for batch in provider.batches.batches.values()]
    assert counts == [10, 10, 5]


# Lost answers


@pytest.mark.parametrize("lost", ["/v1/files", "/v1/batches"])
def test_after_a_lost_answer_what_is_there_is_adopted(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, lost: str
) -> None:
    """The provider did what it was asked and the answer was lost: the list shows it, and nothing is repeated."""
    asked: Counter[str] = Counter()

    def once(request: RecordedRequest) -> Fault | None:
        asked[f"{request.method} {request.path}"] += 1
        is_first = asked[f"POST {lost}"] == 1 and request.method == "POST" and request.path == lost
        return Fault("lost") if is_first else None

    provider.behaviour.faults = once
    assert_answered(ask_batch(6), 6)
    assert asked[f"POST {lost}"] == 1
    assert asked[f"GET {lost}"] >= 1
    assert (len(provider.batches.files), starts(provider)) == (1, 1)
    assert times(paid) == {1}


def test_a_request_that_did_not_arrive_is_sent_again(ask_batch: Asks, provider: OfflineProvider) -> None:
    """The connection broke before the provider had done anything: the list shows no batch, so it is started."""
    provider.behaviour.faults = [None, Fault("reset")]
    assert_answered(ask_batch(6), 6)
    assert starts(provider) == 1


def test_without_a_list_it_stops(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """The answer was lost and the provider has no list: nothing more is started, in the next run neither."""
    provider.behaviour.batches.has_lists = False
    provider.behaviour.faults = [None, Fault("lost")]
    for _ in range(2):
        with pytest.raises(QueryError, match="perhaps be paid twice"):
            ask_batch(6)
    assert starts(provider) == 1
    assert sum(request.path == "/v1/batches" for request in paid.posts) == 1
    provider.behaviour.batches.has_lists = True
    assert_answered(ask_batch(6), 6)
    assert times(paid) == {1}


def test_without_a_list_a_file_is_uploaded_again(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """A file costs nothing: whether the first one arrived need not be known, also in the next run."""
    provider.behaviour.batches.has_lists = False
    provider.behaviour.faults = [Fault("lost")]
    with pytest.raises(QueryError, match=r"the connection to .* broke"):
        ask_batch(6, max_attempts=1)
    provider.behaviour.faults = [Fault("lost")]
    assert_answered(ask_batch(6), 6)
    assert (len(provider.batches.files), starts(provider)) == (3, 1)
    assert times(paid) == {1}


def test_a_file_that_was_never_used_is_deleted(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, home: Path
) -> None:
    """The batch could not be started, and the next run asks other rows: the file goes, nothing was paid."""
    provider.behaviour.faults = [None]
    journal = BatchJournal(home)
    provider.behaviour.batches.looks = 10**6
    ask_batch(3, wait=False, on_error="null")
    [batch] = journal.all()
    journal.update(batch, stage="uploaded", batch_id=None, status=None)
    provider.batches.batches.clear()  # as if the process had been killed before it was started
    provider.behaviour.batches.looks = 0
    assert_answered(ask_batch(5), 5)
    assert len(provider.batches.files) == 1
    assert [one.stage for one in journal.all()] == ["closed", "closed"]
    assert times(paid) == {1}


# Waiting


def test_without_waiting_rows_are_null_until_they_are_fetched(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Wait = false ends at once; each run looks, and the one after the end has the answers."""
    provider.behaviour.batches.looks = 2
    for _ in range(2):
        rows = ask_batch(4, wait=False, on_error="null", select=BOTH)
        assert rows["answer"].isna().all()
        assert rows["answer_error"].str.contains("still in batch batch_").all()
    assert_answered(ask_batch(4, wait=False, on_error="null"), 4)
    assert times(paid) == {1}
    assert starts(provider) == 1


def test_under_raise_running_it_again_resumes(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Without on_error a statement that does not wait fails, says how to go on, and goes on."""
    provider.behaviour.batches.looks = 1
    with pytest.raises(QueryError, match="run the statement again to fetch it"):
        ask_batch(4, wait=False)
    assert_answered(ask_batch(4), 4)
    assert (starts(provider), times(paid)) == (1, {1})


def test_the_deadline_ends_the_wait_and_not_the_batch(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """After the deadline rows say that they are still out; the next statement has them."""
    provider.behaviour.batches.looks = 10**6
    with pytest.raises(QueryError, match=r"deadline = 0\.1 s passed, and the row is still in batch"):
        ask_batch(4, deadline=0.1)
    provider.behaviour.batches.looks = 0
    assert_answered(ask_batch(4), 4)
    assert (starts(provider), times(paid)) == (1, {1})


def test_a_provider_that_does_not_answer_for_long_fails_the_rows(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks that fail now and then are no matter; after a long silence the rows say how to go on."""

    def seldom(request: RecordedRequest) -> Fault | None:
        is_look = request.method == "GET" and request.path.startswith("/v1/batches/")
        return Fault(status=503) if is_look and request.number % 4 else None

    provider.behaviour.faults = seldom
    assert_answered(ask_batch(3), 3)
    monkeypatch.setattr(waiting, "LONGEST_SILENCE", -1.0)
    provider.behaviour.faults = lambda request: Fault(status=503) if request.method == "GET" else None
    with pytest.raises(QueryError, match=r"503: .*; run the statement again to go on waiting"):
        ask_batch(6)
    provider.behaviour.faults = None
    assert_answered(ask_batch(6), 6)
    assert times(paid) == {1}


def test_answers_that_break_off_are_fetched_again(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """A download that fails is repeated; one that keeps failing leaves the batch for the next run."""

    def down(request: RecordedRequest) -> Fault | None:
        return Fault("reset") if request.path.endswith("/content") else None

    provider.behaviour.faults = down
    with pytest.raises(QueryError, match=r"the answers of batch batch_[0-9]+ cannot be fetched"):
        ask_batch(4, max_attempts=2)
    provider.behaviour.faults = None
    assert_answered(ask_batch(4), 4)
    assert (starts(provider), times(paid)) == (1, {1})


def test_another_query_may_fetch_a_part(ask_batch: Asks, provider: OfflineProvider, paid: Paid) -> None:
    """Of a batch that was not waited for, one query fetches two rows and another one the rest, with new rows."""
    provider.behaviour.batches.looks = 1
    ask_batch(8, wait=False, on_error="null")
    assert ask_batch(questions(2))["answer"].notna().all()
    assert_answered(ask_batch(10), 10)
    assert times(paid) == {1}
    assert [batch["request_counts"]["total"] for batch in provider.batches.batches.values()] == [8, 2]


def test_what_was_delivered_is_closed(
    ask_batch: Asks, provider: OfflineProvider, home: Path, paid: Paid
) -> None:
    """With reuse = 'never' a batch is delivered once, and the next query asks anew."""
    ask_batch(3, reuse="never")
    [batch] = BatchJournal(home).all()
    assert (batch.stage, batch.keys, batch.lines, batch.done) == ("closed", set(), 3, 3)
    assert_answered(ask_batch(3, reuse="never"), 3)
    assert times(paid) == {2}
    assert starts(provider) == 2


# Money


def test_max_cost_holds_by_the_price_of_a_batch(ask_batch: Asks, provider: OfflineProvider) -> None:
    """A limit between the two prices lets a batch through, and refuses the same rows sent directly."""
    price = '{"input": 0, "output": 10}'  # 100 tokens an answer: 0.001 dollars a row
    with pytest.raises(AboveLimitError, match="max_cost"):
        ask_batch(10, price=price, max_cost=0.006, delivery="direct")
    with pytest.raises(AboveLimitError, match="max_cost"):
        ask_batch(10, price=price, max_cost=0.004)
    assert starts(provider) == 0
    assert_answered(ask_batch(10, price=price, max_cost=0.006), 10)


def test_what_max_cost_leaves_in_a_batch_is_fetched_later(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """Answers cost more than expected: the query stops at the limit, and a higher one fetches the rest."""
    price = '{"input": 0, "output": 1000}'
    ask_batch(questions(1), price=price)  # from now on an answer is expected to be as short
    paid.say = lambda prompt, _: f"{answer_to(prompt)} " + "in many words " * 20
    with pytest.raises(QueryError, match=r"max_cost = 0\.1 is reached"):
        ask_batch(20, price=price, max_cost=0.1)
    since = paid.since()
    rows = ask_batch(20, price=price)
    assert rows["answer"].notna().all()
    assert since() == 0
    assert times(paid) == {1}


def test_a_repair_is_sent_directly_at_the_ordinary_price(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid
) -> None:
    """A line that does not fit its types is repaired by a request of its own; both are priced as what they are."""
    paid.say = lambda _prompt, total: '{"n": "many"}' if total == 1 else '{"n": 7}'
    rows = ask_batch(1, output="n integer", evidence=True, select=EVIDENCE)
    assert rows["answer"].tolist() == [{"n": 7}]
    [billed] = provider.batches.invoice
    evidence = rows["answer_evidence"][0]
    repair = (
        evidence["prompt_tokens"] - billed.prompt_tokens,
        evidence["completion_tokens"] - billed.completion_tokens,
    )
    in_batch = (billed.prompt_tokens * PROMPT + billed.completion_tokens * COMPLETION) / 2
    assert evidence["cost"] == pytest.approx(in_batch + repair[0] * PROMPT + repair[1] * COMPLETION)
    assert evidence["attempts"] == 2


def test_without_its_record_nothing_is_sent(
    ask_batch: Asks, provider: OfflineProvider, home: Path, paid: Paid
) -> None:
    """A batch that cannot be recorded might be paid twice, so it is not started."""
    home.mkdir()
    (home / "batches").write_text("a file in the place of the folder")
    with pytest.raises(StoreError, match="without it a batch might be paid twice"):
        ask_batch(3)
    assert paid.posts == []


# Kills


def script(provider: OfflineProvider, folder: Path, rows: pd.DataFrame, **using: object) -> str:
    """Write the rows into a folder, and give the SQL that asks them in batches."""
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / "t.csv", index=False)
    options = {"engine": "e", "model": "gpt-4o-mini", "column": "q", "delivery": "batch", **using}
    engine = create_engine("e", {"base_url": provider.base_url, "provider": "openai"})
    return engine + create_model("m", options) + "SELECT t.id, t.q, m.answer FROM files.t AS t JOIN m"


class Killer:
    """A fault of the stand-in that kills a client at its n-th request.

    Args:
        number: Which request.
        does_it: Whether the provider then does what it was asked.
    """

    def __init__(self, number: int, *, does_it: bool) -> None:
        self._number = number
        self._does_it = does_it
        self._count = 0
        self.pid = 0

    def __call__(self, request: RecordedRequest) -> Fault | None:
        """Kill the client at the request that is meant."""
        self._count += 1
        if self._count != self._number:
            return None
        os.kill(self.pid, signal.SIGKILL)
        return Fault("lost") if self._does_it else Fault("reset")


def kill_at(killer: Killer, provider: OfflineProvider, sql: str, files: Path, home: Path) -> None:
    """Run a client that is killed, or comes to its end before."""
    with Client(sql, files, home, quick_batches=True) as client:
        killer.pid = client.pid
        provider.behaviour.faults = killer
        ended = client.wait()
    provider.behaviour.faults = None
    assert ended.code in (0, -signal.SIGKILL), ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("does_it", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("number", range(1, 7))
def test_a_kill_at_each_request_pays_nothing_twice(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path, number: int, *, does_it: bool
) -> None:
    """Upload, start, three looks, the answers: killed at one of them, and run again, each row is paid once."""
    provider.behaviour.batches.looks = 2
    sql = script(provider, tmp_path / "files", questions(20))
    kill_at(Killer(number, does_it=does_it), provider, sql, tmp_path / "files", home)
    assert_answered(run_here(sql, tmp_path / "files"), 20)
    assert times(paid) == {1}
    assert starts(provider) == 1


def _kill_often(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path, kills: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    number = 40
    for _ in range(kills):
        provider.behaviour.batches.looks = chance.randint(0, 4)
        number += chance.randint(0, 10)
        sql = script(provider, tmp_path / "files", questions(number))
        killer = Killer(chance.randint(1, 9), does_it=chance.random() < 0.5)
        kill_at(killer, provider, sql, tmp_path / "files", home)
    sql = script(provider, tmp_path / "files", questions(number), evidence=True)
    rows = run_here(sql.replace("m.answer FROM", "m.answer, m.answer_evidence FROM"), tmp_path / "files")
    assert_answered(rows, number)
    assert times(paid) == {1}
    invoice = provider.batches.invoice
    assert len(invoice) == len({one.custom_id for one in invoice}) == number
    wanted = sum(one.prompt_tokens * PROMPT + one.completion_tokens * COMPLETION for one in invoice) / 2
    assert sum(evidence["cost"] for evidence in rows["answer_evidence"]) == pytest.approx(wanted)


@pytest.mark.slow
def test_kills_at_random_requests_and_the_invoice_is_ours(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Killed four times while rows are added: every row is paid once, and our sum is the provider's."""
    _kill_often(provider, paid, tmp_path, home, kills=4, seed=4)


@pytest.mark.soak
def test_twenty_kills_and_the_invoice_is_ours(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Killed twenty times, at requests that no other run has had."""
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - to run it again
    _kill_often(provider, paid, tmp_path, home, kills=20, seed=seed)


@pytest.mark.slow
def test_an_interrupt_says_that_the_batch_goes_on(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """Ctrl-C while it waits: the line names the batch and what to do, and the next run has the answers."""
    looked = threading.Event()

    def look(request: RecordedRequest) -> None:
        if request.method == "GET" and request.path.startswith("/v1/batches/"):
            looked.set()

    provider.behaviour.faults = look
    provider.behaviour.batches.looks = 10**6
    sql = script(provider, tmp_path / "files", questions(20))
    with Client(sql, tmp_path / "files", home, quick_batches=True) as client:
        assert looked.wait(60)
        client.interrupt()
        ended = client.wait()
    [batch] = provider.batches.batches
    assert "m: interrupted; 0 of 20 lines of its batches are done, and they go on" in ended.stderr
    assert f"portkey-handler batches --cancel {batch}" in ended.stderr
    provider.behaviour.batches.looks = 0
    assert_answered(run_here(sql, tmp_path / "files"), 20)
    assert times(paid) == {1}


def test_two_processes_share_a_batch(
    provider: OfflineProvider, paid: Paid, tmp_path: Path, home: Path
) -> None:
    """The same statement twice at a time: one of them starts the batch, and both have the answers."""
    provider.behaviour.batches.looks = 20
    sql = script(provider, tmp_path / "files", questions(20))
    with (
        Client(sql, tmp_path / "files", home, quick_batches=True) as one,
        Client(sql, tmp_path / "files", home, quick_batches=True) as other,
    ):
        for client in (one, other):
            ended = client.wait()
            assert ended.code == 0, ended.stderr
            assert_answered(pd.DataFrame(ended.rows), 20)
    assert times(paid) == {1}
    assert starts(provider) == 1


# Statements around it


@pytest.mark.parametrize("table", ["files.kept", "kept"])
def test_a_table_is_not_written_while_rows_are_out(
    ask_batch: Asks, session: Session, provider: OfflineProvider, paid: Paid, tmp_path: Path, table: str
) -> None:
    """CREATE TABLE and INSERT refuse rows that are still in a batch, and write them when they are there."""
    import duckdb

    provider.behaviour.batches.looks = 3
    ask_batch(4, wait=False, on_error="null")
    own = duckdb.connect()
    own.execute("CREATE TABLE t AS SELECT range AS id, 'question ' || range AS q FROM range(4)")
    with Session(connection=own, files=tmp_path / "files") as other:
        other.sql(create_engine("e", {"base_url": provider.base_url}))
        using = {"engine": "e", "model": "gpt-4o-mini", "column": "q", "delivery": "batch"}
        other.sql(create_model("m", {**using, "wait": False, "on_error": "null"}))
        select = "SELECT t.id, t.q, m.answer FROM t JOIN m"
        with pytest.raises(QueryError, match="nothing was written, because 4 answers of the query are still"):
            other.sql(f"CREATE TABLE {table} ({select})")
        provider.behaviour.batches.looks = 0
        other.sql(f"CREATE TABLE {table} ({select})")
        assert_answered(other.sql(f"SELECT * FROM {table}"), 4)
        provider.behaviour.batches.looks = 10**6
        own.execute("INSERT INTO t VALUES (4, 'question 4')")
        with pytest.raises(QueryError, match="nothing was written, because 1 answer of the query is still"):
            other.sql(f"INSERT INTO {table} {select}")
        assert len(other.sql(f"SELECT * FROM {table}")) == 4
    assert times(paid) == {1}


def test_a_query_has_one_batch_per_model_and_no_waves(
    ask_batch: Asks, session: Session, provider: OfflineProvider, paid: Paid
) -> None:
    """A cheap model drops rows, and the second one's batch has only the rows that are left, despite LIMIT."""
    paid.say = lambda prompt, _: "yes" if prompt.endswith(("0", "5")) else "no"
    ask_batch(questions(1))
    session.register("t", questions(200))
    using = {"engine": "e", "model": "gpt-4o", "column": "q", "delivery": "batch"}
    session.sql(create_model("second", using))
    rows = session.sql(
        "SELECT t.id, m.answer, s.answer AS again FROM t JOIN m JOIN second AS s "
        "WHERE m.answer = 'yes' ORDER BY t.id LIMIT 3"
    )
    assert rows["id"].tolist() == [0, 5, 10]
    counts = [batch["request_counts"]["total"] for batch in provider.batches.batches.values()]
    assert counts == [1, 199, 40]


def test_the_estimate_has_both_prices(ask_batch: Asks, session: Session, provider: OfflineProvider) -> None:
    """A dry run says what a batch costs, what it would cost without, and within which time it ends."""
    ask_batch(10, dry_run=True)
    told = dict(session.sql("DESCRIBE m.estimate").itertuples(index=False))
    words = "about $0.00031, at most $0.00031 (about $0.00062 without delivery = 'batch')"
    assert told["cost"] == words
    assert told["time"] == "within 24 hours"
    assert provider.batches.files == []


@pytest.mark.parametrize(
    ("engine", "using", "words"),
    [
        ({"provider": "anthropic"}, {}, "provider 'anthropic' has no batches"),
        ({"retry": '{"attempts": 2}'}, {}, "retries and guardrails do not reach the lines of a batch"),
        ({}, {"model": "{{ q }}"}, "a batch has one language model"),
        ({}, {"service_tier": "flex"}, "service_tier = 'flex' chooses the price"),
    ],
)
def test_what_has_no_batches_says_so_when_the_model_is_made(
    session: Session, provider: OfflineProvider, engine: dict[str, Any], using: dict[str, Any], words: str
) -> None:
    """CREATE MODEL refuses delivery = 'batch' where it cannot work."""
    session.sql(create_engine("e", {"base_url": provider.base_url, **engine}))
    options = {"engine": "e", "model": "gpt-4o-mini", "column": "q", "delivery": "batch", **using}
    with pytest.raises(OptionError, match=f"delivery = 'batch' cannot be used here: .*{words}"):
        session.sql(create_model("m", options))


# Looking and cancelling


def test_describe_and_the_command_list_the_batches(
    ask_batch: Asks, session: Session, provider: OfflineProvider
) -> None:
    """DESCRIBE m.batches and `portkey-handler batches` tell how far each batch was at the last look."""
    assert _command("batches") == (0, "there are no batches\n")
    provider.behaviour.batches.looks = 1
    ask_batch(4, wait=False, on_error="null")
    [told] = session.sql("DESCRIBE m.batches").to_dict("records")
    [batch] = provider.batches.batches
    assert (told["batch"], told["status"], told["lines"], told["to_fetch"]) == (batch, "in_progress", 4, 4)
    ask_batch(4)
    [told] = session.sql("DESCRIBE m.batches").to_dict("records")
    assert (told["status"], told["done"], told["to_fetch"]) == ("completed", 4, 0)
    code, said = _command("batches")
    assert code == 0
    assert batch in said


def test_a_cancelled_batch_delivers_what_it_has(
    ask_batch: Asks, session: Session, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--cancel ends it at the provider; the next run says so, and the one after that makes another batch."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.batches.looks = 10**6
    ask_batch(4, wait=False, on_error="null")
    [batch] = provider.batches.batches
    code, said = _command("batches", "--cancel", batch)
    assert (code, said.split(";")[0]) == (0, f"batch {batch} is cancelled")
    assert provider.batches.batches[batch]["status"] == "cancelled"
    with pytest.raises(QueryError, match="was cancelled before this row was answered"):
        ask_batch(4)
    provider.behaviour.batches.looks = 0
    assert_answered(ask_batch(4), 4)
    assert times(paid) == {1}
    assert "has ended already (cancelled)" in _command("batches", "--cancel", batch)[1]
    code, said = _command("batches", "--cancel", "batch_nobody")
    assert code != 0
    assert "there is no batch batch_nobody" in said


def test_a_batch_that_is_not_at_the_provider_is_forgotten(
    ask_batch: Asks, provider: OfflineProvider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was started was not known; the provider's page says no, and --cancel settles it."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.batches.has_lists = False
    provider.behaviour.faults = [None, Fault("reset")]
    with pytest.raises(QueryError, match="perhaps be paid twice"):
        ask_batch(4)
    [record] = BatchJournal(home).all()
    code, said = _command("batches", "--cancel", record.nonce)
    assert (code, f"batch {record.nonce} is forgotten" in said) == (0, True)
    assert_answered(ask_batch(4), 4)
    assert starts(provider) == 1


def _command(*arguments: str) -> tuple[int, str]:
    """Run the command line, and give its exit code and what it said."""
    from typer.testing import CliRunner

    from portkey_handler.cli import app

    ended = CliRunner().invoke(app, list(arguments))
    return ended.exit_code, ended.output
