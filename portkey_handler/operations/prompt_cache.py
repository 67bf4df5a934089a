"""The provider's prompt cache: mark the end of what all rows share, where it is long enough to be cached.

Claude caches the beginning of a prompt up to a part with `cache_control`, at Anthropic, Bedrock and Vertex AI
(https://platform.claude.com/docs/en/build-with-claude/prompt-caching). Other models need no mark. The mark is
no part of an item's key, because it does not change the answer.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from ..options import Plan
from ..options.output_schema import read_output
from ..prompts.json_template import JsonTemplate
from ..prompts.template import Template
from .row_model import model_template

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
        is_used: Whether messages are marked: `prompt_cache` is `auto`, the model needs marks, and what is
            shared is long enough.
    """

    def __init__(self, plan: Plan) -> None:
        texts: list[str] = []
        self._begins_with_system = False
        self._beginning = ""
        self._whole = 0
        model = plan.parameters.value.get("model")
        is_wanted = plan.execution.prompt_cache == "auto" and model_template(plan.parameters.value) is None
        fewest = fewest_tokens(str(model)) if is_wanted else None
        if fewest is not None:
            texts = self._shared(plan)
        schema = "" if plan.output.output is None else read_output(plan.output.output).text
        length = len("".join(texts)) + len(schema)
        self.is_used = fewest is not None and length >= fewest * _CHARACTERS_A_TOKEN

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
        self._begins_with_system = messages[0].get("role") == "system"
        return [*texts, self._beginning]

    def marked(self, messages: bytes) -> bytes:
        """Return the messages of a row as JSON, with the end of what is shared marked."""
        listed = orjson.loads(messages)
        # An instruction for typed columns stands in a system message in front, where the rows have none.
        added = listed[0].get("role") == "system" and not self._begins_with_system
        place = self._whole + added
        if self._beginning and self._split(listed, place):
            return orjson.dumps(listed)
        if place:
            content = listed[place - 1].get("content")
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if isinstance(parts, list) and parts and isinstance(parts[-1], dict):
                marked = [*parts[:-1], {**parts[-1], "cache_control": _MARK}]
                listed[place - 1] = {**listed[place - 1], "content": marked}
        return orjson.dumps(listed)

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
