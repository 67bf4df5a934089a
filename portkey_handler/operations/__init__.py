"""What can be asked of a model: one file per operation, one line each in the registry.

An operation is sans-I/O: it makes items from a frame, and for one item or a batch of items it is a generator
that yields a request, receives its response (or has the failure thrown into it) and returns an outcome for
each.
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
    """What every operation offers.

    Attributes:
        batch_size: How many items are sent in one request at most.
    """

    batch_size: int

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row, or why the row is skipped.

        Raises:
            InputError: The frame lacks what the model needs; raised before the first item.
        """
        ...

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, Sequence[Outcome | GatewayError]]:
        """Yield requests and return an outcome, or what went wrong, for each item, in order."""
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
