"""What can be asked of a model: one file per operation, one line each in the registry.

An operation is sans-I/O: it makes items from a frame, and for one or several items that are asked together is
a generator that yields a request, receives its reply (or has the failure thrown into it) and returns an
answer for each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ..errors import GatewayError
from ..options import Plan
from ..records import Answer, Item, Request, Response, Skipped
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
        together: How many items are asked together at most.
    """

    together: int

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Give one item, or the reason why there is none, per row.

        Raises:
            InputError: The frame lacks what the model needs; raised before the first item.
        """
        ...

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, Sequence[Answer | GatewayError]]:
        """Yield requests and return an answer, or what went wrong, for each item, in order."""
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
