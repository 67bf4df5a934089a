"""Prompt: send a row's cells as the variables of a prompt saved at Portkey."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..options import Plan
from ..prompts.cell_text import to_text
from ..prompts.json_template import JsonTemplate
from ..records import Item, Outcome, Request, Response, Skipped
from .item_keys import Keys, decisive
from .request_body import encoded, rest_of_body
from .responses import read_chat, read_completion, wants_json
from .rows import made_of_rows, named_column, own_columns

if TYPE_CHECKING:
    import pandas as pd


class SavedPrompt:
    """The operation behind `mode = 'prompt'`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: A variable's template is wrong.
    """

    batch_size = 1

    def __init__(self, plan: Plan) -> None:
        self._target = plan.target
        self.path = f"/prompts/{plan.input.prompt_id}/completions"
        given = None if plan.input.variables is None else plan.input.variables.value
        self._columns: list[str] | None = given if isinstance(given, list) else None
        self._template = JsonTemplate(given, "variables") if isinstance(given, dict) else None
        self._rest = rest_of_body(plan.parameters.value)
        self._wants_json = wants_json(plan.parameters.value)
        self._keys = Keys("prompt", self.path, decisive(plan.parameters))

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the variables to send.

        Raises:
            InputError: The frame lacks a column.
        """
        rows = self._variables(frame)
        return (row if isinstance(row, Skipped) else self._item(row) for row in rows)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        """Send the variables and read the first choice; a saved prompt may be a chat or a completion."""
        (item,) = items
        reply = yield Request(self.path, b"".join((b'{"variables":', item.payload, item.own, self._rest)))
        if _is_completion(reply.body):
            return [read_completion(reply)]
        return [read_chat(reply, as_json=self._wants_json)]

    def _variables(self, frame: pd.DataFrame) -> Iterator[dict[str, Any] | Skipped]:
        template = self._template
        if template is not None:
            template.check([str(name) for name in frame.columns])
            asks = template.columns if template.is_plain else ()
            return made_of_rows(frame, template.columns, asks, template.render)
        if self._columns is None:
            names = own_columns(frame, self._target)
        else:
            names = [named_column(frame, name, "variables") for name in self._columns]
        return made_of_rows(frame, names, names, _as_texts)

    def _item(self, variables: dict[str, Any]) -> Item | Skipped:
        body = encoded(variables)
        return body if isinstance(body, Skipped) else Item(self._keys.of(body), body)


def _as_texts(values: dict[str, Any]) -> dict[str, Any]:
    """Return every cell as text; NULL is an empty text."""
    texts = {}
    for name, cell in values.items():
        try:
            texts[name] = to_text(cell)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    return texts


def _is_completion(body: Any) -> bool:
    try:
        return "message" not in body["choices"][0] and "text" in body["choices"][0]
    except (IndexError, KeyError, TypeError):
        return False
