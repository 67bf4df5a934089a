"""CREATE ML_ENGINE, CREATE MODEL and SELECT in one call, for the tests of the operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from portkey_handler.gateway.offline import Fault, OfflineProvider, RecordedRequest

from .storage import make_handler

#: What a row's cells are called in the tests of one column.
Cells = Mapping[str, Any]


def predict(
    provider: OfflineProvider,
    cells: Cells | pd.DataFrame,
    using: Mapping[str, Any],
    *,
    query: Mapping[str, Any] | None = None,
    engine: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Answer rows; failed ones are NULL and say why.

    Args:
        provider: Where the requests go.
        cells: The rows, as columns.
        using: CREATE MODEL … USING.
        query: SELECT … USING.
        engine: CREATE ML_ENGINE … USING besides the address.

    Returns:
        The columns answer, answer_error and answer_evidence.
    """
    told = {"on_error": "null", "evidence": True, "max_attempts": 1, "concurrency": 1, **using}
    handler = make_handler({"base_url": provider.base_url, **(engine or {})}, told)
    frame = cells if isinstance(cells, pd.DataFrame) else pd.DataFrame(cells)
    return handler.predict(frame, {"using": dict(query or {})})


def bodies(provider: OfflineProvider) -> list[Any]:
    """Give what was posted, in order."""
    return [request.body for request in provider.requests]


def replying(make: Callable[[Any], Any], status: int = 200) -> Callable[[RecordedRequest], Fault]:
    """Give a behaviour's `faults` that answers every request with what is made of its body."""
    return lambda request: Fault(status=status, body=make(request.body))


def answered(provider: OfflineProvider, **using: Any) -> tuple[Any, str | None]:
    """Ask one row with the attempts that nobody changed; give the answer, and why there is none."""
    row = predict(provider, {"q": ["How is it?"]}, {"max_attempts": 6, "reuse": "never", **using}).iloc[0]
    return row["answer"], row["answer_error"]
