"""The circuit breaker: a query that cannot succeed is stopped before all of its rows fail."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import GatewayError
from ..records import Outcome

#: Failures in a row that stop a query without any answer, beside those in flight.
HOPELESS = 50
#: A query that had answers is stopped after this many times as many failures in a row.
LASTING = 10


class CircuitBreaker:
    """Counts the answers and failures of one query, and decides when to stop it."""

    def __init__(self) -> None:
        self._answered = 0
        self._failed_in_a_row = 0

    def judge(
        self, answers: Sequence[Outcome | GatewayError], *, concurrency: int, cached: int
    ) -> GatewayError | None:
        """Note what came of the items of one batch.

        Args:
            answers: An outcome or a failure for each. A request that failed is one failure, however many
                items it was for.
            concurrency: How many requests may be in flight, and so may fail for one reason at the same time.
            cached: Rows served from the answer cache. They count as answers, so that a query does not end
                because the rows that failed in an earlier query fail again.

        Returns:
            The failure that ends the query, or None.
        """
        noted: set[int] = set()
        for answer in answers:
            if isinstance(answer, Outcome):
                self._answered += 1
                self._failed_in_a_row = 0
            elif id(answer) not in noted:
                noted.add(id(answer))
                self._failed_in_a_row += 1
                if self._is_the_end(answer, HOPELESS + concurrency, cached):
                    return answer
        return None

    def _is_the_end(self, error: GatewayError, patience: int, cached: int) -> bool:
        failed = self._failed_in_a_row
        nothing_ever = self._answered == cached == 0 and (error.concerns_every_row or failed >= patience)
        no_connection = error.cannot_connect and self._answered == 0
        nothing_now = error.concerns_every_row and (failed >= patience or no_connection)
        for_long = error.retryable and failed >= LASTING * patience
        return nothing_ever or nothing_now or for_long or error.ends_the_query
