"""The order in which the models of a query are asked: the one that drops rows most cheaply comes first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..errors import PortkeyHandlerError
from .model_join import asked
from .sql.plan import Question


@dataclass(frozen=True, slots=True)
class Drop:
    """What is known of a model that drops rows.

    Attributes:
        rows: Rows that it was asked about.
        kept: Rows among them that WHERE may keep, as far as this model's answers tell.
        price: What a row costs, in a unit that all models share.
    """

    rows: int
    kept: int
    price: float

    @property
    def share(self) -> float:
        """The share of rows that it keeps; a few rows prove neither none nor all."""
        return (self.kept + 1) / (self.rows + 2)

    @property
    def rank(self) -> float:
        """The price of one dropped row."""
        return self.price / (1 - self.share)


def ordered(drops: Mapping[int, Drop], after: Mapping[int, frozenset[int]]) -> list[int]:
    """Return models in the order in which they drop rows most cheaply.

    Args:
        drops: What is known of the models that drop rows by themselves.
        after: Every model, in the order of the statement, with those that must be asked before it.
    """
    order: list[int] = []
    while len(order) < len(after):
        free = [one for one, before in after.items() if one not in order and before <= {*order}]
        # Those that drop nothing come last, in the order of the statement.
        order.append(min(free, key=lambda one: (drops[one].rank if one in drops else math.inf, one)))
    return order


def in_one_unit(prices: Sequence[tuple[float | None, float | None]]) -> Sequence[float]:
    """Return prices in dollars if each is known, else in tokens, else all the same."""
    for unit in zip(*prices, strict=True):
        known = [price for price in unit if price is not None]
        if len(known) == len(prices):
            return known
    return [1.0] * len(prices)


def dependencies(
    question: Question, handlers: Sequence[Any], empty: pd.DataFrame, columns: Sequence[Sequence[str]]
) -> dict[int, frozenset[int]]:
    """Return every model with those before it that must be asked first.

    A model depends on those before it if it cannot be asked without them, or if its options name a column of
    theirs. Where a name stands for several columns, the order decides which is meant, so it is kept.

    Args:
        question: The query.
        handlers: The handler of each model.
        empty: A frame with the columns of the data and no rows.
        columns: The columns of the answers of each model.
    """
    models = range(len(handlers))
    names = [str(name).lower() for found in (list(empty.columns), *columns) for name in found]
    if len({*names}) < len(names) or any(question.constants):
        return {one: frozenset(range(one)) for one in models}
    return {
        one: frozenset(range(one)) if _reads_answers(question, handlers, empty, columns, one) else frozenset()
        for one in models
    }


def _reads_answers(
    question: Question,
    handlers: Sequence[Any],
    empty: pd.DataFrame,
    columns: Sequence[Sequence[str]],
    one: int,
) -> bool:
    if not one:
        return False
    answers = [name for before in columns[:one] for name in before]
    if handlers[one].names_one_of(answers, question.models[one].using):
        return True
    no_constants: list[dict[str, Any]] = [{} for _ in handlers]
    try:
        asked(question, handlers, empty, no_constants, order=[one])
    except PortkeyHandlerError:
        return True
    return False
