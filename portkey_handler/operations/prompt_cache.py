"""The provider's prompt cache: mark the end of what all rows share, where it is long enough to be cached.

Claude caches the beginning of a prompt up to a part with `cache_control`, at Anthropic, Bedrock and Vertex AI
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching). Other models need no mark; for them
only the order of the rows matters. The mark is no part of an item's key: it does not change the answer.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from ..options import Plan
from ..options.output_schema import read_output
from ..prompts.json_template import JsonTemplate
from ..prompts.template import Template
from ..records import Item
from .row_model import model_template
from .rows import made_of_rows

if TYPE_CHECKING:
    import pandas as pd

_MARK = {"type": "ephemeral"}
#: The fewest tokens of a beginning that a model caches; those of an unknown model in the last line. Where the
#: documents of providers differ, the larger number. A shorter beginning with a mark is asked as without.
_FEWEST = (
    (re.compile(r"claude-(instant|v?[12]\b)"), None),
    (re.compile(r"claude-(opus|fable|mythos)-5"), 512),
    (re.compile(r"claude-(haiku-4-5|opus-4-[567]\b)"), 4096),
    (re.compile(r"claude-(sonnet-4-6|haiku-3|3-5-haiku|3-haiku)"), 2048),
    (re.compile(r"claude-"), 1024),
)
#: Those of OpenAI, which needs no mark; those of others are near.
_FEWEST_WITHOUT_MARK = 1024
#: OpenAI's rule of thumb for English.
_CHARACTERS_A_TOKEN = 4


def fewest_tokens(model: str) -> int | None:
    """Return the fewest tokens of a marked beginning that a model caches; None for one that needs no mark.

    Args:
        model: The model's name, with a provider, a region or a date around it.
    """
    name = re.sub(r"[._@]", "-", model.lower())
    return next((fewest for pattern, fewest in _FEWEST if pattern.search(name)), None)


class PromptCache:
    """Marks the end of what the messages of all rows share.

    Args:
        plan: The resolved options of a chat.

    Attributes:
        is_used: Whether all messages are marked: `prompt_cache` is `auto`, the model needs marks, and what is
            shared is long enough.
        groups_rows: Whether the system prompt has columns, so that some rows may share more than others.
    """

    def __init__(self, plan: Plan) -> None:
        texts: list[str] = []
        self._begins_with_system = False
        self._beginning = ""
        self._whole = 0
        model = plan.parameters.value.get("model")
        is_wanted = plan.execution.prompt_cache == "auto" and model_template(plan.parameters.value) is None
        fewest = fewest_tokens(str(model)) if is_wanted else None
        self._marks = fewest is not None
        if self._marks:
            texts = self._shared(plan)
        schema = "" if plan.output.output is None else read_output(plan.output.output).text
        length = len("".join(texts)) + len(schema)
        self._shortest = (fewest or _FEWEST_WITHOUT_MARK) * _CHARACTERS_A_TOKEN
        self.is_used = self._marks and length >= self._shortest
        system = plan.input.system_prompt
        self._system = Template(system, where="system_prompt") if system and is_wanted else None
        self.groups_rows = self._system is not None and bool(self._system.columns)
        self._rows_of: Counter[bytes] = Counter()

    def look_at(self, frame: pd.DataFrame) -> list[bytes | None]:
        """Count the rows that share a system prompt; return what stands for the one of each row.

        It is None where the system prompt is too short to be cached, or that of one row alone.
        """
        system = self._system
        if system is None or not system.columns:
            return [None] * len(frame)
        texts = made_of_rows(frame, system.columns, (), system.render)
        found = [self._digest(text) if isinstance(text, str) else None for text in texts]
        # As many as there are at most among the rows that were looked at together.
        self._rows_of |= Counter(one for one in found if one is not None)
        return [one if one is not None and self._rows_of[one] > 1 else None for one in found]

    def beginning_of(self, messages: Sequence[Any]) -> bytes | None:
        """Return what stands for the system prompt that a row shares with others, or None."""
        if not self.groups_rows or messages[0].get("role") != "system":
            return None
        text = messages[0].get("content")
        found = self._digest(text) if isinstance(text, str) else None
        return found if found is not None and self._rows_of[found] > 1 else None

    def _digest(self, text: str) -> bytes | None:
        if len(text) < self._shortest:
            return None
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def _shared(self, plan: Plan) -> list[str]:
        """Find what the rows share: whole messages, and the beginning of the one behind them."""
        asked = plan.input
        messages: list[Any]
        if asked.messages is not None:
            messages = [*asked.messages.value]
        else:
            system = [{"role": "system", "content": asked.system_prompt}] if asked.system_prompt else []
            messages = [*system, {"role": "user", "content": asked.prompt_template or "{{ column }}"}]
        texts = []
        for message in messages:
            template = JsonTemplate(message, "messages")
            if template.columns:
                content = message.get("content")
                self._beginning = Template(content).beginning if isinstance(content, str) else ""
                break
            text = template.render({}).get("content")
            texts.append(text if isinstance(text, str) else orjson.dumps(text).decode())
            self._whole += 1
        self._begins_with_system = bool(messages) and messages[0].get("role") == "system"
        return [*texts, self._beginning]

    def messages_of(self, item: Item, messages: bytes) -> bytes:
        """Return messages as JSON, marked at the end of what an item shares with others, or with all."""
        if not self._marks or (not self.is_used and item.beginning is None):
            return messages
        listed = orjson.loads(messages)
        if self.is_used:
            self._mark_what_all_share(listed)
        if item.beginning is not None:
            _mark_end(listed, 0)
        return orjson.dumps(listed)

    def _mark_what_all_share(self, listed: list[Any]) -> None:
        # An instruction for typed columns stands in a system message in front, where the rows have none.
        added = listed[0].get("role") == "system" and not self._begins_with_system
        place = self._whole + added
        if place and not (self._beginning and self._split(listed, place)):
            _mark_end(listed, place - 1)
        elif not place and self._beginning:
            self._split(listed, place)

    def _split(self, listed: list[Any], place: int) -> bool:
        """Split the text of a message behind the shared beginning, and return whether it has one."""
        content = listed[place].get("content") if place < len(listed) else None
        if isinstance(content, str):
            text, others = content, []
        elif isinstance(content, list) and content and isinstance(content[0], dict):
            text, others = str(content[0].get("text") or ""), content[1:]
        else:
            return False
        if not text.startswith(self._beginning) or text == self._beginning:
            return False
        parts = [
            {"type": "text", "text": self._beginning, "cache_control": _MARK},
            {"type": "text", "text": text[len(self._beginning) :]},
        ]
        listed[place] = {**listed[place], "content": [*parts, *others]}
        return True


def _mark_end(listed: list[Any], place: int) -> None:
    """Mark the end of a message."""
    content = listed[place].get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if isinstance(parts, list) and parts and isinstance(parts[-1], dict):
        marked = [*parts[:-1], {**parts[-1], "cache_control": _MARK}]
        listed[place] = {**listed[place], "content": marked}
