"""Of requests that begin alike one is answered first; in virtual time, with the real mapper."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from support import virtual_time

from portkey_handler.errors import StatusError
from portkey_handler.execution.beginnings import Beginnings
from portkey_handler.execution.mapper import Mapper, MapperLimits
from portkey_handler.execution.row_results import MapResult
from portkey_handler.records import Evidence, Item, Outcome, Request, Response


@dataclass
class Provider:
    """Answers after a second; keeps the beginnings of the requests that it has answered.

    Attributes:
        fails: How many requests fail, at first.
        cold: Requests that found their beginning not in the cache, by beginning.
    """

    fails: int = 0
    cold: Counter[str] = field(default_factory=Counter)
    asked: list[str] = field(default_factory=list)
    cached: set[str] = field(default_factory=set)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        text = request.body.decode()
        self.asked.append(text)
        beginning = text.partition(":")[0]
        self.cold[beginning] += beginning not in self.cached
        await asyncio.sleep(1)
        if self.fails:
            self.fails -= 1
            raise StatusError("400", status=400)
        self.cached.add(beginning)
        return Response(200, text)


def ask(items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
    """Send the text of the one item."""
    (one,) = items
    reply = yield Request("/", one.payload.encode())
    return [Outcome(reply.body, evidence=Evidence(status=reply.status))]


def item(text: str) -> Item:
    """Give an item whose beginning stands before a colon; without one it has none."""
    beginning, colon, _ = text.partition(":")
    return Item(text.encode(), text, beginning=beginning.encode() if colon else None)


def asked(
    provider: Provider,
    texts: Sequence[str],
    *,
    pulled: list[str] | None = None,
    order: list[int] | None = None,
) -> tuple[MapResult, float]:
    """Ask about these texts; return the result, and the seconds."""

    def items() -> Iterator[Item]:
        for text in texts if order is None else [texts[place] for place in order]:
            if pulled is not None:
                pulled.append(text)
            yield item(text)

    async def main() -> tuple[MapResult, float]:
        mapper = Mapper(ask, provider, MapperLimits(concurrency=10, timeout=60, max_attempts=1))
        result = await mapper.run(items(), len(texts), numbers=order)
        return result, asyncio.get_running_loop().time()

    return virtual_time.run(main())


def test_the_others_wait_for_the_first_answer() -> None:
    """Of each beginning; rows of other beginnings, and those without one, are asked meanwhile."""
    texts = [f"{'ab'[row % 2]}:{row}" for row in range(18)] + [f"free {row}" for row in range(8)]
    provider = Provider()
    result, seconds = asked(provider, texts)
    assert [outcome.value for outcome in result.outcomes] == texts
    assert (provider.cold["a"], provider.cold["b"]) == (1, 1)
    assert provider.asked[:10] == ["a:0", "b:1", *(f"free {row}" for row in range(8))]
    assert seconds < 4  # 26 requests, ten at a time


def test_another_one_goes_ahead_where_the_first_fails() -> None:
    """One after the other, until there is an answer."""
    provider = Provider(fails=3)
    result, _ = asked(provider, [f"a:{row}" for row in range(30)])
    assert [outcome.value is None for outcome in result.outcomes] == [True] * 3 + [False] * 27
    assert provider.cold["a"] == 4


def test_few_rows_are_held_for_later() -> None:
    """Each holds its whole request; further rows are looked at when there is room."""
    pulled: list[str] = []
    seen: list[int] = []

    class Watching(Provider):
        async def __call__(self, request: Request) -> Response:
            seen.append(len(pulled) - len(self.asked))
            return await super().__call__(request)

    result, _ = asked(Watching(), [f"a:{row}" for row in range(2000)], pulled=pulled)
    assert all(outcome.value is not None for outcome in result.outcomes)
    assert max(seen) <= 256 + 10


def test_rows_may_come_in_another_order() -> None:
    """Their answers do not."""
    texts = [f"{'ab'[row % 2]}:{row}" for row in range(20)]
    order = sorted(range(20), key=lambda row: (row % 2, row))
    provider = Provider()
    result, _ = asked(provider, texts, order=order)
    assert [outcome.value for outcome in result.outcomes] == texts
    assert provider.asked[0] == "a:0"
    assert provider.asked[1] == "b:1"


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_set_aside_comes_back_once(answered: bool) -> None:
    """After an answer nothing waits any more; after a failure one goes, and the others wait again."""
    beginnings = Beginnings()
    first, second, third = (item(f"a:{row}") for row in range(3))
    assert not beginnings.set_aside(0, first)
    beginnings.sent(first)
    assert beginnings.set_aside(1, second)
    assert beginnings.set_aside(2, third)
    assert beginnings
    beginnings.ended(first, answered=answered)
    assert [row for row, _ in beginnings.ready()] == [1, 2]
    assert not beginnings
    assert not beginnings.set_aside(1, second)
    beginnings.sent(second)
    assert beginnings.set_aside(2, third) == (not answered)
