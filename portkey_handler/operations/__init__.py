"""The operations: one file each, and one line each in the registry.

An operation does no I/O. It makes items from a frame. For one item or a batch of items it is a generator: it
yields a request, receives the response (or has the error thrown into it), and returns an outcome for each
item.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ..errors import GatewayError
from ..options import Plan
from ..records import Item, Outcome, Request, Response, Skipped
from .chat import Chat
from .completion import Completion
from .embedding import Embedding
from .raw_request import AnyRequest
from .saved_prompt import SavedPrompt
from .structured_output import TypedChat

if TYPE_CHECKING:
    import pandas as pd


class Operation(Protocol):
    """The interface of every operation.

    Attributes:
        batch_size: The most items in one request.
    """

    batch_size: int

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row, or the reason why the row is skipped.

        Raises:
            InputError: The frame lacks a column that the model needs; raised before the first item.
        """
        ...

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, Sequence[Outcome | GatewayError]]:
        """Yield requests and return an outcome or an error for each item, in order."""
        ...


def _chat(plan: Plan) -> Operation:
    return Chat(plan) if plan.output.output is None else TypedChat(plan, plan.output.output)


OPERATIONS: Mapping[str, Callable[[Plan], Operation]] = {
    "chat": _chat,
    "completion": Completion,
    "embedding": Embedding,
    "prompt": SavedPrompt,
    "request": AnyRequest,
}
