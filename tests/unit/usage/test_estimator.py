"""What a query would ask and cost, compared with what it then asks and costs at the stand-in."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.options import EngineConfig, resolve
from portkey_handler.predictor import Predictor
from portkey_handler.records import Item, Request
from portkey_handler.usage.estimate.dry_run import dry_runs
from portkey_handler.usage.estimate.estimator import MOST_MADE, Earlier, Estimate, Estimator
from portkey_handler.usage.estimate.wording import table

MODEL = "gpt-4o-mini"
#: The stand-in counts words, of which English prose has one for about 1.4 tokens.
FACTOR = 2.0
PROSE = (
    "The kettle boils water faster than the old one did, but its handle gets hot and the lid does not close "
    "well, so that steam comes out beside it and the kitchen window is wet after every cup of tea number"
)


def ask(provider: OfflineProvider, frame: pd.DataFrame, **using: Any) -> pd.DataFrame:
    """Answer a frame."""
    told = {"model": MODEL, "on_error": "null", "max_attempts": 1, **using}
    plan = resolve(target="answer", engine={}, model=told, environment={}).plan
    return Predictor(plan)(frame, EngineConfig({"base_url": provider.base_url, "provider": "openai"}))


def estimated(provider: OfflineProvider, frame: pd.DataFrame, **using: Any) -> Estimate:
    """Make a dry run of the same."""
    heard: list[Estimate] = []
    with dry_runs(heard.append):
        ask(provider, frame, **using)
    (estimate,) = heard
    return estimate


def posts(provider: OfflineProvider) -> list[Any]:
    """Give the bodies of what was asked."""
    return [request.body for request in provider.requests if request.method == "POST"]


def prose(rows: int) -> pd.DataFrame:
    """Give rows of some length that are all different."""
    return pd.DataFrame({"q": [f"{PROSE} {row}" for row in range(rows)]})


MIXED = pd.DataFrame({"q": pd.Series(["a", "b", "a", None, " ", "\ud800", "c", "a"], dtype="object")})


@pytest.mark.parametrize(
    "using",
    [
        {},
        {"mode": "completion"},
        {"deduplicate": False},
        {"mode": "embedding", "model": "text-embedding-3-small", "inputs_per_request": 2},
        {"mode": "embedding", "model": "text-embedding-3-small", "deduplicate": False},
        {"mode": "prompt", "prompt_id": "p"},
        {"mode": "request", "path": "/moderations", "body": '{"input": "{{q}}"}'},
        {"prompt_template": "Translate: {{q}}", "system_prompt": "Be short."},
    ],
    ids=["chat", "completion", "equal rows", "embedding", "all in one", "prompt", "request", "template"],
)
def test_requests_are_as_many_as_are_sent(using: dict[str, Any], provider: OfflineProvider) -> None:
    """Of every operation the estimate counts what the real query then sends, and sends nothing itself."""
    estimate = estimated(provider, MIXED, **using)
    assert posts(provider) == []
    ask(provider, MIXED, **using)
    assert estimate.requests == estimate.made == len(posts(provider)) > 0
    assert (estimate.rows, estimate.kept) == (8, 0)


def test_rows_are_counted_by_what_becomes_of_them(provider: OfflineProvider) -> None:
    """Blank ones, ones that cannot be sent, equal ones and kept ones are told apart."""
    before = estimated(provider, MIXED)
    assert (before.unasked, before.unsendable, before.distinct, before.kept) == (2, 1, 3, 0)
    ask(provider, pd.DataFrame({"q": ["a", "c"]}))
    after = estimated(provider, MIXED)
    assert (after.distinct, after.kept, after.requests) == (3, 2, 1)
    ask(provider, MIXED)
    nothing = estimated(provider, MIXED)
    assert (nothing.kept, nothing.requests, nothing.cost, nothing.seconds) == (3, 0, 0.0, 0.0)
    assert dict(table(nothing))["cost"] == "nothing"
    assert estimated(provider, MIXED, reuse="never").requests == 3


def test_equal_rows_that_are_sampled_are_found_among_the_kept(provider: OfflineProvider) -> None:
    """With deduplicate = false the k-th of equal rows is one of its own in the journal, too."""
    ask(provider, pd.DataFrame({"q": ["a", "a"]}), deduplicate=False)
    more = estimated(provider, pd.DataFrame({"q": ["a", "a", "a"]}), deduplicate=False)
    assert (more.distinct, more.kept, more.requests) == (3, 2, 1)


@pytest.mark.parametrize(
    "using",
    [{}, {"mode": "completion"}, {"mode": "embedding", "model": "text-embedding-3-small"}],
    ids=["chat", "completion", "embedding"],
)
def test_prompt_tokens_are_of_the_right_size(using: dict[str, Any], provider: OfflineProvider) -> None:
    """They are within a factor of 2 of what the provider then counts, whose tokens are words."""
    frame = prose(40)
    estimate = estimated(provider, frame, **using)
    answers = ask(provider, frame, evidence=True, **using)
    counted = sum(evidence["prompt_tokens"] for evidence in answers["answer_evidence"])
    assert counted / FACTOR < estimate.prompt_tokens < counted * FACTOR


def test_options_of_the_body_are_no_prompt(provider: OfflineProvider) -> None:
    """The names and numbers beside the prompt are not paid; tools are, which the model reads."""
    frame = pd.DataFrame({"q": ["a"]})
    plain = estimated(provider, frame).prompt_tokens
    assert estimated(provider, frame, temperature=0.5, user="somebody", seed=7).prompt_tokens == plain
    tools = '[{"type": "function", "function": {"name": "look", "description": "Looks something up."}}]'
    assert estimated(provider, frame, tools=tools).prompt_tokens > plain + 10


def test_without_earlier_answers_they_are_as_long_as_they_may_be(provider: OfflineProvider) -> None:
    """Expected is then the most there can be; without a limit it is a guess, and says so."""
    limited = estimated(provider, prose(3), max_tokens=70)
    assert (limited.completion_tokens, limited.most_completion_tokens) == (210, 210)
    assert limited.cost == limited.most_cost
    assert "none is known yet" in limited.basis
    free = estimated(provider, prose(3), max_tokens=None)
    assert (free.completion_tokens, free.most_completion_tokens, free.most_cost) == (300, None, None)
    assert "guessed" in free.basis


def test_earlier_answers_tell_how_long_the_next_are(provider: OfflineProvider) -> None:
    """Expected is then their mean, the most stays what max_tokens allows, and the time is known."""
    provider.behaviour.answer = lambda _: "four words, no more"
    assert estimated(provider, prose(3)).seconds is None
    ask(provider, prose(3))
    more = estimated(provider, prose(10))
    assert more.kept == 3
    assert (more.completion_tokens, more.most_completion_tokens) == (7 * 4, 7 * 100)
    assert "as long as the last 3" in more.basis
    assert more.seconds is not None
    assert more.cost is not None
    assert more.most_cost is not None
    assert more.cost < more.most_cost
    assert estimated(provider, prose(10), model="gpt-4o").completion_tokens == 10 * 100  # another model


def test_the_cost_is_that_of_the_price_list(provider: OfflineProvider) -> None:
    """Per million tokens gpt-4o-mini costs $0.15 asked and $0.60 answered."""
    estimate = estimated(provider, prose(100), max_tokens=50)
    assert estimate.cost == pytest.approx(
        estimate.prompt_tokens * 0.15e-6 + estimate.completion_tokens * 0.6e-6, rel=0.01
    )


@pytest.mark.parametrize(
    "using", [{"model": "nobody-knows-me"}, {"mode": "prompt", "prompt_id": "p", "model": None}]
)
def test_an_unknown_price_is_said_and_never_nothing(using: dict[str, Any], provider: OfflineProvider) -> None:
    """The model is named; a saved prompt's own model is not known at all."""
    estimate = estimated(provider, prose(2), **using)
    assert estimate.cost is None
    assert estimate.most_cost is None
    assert dict(table(estimate))["cost"].startswith("not known, because the price of")


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"requests_per_minute": 30}, 40.0),
        ({"requests_per_minute": 30, "tokens_per_minute": 1e9}, 40.0),
        ({"tokens_per_minute": 1000}, None),
    ],
)
def test_the_time_is_that_of_the_narrowest_limit(
    limits: dict[str, Any], seconds: float | None, provider: OfflineProvider
) -> None:
    """Limits per minute say how long it takes, without any query before."""
    estimate = estimated(provider, prose(20), **limits)
    tokens = estimate.prompt_tokens + estimate.completion_tokens
    assert estimate.seconds == pytest.approx(seconds or 60 * tokens / 1000)


@pytest.mark.parametrize(
    ("cells", "using", "example"),
    [
        (["Hello"], {"system_prompt": "Be brief."}, "system: Be brief.\nuser: Hello"),
        ([None, "Hello"], {"mode": "completion"}, "Hello"),
        (["Hello"], {"mode": "embedding", "model": "text-embedding-3-small"}, "Hello"),
        (["Hello"], {"mode": "prompt", "prompt_id": "p"}, '{"q":"Hello"}'),
        ([None], {}, None),
        (["x" * 400], {"mode": "completion"}, "x" * 199 + "…"),
    ],
)
def test_the_example_is_the_first_prompt_cut(
    cells: list[Any], using: dict[str, Any], example: str | None, provider: OfflineProvider
) -> None:
    """It reads as a person would write it, and is never longer than 200 characters."""
    assert estimated(provider, pd.DataFrame({"q": cells}), **using).example == example


def test_an_image_is_named_not_shown(provider: OfflineProvider) -> None:
    """Base64 tells a person nothing."""
    frame = pd.DataFrame({"q": ["What is it?"], "picture": ["data:image/png;base64,AAAA"]})
    estimate = estimated(provider, frame, column="q", image_column="picture")
    assert estimate.example == "user: What is it? [image_url]"


class _Asks:
    """An operation of the least, which counts what is made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, items: Sequence[Item]) -> Generator[Request, Any, Any]:
        """Make a request of the items."""
        self.made += 1
        yield Request("/x", b'{"input":["' + b'","'.join(item.payload for item in items) + b'"]}')


def over(rows: int, batch_size: int) -> tuple[Estimate, int]:
    """Look over so many rows that are as long; give the estimate and how many requests were made for it."""
    asks = _Asks()
    estimator = Estimator(asks, batch_size=batch_size, has=lambda _: False, rows=rows)
    for row in range(rows):
        estimator.take(Item(row.to_bytes(16, "big"), b"a text of which every one is as long"))
    estimate = estimator.finish(
        at=0.0, name="m", price=lambda *_: None, answers_text=False, concurrency=None, earlier=Earlier()
    )
    return estimate, asks.made


@pytest.mark.parametrize("batch_size", [1, 8])
def test_of_many_rows_a_sample_is_made(batch_size: int) -> None:
    """Rows are counted exactly and their tokens estimated from about ten thousand requests, which it says."""
    rows = 160_000
    estimate, made = over(rows, batch_size)
    few, _ = over(80, batch_size)
    assert estimate.requests == rows / batch_size
    assert MOST_MADE * 0.9 < made < MOST_MADE * 1.1
    assert estimate.prompt_tokens == pytest.approx(few.prompt_tokens * rows / 80, rel=0.001)
    assert dict(table(estimate))["rests on"].startswith(
        f"prompts estimated from a sample of {made - 1:,} req"
    )


def test_memory_is_the_digests_alone() -> None:
    """Of a row nothing is held but its key."""
    tracemalloc.start()
    over(50_000, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000 * 200


def test_the_journal_is_not_written(provider: OfflineProvider) -> None:
    """A dry run reads which answers are kept, and changes no byte of them; without any it makes no file."""
    home = Path(os.environ["PORTKEY_HANDLER_HOME"])
    estimated(provider, prose(3))
    assert not (home / "journal").exists()
    ask(provider, prose(3))
    (journal,) = (home / "journal").glob("*.sqlite")
    before = journal.read_bytes()
    assert estimated(provider, prose(3)).kept == 3
    assert journal.read_bytes() == before


def test_a_damaged_journal_is_left_to_the_real_query(provider: OfflineProvider) -> None:
    """A dry run says what would be asked without it, and does not set it aside."""
    ask(provider, prose(3))
    (journal,) = (Path(os.environ["PORTKEY_HANDLER_HOME"]) / "journal").glob("*.sqlite")
    for side in journal.parent.glob("*.sqlite-*"):
        side.unlink()
    journal.write_bytes(b"no database at all" * 100)
    assert estimated(provider, prose(3)).kept == 0
    assert journal.read_bytes().startswith(b"no database")
