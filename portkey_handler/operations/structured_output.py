"""Typed answers: a chat whose reply must be an object that fits the columns of `output`.

If an answer does not fit, the model is asked once more, with the reason; nothing is coerced. The method
(response_format, a tool, an instruction) and the token limit are not part of an item's key, because a
complete answer is right whatever they were.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import GatewayError
from ..foreign_text import logger_of
from ..options import Plan
from ..options.output_schema import read_output
from ..records import Evidence, Item, Outcome, Request, Response, Skipped, is_cut_off
from .chat import Chat, Messages
from .item_keys import NOT_DECISIVE, Keys
from .json_extraction import NotReadable, exactly, leniently, unfenced
from .request_body import rest_of_body
from .responses import NO_TEXT, read_chat

if TYPE_CHECKING:
    import pandas as pd

logger = logger_of(__name__)

#: The methods, in the order in which `auto` tries them.
METHODS = ("json_schema", "tool", "prompt")
#: Words in the error of a provider or the gateway that does not support a method.
_WORDS = {
    "json_schema": ("response_format", "response format", "schema", "structured"),
    "tool": ("tool", "function", "schema"),
}
#: Some servers refuse with a fault of their own, or within a success.
_REFUSALS = frozenset({200, 400, 404, 422, 500, 501})
#: Codes of providers that check the model's text themselves, and found that it does not fit.
_NOT_GENERATED = frozenset({"json_validate_failed", "tool_use_failed", "output_parse_failed"})
#: Rows without JSON after which a method counts as one that the provider does not know.
_SURE = 3
_TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens")
_LIMITS = ("max_tokens", "max_completion_tokens")
_NAME = "answer"
_MOST_RAW = 2_000


class TypedChat:
    """The operation behind `mode = 'chat'` with `output`.

    Args:
        plan: The resolved options.
        output: The option `output`.

    Attributes:
        prompt_cache: Marks what the provider is to cache.

    Raises:
        TemplateError: A template is wrong.
    """

    path = Chat.path
    batch_size = 1

    def __init__(self, plan: Plan, output: str) -> None:
        self._output = read_output(output)
        parameters = plan.parameters.value
        besides = NOT_DECISIVE.union(_LIMITS)
        decisive = {name: value for name, value in parameters.items() if name not in besides}
        keys = Keys("typed chat", self._output.text, json.dumps(decisive, sort_keys=True))
        self._chat = Chat(plan, keys)
        self.prompt_cache = self._chat.prompt_cache
        self._steps_down = plan.output.output_method == "auto"
        #: The current method, shared by all rows of the query.
        self._method = METHODS[0] if self._steps_down else plan.output.output_method
        self._begun_with = self._method
        #: How many rows were not answered in JSON by a method; a refusal counts as many.
        self._misses: Counter[str] = Counter()
        #: Methods that led to JSON at least once.
        self._proven: set[str] = set()
        self._rests = {method: rest_of_body({**parameters, **self._asking(method)}) for method in METHODS}
        self._instruction = (
            "Answer with one JSON object that fits this JSON Schema, and with nothing else: no explanation, "
            f"no code fence.\n{self._output.text}"
        )

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield the items of a chat; their keys include the columns of `output`.

        Raises:
            InputError: The frame lacks a column.
        """
        return self._chat.items(frame)

    @property
    def learnt(self) -> str | None:
        """The method that led to JSON after those before it did not; None where nothing was learnt.

        A refusal teaches at once, prose does not: a model may write prose to one row of many.
        """
        before = METHODS[METHODS.index(self._begun_with) : METHODS.index(self._method)]
        is_sure = all(self._misses[method] >= _SURE for method in before)
        return self._method if before and is_sure and self._method in self._proven else None

    def begin_with(self, method: str | None) -> None:
        """Begin with a method that an earlier query has learnt; of use where `output_method` is `auto`."""
        if self._steps_down and method in METHODS:
            self._method = self._begun_with = method

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        """Ask by one method after the other until there is JSON; ask once more if the answer does not fit.

        A row for which a method gave no JSON twice, though it did for others, is asked by an instruction.
        """
        (item,) = items
        messages, forced, is_repaired = item.payload, None, False
        paid: Evidence | None = None
        while True:
            try:
                method, read = yield from self._ask_once(messages, item, forced)
            except GatewayError as error:
                if paid is None:
                    raise
                evidence = (error.evidence or Evidence())._replace(raw=paid.raw)
                raise error.replace(evidence=_paid_for_both(paid, evidence)) from None
            evidence = read.answer.evidence or Evidence()
            paid = evidence if paid is None else _paid_for_both(paid, evidence)
            if read.complaint is None:
                return [Outcome(read.answer.value, read.answer.reason, paid, read.answer.failed)]
            self._misses[method] += not read.is_json
            if not read.is_json and self._goes_on_from(method):
                self._step_down(method, "answers were no JSON")
            elif not is_repaired:
                is_repaired = True
            elif not read.is_json and self._steps_down and method != METHODS[-1]:
                forced = METHODS[-1]
            else:
                reason = (
                    f"the answer does not fit output, and neither did the one before it: {read.complaint}"
                )
                return [Outcome.failure(reason, paid)]
            messages = self._repairing(item.payload, read)

    def _ask_once(
        self, messages: bytes, item: Item, forced: str | None
    ) -> Generator[Request, Response, tuple[str, _Read]]:
        try:
            method, reply = yield from self._send(messages, item, forced)
        except GatewayError as error:
            if not _failed_to_generate(error):
                raise
            # The provider has checked the model's text itself, so the method is one that it supports.
            complaint = "the model did not write JSON that fits"
            failed = Outcome.failure(complaint, error.evidence)
            return forced or self._method, _Read(failed, complaint, is_json=True)
        return method, self._read(reply, method)

    def _goes_on_from(self, method: str) -> bool:
        """Return whether another method is tried, because this one never led to JSON."""
        return self._steps_down and method != METHODS[-1] and method not in self._proven

    def _send(
        self, messages: bytes, item: Item, forced: str | None
    ) -> Generator[Request, Response, tuple[str, Response]]:
        """Send messages by the current method; by the next one if the provider refuses it."""
        of_row: str | None = forced
        while True:
            method = of_row or self._method
            sent = self._instructed(messages) if method == "prompt" else messages
            sent = self.prompt_cache.messages_of(item, sent)
            try:
                reply = yield Request(
                    self.path, b"".join((b'{"messages":', sent, item.own, self._rests[method]))
                )
            except GatewayError as error:
                if forced or _failed_to_generate(error) or not _is_refused(method, error):
                    raise
                if not self._steps_down:
                    remedy = "output_method = 'auto' tries another method if one is refused"
                    raise error.replace(message=f"{error.message}; {remedy}") from None
                if of_row is not None or error.concerns_one_row or method in self._proven:
                    # Not the method, but this row, or a provider behind it, is the reason.
                    of_row = _method_after(method)
                else:
                    self._misses[method] += _SURE
                    self._step_down(method, error.message)
            else:
                return method, reply

    def _step_down(self, method: str, reason: str) -> None:
        if method == self._method:  # another row may have done this meanwhile
            self._method = _method_after(method)
            logger.info("output is requested by %s from now on, not by %s: %s", self._method, method, reason)

    def _asking(self, method: str) -> dict[str, Any]:
        """Return the parameters by which a method requests the columns."""
        schema = self._output.text.value
        if method == "json_schema":
            described = {"name": _NAME, "schema": schema, "strict": self._output.is_strict}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        if method == "tool":
            function = {"name": _NAME, "description": "Give the answer.", "parameters": schema}
            return {
                "tools": [{"type": "function", "function": function}],
                "tool_choice": {"type": "function", "function": {"name": _NAME}},
            }
        return {}

    def _instructed(self, messages: bytes) -> bytes:
        """Return the messages with the instruction in the system message; add one if there is none."""
        listed: Messages = orjson.loads(messages)
        first = listed[0]
        content = first.get("content")
        if first.get("role") != "system" or not isinstance(content, (str, list)):
            return orjson.dumps([{"role": "system", "content": self._instruction}, *listed])
        if isinstance(content, str):
            content = f"{content}\n\n{self._instruction}"
        else:
            content = [*content, {"type": "text", "text": self._instruction}]
        return orjson.dumps([{**first, "content": content}, *listed[1:]])

    def _repairing(self, messages: bytes, first: _Read) -> bytes:
        """Return the conversation, followed by the answer and what is wrong with it, as JSON."""
        listed: Messages = orjson.loads(messages)
        if first.text:
            listed.append({"role": "assistant", "content": first.text})
        asked = (
            f"This cannot be used: {first.complaint}. Answer again with one JSON object, and nothing else, "
            f"that fits this JSON Schema:\n{self._output.text}"
        )
        return orjson.dumps([*listed, {"role": "user", "content": asked}])

    def _read(self, reply: Response, method: str) -> _Read:
        answer = read_chat(reply)
        if answer.reason == NO_TEXT and self._goes_on_from(method):
            # So do some servers that do not know the method.
            return _Read(answer, NO_TEXT)
        if answer.reason is not None:  # refused, held back by a filter, or cut off before any text
            return _Read(answer)
        text = _text_of(reply, answer.value)
        evidence = answer.evidence or Evidence()
        value, complaint, is_json = self._fitting(text, method)
        if is_json:
            self._proven.add(method)
        if complaint is None:
            return _Read(Outcome(value, evidence=evidence))
        evidence = evidence._replace(raw=text[:_MOST_RAW])
        if is_cut_off(evidence.finish_reason):
            ran_out = "max_tokens ran out before the answer was complete; raise max_tokens"
            return _Read(Outcome.failure(ran_out, evidence))
        return _Read(Outcome.failure(complaint, evidence), complaint, text, is_json)

    def _fitting(self, text: str, method: str) -> tuple[Any, str | None, bool]:
        """Return the object in a text, or None; what is wrong with it, or None; and whether it is JSON."""
        misfits = self._output.fit.misfits
        if method != "prompt":
            try:
                value = exactly(unfenced(text))
            except NotReadable as found:
                return None, str(found), False
            return value, "; ".join(misfits(value)) or None, True
        complaint, fitting = "there is no JSON object in it", []
        for number, value in enumerate(leniently(text)):
            unfit = misfits(value)
            if not unfit and value not in fitting:
                fitting.append(value)
            if unfit and not number:
                complaint = "; ".join(unfit)
        if len(fitting) == 1:
            return fitting[0], None, True
        return None, "there are several JSON objects in it" if fitting else complaint, True


@dataclass(frozen=True, slots=True)
class _Read:
    """A reply that was read.

    Attributes:
        answer: The answer, or why there is none.
        complaint: What is wrong with the answer; None if the model is not asked again.
        text: The text of the model; empty if the model is not asked again.
        is_json: Whether the method led to JSON.
    """

    answer: Outcome
    complaint: str | None = None
    text: str = ""
    is_json: bool = False


def _text_of(reply: Response, value: Any) -> str:
    """Return the text of the model, or the arguments of its tool call."""
    if isinstance(value, str):
        return value
    message = reply.body["choices"][0]["message"]
    calls = [call.get("function") for call in message.get("tool_calls") or () if isinstance(call, dict)]
    call = next((one for one in [*calls, message.get("function_call")] if isinstance(one, dict)), {})
    arguments = call.get("arguments")
    # As the model wrote them; some providers have parsed them already.
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _method_after(method: str) -> str:
    return METHODS[METHODS.index(method) + 1]


def _failed_to_generate(error: GatewayError) -> bool:
    """Return whether the provider says that the model's text did not fit, which another try may mend."""
    return error.code in _NOT_GENERATED or "failed to generate json" in error.message.lower()


def _is_refused(method: str, error: GatewayError) -> bool:
    """Return whether the message of an error says that the provider does not support a method."""
    said = error.message.lower()
    return error.status in _REFUSALS and any(word in said for word in _WORDS.get(method, ()))


def _paid_for_both(first: Evidence, last: Evidence) -> Evidence:
    """Return the evidence of the last response, with the tokens of both requests."""
    used: dict[str, Any] = {}
    for name in _TOKENS:
        counts = [count for count in (getattr(first, name), getattr(last, name)) if count is not None]
        used[name] = sum(counts) if counts else None
    # A request that was not sent, because the query was stopped, has none of these values.
    for name in ("model", "provider", "trace_id", "span_id", "batch"):
        used[name] = getattr(last, name) or getattr(first, name)
    return last._replace(**used)
