"""What can be asked of a model: one file per operation, one line each in the registry.

An operation is sans-I/O: it makes items from a frame, and per item is a generator that yields a request,
receives its reply (or has the failure thrown into it) and returns an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from ..exchange import Answer, Item, Reply, Request, Unasked
from ..options import Plan
from .chat import Chat

if TYPE_CHECKING:
    import pandas as pd


class Operation(Protocol):
    """What every operation offers."""

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Unasked]:
        """Give one item, or the reason why there is none, per row.

        Raises:
            InputError: The frame lacks what the model needs; raised before the first item.
        """
        ...

    def ask(self, item: Item) -> Generator[Request, Reply, Answer]:
        """Yield requests and return the answer."""
        ...


OPERATIONS: Mapping[str, Callable[[Plan], Operation]] = {"chat": Chat}
