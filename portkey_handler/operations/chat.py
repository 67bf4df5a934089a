"""Chat: send a row's text or conversation, with or without a system prompt, and read the model's reply."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..options import Plan
from ..prompts.json_template import JsonTemplate
from ..prompts.template import Template, chat_messages
from ..records import Item, Outcome, Request, Response, Skipped
from .conversations import conversation
from .images import image_part
from .item_keys import Keys, decisive
from .prompt_cache import PromptCache
from .request_body import encoded, rest_of_body
from .responses import read_chat, wants_json
from .row_model import model_template
from .rows import cells, column_texts, made_of_rows, named_column, prompt_column, template_texts

if TYPE_CHECKING:
    import pandas as pd

Messages = list[dict[str, Any]]


class Chat:
    """The operation behind `mode = 'chat'`.

    Args:
        plan: The resolved options.
        keys: Makes the keys of the items; by default from the options alone.

    Attributes:
        prompt_cache: Marks what the provider is to cache.

    Raises:
        TemplateError: A template is wrong.
    """

    path = "/chat/completions"
    batch_size = 1

    def __init__(self, plan: Plan, keys: Keys | None = None) -> None:
        self._plan = plan
        self._rest = rest_of_body(plan.parameters.value)
        model = model_template(plan.parameters.value)
        self._model_columns = () if model is None else model.columns
        self._keys = keys or Keys("chat", decisive(plan.parameters))
        self._wants_json = wants_json(plan.parameters.value)
        self.prompt_cache = PromptCache(plan)
        options = plan.input
        self._system = _template(options.system_prompt, "system_prompt")
        self._prompt = _template(options.prompt_template, "prompt_template")
        self._messages = (
            None if options.messages is None else JsonTemplate(options.messages.value, "messages")
        )

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the messages to send.

        Raises:
            InputError: The frame lacks a column.
        """
        rows = self._conversations(frame)
        if self.prompt_cache.groups_rows:
            self.prompt_cache.look_at(frame)
        return (row if isinstance(row, Skipped) else self._item(row) for row in rows)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        """Send the messages and read the first choice."""
        (item,) = items
        messages = self.prompt_cache.messages_of(item, item.payload)
        reply = yield Request(self.path, b"".join((b'{"messages":', messages, item.own, self._rest)))
        return [read_chat(reply, as_json=self._wants_json)]

    def _conversations(self, frame: pd.DataFrame) -> Iterator[Messages | Skipped]:
        columns = [str(name) for name in frame.columns]
        options = self._plan.input
        if self._system is not None:
            self._system.check(columns, where="system_prompt")
        if self._messages is not None:
            whole = self._messages
            whole.check(columns)
            asks = whole.columns if whole.is_plain else ()
            return made_of_rows(frame, whole.columns, asks, whole.render)
        if options.messages_column is not None:
            column = named_column(frame, options.messages_column, "messages_column")
            return self._with_system(frame, conversation(cells(frame, column), column))
        image = options.image_column and named_column(frame, options.image_column, "image_column")
        if self._prompt is not None:
            self._prompt.check(columns, where="prompt_template")
            texts = template_texts(frame, self._prompt)
        else:
            besides = [*self._model_columns, *([image] if image else [])]
            texts = column_texts(frame, prompt_column(frame, options.column, self._plan.target, besides))
        if image:
            return self._with_system(frame, _illustrated(texts, cells(frame, image), image))
        return self._with_system(
            frame, (row if isinstance(row, Skipped) else chat_messages(row) for row in texts)
        )

    def _with_system(
        self, frame: pd.DataFrame, rows: Iterator[Messages | Skipped]
    ) -> Iterator[Messages | Skipped]:
        """Return the rows with the system prompt in front; an empty system prompt is not sent."""
        if self._system is None:
            return rows
        if not self._system.columns:
            text = self._system.render({})
            if not text:
                return rows
            first = {"role": "system", "content": text}
            return (row if isinstance(row, Skipped) else [first, *row] for row in rows)
        systems = made_of_rows(frame, self._system.columns, (), self._system.render)
        return (_after(system, row) for system, row in zip(systems, rows, strict=True))

    def _item(self, messages: Messages) -> Item | Skipped:
        body = encoded(messages)
        if isinstance(body, Skipped):
            return body
        return Item(self._keys.of(body), body, beginning=self.prompt_cache.beginning_of(messages))


def _after(system: str | Skipped, row: Messages | Skipped) -> Messages | Skipped:
    if isinstance(row, Skipped):
        return row
    if isinstance(system, Skipped):
        return system
    return [{"role": "system", "content": system}, *row] if system else row


def _illustrated(
    texts: Iterator[str | Skipped], images: Iterator[Any], column: str
) -> Iterator[Messages | Skipped]:
    """Yield messages with the text and the image of each row; a row may have only one of them."""
    for text, cell in zip(texts, images, strict=True):
        if isinstance(text, Skipped) and text.failed:
            yield text
            continue
        try:
            image = image_part(cell)
        except InputError as error:
            yield Skipped(f"{column}: {error}", failed=True)
            continue
        if image is None:
            yield text if isinstance(text, Skipped) else chat_messages(text)
        else:
            words = [] if isinstance(text, Skipped) else [{"type": "text", "text": text}]
            yield [{"role": "user", "content": [*words, image]}]


def _template(source: str | None, where: str) -> Template | None:
    return None if source is None else Template(source, where=where)
