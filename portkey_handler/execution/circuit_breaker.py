"""The circuit breaker: a query that cannot succeed is stopped before all of its rows fail."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import (
    AuthenticationError,
    BudgetExceededError,
    GatewayError,
    RateLimitError,
    UnsupportedError,
)
from ..records import Outcome

#: Errors that may be those of one model, where the rows have several.
_OF_A_MODEL = (AuthenticationError, BudgetExceededError, RateLimitError, UnsupportedError)
#: Requests that fail, one row each, until a query without any answer is stopped: no more are sent before.
#: After answers, those in flight come on top.
HOPELESS = 32
#: A query that had answers is stopped after this many times as many failures in a row. Failures that speak
#: of their own row count this many times less.
LASTING = 10


class CircuitBreaker:
    """Counts the answers and failures of one query, and decides when to stop it.

    Args:
        several_models: Whether the rows have models of their own; one error then does not speak of all rows.
        hopeless: Requests that fail, one row each, until a query without any answer is stopped.
    """

    def __init__(self, *, several_models: bool = False, hopeless: int = HOPELESS) -> None:
        self._several_models = several_models
        self._hopeless = hopeless
        self._answered = 0
        self._failed_in_a_row = 0.0

    @property
    def doubts(self) -> bool:
        """Whether there were failures and no answer: rows from elsewhere may tell whose fault it is."""
        return not self._answered and self._failed_in_a_row > 0

    def allows(self, in_flight: int, *, cached: int) -> bool:
        """Return whether so many may be in flight: before any answer all might fail for the same reason."""
        return self._answered > 0 or cached > 0 or self._failed_in_a_row + in_flight <= self._hopeless

    def judge(
        self, answers: Sequence[Outcome | GatewayError], *, concurrency: int, cached: int
    ) -> GatewayError | None:
        """Note what came of the items of one batch.

        Args:
            answers: An outcome or a failure for each. A batch without any answer is one failure, however
                many items it has.
            concurrency: How many requests may be in flight, and so may fail for one reason at the same time.
            cached: Rows served from the answer cache. They count as answers, so that a query does not end
                because the rows that failed in an earlier query fail again.

        Returns:
            The failure that ends the query, or None.
        """
        answers = [answer for answer in answers if not _failed_in_a_batch(answer)]
        failures = [answer for answer in answers if isinstance(answer, GatewayError)]
        unusable = [answer for answer in answers if isinstance(answer, Outcome) and answer.failed]
        usable = len(answers) - len(failures) - len(unusable)
        if usable or (unusable and (self._answered or cached)):
            self._answered += usable
            self._failed_in_a_row = 0
        elif answers:
            # A reply of no use speaks of its own row too, though the same may be true of every row.
            speaks_of_all = failures and not failures[0].concerns_one_row
            self._failed_in_a_row += 1 if speaks_of_all else 1 / LASTING
        patience = self._hopeless + concurrency
        if unusable and self._is_hopeless(cached):
            return GatewayError(f"no answer could be used: {unusable[0].reason}")
        return next((error for error in failures if self._is_the_end(error, patience, cached)), None)

    def _is_hopeless(self, cached: int) -> bool:
        return self._answered == cached == 0 and self._failed_in_a_row > self._hopeless - 1

    def _is_the_end(self, error: GatewayError, patience: int, cached: int) -> bool:
        failed = self._failed_in_a_row
        of_all = error.concerns_every_row or error.ends_the_query
        hopeless = self._is_hopeless(cached)
        if self._several_models and isinstance(error, _OF_A_MODEL):
            return hopeless or (of_all and failed >= patience)
        nothing_ever = hopeless or (error.concerns_every_row and self._answered == cached == 0)
        no_connection = error.cannot_connect and self._answered == 0
        nothing_now = error.concerns_every_row and (failed >= patience or no_connection)
        for_long = (error.retryable or not self._answered) and failed >= LASTING * patience
        return nothing_ever or nothing_now or for_long or error.ends_the_query


def _failed_in_a_batch(answer: Outcome | GatewayError) -> bool:
    """Return whether it is a line of a batch that failed.

    Nothing was sent for it now, and the other lines have ended, too: their answers are there and paid for.
    """
    evidence = answer.evidence
    is_of_batch = evidence is not None and evidence.batch is not None and evidence.attempts <= 1
    return is_of_batch and (isinstance(answer, GatewayError) or answer.failed)
