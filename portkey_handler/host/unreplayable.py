"""A frame that MindsDB's predict cache cannot keep."""

from __future__ import annotations

from typing import Any

import pandas as pd


class _Unreplayable(pd.DataFrame):
    """A frame that survives a given number of pickles, and becomes None at the next one.

    MindsDB keeps predictions in a cache. The key of that cache leaves out rows in the middle of a table of
    more than 1,000 cells, and every USING argument, so a cached frame may answer another question. The
    frame is pickled on its way from worker to server, and once more into that cache. There it becomes None,
    which the cache reads as "not cached".
    """

    _hops = 0

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        # A frame that is derived from it may be sent to another model's worker, and must arrive there.
        return pd.DataFrame

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if self._hops == 0:
            return type(None), ()
        return unreplayable, (_plain(self), self._hops - 1)


def unreplayable(frame: pd.DataFrame, hops: int) -> pd.DataFrame:
    """Return the frame as one that survives `hops` pickles and becomes None at the next one."""
    made: _Unreplayable = _Unreplayable(frame)
    made.attrs = dict(frame.attrs)
    made._hops = hops
    return made


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    plain: pd.DataFrame = pd.DataFrame(frame)
    plain.attrs = dict(frame.attrs)
    return plain
