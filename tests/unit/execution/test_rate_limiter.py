"""Requests and tokens per minute, alone and between processes."""

from __future__ import annotations

import asyncio
import bisect
import functools
import itertools
import logging
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.execution.gcra import Backlog, Backlogs, Gcra
from portkey_handler.execution.rate_limiter import RateLimiter
from portkey_handler.execution.token_estimate import MeanTokens, estimate_tokens
from portkey_handler.storage.rate_limit_store import MIGRATIONS, RateLimitStore

WORKER = Path(__file__).parents[2] / "support" / "limited.py"
DATA = Path(__file__).parents[2] / "data"
_scopes = itertools.count()


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Clock:
    """A clock that only goes on when somebody sleeps, or when it is set."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and others do something."""
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def scope() -> str:
    """Give a scope that no other test has."""
    return f"engine {next(_scopes)}"


@pytest.fixture
def opened() -> Iterator[list[RateLimiter]]:
    """Close what a test opens."""
    limits: list[RateLimiter] = []
    yield limits
    for one in limits:
        one.close()


def minute(requests: float | None = None, tokens: float | None = None) -> Gcra:
    """Give rates from limits per minute."""
    return Gcra(requests and requests / 60, tokens and tokens / 60)


def most_beyond(times: list[float], per_second: float) -> float:
    """Give by how many the busiest window of at most 60 s exceeds the limit."""
    times = sorted(times)
    return max(
        last - first + 1 - per_second * (times[last] - times[first])
        for first in range(len(times))
        for last in range(first, len(times))
        if times[last] - times[first] <= 60
    )


# The arithmetic.


def test_slots_are_evenly_apart() -> None:
    """There is no burst, at the start neither."""
    slots, backlogs = minute(requests=1200).take(Backlogs(), 100.0, [1] * 4)
    assert [slot.time for slot in slots] == pytest.approx([100.0, 100.05, 100.1, 100.15])
    assert backlogs.requests == pytest.approx((4, 100.0))


def test_slots_follow_those_that_are_taken() -> None:
    """Who comes later, in whatever process, queues behind."""
    rates = minute(requests=60)
    _, backlogs = rates.take(Backlogs(), 100.0, [1, 1])
    slots, _ = rates.take(backlogs, 100.5, [1])
    assert slots[0].time == pytest.approx(102.0)


def test_a_pause_is_not_made_up_for() -> None:
    """Ten idle minutes are no leave to send the ten minutes' requests at once."""
    rates = minute(requests=60)
    _, backlogs = rates.take(Backlogs(), 100.0, [1])
    slots, _ = rates.take(backlogs, 700.0, [1, 1])
    assert [slot.time for slot in slots] == pytest.approx([700.0, 701.0])


def test_less_than_one_per_second() -> None:
    """One in two minutes is a limit as well."""
    slots, _ = minute(requests=0.5).take(Backlogs(), 100.0, [1, 1])
    assert [slot.time for slot in slots] == pytest.approx([100.0, 220.0])


def test_tokens_take_their_time() -> None:
    """A request waits for the tokens of those before it."""
    slots, _ = minute(tokens=6000).take(Backlogs(), 100.0, [50, 200, 1])
    assert [slot.time for slot in slots] == pytest.approx([100.0, 100.5, 102.5])


def test_a_request_larger_than_a_minute_is_let_through() -> None:
    """It goes when it is its turn, and the others wait for its time to pass."""
    rates = minute(tokens=60)
    slots, backlogs = rates.take(Backlogs(), 100.0, [10, 300])
    assert slots[1].time == pytest.approx(110.0)
    slots, _ = rates.take(backlogs, 111.0, [10])
    assert slots[0].time == pytest.approx(410.0)


def test_both_limits_hold() -> None:
    """A slot is where both allow it; small requests wait for one limit, large ones for the other."""
    slots, _ = minute(requests=60, tokens=600).take(Backlogs(), 100.0, [1, 50, 1, 1])
    assert [slot.time for slot in slots] == pytest.approx([100.0, 101.0, 106.0, 107.0])


def test_a_credit_is_given_back() -> None:
    """Tokens that were taken and not used are the next one's."""
    rates = minute(tokens=6000)
    _, backlogs = rates.take(Backlogs(), 100.0, [1000])
    slots, _ = rates.take(backlogs, 100.0, [1], debt=-800)
    assert slots[0].time == pytest.approx(102.0)


def test_a_credit_is_no_burst() -> None:
    """More than was waited for is not given back."""
    slots, _ = minute(tokens=6000).take(Backlogs(), 100.0, [100, 100], debt=-1e6)
    assert [slot.time for slot in slots] == pytest.approx([100.0, 101.0])


def test_a_debt_is_waited_for_at_most_a_minute() -> None:
    """Providers forget after a minute, too."""
    rates = minute(tokens=6000)
    assert rates.take(Backlogs(), 100.0, [1], debt=500)[0][0].time == pytest.approx(105.0)
    assert rates.take(Backlogs(), 100.0, [1], debt=1e6)[0][0].time == pytest.approx(160.0)


def test_a_debt_does_not_shorten_a_longer_queue() -> None:
    """The bound is on the debt, not on what is queued already."""
    rates = minute(tokens=60)
    _, backlogs = rates.take(Backlogs(), 100.0, [300])
    assert rates.take(backlogs, 100.0, [1], debt=10)[0][0].time == pytest.approx(400.0)


def test_closing_forgets_nothing() -> None:
    """Who settles what is owed without taking slots leaves those that are taken where they are."""
    rates = minute(requests=0.5, tokens=60)
    _, backlogs = rates.take(Backlogs(), 100.0, [300] * 3)
    _, settled = rates.take(backlogs, 100.0, [], debt=-50)
    assert settled.requests == pytest.approx(backlogs.requests)
    assert settled.tokens.units == pytest.approx(backlogs.tokens.units - 50)


def test_a_changed_limit_counts_for_what_is_taken() -> None:
    """Who raises a limit of one a day does not wait until tomorrow."""
    _, backlogs = minute(requests=1 / 1440).take(Backlogs(), 100.0, [1])
    slots, _ = minute(requests=60).take(backlogs, 100.0, [1])
    assert slots[0].time == pytest.approx(101.0)


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    """What was taken stays taken, but the clock need not catch up."""
    assert Backlog(3, 5000.0).free_at(100.0, 1.0) == pytest.approx(103.0)


def test_clocks_may_differ_a_little() -> None:
    """A second backwards is a correction of the clock: the slots stay where they are."""
    assert Backlog(3, 101.0).free_at(100.0, 1.0) == pytest.approx(104.0)


@pytest.mark.parametrize(
    "backlog",
    [
        Backlog(float("inf"), 100.0),
        Backlog(float("nan"), 100.0),
        Backlog(-5, 100.0),
        Backlog(3, float("inf")),
        Backlog(3, float("-inf")),
        Backlog(1e15, 100.0),
    ],
)
def test_nobody_waits_for_absurd_backlogs(backlog: Backlog) -> None:
    """Whatever is in the file, the wait is bounded by what the limit explains."""
    assert 100.0 <= backlog.free_at(100.0, 10.0, asked=1) <= 100.0 + 120 + 64 / 10


def test_a_batch_is_a_quarter_of_a_second() -> None:
    """A process takes few slots ahead, but one at least, and not more than have somebody waiting."""
    assert len(minute(requests=1200).batch([1] * 100)) == 5
    assert len(minute(requests=1200).batch([1] * 3)) == 3
    assert len(minute(requests=6).batch([1] * 100)) == 1
    assert minute(tokens=6000).batch([10, 10, 5, 1]) == [10, 10, 5]
    assert minute(tokens=6000).batch([1000, 1]) == [1000]


@pytest.mark.parametrize("per_minute", [7, 60, 61, 90, 600, 6000])
def test_the_worst_lateness_stays_within_the_limit(per_minute: int) -> None:
    """Slots used as late as possible, then as early as possible: a minute's limit plus a second's quota."""
    rates = minute(requests=per_minute)
    slots, _ = rates.take(Backlogs(), 0.0, [1] * (per_minute * 3))
    times = sorted(slot.time + rates.lateness * (slot.time < 65) for slot in slots)
    counts = [bisect.bisect_left(times, first + 60) - place for place, first in enumerate(times)]
    assert max(counts) <= per_minute + max(1, per_minute / 60)


@pytest.mark.parametrize("seed", range(5))
def test_many_processes_at_random(seed: int) -> None:
    """Whoever takes how many when, and however late each slot is used within its time."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    rates = minute(requests=600, tokens=60_000)
    backlogs, now, times = Backlogs(), 1000.0, []
    for _ in range(150):
        now += chance.choice([0, 0, 0.01, 0.3, 2.0])
        costs = rates.batch([chance.randrange(200) for _ in range(chance.randrange(1, 9))])
        slots, backlogs = rates.take(backlogs, now, costs)
        times += [slot.time + chance.uniform(0, rates.lateness) for slot in slots]
    assert most_beyond(times, 10) <= 10 + 1e-6


# Whose turn it is.


async def grants(limits: RateLimiter, clock: Clock, costs: list[int]) -> list[tuple[int, float]]:
    """Ask for many turns at once; give who went when, counted from now."""
    start, went = clock.now, []

    async def send(name: int, tokens: int) -> None:
        await limits.acquire(tokens)
        went.append((name, clock.now - start))

    await asyncio.gather(*(send(name, tokens) for name, tokens in enumerate(costs)))
    return went


@in_a_loop
async def test_first_come_first_served(clock: Clock, scope: str) -> None:
    """Turns come in the order in which they were asked for, at the limit's pace."""
    limits = RateLimiter(None, scope, 1200, None, clock=clock, sleep=clock.sleep)
    went = await grants(limits, clock, [1] * 12)
    assert [name for name, _ in went] == list(range(12))
    assert [at for _, at in went] == pytest.approx([0.05 * turn for turn in range(12)])


@in_a_loop
async def test_large_requests_are_not_overtaken(clock: Clock, scope: str) -> None:
    """A small request that comes later waits behind a large one."""
    limits = RateLimiter(None, scope, None, 6000, clock=clock, sleep=clock.sleep)
    went = await grants(limits, clock, [100, 400, 1, 1])
    assert [name for name, _ in went] == [0, 1, 2, 3]
    assert [at for _, at in went] == pytest.approx([0, 1, 5, 5.01])


@in_a_loop
async def test_without_limits_nothing_is_opened(tmp_path: Path) -> None:
    """No limit, no file."""
    limits = RateLimiter(RateLimitStore(tmp_path / "home"), "engine", None, None)
    await limits.acquire(1000)
    limits.close()
    assert not (tmp_path / "home").exists()


@in_a_loop
async def test_a_cancelled_turn_leaves_the_others_in_order(clock: Clock, scope: str) -> None:
    """Those behind move up; nobody's slot is lost."""
    limits = RateLimiter(None, scope, 1200, None, clock=clock, sleep=clock.sleep)
    went: list[int] = []

    async def send(name: int) -> None:
        await limits.acquire(1)
        went.append(name)

    tasks = [asyncio.ensure_future(send(name)) for name in range(8)]
    start = clock.now
    while not went:
        await asyncio.sleep(0)
    tasks[1].cancel()  # the next in line, which may be sleeping
    tasks[4].cancel()  # somebody behind
    await asyncio.gather(*tasks, return_exceptions=True)
    assert went == [0, 2, 3, 5, 6, 7]
    assert clock.now - start == pytest.approx(5 * 0.05)


@in_a_loop
async def test_a_cancelled_turn_hands_on_its_tokens(clock: Clock, scope: str) -> None:
    """The slot of a large request serves a small one, and the difference is given back."""
    limits = RateLimiter(None, scope, None, 6000, clock=clock, sleep=clock.sleep)
    await limits.acquire(100)
    large = asyncio.ensure_future(limits.acquire(1000))
    await asyncio.sleep(0)  # it has its slot, and sleeps
    large.cancel()
    start = clock.now
    assert [at for _, at in await grants(limits, clock, [10, 10])] == pytest.approx([0, 0.1], abs=0.01)
    assert clock.now - start < 1


@in_a_loop
async def test_usage_is_made_up_for(clock: Clock, scope: str) -> None:
    """What a reply used beyond the estimate is waited for, what it did not use is given back."""
    limits = RateLimiter(None, scope, None, 6000, clock=clock, sleep=clock.sleep)
    await limits.acquire(100)
    limits.correct(100, 300)
    assert [at for _, at in await grants(limits, clock, [100])] == pytest.approx([3])
    limits.correct(100, 0)
    assert [at for _, at in await grants(limits, clock, [100])] == pytest.approx([0])


@in_a_loop
async def test_what_is_owed_outlives_the_query(
    clock: Clock, tmp_path: Path, opened: list[RateLimiter]
) -> None:
    """Many queries of one row each keep the limit, too."""
    first = RateLimiter(RateLimitStore(tmp_path), "engine", None, 6000, clock=clock, sleep=clock.sleep)
    await first.acquire(100)
    first.correct(100, 300)
    first.close()
    second = RateLimiter(RateLimitStore(tmp_path), "engine", None, 6000, clock=clock, sleep=clock.sleep)
    opened.append(second)
    assert [at for _, at in await grants(second, clock, [1])] == pytest.approx([3])


@in_a_loop
async def test_a_process_that_slept_does_not_burst(clock: Clock, scope: str) -> None:
    """Slots whose time has passed are gone."""
    limits = RateLimiter(None, scope, 1200, None, clock=clock, sleep=clock.sleep)
    tasks = [asyncio.ensure_future(limits.acquire(1)) for _ in range(4)]
    await tasks[0]
    clock.now += 30  # three slots are held
    start = clock.now
    await asyncio.gather(*tasks)
    assert clock.now - start == pytest.approx(0.1)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
@in_a_loop
async def test_a_clock_that_jumps(clock: Clock, scope: str, jump: float) -> None:
    """A clock that is set, forwards or backwards, keeps nobody waiting, those in the queue neither."""
    limits = RateLimiter(None, scope, 1200, None, clock=clock, sleep=clock.sleep)
    tasks = [asyncio.ensure_future(limits.acquire(1)) for _ in range(8)]
    await tasks[0]
    clock.now += jump
    start = clock.now
    await asyncio.gather(*tasks)
    assert 0.25 < clock.now - start < 0.75


@in_a_loop
async def test_equal_scopes_share(clock: Clock, scope: str) -> None:
    """Two queries in two threads of one process have one limit."""
    one = RateLimiter(None, scope, 60, None, clock=clock, sleep=clock.sleep)
    other = RateLimiter(None, scope, 60, None, clock=clock, sleep=clock.sleep)
    another_engine = RateLimiter(None, scope + "!", 60, None, clock=clock, sleep=clock.sleep)
    await one.acquire(1)
    assert [at for _, at in await grants(another_engine, clock, [1])] == [0]
    assert [at for _, at in await grants(other, clock, [1])] == pytest.approx([1])


# The file.


@in_a_loop
async def test_the_file_is_the_owners(tmp_path: Path, opened: list[RateLimiter]) -> None:
    """Nobody else reads who is asked how often."""
    home = tmp_path / "new" / "home"
    opened.append(limits := RateLimiter(RateLimitStore(home), "engine", 6000, None))
    await limits.acquire(1)
    assert (home.stat().st_mode & 0o777, (home / "limits.sqlite").stat().st_mode & 0o777) == (0o700, 0o600)


@in_a_loop
async def test_limits_share_a_file(clock: Clock, tmp_path: Path, opened: list[RateLimiter]) -> None:
    """Each takes its turn behind the other."""
    opened += (
        RateLimiter(RateLimitStore(tmp_path), "engine", 60, None, clock=clock, sleep=clock.sleep)
        for _ in range(2)
    )
    start = clock.now
    for limits in opened * 2:
        await limits.acquire(1)
    assert clock.now - start == pytest.approx(3)


def damage(home: Path) -> None:
    """Leave a file that is no database."""
    home.mkdir()
    (home / "limits.sqlite").write_bytes(b"no database, " * 1000)


def make_a_file_of_it(home: Path) -> None:
    """Leave no folder where one should be."""
    home.write_text("")


def change_its_table(home: Path) -> None:
    """Leave a database of another shape."""
    home.mkdir()
    connection = sqlite3.connect(home / "limits.sqlite")
    connection.execute("CREATE TABLE backlogs (something)")
    connection.close()


@pytest.mark.parametrize("spoil", [damage, make_a_file_of_it, change_its_table])
@in_a_loop
async def test_a_file_that_cannot_be_used(
    spoil: Callable[[Path], None], clock: Clock, tmp_path: Path, scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning that names it, and the limits hold in this process."""
    home = tmp_path / "home"
    spoil(home)
    limits = RateLimiter(RateLimitStore(home), scope, 1200, None, clock=clock, sleep=clock.sleep)
    with caplog.at_level(logging.WARNING):
        went = await grants(limits, clock, [1] * 12)
    limits.close()
    assert [at for _, at in went] == pytest.approx([0.05 * turn for turn in range(12)])
    said = "requests_per_minute and tokens_per_minute hold in this process only: "
    said += f"{home / 'limits.sqlite'} cannot be used: "
    assert [record.getMessage().startswith(said) for record in caplog.records] == [True]


@in_a_loop
async def test_rows_without_numbers_count_for_nothing(
    clock: Clock, tmp_path: Path, opened: list[RateLimiter]
) -> None:
    """A row that somebody edited stops nobody."""
    opened.append(
        limits := RateLimiter(RateLimitStore(tmp_path), "engine", 60, None, clock=clock, sleep=clock.sleep)
    )
    await limits.acquire(1)
    connection = sqlite3.connect(tmp_path / "limits.sqlite")
    with connection:
        connection.execute("UPDATE backlogs SET requests = 'many', tokens_at = NULL")
    connection.close()
    assert [at for _, at in await grants(limits, clock, [1, 1])] == pytest.approx([0, 1])


@in_a_loop
async def test_a_locked_file_is_waited_for(
    tmp_path: Path, opened: list[RateLimiter], caplog: pytest.LogCaptureFixture
) -> None:
    """Others may hold it for a moment; the event loop goes on meanwhile."""
    opened.append(limits := RateLimiter(RateLimitStore(tmp_path), "engine", 60_000, None))
    await limits.acquire(1)
    other = sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    waiting = asyncio.ensure_future(limits.acquire(1))
    for _ in range(10):
        await asyncio.sleep(0.02)
        assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    await asyncio.wait_for(waiting, 3)
    assert caplog.records == []


# Files of other releases.


@pytest.mark.parametrize("file", sorted(DATA.glob("home-*/limits.sqlite")), ids=lambda file: file.parent.name)
@in_a_loop
async def test_backlogs_of_an_earlier_release_are_read(
    file: Path, clock: Clock, tmp_path: Path, opened: list[RateLimiter]
) -> None:
    """They count as if this one had written them."""
    shutil.copyfile(file, tmp_path / "limits.sqlite")
    connection = sqlite3.connect(tmp_path / "limits.sqlite")
    select = "SELECT scope, requests, requests_at FROM backlogs ORDER BY requests DESC"
    scope, units, clock.now = connection.execute(select).fetchone()
    assert 0 < units < 1
    opened.append(
        limits := RateLimiter(RateLimitStore(tmp_path), scope, 60, None, clock=clock, sleep=clock.sleep)
    )
    assert [at for _, at in await grants(limits, clock, [1, 1])] == pytest.approx([units, units + 1])
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert connection.execute("SELECT count(*) FROM backlogs").fetchone() == (2,)
    connection.close()


@in_a_loop
async def test_a_newer_file_is_left_alone(
    clock: Clock, tmp_path: Path, scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning says why, the limits hold in this process, and the file is as it was."""
    path = tmp_path / "limits.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE other (something); PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    limits = RateLimiter(RateLimitStore(tmp_path), scope, 1200, None, clock=clock, sleep=clock.sleep)
    went = await grants(limits, clock, [1] * 12)
    limits.close()
    assert [at for _, at in went] == pytest.approx([0.05 * turn for turn in range(12)])
    assert [record.getMessage() for record in caplog.records] == [
        "requests_per_minute and tokens_per_minute hold in this process only: "
        f"{path} was written by a newer portkey-handler (it has version 99, and this release reads "
        f"versions up to {len(MIGRATIONS)}); upgrade portkey-handler, or name another folder by "
        "PORTKEY_HANDLER_HOME"
    ]
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"limits.sqlite": before}


# Processes.


@pytest.mark.slow
def test_four_processes_and_a_kill(tmp_path: Path) -> None:
    """One is killed and one is stopped for a while: together they stay within the limit, and use it."""
    per_second, seconds = 20.0, 5.0
    logs = [tmp_path / f"{name}.log" for name in range(4)]
    processes = [
        subprocess.Popen([sys.executable, WORKER, tmp_path / "home", str(per_second * 60), str(seconds), log])
        for log in logs
    ]
    try:
        while not all(log.exists() and log.stat().st_size for log in logs):
            assert all(process.poll() is None for process in processes)
            time.sleep(0.02)
        processes[1].send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        killed_at = time.time()
        processes[0].kill()
        time.sleep(1)
        processes[1].send_signal(signal.SIGCONT)
        codes = [process.wait(30) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert codes == [-signal.SIGKILL, 0, 0, 0]
    times = [[float(line) for line in log.read_text().splitlines()] for log in logs]
    everybody = sorted(itertools.chain(*times))
    assert all(len(own) > 2 for own in times)
    assert max(times[0]) < killed_at + 0.1 < max(times[1])
    assert most_beyond(everybody, per_second) <= per_second
    assert len(everybody) >= 0.8 * per_second * (everybody[-1] - everybody[0])
    assert everybody[-1] - everybody[0] > seconds * 0.8


# How many tokens.


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 1),
        ("a" * 400, 100),
        ("Die Größe der Straße überraschte Jürgen. " * 10, 115),
        ("Привет, мир! " * 10, 55),
        ("一二三四五六七八九十", 10),
        ("नमस्ते", 6),
        ("😀" * 10, 20),
    ],
)
def test_tokens_of_a_text(text: str, tokens: int) -> None:
    """Letters, alphabets, syllables and pictures each have their price."""
    assert estimate_tokens(text.encode(), 0) == tokens


def test_the_answer_is_added() -> None:
    """Providers count both."""
    assert estimate_tokens(b"a" * 400, 50) == 150


def test_an_image_does_not_count_as_text() -> None:
    """A megabyte of base64 is one image, not a quarter of a million tokens."""
    image = b'{"url":"data:image/png;base64,' + b"QUJD" * 250_000 + b'"}'
    assert estimate_tokens(image, 0) < 1100
    assert estimate_tokens(image * 2, 0) > 2000


def test_a_large_body_is_estimated_quickly() -> None:
    """Ten megabytes of three scripts hold the loop up for some milliseconds only."""
    body = "word слово 言葉 ".encode() * 400_000
    started = time.process_time()
    assert estimate_tokens(body, 0) > 2_000_000
    assert time.process_time() - started < 1


def test_answers_are_as_long_as_those_before() -> None:
    """The limit on an answer counts until there is one; then the mean does."""
    length = MeanTokens(4000)
    assert length.expected == 4000
    length.learn(10)
    assert length.expected == 10
    length.learn(20)
    assert length.expected == 15
    for _ in range(500):
        length.learn(40)
    assert length.expected == 40


def test_an_answer_without_limit_has_a_hundred_tokens() -> None:
    """Somewhere one has to start."""
    assert MeanTokens(None).expected == 100
