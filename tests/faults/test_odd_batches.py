"""Batches of a provider that says odd things, and of a machine with odd clocks: nothing is paid twice or hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.asking import Asks, assert_answered
from support.paid import STUCK, Paid
from typer.testing import CliRunner

from portkey_handler.batches import alone, journal, waiting
from portkey_handler.cli import app
from portkey_handler.errors import QueryError
from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest, batches
from portkey_handler.gateway.offline.batches import Batches

BOTH = "SELECT t.id, t.q, m.answer, m.answer_error FROM t JOIN m"
ESCAPES = "\x1b[31mred\x1b]0;title\x07"
Odd = Callable[[Callable[[dict[str, Any]], Mapping[str, Any]]], None]


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Odd:
    """Let the stand-in show its batches with other values, until `monkeypatch` is undone."""

    def odds(change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        real = Batches._of_batches

        def shown(self: Batches, *arguments: Any) -> Any:
            found = real(self, *arguments)
            return {**found, **change(found)} if "id" in found else found

        monkeypatch.setattr(Batches, "_of_batches", shown)

    return odds


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[bytes], bytes]], None]:
    """Change the bytes of the file of answers at each download."""

    def changes(change: Callable[[bytes], bytes]) -> None:
        real = Batches._of_files

        def given(self: Batches, *arguments: Any) -> Any:
            found = real(self, *arguments)
            return change(found) if isinstance(found, bytes) else found

        monkeypatch.setattr(Batches, "_of_files", given)

    return changes


def command(*arguments: str) -> str:
    """Run the command line, and give what it said."""
    return CliRunner().invoke(app, list(arguments)).output


def fails(ask: Asks, **using: Any) -> str:
    """Ask three rows, none of which has an answer, and give the reason."""
    with pytest.raises(QueryError, match="0 answered, 3 failed") as caught:
        ask(3, **using)
    return str(caught.value)


# What a batch looks like


@pytest.mark.parametrize("count", [2**53 + 1, 2**63, 2**64 - 1, -1, True, "3", None])
def test_counts_that_are_no_counts(ask_batch: Asks, paid: Paid, odd: Odd, count: Any) -> None:
    """A count that no record can take is none; the answers come all the same."""
    odd(lambda _: {"request_counts": {"completed": count, "failed": count}})
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}


def test_a_status_in_capitals_is_the_same(ask_batch: Asks, odd: Odd) -> None:
    """COMPLETED ends the wait as completed does."""
    odd(lambda found: {"status": found["status"].upper()})
    assert_answered(ask_batch(3), 3)


def test_canceled_with_one_l_is_cancelled(ask_batch: Asks, odd: Odd) -> None:
    """The American word ends the wait, too."""
    odd(lambda found: {"status": "canceled"} if found["status"] == "completed" else {})
    assert_answered(ask_batch(3), 3)


def test_a_status_that_is_not_known_does_not_wait_for_ever(
    ask_batch: Asks, paid: Paid, odd: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the longest silence the rows say which word it was; later the batch is fetched."""
    with monkeypatch.context() as patched:
        patched.setattr(waiting, "LONGEST_SILENCE", -1.0)
        real = Batches._of_batches
        patched.setattr(Batches, "_of_batches", lambda *asked: {**real(*asked), "status": f"paused{ESCAPES}"})
        said = fails(ask_batch)
    assert r"its status is paused\x1b[31mred" in said
    assert "\x1b" not in said
    assert "run the statement again" in said
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}


def test_a_completed_batch_without_the_name_of_its_answers(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are paid for: they are waited for, and not sent directly; later they are fetched."""
    with monkeypatch.context() as patched:
        patched.setattr(waiting, "LONGEST_SILENCE", -1.0)
        real = Batches._of_batches
        patched.setattr(Batches, "_of_batches", lambda *asked: {**real(*asked), "output_file_id": None})
        said = fails(ask_batch)
        [batch] = provider.batches.batches
    assert "the file of its answers is not named" in said
    assert f"portkey-handler batches --cancel {batch} forgets it" in said
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}


def test_a_key_that_is_cut_is_not_shown(ask_batch: Asks, provider: OfflineProvider) -> None:
    """The provider's words are cut at 200 letters: a key there is masked before."""
    key = "gsk_abcdefgh12345678abcdefgh12345678"
    provider.behaviour.batches.ends = "failed"
    provider.behaviour.batches.error = f"{'x' * 185} {key} {ESCAPES}"
    said = fails(ask_batch) + command("batches")
    assert "gsk_abcd" not in said
    assert "\x1b" not in said


# The file of answers


@pytest.mark.parametrize(
    "change",
    [
        lambda found: b"\xef\xbb\xbf" + found,
        lambda found: found.replace(b"\n", b"\r\n"),
        lambda found: b"{nonsense\n\xff\xfe\n\n" + found,
        lambda found: found.rstrip(b"\n"),
    ],
    ids=["byte order mark", "CRLF", "no JSON", "no last line break"],
)
def test_files_that_are_written_otherwise(
    ask_batch: Asks, paid: Paid, content: Any, change: Callable[[bytes], bytes]
) -> None:
    """Each line is found, and no row is sent directly."""
    content(change)
    assert_answered(ask_batch(5), 5)
    assert {*paid.answers.values()} == {1}


def test_a_file_that_breaks_off_is_fetched_again(ask_batch: Asks, paid: Paid, content: Any) -> None:
    """Half a last line means that the rest got lost on its way: the second download has it."""
    downloads: list[bytes] = []

    def first_cut(found: bytes) -> bytes:
        downloads.append(found)
        return found[:-40] if len(downloads) == 1 else found

    content(first_cut)
    assert_answered(ask_batch(5), 5)
    assert len(downloads) == 2
    assert {*paid.answers.values()} == {1}


def test_a_file_without_a_line_is_not_paid_again(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five lines were answered and the file is empty: nothing is sent until the user forgets the batch."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with monkeypatch.context() as patched:
        real = Batches._of_files
        patched.setattr(
            Batches,
            "_of_files",
            lambda *asked: b"" if isinstance(found := real(*asked), bytes) else found,
        )
        said = fails(ask_batch)
        [batch] = provider.batches.batches
        assert "none of its 3 answered lines is there" in said
        assert f"portkey-handler batches --cancel {batch} forgets it" in said
        assert {*paid.answers.values()} == {1}
        assert "it is forgotten" in command("batches", "--cancel", batch)
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {2}


@pytest.mark.parametrize("status", [401, 402, 404, 412])
def test_lines_that_failed_do_not_end_the_query(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, status: int
) -> None:
    """The credit ran out at forty lines: the twenty others are paid for, and each has its answer."""
    refused = {"status_code": status, "body": {"error": {"message": "Nothing is left."}}}
    provider.behaviour.batches.output = lambda found: [
        *({**line, "response": refused} for line in found[:40]),
        *found[40:],
    ]
    rows = ask_batch(60, on_error="null", select=BOTH)
    assert rows["answer"].notna().tolist() == [False] * 40 + [True] * 20
    assert rows["answer_error"][:40].str.contains("Nothing is left").all()
    assert {*paid.answers.values()} == {1}
    assert [request.path for request in paid.posts] == ["/v1/files", "/v1/batches"]


@pytest.mark.parametrize(
    "error",
    [{"code": ["batch_expired"]}, {"code": {}}, {"message": 7}, {"message": f"no {ESCAPES}"}],
    ids=str,
)
def test_a_line_whose_error_is_odd(ask_batch: Asks, provider: OfflineProvider, error: dict[str, Any]) -> None:
    """Its row fails; the others have their answers."""
    provider.behaviour.batches.output = lambda found: [
        {"custom_id": found[0]["custom_id"], "error": error},
        *found[1:],
    ]
    rows = ask_batch(3, on_error="null", select=BOTH)
    assert rows["answer"].notna().tolist() == [False, True, True]
    assert rows["answer_error"][0].startswith("the line of batch batch_")
    assert "\x1b" not in rows["answer_error"][0]


def test_cancelling_what_is_not_there_says_so(home: Path) -> None:
    """The name is cut and safe to show."""
    assert command("batches", "--cancel", "nobody") == "there is no batch nobody; none is open\n"
    said = command("batches", "--cancel", f"{ESCAPES}{'x' * 10_000}")
    assert "\x1b" not in said
    assert len(said) < 300


# What the provider does not have any more


def test_a_batch_that_is_gone_can_be_forgotten(
    ask_batch: Asks, provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider answers 404: the reason names the way out, and after it the rows are asked again."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    provider.behaviour.batches.looks = 10**6
    ask_batch(3, wait=False, on_error="null")
    [batch] = provider.batches.batches
    provider.batches.batches.clear()
    provider.behaviour.batches.looks = 0
    for _ in range(2):
        assert f"if it is gone, portkey-handler batches --cancel {batch} forgets it" in fails(ask_batch)
    assert "is not at the provider, and is forgotten" in command("batches", "--cancel", batch)
    assert_answered(ask_batch(3), 3)


def test_answers_that_are_gone_can_be_forgotten(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the answers are there --cancel keeps the batch; when they are deleted it forgets it."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    gone = Fault(status=404)
    provider.behaviour.faults = lambda request: gone if request.path.endswith("/content") else None
    said = fails(ask_batch)
    [batch] = provider.batches.batches
    assert f"if it is gone, portkey-handler batches --cancel {batch} forgets it" in said
    provider.behaviour.faults = None
    assert "run its statement again to fetch its answers" in command("batches", "--cancel", batch)
    provider.behaviour.faults = lambda request: gone if request.path.endswith("/content") else None
    assert "it is forgotten" in command("batches", "--cancel", batch)
    provider.behaviour.faults = None
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {2}


# Lists that do not end


@pytest.mark.parametrize(
    "page",
    [[{"id": "other", "status": "completed"}], [{"status": "completed"}], []],
    ids=["the same page", "without ids", "empty"],
)
def test_a_list_without_an_end_starts_nothing(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch, page: Any
) -> None:
    """The answer to a start is lost, and the batch may stand in a part of the list that cannot be read."""
    with monkeypatch.context() as patched:
        patched.setattr(batches, "_page", lambda *_: {"object": "list", "data": page, "has_more": True})
        provider.behaviour.faults = [None, Fault("lost")]
        said = fails(ask_batch)
    assert "does not come to an end" in said
    assert "perhaps be paid twice" in said
    assert len(provider.batches.batches) == 1
    assert len(provider.requests) < 10
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}


# Clocks and other processes


def test_a_clock_that_was_wrong_loses_no_open_batch(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that looks 50 days old is not dropped when the next one is recorded."""
    provider.behaviour.batches.looks = 10**6
    with monkeypatch.context() as patched:
        patched.setattr(journal, "time", SimpleNamespace(time=lambda: time.time() - 50 * 86_400))
        ask_batch(3, wait=False, on_error="null")
    ask_batch(5, wait=False, on_error="null")
    provider.behaviour.batches.looks = 0
    assert_answered(ask_batch(6), 6)
    counts = [batch["request_counts"]["total"] for batch in provider.batches.batches.values()]
    assert counts == [3, 2, 1]
    assert {*paid.answers.values()} == {1}


_HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def stopped_holder(lock: Path) -> Iterator[None]:
    """Have another process hold a lock, and stop it as Ctrl-Z would."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
@pytest.mark.parametrize("using", [{"deadline": 1}, {"wait": False}], ids=["deadline", "wait = false"])
def test_a_stopped_process_that_holds_the_lock(
    ask_batch: Asks,
    provider: OfflineProvider,
    paid: Paid,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    using: dict[str, Any],
) -> None:
    """It is said who is waited for; rows that are cached are given, the others say that they were not asked."""
    monkeypatch.setattr(alone, "TELL_SECONDS", 0.1)
    monkeypatch.setattr(alone, "GIVE_UP_SECONDS", 0.5)
    ask_batch(1)
    [lock] = home.glob("batches/*.lock")
    with stopped_holder(lock):
        rows = ask_batch(3, on_error="null", select=BOTH, **using)
    assert rows["answer"].notna().tolist() == [True, False, False]
    assert rows["answer_error"][1].startswith("not asked: ")
    assert "run the statement again" in rows["answer_error"][1]
    assert f"holds {lock}; if it is stopped (lsof shows it), end it" in caplog.text
    assert len(provider.batches.batches) == 1
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_a_wait_for_the_lock_can_be_interrupted(tmp_path: Path) -> None:
    """Ctrl-C cancels the task, and the lock file is closed."""

    async def waits() -> None:
        async with alone.alone(tmp_path / "batches", "scope", waits=True):
            raise AssertionError("it was held")

    async def interrupted() -> None:
        task = asyncio.create_task(waits())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    (tmp_path / "batches").mkdir()
    with stopped_holder(tmp_path / "batches" / "scope.lock"):
        asyncio.run(asyncio.wait_for(interrupted(), STUCK))


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
def test_the_deadline_holds_while_a_batch_is_started(
    ask_batch: Asks, provider: OfflineProvider, paid: Paid, path: str
) -> None:
    """The provider does not answer the upload, or the start: the rows fail, and the next run goes on."""

    def silent(request: RecordedRequest) -> Fault | None:
        return Fault("stall") if request.method == "POST" and request.path == path else None

    provider.behaviour.faults = silent
    assert "deadline = 0.5 s passed before the row was put into a batch" in fails(ask_batch, deadline=0.5)
    provider.behaviour.faults = None
    assert_answered(ask_batch(3), 3)
    assert {*paid.answers.values()} == {1}
