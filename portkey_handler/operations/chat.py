"""Chat: a row's text, after a system prompt or not, and the model's reply to it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from ..cells import is_null, to_text
from ..errors import InputError, MalformedReplyError
from ..exchange import Answer, Evidence, Item, Reply, Request, Unasked
from ..gateway_evidence import evidence_of
from ..options import Plan
from ..prompts import Template, chat_messages
from .rows import cells, prompt_column

if TYPE_CHECKING:
    import pandas as pd

_KEY_BYTES = 16


class Chat:
    """The operation behind `mode = 'chat'`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: A template is wrong.
    """

    path = "/chat/completions"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        parameters: dict[str, Any] = json.loads(plan.parameters)
        # Every row's body is its messages, which are encoded for the key already, and this.
        self._rest = b"," + orjson.dumps(parameters)[1:] if parameters else b"}"
        options = plan.input
        self._system = _template(options.system_prompt, "system_prompt")
        self._prompt = _template(options.prompt_template, "prompt_template")
        self._key = hashlib.blake2b(f"chat\0{plan.parameters}\0".encode(), digest_size=_KEY_BYTES)

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Unasked]:
        """Give one item per row: the messages to send.

        Raises:
            InputError: The frame lacks a column.
        """
        system, prompt = self._system, self._prompt
        columns = [str(name) for name in frame.columns]
        if system is not None:
            system.check(columns, where="system_prompt")
        if prompt is not None:
            prompt.check(columns, where="prompt_template")
            return self._from_templates(frame, prompt, system)
        column = prompt_column(frame, self._plan.input.column, self._plan.target)
        if system is not None and system.columns:
            return self._from_templates(frame, Template(f"{{{{ row[{json.dumps(column)}] }}}}"), system)
        return self._from_column(frame, column, system.render({}) if system is not None else None)

    def _from_column(self, frame: pd.DataFrame, column: str, system: str | None) -> Iterator[Item | Unasked]:
        for cell in cells(frame, column):
            if is_null(cell):
                yield Unasked(f"nothing to ask: {column} is NULL")
                continue
            try:
                text = to_text(cell)
            except InputError as error:
                yield Unasked(f"{column}: {error}", failed=True)
                continue
            yield self._item(text, system) if text.strip() else Unasked(f"nothing to ask: {column} is blank")

    def _from_templates(
        self, frame: pd.DataFrame, prompt: Template, system: Template | None
    ) -> Iterator[Item | Unasked]:
        # A dict keeps the order and drops what both use.
        named = dict.fromkeys([*prompt.columns, *(system.columns if system is not None else ())])
        there = {str(name) for name in frame.columns}
        used = [name for name in named if name in there]
        asks = prompt.columns if prompt.is_plain else ()
        for row in zip(*(cells(frame, name) for name in used), strict=True) if used else [()] * len(frame):
            values = dict(zip(used, row, strict=bool(used)))
            if asks and all(_is_blank(values[name]) for name in asks):
                yield Unasked(
                    f"nothing to ask: {', '.join(asks)} {'is' if len(asks) == 1 else 'are'} NULL or blank"
                )
                continue
            try:
                text = prompt.render(values)
                system_text = system.render(values) if system is not None else None
            except InputError as error:
                yield Unasked(str(error), failed=True)
                continue
            yield (
                self._item(text, system_text)
                if text.strip()
                else Unasked("nothing to ask: the prompt is blank")
            )

    def _item(self, text: str, system: str | None) -> Item | Unasked:
        messages = chat_messages(text, system)
        try:
            encoded = orjson.dumps(messages)
        except orjson.JSONEncodeError as error:
            return Unasked(f"the prompt cannot be sent: {error}", failed=True)
        key = self._key.copy()
        key.update(encoded)
        return Item(key.digest(), encoded)

    def ask(self, item: Item) -> Generator[Request, Reply, Answer]:
        """Send the messages and read the first choice."""
        reply = yield Request(self.path, b"".join((b'{"messages":', item.payload, self._rest)))
        return read_chat(reply)


def read_chat(reply: Reply) -> Answer:
    """Read a chat completion.

    Raises:
        MalformedReplyError: The reply is not a chat completion.
    """
    evidence = evidence_of(reply.headers, reply.status)
    body = reply.body
    try:
        choice = body["choices"][0]
        message = choice["message"]
        read_common(evidence, body, choice)
        content = message.get("content")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise MalformedReplyError(
            f"the reply is not a chat completion: {_shape(body)}", status=reply.status, evidence=evidence
        ) from None
    if isinstance(content, list):  # parts, as some providers have them
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if content:
        return Answer(content, evidence)
    return _without_text(message, content, evidence)


def _without_text(message: Mapping[str, Any], content: str | None, evidence: Evidence) -> Answer:
    if message.get("refusal"):
        return Answer(None, evidence, "the model refused")
    if evidence.finish_reason == "length":
        return Answer(None, evidence, "max_tokens ran out before the model wrote any text; raise max_tokens")
    if evidence.finish_reason == "content_filter":
        return Answer(None, evidence, "the provider's content filter held the answer back")
    if message.get("tool_calls"):
        return Answer(message["tool_calls"], evidence)
    if content == "":
        return Answer("", evidence)
    return Answer(None, evidence, "the model gave no text")


def read_common(evidence: Evidence, body: Mapping[str, Any], choice: Mapping[str, Any]) -> None:
    """Note what chat and completion replies tell in the same places."""
    usage = body.get("usage") or {}
    evidence.finish_reason = _shared(choice.get("finish_reason"))
    evidence.model = _shared(body.get("model"))
    evidence.request_id = body.get("id") or evidence.request_id
    evidence.prompt_tokens = usage.get("prompt_tokens")
    evidence.completion_tokens = usage.get("completion_tokens")
    evidence.total_tokens = usage.get("total_tokens")
    evidence.cached_tokens = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")


def _shared(text: Any) -> Any:
    """Give one object for all equal texts: a million rows have a handful of them."""
    return sys.intern(text) if type(text) is str else text


def _template(source: str | None, where: str) -> Template | None:
    return None if source is None else Template(source, where=where)


def _is_blank(cell: Any) -> bool:
    return is_null(cell) or (isinstance(cell, str) and not cell.strip())


def _shape(body: Any) -> str:
    if isinstance(body, dict):
        return f"an object with {', '.join(sorted(map(str, body))[:8]) or 'nothing in it'}"
    return f"{type(body).__name__}"
