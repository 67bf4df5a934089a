"""The mapper, given functions that send nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import tracemalloc
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import pytest
from support import virtual_time

from portkey_handler.errors import (
    AuthenticationError,
    BudgetExceededError,
    ConnectError,
    GatewayError,
    InvalidResponseError,
    RateLimitError,
    StatusError,
    UnknownHostError,
)
from portkey_handler.execution import retry
from portkey_handler.execution.backoff import LONGEST_WAIT, backoff
from portkey_handler.execution.circuit_breaker import HOPELESS
from portkey_handler.execution.concurrency import FIRST_LIMIT, LARGEST_LIMIT
from portkey_handler.execution.mapper import Mapper, MapperLimits
from portkey_handler.execution.row_results import Counts, MapResult
from portkey_handler.operations.item_keys import number_copies
from portkey_handler.records import Evidence, Item, Outcome, Request, Response, Skipped

Send = Callable[[Request], Awaitable[Response]]


def item(text: str) -> Item:
    """Make an item whose key is its text."""
    return Item(text.encode(), text)


def ask(one: Item) -> Generator[Request, Response, Outcome]:
    """Send the item's text, and take the reply's body for the answer."""
    reply = yield Request("/", one.payload.encode())
    return Outcome(reply.body, evidence=Evidence(status=reply.status))


def alone(operation: Callable[[Item], Generator[Request, Response, Outcome]]) -> Any:
    """Make of what asks one item what asks items together."""

    def asked(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        (one,) = items
        return [(yield from operation(one))]

    return asked


class Server:
    """Counts what it is sent, and answers with the text in capitals after `latency` seconds.

    Attributes:
        failures: Text to the errors that it meets, one after the other.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.failures: dict[str, list[GatewayError]] = {}
        self.sent: list[str] = []
        self.inside = 0
        self.peak = 0

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        text = request.body.decode()
        self.sent.append(text)
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.inside -= 1
        if self.failures.get(text):
            raise self.failures[text].pop(0)
        return Response(200, text.upper())


async def mapped(
    rows: Iterable[Item | Skipped],
    total: int,
    send: Send,
    *,
    operation: Any = ask,
    concurrency: int | None = 4,
    max_attempts: int = 3,
    deduplicate: bool = True,
    deadline: float | None = None,
    timeout: float = 60.0,
    batch_size: int = 1,
    on_outcome: Callable[[int, Outcome], None] = lambda _row, _outcome: None,
) -> MapResult:
    """Run a mapper."""
    mapper = Mapper(
        operation if batch_size > 1 else alone(operation),
        send,
        MapperLimits(
            concurrency=concurrency,
            timeout=timeout,
            deadline=deadline,
            batch_size=batch_size,
            max_attempts=max_attempts,
        ),
        on_outcome=on_outcome,
    )
    return await mapper.run(rows if deduplicate else number_copies(rows), total)


def run(texts: Iterable[str | Skipped], send: Send, **options: Any) -> MapResult:
    """Map texts; fails if a task is left behind."""
    rows = [item(text) if isinstance(text, str) else text for text in texts]

    async def main() -> MapResult:
        try:
            return await mapped(iter(rows), len(rows), send, **options)
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return asyncio.run(main())


def values(mapping: MapResult) -> list[Any]:
    """Give the values of the outcomes."""
    return [outcome.value for outcome in mapping.outcomes]


def soon(**details: Any) -> RateLimitError:
    """Make a refusal that asks for no wait."""
    return RateLimitError("429: slow down", status=429, retry_after=0.0, **details)


# Order, flight, laziness


def test_outcomes_stand_in_the_rows_order() -> None:
    """Whoever answers first, row 7 has the answer of row 7."""

    async def send(request: Request) -> Response:
        await asyncio.sleep((hash(request.body) % 7) / 1000)
        return Response(200, request.body.decode())

    texts = [str(number) for number in range(200)]
    assert values(run(texts, send, concurrency=16)) == texts


@pytest.mark.parametrize("concurrency", [1, 3, 50])
def test_no_more_are_in_flight_than_asked_for(concurrency: int) -> None:
    """And as many as asked for, from the start."""
    server = Server(latency=0.002)
    run(map(str, range(100)), server, concurrency=concurrency)
    assert server.peak == concurrency


def test_the_flight_grows_when_nobody_gives_it() -> None:
    """It starts at 8 and goes to 1,024 while nothing refuses it and answers come as fast as before."""
    server = Server(latency=2.0)
    peaks: list[int] = []

    async def send(request: Request) -> Response:
        reply = await server(request)
        peaks.append(server.peak)
        return reply

    rows = [item(str(number)) for number in range(4000)]
    virtual_time.run(mapped(rows, len(rows), send, concurrency=None))
    assert (peaks[0], server.peak) == (FIRST_LIMIT, LARGEST_LIMIT)


def test_rows_are_pulled_as_the_flight_allows() -> None:
    """A million rows are never made into items before they are sent."""
    pulled = 0

    def rows() -> Iterator[Item]:
        nonlocal pulled
        for number in range(300):
            pulled += 1
            yield item(str(number))

    server = Server(latency=0.001)
    ahead: list[int] = []

    async def send(request: Request) -> Response:
        reply = await server(request)
        ahead.append(pulled - len(server.sent))
        return reply

    asyncio.run(mapped(rows(), 300, send, concurrency=5))
    assert pulled == 300
    assert max(ahead) <= 1


def test_nothing_is_nothing() -> None:
    """No rows, no requests, no outcomes."""
    server = Server()
    mapping = run([], server)
    assert (mapping.outcomes, mapping.counts, server.sent) == ([], Counts(0, concurrency=4), [])


def test_rows_that_are_not_asked_say_why() -> None:
    """NULL is no failure; what cannot be asked is one."""
    mapping = run([Skipped("NULL"), "a", Skipped("bad", failed=True)], Server())
    assert mapping.outcomes[0] == Outcome(reason="NULL")
    assert mapping.outcomes[1].value == "A"
    assert mapping.outcomes[2] == Outcome(reason="bad", failed=True)
    assert (mapping.counts.done, mapping.counts.failed, mapping.counts.requests) == (3, 1, 1)


def test_a_hundred_thousand_rows_stay_small() -> None:
    """What the mapper keeps besides the outcomes is a few dozen bytes a row."""

    async def send(request: Request) -> Response:
        return Response(200, 1)

    async def main() -> int:
        tracemalloc.start()
        try:
            mapping = await mapped((item(str(n % 1000)) for n in range(100_000)), 100_000, send)
            assert mapping.counts.requests == 1000
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(main()) < 10_000_000


# Equal items


def test_equal_items_are_asked_once() -> None:
    """While the first is on its way, and after it is back."""
    server = Server(latency=0.002)
    mapping = run(["a"] * 10 + ["b"] * 10 + ["a"] * 10, server, concurrency=2)
    assert sorted(server.sent) == ["a", "b"]
    assert values(mapping) == ["A"] * 10 + ["B"] * 10 + ["A"] * 10
    assert (mapping.counts.done, mapping.counts.requests) == (30, 2)


def test_equal_items_share_a_failure() -> None:
    """Each of the rows counts as failed, whenever it came."""
    server = Server()
    server.failures["a"] = [StatusError("400: no", status=400)]
    mapping = run(["b", "a", "a", "a", "b"], server, concurrency=1)
    assert [outcome.failed for outcome in mapping.outcomes] == [False, True, True, True, False]
    assert (mapping.counts.failed, mapping.counts.done, len(server.sent)) == (3, 5, 2)


def test_without_deduplication_each_row_is_asked() -> None:
    """For sampling; the k-th of equal rows is an item of its own, the same in every run."""
    keys: list[bytes] = []

    def noting(one: Item) -> Generator[Request, Response, Outcome]:
        keys.append(one.key)
        return (yield from ask(one))

    server = Server()
    run(["a", "b", "a"], server, operation=noting, deduplicate=False, concurrency=1)
    assert server.sent == ["a", "b", "a"]
    assert len(set(keys)) == 3
    again, keys[:] = list(keys), []
    run(["a", "b", "a"], server, operation=noting, deduplicate=False, concurrency=1)
    assert keys == again


# Failures


def test_a_passing_failure_is_tried_again() -> None:
    """The outcome has the answer, and how many attempts it took."""
    server = Server()
    server.failures["a"] = [soon(), soon()]
    mapping = run(["a", "b"], server)
    assert values(mapping) == ["A", "B"]
    assert [outcome.evidence.attempts for outcome in mapping.outcomes if outcome.evidence] == [3, 1]
    assert mapping.counts.requests == 4


def test_attempts_are_bounded() -> None:
    """After max_attempts the row fails, and says with what."""
    server = Server()
    server.failures["a"] = [soon() for _ in range(9)]
    mapping = run(["b", "a"], server, max_attempts=4)
    assert server.sent.count("a") == 4
    outcome = mapping.outcomes[1]
    assert (outcome.failed, outcome.value, outcome.reason) == (True, None, "429: slow down")
    assert outcome.evidence is not None
    assert (outcome.evidence.status, outcome.evidence.attempts) == (429, 4)


@pytest.mark.parametrize("kind", [StatusError, AuthenticationError, UnknownHostError])
def test_what_does_not_pass_is_not_tried_again(kind: type[GatewayError]) -> None:
    """Asking again would only cost time."""
    server = Server()
    server.failures["a"] = [kind("no")]
    run(["a"], server, concurrency=1)
    assert server.sent == ["a"]


def test_a_wait_that_is_too_long_fails_the_row_at_once() -> None:
    """A request to come back in 2 hours is not obeyed blindly; the reason says so."""
    server = Server()
    server.failures["a"] = [RateLimitError("429: slow down", status=429, retry_after=7200.0)]
    mapping = run(["b", "a"], server)
    assert mapping.outcomes[1].reason == (
        "429: slow down (it asks to wait 7,200 s, and a query waits 60 s at most)"
    )
    assert server.sent.count("a") == 1


@pytest.mark.parametrize("attempt", range(1, 20))
def test_waits_are_jittered_and_bounded(attempt: int) -> None:
    """Half a second at first, doubled each time, 20 seconds at most; never less than asked for."""
    longest = min(20.0, 0.5 * 2 ** (attempt - 1))
    waits = [backoff(attempt, None) or 0 for _ in range(50)]
    assert all(longest / 2 <= wait <= longest for wait in waits)
    assert len(set(waits)) > 1
    assert 3 <= (backoff(attempt, 3.0) or 0) <= 3 + longest * 0.2
    assert backoff(attempt, LONGEST_WAIT + 1) is None


def test_the_operation_may_catch_a_failure_and_ask_otherwise() -> None:
    """Repair and step-down are just another request; all attempts are counted."""

    def stepping_down(one: Item) -> Generator[Request, Response, Outcome]:
        try:
            reply = yield Request("/", b"typed")
        except StatusError:
            reply = yield Request("/", b"plain")
        return Outcome(reply.body, evidence=Evidence())

    server = Server()
    server.failures["typed"] = [StatusError("400: no schema here", status=400)]
    mapping = run(["x"], server, operation=stepping_down)
    assert (values(mapping), server.sent) == (["PLAIN"], ["typed", "plain"])
    assert mapping.outcomes[0].evidence is not None
    assert mapping.outcomes[0].evidence.attempts == 2


def test_the_operation_may_find_a_reply_wanting() -> None:
    """A reply that cannot be read fails its row, with the evidence that was found."""

    def reading(one: Item) -> Generator[Request, Response, Outcome]:
        reply = yield Request("/", one.payload.encode())
        raise InvalidResponseError("not a chat", status=reply.status, evidence=Evidence(model="m"))

    outcome = run(["x"], Server(), operation=reading).outcomes[0]
    assert (outcome.failed, outcome.reason) == (True, "not a chat")
    assert outcome.evidence is not None
    assert (outcome.evidence.model, outcome.evidence.status, outcome.evidence.attempts) == ("m", 200, 1)


def test_an_answer_without_a_value_is_a_failure_with_its_reason() -> None:
    """No silent NULL."""

    def empty(one: Item) -> Generator[Request, Response, Outcome]:
        yield Request("/", b"x")
        return Outcome.failure("max_tokens ran out", Evidence())

    outcome = run(["x"], Server(), operation=empty).outcomes[0]
    assert (outcome.failed, outcome.value, outcome.reason) == (True, None, "max_tokens ran out")


# Stopping


@pytest.mark.parametrize(("concurrency", "most"), [(1, 1), (5, 5), (None, FIRST_LIMIT)])
def test_a_rejected_key_stops_the_query_before_it_starts(concurrency: int | None, most: int) -> None:
    """Not a million times 401: only what was in flight already."""
    sent: list[bytes] = []

    async def send(request: Request) -> Response:
        sent.append(request.body)
        await asyncio.sleep(0.001)
        raise AuthenticationError("401: no", status=401)

    mapping = run(map(str, range(1000)), send, concurrency=concurrency)
    assert len(sent) <= most
    assert isinstance(mapping.stopped, AuthenticationError)
    assert all(outcome.failed for outcome in mapping.outcomes)
    assert mapping.outcomes[-1].reason == "not asked: the query was stopped, because 401: no"


def test_one_rejected_key_among_answers_is_its_rows_own() -> None:
    """A guardrail or a model that this key may not use does not end the query."""
    server = Server()
    server.failures["5"] = [AuthenticationError("403: not this one", status=403)]
    mapping = run(map(str, range(20)), server, concurrency=1)
    assert mapping.stopped is None
    assert [row for row, outcome in enumerate(mapping.outcomes) if outcome.failed] == [5]


def test_many_rejected_keys_in_a_row_stop_the_query() -> None:
    """A key that is revoked meanwhile does not fail the rest one by one."""
    server = Server()
    server.failures = {str(n): [AuthenticationError("401: no", status=401)] for n in range(10, 5000)}
    mapping = run(map(str, range(5000)), server, concurrency=4)
    assert isinstance(mapping.stopped, AuthenticationError)
    assert len(server.sent) <= 10 + HOPELESS + 4 + 4


def test_nothing_answered_ever_stops_the_query() -> None:
    """Every row failing, from the first one on, is hopeless, whatever the reason."""
    server = Server()
    server.failures = {str(n): [StatusError("400: no", status=400)] for n in range(5000)}
    mapping = run(map(str, range(5000)), server, concurrency=4)
    assert mapping.stopped is not None
    assert len(server.sent) <= HOPELESS + 4


def test_failures_among_answers_stop_nothing() -> None:
    """Every second row may fail: every row is tried."""
    server = Server()
    server.failures = {str(n): [StatusError("400: no", status=400)] for n in range(1, 1000, 2)}
    mapping = run(map(str, range(1000)), server, concurrency=4)
    assert (mapping.stopped, mapping.counts.failed, mapping.counts.requests) == (None, 500, 1000)


def test_a_spent_budget_stops_at_once_even_among_answers() -> None:
    """412: nothing more is answered until somebody raises the budget."""
    server = Server()
    server.failures["9"] = [BudgetExceededError("412: spent", status=412)]
    mapping = run(map(str, range(1000)), server, concurrency=2)
    assert isinstance(mapping.stopped, BudgetExceededError)
    assert len(server.sent) <= 12


def test_a_stop_does_not_wait_for_rows_that_wait() -> None:
    """A row that was asked to come back in 50 seconds does not hold up the error, and is not sent again."""
    server = Server()
    server.failures["0"] = [RateLimitError("429", status=429, retry_after=50.0)]
    server.failures["1"] = [AuthenticationError("401: no", status=401)]

    async def main() -> MapResult:
        return await asyncio.wait_for(mapped(map(item, "01"), 2, server, concurrency=2), 5)

    mapping = asyncio.run(main())
    assert isinstance(mapping.stopped, AuthenticationError)
    assert sorted(server.sent) == ["0", "1"]


def test_nobody_there_stops_after_the_attempts() -> None:
    """A refused connection may pass; when it does not, the query ends instead of trying every row."""
    sent: list[bytes] = []

    async def send(request: Request) -> Response:
        sent.append(request.body)
        raise ConnectError("refused", retry_after=0.0)

    mapping = run(map(str, range(1000)), send, concurrency=4, max_attempts=2)
    assert isinstance(mapping.stopped, ConnectError)
    assert len(sent) <= 8


# Defects and cancellation


def test_a_defect_in_the_rows_comes_out_and_leaves_no_task() -> None:
    """What the items' iterator raises is raised to the caller, as it is."""

    def rows() -> Iterator[Item]:
        yield from map(item, "abc")
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await mapped(rows(), 9, Server(latency=0.01), concurrency=2)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    gc.collect()  # a task whose exception nobody took would warn, and fail this test


@pytest.mark.parametrize("where", ["operation", "send", "on_outcome"])
def test_a_defect_elsewhere_is_not_swallowed(where: str) -> None:
    """An error that is none of ours ends the run, wherever it comes from."""

    def operation(one: Item) -> Generator[Request, Response, Outcome]:
        yield from ask(one)
        raise ZeroDivisionError

    async def send(request: Request) -> Response:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    def on_outcome(row: int, outcome: Outcome) -> None:
        raise ZeroDivisionError

    options: dict[str, Any] = {"operation": operation} if where == "operation" else {}
    if where == "on_outcome":
        options["on_outcome"] = on_outcome
    with pytest.raises(ZeroDivisionError):
        run("abcdefgh", send if where == "send" else Server(), **options)
    gc.collect()


def test_cancellation_lets_what_is_in_flight_land() -> None:
    """Who gives up on the query sends nothing more, and keeps what is paid already."""
    server = Server(latency=0.05)
    kept: list[bytes] = []
    taken: list[bytes] = []

    class Cache:
        def cached(self, key: bytes) -> None:
            return None

        def claim(self, key: bytes) -> bool:
            return True

        def put(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
            taken.extend(key for key, _ in outcomes)

        def flush(self) -> None:
            kept.extend(taken)
            taken.clear()

    async def main() -> None:
        mapper = Mapper(
            alone(ask),
            server,
            MapperLimits(concurrency=3, timeout=60, max_attempts=3),
            cache=Cache(),
        )
        task = asyncio.create_task(mapper.run(map(item, "abcdef"), 6))
        while server.inside < 3:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.inside == 0
        assert sorted(server.sent) == ["a", "b", "c"]
        assert sorted(kept) == [b"a", b"b", b"c"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def capitals(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome | GatewayError]]:
    """Send several texts in one request."""
    reply = yield Request("/", " ".join(one.payload for one in items).encode())
    return [
        GatewayError("not that one") if word == "BAD" else Outcome(word, evidence=Evidence())
        for word in reply.body.split()
    ]


def test_items_are_asked_together() -> None:
    """As many as are allowed go into one request, the rest into the last; each row has its own answer."""
    server = Server()
    mapping = run("abcdefg", server, operation=capitals, batch_size=3, concurrency=2)
    assert values(mapping) == list("ABCDEFG")
    assert sorted(server.sent) == ["a b c", "d e f", "g"]
    assert mapping.counts.requests == 3


def test_all_requests_but_the_last_are_full() -> None:
    """However many workers pull the rows, and however often they let each other have their turn."""
    server = Server()
    texts = [str(number) for number in range(10_050)]
    run(texts, server, operation=capitals, batch_size=100, concurrency=32)
    assert sorted(len(sent.split()) for sent in server.sent) == [50, *[100] * 100]


def test_one_of_several_may_fail_alone() -> None:
    """What an operation returns for an item is that item's outcome."""
    mapping = run(["a", "bad", "c"], Server(), operation=capitals, batch_size=3)
    assert values(mapping) == ["A", None, "C"]
    assert [outcome.reason for outcome in mapping.outcomes] == [None, "not that one", None]


def test_a_failure_of_the_request_fails_all_of_its_items() -> None:
    """They were asked together, and nothing came back."""
    server = Server()
    server.failures["a b"] = [StatusError("400: no", status=400)]
    mapping = run("abcd", server, operation=capitals, batch_size=2, concurrency=1)
    assert values(mapping) == [None, None, "C", "D"]
    assert mapping.counts.failed == 2


def test_a_request_that_failed_is_one_failure_however_many_it_was_for() -> None:
    """The patience of a query counts what the provider was asked, not the rows that went along."""
    server = Server()
    server.failures["a " * 199 + "a"] = [StatusError("400: no", status=400)]
    texts = [*["a"] * 200, *"bcdefgh"]
    mapping = run(texts, server, operation=capitals, batch_size=200, concurrency=1, deduplicate=False)
    assert mapping.stopped is None
    assert values(mapping)[-7:] == list("BCDEFGH")


def halves(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome | GatewayError]]:
    """Send each text by itself, and go on where one fails."""
    answers: list[Outcome | GatewayError] = []
    for one in items:
        try:
            reply = yield Request("/", one.payload.encode())
            answers.append(Outcome(reply.body, evidence=Evidence()))
        except GatewayError as error:
            answers.append(error)
    return answers


def test_what_was_answered_of_a_group_comes_out_of_a_query_that_is_stopped() -> None:
    """It is paid: a deadline in the middle of several requests loses those that are not sent, no other."""
    server = Server(latency=0.05)
    mapping = run("abcdef", server, operation=halves, batch_size=6, concurrency=1, deadline=0.12)
    answered = [outcome.value for outcome in mapping.outcomes if not outcome.failed]
    assert answered == [text.upper() for text in server.sent]
    assert 0 < len(answered) < 6
    assert {outcome.reason for outcome in mapping.outcomes if outcome.failed} == {
        "not asked: the query was stopped"
    }


def test_equal_and_unasked_rows_between_do_not_part_a_group() -> None:
    """A request is filled with rows that need it, wherever they stand."""
    rows: list[str | Skipped] = ["a", "a", Skipped("nothing to ask"), "b", "a", "c"]
    server = Server()
    assert values(run(rows, server, operation=capitals, batch_size=3)) == ["A", "A", None, "B", "A", "C"]
    assert server.sent == ["a b c"]


def test_a_row_is_done_when_its_answer_is_safe() -> None:
    """Nothing is sent in its place, and nobody is told that it is done, before the cache has it."""
    safe: set[bytes] = set()
    taken: list[bytes] = []
    flushes: list[int] = []

    class Cache:
        def cached(self, key: bytes) -> None:
            return None

        def claim(self, key: bytes) -> bool:
            return True

        def put(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
            taken.extend(key for key, _ in outcomes)

        def flush(self) -> None:
            flushes.append(len(taken))
            safe.update(taken)
            taken.clear()

    answered: list[bytes] = []

    async def send(request: Request) -> Response:
        assert set(answered) - safe <= set(answered[-4:])  # those of the other slots
        await asyncio.sleep(0.001)
        answered.append(request.body)
        return Response(200, request.body.decode())

    async def main() -> None:
        mapper = Mapper(
            alone(ask), send, MapperLimits(concurrency=4, timeout=60, max_attempts=1), cache=Cache()
        )
        texts = [str(number) for number in range(100)]
        mapping = await mapper.run(map(item, texts), 100)
        assert values(mapping) == texts

    asyncio.run(main())
    assert safe == {str(number).encode() for number in range(100)}
    assert max(flushes) > 1  # several that came in the same turn


def test_after_the_deadline_nothing_is_sent() -> None:
    """What is in flight may land; the rows that were not asked say why."""
    server = Server(latency=0.05)
    mapping = run("abcdefgh", server, concurrency=3, deadline=0.02)
    assert sorted(server.sent) == ["a", "b", "c"]
    assert values(mapping) == ["A", "B", "C", *[None] * 5]
    assert {outcome.reason for outcome in mapping.outcomes[3:]} == {"not asked: deadline = 0.02 s passed"}
    assert mapping.stopped is None


def test_while_the_gateway_is_gone_one_request_tries_for_all() -> None:
    """Attempts are not used up by an outage after a first success, however many tries it takes."""
    server = Server()
    tries = 0

    async def send(request: Request) -> Response:
        nonlocal tries
        if len(server.sent) >= 10 and tries < 4:
            tries += 1
            raise ConnectError("refused")
        return await server(request)

    mapping = run(map(str, range(40)), send, concurrency=1, max_attempts=1)
    assert values(mapping) == [str(number) for number in range(40)]
    assert (mapping.counts.failed, mapping.counts.requests, tries) == (0, 40, 4)


def test_a_provider_that_asks_to_wait_is_left_alone_by_every_row() -> None:
    """One row's Retry-After holds for all: nobody else runs into the limit meanwhile."""
    server = Server()
    times: list[float] = []

    async def send(request: Request) -> Response:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            raise RateLimitError("429", status=429, retry_after=0.2)
        return await server(request)

    mapping = run(map(str, range(20)), send, concurrency=1)
    assert mapping.counts.failed == 0
    assert times[1] - times[0] >= 0.2


# What is told


def test_the_counts_can_be_seen_while_it_runs() -> None:
    """They grow, requests that have no answer yet among them, and at the end every row is counted once."""
    server = Server()
    seen: list[tuple[int, int, int]] = []

    async def send(request: Request) -> Response:
        now = mapper.now()
        seen.append((now.done, now.requests, now.concurrency))
        return await server(request)

    mapper: Mapper
    rows = [item("a"), item("a"), Skipped("NULL"), item("b")]

    async def main() -> MapResult:
        nonlocal mapper
        mapper = Mapper(alone(ask), send, MapperLimits(concurrency=1, timeout=60, max_attempts=3))
        return await mapper.run(rows, len(rows))

    mapping = asyncio.run(main())
    assert seen == [(0, 1, 1), (3, 2, 1)]
    assert mapping.counts == Counts(4, done=4, copies=1, unasked=1, requests=2, concurrency=1)


def test_other_tasks_get_their_turn() -> None:
    """A long stretch of rows without a question does not freeze the loop."""

    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await mapped((Skipped("NULL") for _ in range(20_000)), 20_000, Server())
        task.cancel()
        return turns

    assert asyncio.run(main()) >= 5


def test_outcomes_can_be_pickled() -> None:
    """Outcomes and their evidence go between processes as they are."""
    outcome = run(["a"], Server()).outcomes[0]
    assert pickle.loads(pickle.dumps(outcome)) == outcome  # noqa: S301 - our own bytes


# What an item's requests and outcomes carry


def test_requests_carry_the_headers_of_the_first_item() -> None:
    """Of a batch, and of retries; without headers a request stays as it is."""
    sent: list[Any] = []

    async def send(request: Request) -> Response:
        sent.append(request.headers)
        if len(sent) == 1:
            raise soon()
        return Response(200, request.body.decode().upper())

    rows = [Item(text.encode(), text, {"span": text}) for text in "abcd"]
    asyncio.run(mapped(rows, 4, send, operation=capitals, batch_size=3, concurrency=1))
    assert sent == [{"span": "a"}, {"span": "a"}, {"span": "d"}]
    run(["x"], send, concurrency=1)
    assert sent[-1] is None


def test_a_price_is_known_before_an_outcome_is_told_and_cached() -> None:
    """Evidence is complete when it leaves the mapper, and the operation's own stays as it was."""
    told: list[Evidence] = []
    cached: list[Evidence] = []
    answers: list[Evidence] = []

    class Cache:
        def cached(self, key: bytes) -> None:
            return None

        def claim(self, key: bytes) -> bool:
            return True

        def put(self, outcomes: Sequence[tuple[bytes, Outcome]]) -> None:
            cached.extend(outcome.evidence for _, outcome in outcomes if outcome.evidence)

        def flush(self) -> None:
            pass

    def priced(one: Item) -> Generator[Request, Response, Outcome]:
        reply = yield Request("/", one.payload.encode())
        answers.append(Evidence(status=reply.status, prompt_tokens=7))
        return Outcome(reply.body, evidence=answers[-1])

    async def main() -> MapResult:
        mapper = Mapper(
            alone(priced),
            Server(),
            MapperLimits(concurrency=1, timeout=60, max_attempts=1),
            cache=Cache(),
            price=lambda evidence: 0.5 * (evidence.prompt_tokens or 0),
            on_outcome=lambda _, outcome: told.append(outcome.evidence or Evidence()),
        )
        return await mapper.run([item("a")], 1)

    (outcome,) = asyncio.run(main()).outcomes
    assert told == cached == [outcome.evidence]
    assert outcome.evidence is not None
    assert (outcome.evidence.cost, outcome.evidence.attempts) == (3.5, 1)
    assert answers == [Evidence(status=200, prompt_tokens=7)]


def test_items_that_share_a_failure_do_not_share_what_is_added_to_it() -> None:
    """The error is as it was raised; each outcome has evidence of its own."""
    server = Server()
    error = StatusError("400: no", status=400, evidence=Evidence(provider="p"))
    server.failures["a b"] = [error]
    mapping = run("ab", server, operation=capitals, batch_size=2, concurrency=1)
    for outcome in mapping.outcomes:
        assert outcome.evidence is not None
        assert (outcome.evidence.provider, outcome.evidence.status, outcome.evidence.attempts) == (
            "p",
            400,
            1,
        )
    assert error.evidence == Evidence(provider="p")


def test_an_error_is_not_rewritten_on_its_way() -> None:
    """The reason says more than the error that was raised, which stays as it was."""
    server = Server()
    error = RateLimitError("429: slow down", status=429, retry_after=7200.0)
    server.failures["a"] = [error]
    outcome = run(["b", "a"], server).outcomes[1]
    assert (outcome.reason or "").endswith("a query waits 60 s at most)")
    assert (error.message, error.attempts) == ("429: slow down", 1)


def test_rows_of_a_stopped_query_name_the_request_before() -> None:
    """A row whose second request is not sent leads to the first one in the gateway's logs."""
    stopped = asyncio.Event()

    def twice(one: Item) -> Generator[Request, Response, Outcome]:
        with contextlib.suppress(StatusError):
            yield Request("/", b"first")
        try:
            reply = yield Request("/", b"second")
        except GatewayError as error:
            return Outcome.failure(error.message, error.evidence)
        return Outcome(reply.body, evidence=Evidence())

    async def send(request: Request) -> Response:
        stopped.set()
        known = Evidence(trace_id="t", span_id="s", provider="p")
        raise StatusError("400: no", status=400, evidence=known)

    async def main() -> MapResult:
        limits = MapperLimits(concurrency=1, timeout=60, max_attempts=1)
        return await Mapper(alone(twice), send, limits, stopped=stopped).run([item("a")], 1)

    (outcome,) = asyncio.run(main()).outcomes
    assert outcome.reason == "not asked: the query was stopped"
    assert outcome.evidence is not None
    assert outcome.evidence.as_dict().items() >= {"trace_id": "t", "span_id": "s", "attempts": 1}.items()
    assert outcome.evidence.provider is None


def test_a_gateway_that_is_gone_for_too_long_ends_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so in its message and in an attribute, and survives being handed on."""
    monkeypatch.setattr(retry, "LONGEST_OUTAGE", 0.0)
    server = Server()

    async def send(request: Request) -> Response:
        if server.sent:
            raise ConnectError("refused")
        return await server(request)

    mapping = run(map(str, range(40)), send, concurrency=1)
    assert isinstance(mapping.stopped, ConnectError)
    assert mapping.stopped.ends_the_query
    assert mapping.stopped.message == "refused (it answered before, and was gone for 0 s)"
    assert pickle.loads(pickle.dumps(mapping.stopped)).ends_the_query  # noqa: S301 - our own bytes


# Rows that come in parts


def in_parts(*parts: Sequence[Item | Skipped], **options: Any) -> tuple[list[MapResult], list[bytes]]:
    """Map parts one after the other; return the result after each, and what was sent."""
    sent: list[bytes] = []

    async def send(request: Request) -> Response:
        sent.append(request.body)
        if request.body == b"bad":
            raise StatusError("400: no", status=400)
        await asyncio.sleep(0.001)
        return Response(200, request.body.decode().upper())

    async def main() -> list[MapResult]:
        limits = MapperLimits(**{"concurrency": 2, "timeout": 60, "max_attempts": 1, **options})
        mapper = Mapper(alone(ask), send, limits)
        return [await mapper.run(part, len(part)) for part in parts]

    return asyncio.run(main()), sent


def test_rows_that_come_in_parts_are_one_query() -> None:
    """The numbers go on, a row equal to one of an earlier part is not sent, nor is one that has failed."""
    results, sent = in_parts(
        [item("a"), item("bad")], [item("b"), item("a"), Skipped("NULL")], [], [item("bad"), item("b")]
    )
    assert sorted(sent) == [b"a", b"b", b"bad"]
    values = [outcome.value for outcome in results[-1].outcomes]
    assert values == ["A", None, "B", "A", None, None, "B"]
    assert [outcome.failed for outcome in results[-1].outcomes] == [
        False,
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert [len(result.outcomes) for result in results] == [2, 5, 5, 7]
    assert results[-1].counts == Counts(7, done=7, failed=2, copies=3, unasked=1, requests=3, concurrency=2)


def test_a_deadline_is_one_for_all_parts() -> None:
    """It begins with the first part; a part that comes after it is not sent."""
    parts = [[item(f"{part} {number}") for number in range(50)] for part in "abc"]
    results, sent = in_parts(*parts, concurrency=1, deadline=0.07)
    assert len(sent) < 150
    last = results[-1].outcomes[-1]
    assert (last.value, last.reason) == (None, "not asked: deadline = 0.07 s passed")
