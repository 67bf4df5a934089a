"""The models of a query are asked in waves, and only as much as the result needs.

A wave is a number of rows, in the order in which the result takes them. After each wave it is known how many
rows the result has, and which model drops the most rows for its price. So a query with LIMIT ends early, and
the model that drops rows most cheaply is asked first. The result is that of asking all models about all rows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pandas as pd

from ..usage.formatting import counted
from .model_join import Answers, all_rows, asked
from .model_order import Drop, in_one_unit, ordered
from .sql.plan import Question

#: Rows of the first wave, by which the shares and prices become known.
FIRST_WAVE = 32
#: Fewer rows are not worth a first wave in which models are compared: each is asked about all of it.
_LEAST_TO_COMPARE = 10 * FIRST_WAVE
#: The fewest rows of a later wave.
_LEAST_WAVE = 8
#: A wave has so many times the rows that are expected to be needed.
_MARGIN = 1.2

#: Returns which of some rows WHERE may keep, from the answers of models to them and their places in the data;
#: None where nothing can be said.
Kept = Callable[[Answers, Sequence[int]], "list[int] | None"]


def next_wave(asked: int, kept: int, wanted: int | None, total: int) -> int:
    """Return the number of rows of the next wave.

    A later wave is at most as large as all before it, so that at most half of the rows are asked in vain.

    Args:
        asked: Rows that were asked.
        kept: Rows among them that the result keeps.
        wanted: Rows that the result needs; None: all.
        total: All rows.
    """
    if not asked:
        return min(FIRST_WAVE, total)
    if wanted is None:
        return total - asked
    if kept >= wanted:
        return 0
    expected = asked if not kept else math.ceil(_MARGIN * (wanted - kept) * asked / kept)
    return min(max(expected, _LEAST_WAVE), asked, total - asked)


class Waves:
    """Asks the models of one query.

    Args:
        question: The query.
        handlers: The handler of each model.
        inputs: The constants of each model.
        wanted: How many of the first rows that WHERE keeps are the result; None: all.
        deciding: The models whose answers WHERE is about.
        dropping: The models whose answers alone can drop a row, each with that condition.
        after: Every model with those that must be asked before it.

    Attributes:
        order: The models in the order in which they are asked.
        drops: What is known of the models that drop rows.
    """

    #: Says which rows WHERE may keep; set by `ask`.
    _kept: Kept

    def __init__(
        self,
        question: Question,
        handlers: Sequence[Any],
        inputs: Sequence[Mapping[str, Any]],
        wanted: int | None,
        deciding: frozenset[int],
        dropping: Mapping[int, Any],
        after: Mapping[int, frozenset[int]],
    ) -> None:
        self._question = question
        self._handlers = handlers
        self._inputs = inputs
        self._wanted = wanted
        self._after = after
        # The others are asked at the end, about the rows of the result.
        self._early = deciding.union(*(after[one] for one in deciding))
        self._dropping = dropping
        self._compared = sorted(one for one in dropping if not after[one])
        self._planned: Mapping[int, str] = {}
        self.drops: dict[int, Drop] = {}
        # Until more is known, those that drop rows come first, in the order of the statement.
        self.order = ordered({one: Drop(0, 0, 1.0) for one in self._compared}, after)

    def ask(
        self, rows: pd.DataFrame, numbers: Sequence[int] | None, kept: Kept
    ) -> tuple[dict[int, pd.DataFrame], Sequence[int]]:
        """Ask the models about as many rows as the result needs.

        Args:
            rows: All rows, in the order in which the result takes them.
            numbers: Their numbers in errors; None: their places.
            kept: Says which rows WHERE may keep.

        Returns:
            The answers of each model, and the places of the rows that they belong to.
        """
        self._kept = kept
        if self._wanted == 0:
            rows = rows.iloc[:0]
        self._plan(len(rows))
        if len(rows) <= FIRST_WAVE or (self._wanted is None and (self.drops or not self._compared)):
            return self._asked(rows, self._kept, self.order, numbers)
        with ExitStack() as stack:
            for one in self._early:
                stack.enter_context(self._handlers[one].in_parts())
            answers, places = self._ask_in_waves(rows, range(len(rows)) if numbers is None else numbers)
        rows = rows.iloc[places]
        chosen = places if numbers is None else [numbers[place] for place in places]

        def kept_of_these(found: Answers, left: Sequence[int]) -> list[int] | None:
            return kept(found, [places[place] for place in left])

        found, left = self._asked(rows, kept_of_these, self._last, chosen, answers)
        return found, [places[place] for place in left]

    @property
    def _first(self) -> list[int]:
        """The models that are asked in waves, in their order."""
        return [one for one in self.order if one in self._early]

    @property
    def _last(self) -> list[int]:
        """The models that are asked about the rows of the result, in their order."""
        return [one for one in self.order if one not in self._early]

    def estimate(self, rows: pd.DataFrame) -> dict[int, pd.DataFrame]:
        """Let the models estimate what they would be asked at most, in a dry run; return their NULLs."""
        self._plan(len(rows))
        if self._wanted is None:
            return self._asked(rows, all_rows, self.order, None)[0]
        answers = self._asked(rows, all_rows, self._first, None)[0]
        most = max(1, min(self._wanted, len(rows)))
        before = {one: found.iloc[:most] for one, found in answers.items()}
        found = self._asked(rows.iloc[:most], all_rows, self._last, None, before)[0]
        for one in self._last:
            answers[one] = found[one].iloc[[0] * len(rows)].set_axis(rows.index)
        return answers

    def _plan(self, rows: int) -> None:
        """Decide what is compared, and say it."""
        if len(self._compared) < 2 or rows < _LEAST_TO_COMPARE:
            self._compared = []
        self._remember()
        self._planned = {one: "; ".join(self._words(one, rows)) for one in self.order}

    def _remember(self) -> None:
        """Take the order from earlier queries with the same conditions, where they are known of all."""
        earlier = {one: self._handlers[one].earlier_share(self._digest(one)) for one in self._compared}
        if not earlier or None in earlier.values():
            return
        prices = in_one_unit([(dollars, tokens) for _, _, dollars, tokens in earlier.values()])
        self.drops = {
            one: Drop(rows, kept, price)
            for (one, (rows, kept, _, _)), price in zip(earlier.items(), prices, strict=True)
        }
        self.order = ordered(self.drops, self._after)

    def _digest(self, one: int) -> str:
        """Return what stands for the condition on a model's answers, wherever it is in the statement."""
        written = self._dropping[one].sql(dialect="duckdb").replace(f"__p{one}_", "__p_")
        return hashlib.blake2b(written.encode(), digest_size=8).hexdigest()

    def _words(self, one: int, rows: int) -> Iterator[str]:
        """Yield how the rows of a model are chosen."""
        if one in self._compared and self.drops:
            names = ", ".join(
                self._question.models[other].alias for other in self.order if other in self.drops
            )
            yield f"asked in the order of earlier queries: {names}"
        elif one in self._compared:
            names = " and ".join(self._question.models[other].alias for other in self._compared)
            yield (
                f"{names} answer the first {FIRST_WAVE} rows; then the one that drops rows most "
                "cheaply comes first"
            )
        elif (
            (place := self.order.index(one)) and self._early and (one in self._early or self._wanted is None)
        ):
            before = self._question.models[self.order[place - 1]].alias
            yield f"asked after {before}, about the rows that WHERE can still keep"
        if self._wanted is not None and rows > FIRST_WAVE:
            if one in self._early:
                found = "is found" if self._wanted == 1 else "are found"
                yield f"in waves, from {FIRST_WAVE} rows on, until {counted(self._wanted, 'row')} {found}"
            else:
                yield "asked last, about the rows of the result"

    def _asked(
        self,
        rows: pd.DataFrame,
        kept: Kept,
        order: Sequence[int],
        numbers: Sequence[int] | None,
        before: Answers | None = None,
    ) -> tuple[dict[int, pd.DataFrame], Sequence[int]]:
        return asked(
            self._question,
            self._handlers,
            rows,
            self._inputs,
            kept,
            order=order,
            numbers=numbers,
            before=before,
            planned=self._planned,
        )

    def _ask_in_waves(
        self, rows: pd.DataFrame, numbers: Sequence[int]
    ) -> tuple[dict[int, pd.DataFrame], list[int]]:
        """Ask the models that decide; return their answers to the rows that WHERE keeps."""
        parts: list[Answers] = []
        places: list[int] = []
        begun = 0
        while size := next_wave(begun, len(places), self._wanted, len(rows)):
            answers, asked_places = self._ask_wave(rows, range(begun, begun + size), numbers)
            begun += size
            left = self._kept(answers, asked_places)
            if left is None:  # a comparison that cannot be made; it is said when the result is made
                self._wanted = None
            else:
                answers = {one: found.take(left) for one, found in answers.items()}
                asked_places = [asked_places[place] for place in left]
            if any(self._handlers[one].is_in_doubt for one in self._early):
                self._wanted = None  # rows from all over the table may tell whose fault it is
            parts.append(answers)
            places += asked_places
        answers = {one: _joined([part[one] for part in parts]) for one in parts[0]}
        if self._wanted is not None and len(places) > self._wanted:
            answers = {one: found.iloc[: self._wanted] for one, found in answers.items()}
            places = places[: self._wanted]
        return answers, places

    def _ask_wave(
        self, rows: pd.DataFrame, wave: range, numbers: Sequence[int]
    ) -> tuple[dict[int, pd.DataFrame], list[int]]:
        compared = frozenset(() if self.drops else self._compared)

        def kept(answers: Answers, places: Sequence[int]) -> list[int] | None:
            if not compared <= answers.keys():
                return None  # each of them is asked about every row of the first wave
            if compared and not self.drops:
                self._learn(answers, [wave[place] for place in places])
            return self._kept(answers, [wave[place] for place in places])

        part = rows.iloc[wave.start : wave.stop]
        answers, places = self._asked(part, kept, self._first, [numbers[place] for place in wave])
        if compared and not self.drops:  # no model comes after them
            self._learn(answers, [wave[place] for place in places])
        return answers, [wave[place] for place in places]

    def _learn(self, answers: Answers, places: Sequence[int]) -> None:
        """Note what the first wave has cost and dropped, and choose the order by it."""
        prices = in_one_unit([self._handlers[one].price_of_a_row() for one in self._compared])
        for one, price in zip(self._compared, prices, strict=True):
            kept = self._kept({one: answers[one]}, places)
            drop = Drop(len(places), len(places) if kept is None else len(kept), price)
            self._handlers[one].note_share(self._digest(one), drop.rows, drop.kept)
            self.drops[one] = drop
        self.order = ordered(self.drops, self._after)


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled) if filled else parts[0]
