"""Completion: send a row's text, and read the text that the model writes after it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from ..options import Plan
from ..records import Item, Outcome, Request, Response, Skipped
from .request_body import rest_of_body
from .responses import read_completion
from .text_items import Texts

if TYPE_CHECKING:
    import pandas as pd


class Completion:
    """The operation behind `mode = 'completion'`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: The template is wrong.
    """

    path = "/completions"
    batch_size = 1

    def __init__(self, plan: Plan) -> None:
        self._texts = Texts(plan)
        self._rest = rest_of_body(plan.parameters.value)

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the prompt to send.

        Raises:
            InputError: The frame lacks a column.
        """
        return self._texts.items(frame)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        """Send the prompt and read the first choice."""
        (item,) = items
        reply = yield Request(self.path, b"".join((b'{"prompt":', item.payload, item.own, self._rest)))
        return [read_completion(reply)]
