"""KeyLocks: what one query is asking the others do not, whoever dies, fails or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_handler.errors import GatewayError, StatusError
from portkey_handler.execution.in_flight_elsewhere import AGAIN, InFlightElsewhere
from portkey_handler.execution.mapper import Mapper, MapperLimits
from portkey_handler.execution.row_results import MapResult
from portkey_handler.operations.item_keys import number_copies
from portkey_handler.records import Evidence, Item, Outcome, Request, Response, Skipped
from portkey_handler.storage.answer_cache import AnswerCache
from portkey_handler.storage.key_locks import MOST, KeyLocks

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every claim is granted")

DAY = 86_400.0
#: Nothing in these tests takes so long; what does is stuck.
STUCK = 60.0
#: A process that claims the item of its argument, says so, and does nothing more.
HOLDER = """
import sys, time
from pathlib import Path
from portkey_handler.storage.key_locks import KeyLocks
claims = KeyLocks(Path(sys.argv[1]))
print(claims.claim(bytes.fromhex(sys.argv[2])), flush=True)
time.sleep(600)
"""


def key_of(text: str) -> bytes:
    """Make the key of a text, as operations do."""
    return blake2b(text.encode(), digest_size=16).digest()


def ask(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome | GatewayError]]:
    """Send all texts in one request, and take the words that come back for their answers."""
    reply = yield Request("/", " ".join(one.payload for one in items).encode())
    return [Outcome(word, evidence=Evidence(status=200)) for word in reply.body.split()]


class Server:
    """Counts what it is asked in all loops and threads, and answers in capitals after `latency` seconds.

    Attributes:
        asked: How often each text was sent.
        failing: Texts that are refused as often as is said.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.asked: Counter[str] = Counter()
        self.failing: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        texts = request.body.decode()
        with self._lock:
            self.asked.update(texts.split())
        await asyncio.sleep(self.latency)
        for text in texts.split():
            if self.failing[text] > 0:
                self.failing[text] -= 1
                raise StatusError(f"400: not {text}", status=400)
        return Response(200, texts.upper())


async def query(
    path: Path,
    texts: Iterable[str],
    send: Any,
    *,
    reuse: float = DAY,
    deduplicate: bool = True,
    stopped: asyncio.Event | None = None,
    **options: Any,
) -> MapResult:
    """Map texts as a query does, with a journal of its own."""
    rows: list[Item | Skipped] = [Item(key_of(text), text) for text in texts]
    if not deduplicate:
        rows = list(number_copies(rows))
    limits = MapperLimits(**{"concurrency": 4, "timeout": STUCK, "max_attempts": 1, **options})
    with contextlib.closing(AnswerCache(path, reuse=reuse, keep=DAY)) as journal:
        return await Mapper(ask, send, limits, cache=journal, stopped=stopped).run(rows, len(rows))


def at_once(*queries: Any) -> list[MapResult]:
    """Run queries in one loop at the same time."""

    async def main() -> list[MapResult]:
        return await asyncio.wait_for(asyncio.gather(*queries), STUCK)

    return asyncio.run(main())


def values(mapping: MapResult) -> list[Any]:
    """Give the answers in order."""
    return [outcome.value for outcome in mapping.outcomes]


def capitals(texts: Iterable[str]) -> list[str]:
    """Give the answers that texts have."""
    return [text.upper() for text in texts]


@contextlib.contextmanager
def held(path: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process claim a text in a journal, and do nothing with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", HOLDER, str(path.with_suffix(".claims")), key_of(text).hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "True\n"
            yield holder
        finally:
            holder.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a journal's file in a folder that is not there yet."""
    return tmp_path / "home" / "journal" / "engine.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of claims that is not there yet."""
    return tmp_path / "engine.claims"


# KeyLocks


def test_a_key_is_one_querys_until_it_lets_go(file: Path) -> None:
    """Also within one process; other keys are free, and closing lets go of all."""
    one, other = KeyLocks(file), KeyLocks(file)
    keys = [key_of(str(number)) for number in range(300)]
    assert all(one.claim(key) for key in keys)
    assert all(one.claim(key) for key in keys)
    assert not any(other.claim(key) for key in keys)
    assert other.claim(key_of("another"))
    one.release(keys[0])
    assert [other.claim(key) for key in keys[:2]] == [True, False]
    one.close()
    assert all(other.claim(key) for key in keys)
    other.close()


def test_copies_of_one_text_are_claimed_apart(file: Path) -> None:
    """The keys of equal rows that are asked one by one differ at their end only."""
    one, other = KeyLocks(file), KeyLocks(file)
    keys = [key_of("joke") + copy.to_bytes(8, "big") for copy in range(100)]
    assert all(one.claim(key) for key in keys[::2])
    assert [other.claim(key) for key in keys] == [False, True] * 50
    one.close()
    other.close()


def test_a_query_has_so_many_claims_at_most(file: Path) -> None:
    """What it asks beyond them others ask, too, and what is over makes room."""
    one, other = KeyLocks(file), KeyLocks(file)
    keys = [key_of(str(number)) for number in range(MOST + 1)]
    assert all(one.claim(key) for key in keys)
    assert [other.claim(key) for key in keys[-2:]] == [False, True]
    other.release(keys[-1])
    one.release(keys[0])
    assert one.claim(keys[-1])
    assert [other.claim(keys[number]) for number in (0, -1)] == [True, False]
    one.close()
    other.close()


def test_nothing_is_written_and_its_owner_alone_reads_it(file: Path) -> None:
    """The files are there for their locks."""
    claims = KeyLocks(file)
    for number in range(100):
        claims.claim(key_of(str(number)))
    claims.close()
    found = {(stat.filemode(path.stat().st_mode), path.stat().st_size) for path in file.parent.iterdir()}
    assert found == {("-rw-------", 0)}


def test_where_the_file_cannot_be_had_every_claim_is_granted(tmp_path: Path) -> None:
    """Its folder is gone, or is none: paid twice is better than not asked."""
    (tmp_path / "file").write_text("no folder")
    for path in (tmp_path / "file" / "engine.claims", tmp_path / "gone" / "engine.claims"):
        claims = KeyLocks(path)
        assert claims.claim(key_of("a"))
        claims.release(key_of("a"))
        claims.close()


def test_a_fork_does_not_hold_what_was_let_go(file: Path) -> None:
    """A process that was forked has the file open, too; it is the closing that counts."""
    one, other = KeyLocks(file), KeyLocks(file)
    assert one.claim(key_of("a"))
    # Not os.fork: the tests' process has threads. A child that is given the file is the same to the locks.
    [opened] = one._files.values()
    with subprocess.Popen(["/bin/sleep", "600"], pass_fds=[opened]) as child:
        assert not other.claim(key_of("a"))
        one.close()
        assert other.claim(key_of("a"))
        child.kill()
    other.close()


# Items asked elsewhere


def test_what_waits_is_looked_at_less_and_less_often_and_in_the_end_asked() -> None:
    """A hundred looks are enough for an hour, and the last one is when its time is over."""
    elsewhere = InFlightElsewhere(3600.0)
    now, looks = 100.0, 0
    item = Item(b"a", "a")
    since = now
    while elsewhere.put(7, item, since, now):
        assert list(elsewhere.due(now + AGAIN * 0.99)) == []
        now = elsewhere._waiting[0][0]
        assert list(elsewhere.due(now)) == [(7, item, since)]
        assert not elsewhere
        looks += 1
    assert now == since + 3600.0
    assert looks < 100


# Queries at the same time


@pytest.mark.parametrize("batch_size", [1, 16])
def test_equal_rows_at_once_are_asked_once(path: Path, batch_size: int) -> None:
    """Four queries over the same rows share the work; each has every answer, in order."""
    server = Server(0.01)
    texts = [f"t{number}" for number in range(200)]
    mappings = at_once(*(query(path, texts, server, batch_size=batch_size) for _ in range(4)))
    assert [values(mapping) for mapping in mappings] == [capitals(texts)] * 4
    assert set(server.asked.values()) == {1}
    assert sum(mapping.counts.cached for mapping in mappings) == 600
    assert [mapping.counts.done for mapping in mappings] == [200] * 4
    assert {mapping.stopped for mapping in mappings} == {None}


def test_equal_rows_are_asked_once_in_threads(path: Path) -> None:
    """As the queries of a session in several threads are: each has its own loop."""
    server = Server(0.01)
    texts = [f"t{number}" for number in range(300)]
    tables = [texts[start : start + 200] for start in (0, 30, 60, 100)]
    with ThreadPoolExecutor(4) as pool:
        mappings = list(pool.map(lambda table: asyncio.run(query(path, table, server)), tables))
    assert [values(mapping) for mapping in mappings] == [capitals(table) for table in tables]
    assert set(server.asked.values()) == {1}


def test_a_query_takes_what_another_was_answered_since_it_began(path: Path) -> None:
    """Though the two never met at one row."""
    server = Server()
    first = [f"a{number}" for number in range(50)]

    async def main() -> None:
        begun = asyncio.Event()
        done = asyncio.Event()

        async def slow(request: Request) -> Response:
            begun.set()
            await done.wait()
            return await server(request)

        late = asyncio.create_task(query(path, ["z", *first], slow, concurrency=1))
        await begun.wait()
        assert values(await query(path, first, server)) == capitals(first)
        done.set()
        mapping = await late
        assert values(mapping) == ["Z", *capitals(first)]
        assert mapping.counts.cached == 50

    asyncio.run(asyncio.wait_for(main(), STUCK))
    assert set(server.asked.values()) == {1}


def test_samples_are_shared_one_by_one(path: Path) -> None:
    """The k-th of equal rows is one item for all queries."""
    server = Server(0.01)
    mappings = at_once(*(query(path, ["joke"] * 20, server, deduplicate=False) for _ in range(2)))
    assert [values(mapping) for mapping in mappings] == [["JOKE"] * 20] * 2
    assert server.asked["joke"] == 20


def test_fresh_answers_are_asked_for_whoever_asks(path: Path) -> None:
    """`reuse = 'never'` takes no claim and respects none."""
    server = Server(0.01)
    texts = [f"t{number}" for number in range(20)]
    fresh, usual = at_once(query(path, texts, server, reuse=0), query(path, texts, server))
    assert values(fresh) == values(usual) == capitals(texts)
    assert fresh.counts.cached == 0
    with held(path, "t3"):
        [fresh] = at_once(query(path, texts, server, reuse=0))
        assert fresh.counts.cached == 0


@settings(max_examples=25, deadline=None)
@given(
    orders=st.lists(
        st.permutations(range(24)).flatmap(
            lambda order: st.integers(1, 24).map(lambda number: order[:number])
        ),
        min_size=2,
        max_size=4,
    ),
    batch_size=st.sampled_from([1, 5, 128]),
    concurrency=st.integers(1, 3),
)
def test_overlapping_rows_in_any_order_never_block_each_other(
    tmp_path_factory: pytest.TempPathFactory, orders: list[list[int]], batch_size: int, concurrency: int
) -> None:
    """However items are batched, nobody waits for who waits for him, and each is asked once."""
    path = tmp_path_factory.mktemp("home") / "journal" / "engine.sqlite"
    server = Server(0.002)
    tables = [[f"t{number}" for number in order] for order in orders]
    options = {"batch_size": batch_size, "concurrency": concurrency}
    mappings = at_once(*(query(path, table, server, **options) for table in tables))
    assert [values(mapping) for mapping in mappings] == [capitals(table) for table in tables]
    assert set(server.asked.values()) == {1}


# Who does not come to an end


def test_what_a_killed_process_was_asking_another_asks(path: Path) -> None:
    """The operating system lets go of its claims; until then the other rows are asked."""
    server = Server()
    texts = ["a", "b", "c"]

    async def main() -> MapResult:
        with held(path, "b") as holder:
            task = asyncio.create_task(query(path, texts, server))
            while len(server.asked) < 2:
                await asyncio.sleep(0.001)
            await asyncio.sleep(3 * AGAIN)
            assert sorted(server.asked) == ["a", "c"]
            os.kill(holder.pid, signal.SIGKILL)
            return await task

    mapping = asyncio.run(asyncio.wait_for(main(), STUCK))
    assert values(mapping) == ["A", "B", "C"]
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("batch_size", [1, 3])
def test_what_failed_for_one_query_the_other_asks(path: Path, batch_size: int) -> None:
    """It gets the failure, or the answer, that it has for itself."""
    server = Server(0.01)
    texts = ["a", "b", "c"]
    server.failing["b"] = 1
    mappings = at_once(*(query(path, texts, server, batch_size=batch_size) for _ in range(2)))
    assert sorted(mapping.counts.failed for mapping in mappings) == [0, batch_size]
    assert max(mappings, key=lambda mapping: mapping.counts.done - mapping.counts.failed).counts.failed == 0
    server.failing["x"] = 2
    mappings = at_once(*(query(path, ["x"], server) for _ in range(2)))
    assert [mapping.outcomes[0].reason for mapping in mappings] == ["400: not x"] * 2
    assert server.asked["x"] == 2


def test_who_hangs_is_not_waited_for_longer_than_a_request_may_take(path: Path) -> None:
    """The item is asked though another has it: to pay twice is better."""
    server = Server()
    with held(path, "b"):
        [mapping] = at_once(query(path, ["a", "b", "c"], server, timeout=0.3))
    assert values(mapping) == ["A", "B", "C"]
    assert mapping.counts.cached == 0


@pytest.mark.parametrize("end", ["deadline", "stopped", "cancelled"])
def test_who_waits_can_be_stopped(path: Path, end: str) -> None:
    """The rows that others are asking are then not asked, and the query has ended at once."""
    server = Server()

    async def main() -> None:
        stopped = asyncio.Event()
        options: dict[str, Any] = {"deadline": 0.2} if end == "deadline" else {"stopped": stopped}
        task = asyncio.create_task(query(path, ["a", "b"], server, **options))
        while not server.asked:
            await asyncio.sleep(0.001)
        await asyncio.sleep(2 * AGAIN)
        if end == "stopped":
            stopped.set()
        elif end == "cancelled":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return
        mapping = await task
        assert values(mapping) == ["A", None]
        assert (mapping.outcomes[1].reason or "").startswith("not asked: ")
        assert (mapping.left, mapping.items) == (1, 2)

    with held(path, "b"):
        asyncio.run(asyncio.wait_for(main(), STUCK))
    assert server.asked == {"a": 1}
    [mapping] = at_once(query(path, ["a", "b"], server))
    assert (values(mapping), mapping.counts.cached) == (["A", "B"], 1)


def test_who_waits_leaves_the_flight_to_what_is_to_be_asked(path: Path) -> None:
    """Many rows that become free at once are asked at once, not one after the other."""
    texts = [f"t{number}" for number in range(30)]
    server = Server(0.05)
    most = 0
    inside = 0

    async def counting(request: Request) -> Response:
        nonlocal most, inside
        inside += 1
        most = max(most, inside)
        try:
            return await server(request)
        finally:
            inside -= 1

    async def main() -> MapResult:
        path.parent.mkdir(parents=True)
        other = KeyLocks(path.with_suffix(".claims"))
        assert all(other.claim(key_of(text)) for text in texts)
        task = asyncio.create_task(query(path, texts, counting, concurrency=8))
        await asyncio.sleep(3 * AGAIN)
        assert not server.asked
        other.close()
        return await task

    mapping = asyncio.run(asyncio.wait_for(main(), STUCK))
    assert values(mapping) == capitals(texts)
    assert most == 8


# The journal


def open_journals(path: Path, number: int) -> tuple[contextlib.ExitStack, list[AnswerCache]]:
    """Open a journal as several queries do."""
    stack = contextlib.ExitStack()
    opened = [AnswerCache(path, reuse=DAY, keep=DAY) for _ in range(number)]
    for journal in opened:
        stack.callback(journal.close)
    return stack, opened


def test_a_claim_lasts_until_the_answer_is_on_disk(path: Path) -> None:
    """Not until it was taken: whoever has the claim next finds the answer."""
    stack, [one, other] = open_journals(path, 2)
    with stack:
        assert one.claim(key_of("a"))
        one.put([(key_of("a"), Outcome("A", None, Evidence(status=200)))])
        assert not other.claim(key_of("a"))
        one.flush()
        assert other.claim(key_of("a"))
        kept = other.cached(key_of("a"))
        assert kept is not None
        assert (kept.value, kept.evidence is not None and kept.evidence.kept_from is not None) == ("A", True)


def test_a_journal_that_gives_up_lets_go(path: Path) -> None:
    """What it cannot keep is nobody's secret: others need not wait for it."""
    stack, [one, other] = open_journals(path, 2)
    with stack:
        assert one.claim(key_of("a"))
        one._give_up(OSError("the disk is gone"))
        assert other.claim(key_of("a"))
        assert one.claim(key_of("a"))


def test_who_only_looks_claims_nothing(path: Path) -> None:
    """A dry run leaves no file and holds nobody up."""
    AnswerCache(path, reuse=DAY, keep=DAY, only_look=True).claim(key_of("a"))
    assert not path.parent.exists()


def test_a_query_that_is_alone_does_not_read_its_own_answers_again(path: Path) -> None:
    """Nor when another comes at last: of a million rows that would take a second, and their room."""
    stack, [one, other] = open_journals(path, 2)
    with stack:
        for number in range(100):
            text = key_of(f"t{number}")
            one._look_at = 0.0
            assert one.claim(text)
            one.put([(text, Outcome("A", None, Evidence()))])
            if number % 3 == 0:
                one.flush()
        one.flush()
        other.put([(key_of("z"), Outcome("Z", None, Evidence()))])
        other.flush()
        one._look_at = 0.0
        assert one.claim(key_of("z"))
        assert one.cached(key_of("z")) is not None
        assert len(one._known._numbers) < 5  # those since it looked last
