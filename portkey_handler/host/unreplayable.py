"""The frame that MindsDB's predict cache cannot replay."""

from __future__ import annotations

from typing import Any

import pandas as pd


class _Unreplayable(pd.DataFrame):
    """A frame that arrives whole after so many pickles, and as nothing after one more.

    MindsDB keeps predictions in a cache whose key leaves out rows in the middle of a table of more than
    1,000 cells and every USING argument of the SELECT, so that what it replays may answer another question.
    The frame is pickled on its way from worker to server, and once more into that cache: there it becomes
    None, which the cache takes for "never seen".
    """

    _hops = 0

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        # What is derived from it may be sent to another model's worker, and has to arrive there.
        return pd.DataFrame

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self._hops == 0:
            return type(None), ()
        return unreplayable, (_plain(self), self._hops - 1)


def unreplayable(frame: pd.DataFrame, hops: int) -> pd.DataFrame:
    """Return the same frame as one that arrives whole after `hops` pickles, and as None after one more."""
    made: _Unreplayable = _Unreplayable(frame)
    made.attrs = dict(frame.attrs)
    made._hops = hops
    return made


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    plain: pd.DataFrame = pd.DataFrame(frame)
    plain.attrs = dict(frame.attrs)
    return plain
