"""What the model is asked: the options that turn a row into a request."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from pydantic import field_validator

from .json_text import JsonText
from .schema import (
    JsonNames,
    JsonObjectOrNamesText,
    JsonObjectsText,
    JsonObjectText,
    Level,
    Options,
    option,
)

Mode = Literal["chat", "completion", "prompt", "embedding", "request"]
MODES: tuple[str, ...] = get_args(Mode)

_BELOW: tuple[Level, ...] = ("model", "query")
_TEXT = ("chat", "completion", "embedding")
_CHAT = ("chat",)
_PROMPT = ("prompt",)
_REQUEST = ("request",)

#: An id or slug at the gateway.
_NAME = re.compile(r"[\w@.-]+", re.ASCII)
_PATH = re.compile(r"(/[\w@.:-]+)+", re.ASCII)


class InputOptions(Options):
    """How a row becomes a request."""

    mode: Mode = option(
        "The kind of request: chat, completion, prompt (a prompt that is saved at Portkey), embedding, or "
        "request (any other path of the gateway).",
        kind="chat, completion, prompt, embedding or request",
        default="chat",
        levels=("model",),
    )
    column: str | None = option(
        "The column that holds the prompt. It may be left out if only one column is possible.",
        levels=_BELOW,
        modes=_TEXT,
        min_length=1,
    )
    prompt_template: str | None = option(
        "A prompt with columns in it: 'Translate to {{language}}: {{text}}'. It replaces column.",
        levels=_BELOW,
        modes=_TEXT,
        min_length=1,
    )
    constant_prompt: bool = option(
        "Allow a prompt that names no column, and so gives every row the same answer.",
        kind="true or false",
        default=False,
        levels=_BELOW,
    )
    system_prompt: str | None = option(
        "The system message before the prompt; a template like prompt_template.",
        levels=_BELOW,
        modes=_CHAT,
    )
    messages: JsonObjectsText | None = option(
        "The whole conversation, a list of objects with role and content; texts in it are templates. It "
        "replaces column.",
        kind="list",
        levels=_BELOW,
        modes=_CHAT,
    )
    messages_column: str | None = option(
        "The column that holds a whole conversation per row, as a JSON list of messages. It replaces column.",
        levels=_BELOW,
        modes=_CHAT,
        min_length=1,
    )
    image_column: str | None = option(
        "The column that holds an image for the text: its address, a data URL or its bytes.",
        levels=_BELOW,
        modes=_CHAT,
        min_length=1,
    )
    prompt_id: str | None = option(
        "The id or slug of a prompt that is saved at Portkey.", levels=_BELOW, modes=_PROMPT, min_length=1
    )
    variables: JsonObjectOrNamesText | None = option(
        "The prompt's variables: an object of templates, or a list of columns. By default every column, by "
        "its name.",
        kind="object or list",
        levels=_BELOW,
        modes=_PROMPT,
    )
    path: str | None = option(
        "The path below the gateway's base_url, such as /rerank or /moderations. Paths that are not those "
        "of models must be among the engine's allowed_paths.",
        levels=_BELOW,
        modes=_REQUEST,
    )
    body: JsonObjectText | None = option(
        "The request's body; texts in it are templates, and a text that is only a column keeps the type of "
        "the cell.",
        kind="object",
        levels=_BELOW,
        modes=_REQUEST,
    )
    answer: str | None = option(
        "The part of the response that is the answer, as JSONPath ($.results[0].score). By default the whole "
        "response.",
        levels=_BELOW,
        modes=_REQUEST,
        min_length=1,
    )
    allowed_paths: JsonNames | None = option(
        "Further paths that models of mode request may call with this engine's keys.",
        kind="list",
        levels=("engine",),
        modes=_REQUEST,
    )

    @property
    def is_of_one_version(self) -> bool:
        """Return whether `prompt_id` names a version by its number, which cannot change at Portkey."""
        return self.prompt_id is not None and _VERSION.search(self.prompt_id) is not None

    @field_validator("prompt_id")
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and (value in (".", "..") or not _NAME.fullmatch(value)):
            raise ValueError("expected the id or slug of a prompt, without a slash")
        return value

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None and not is_path(value):
            raise ValueError("expected a path such as /rerank, without .., ? and #")
        return value

    @field_validator("allowed_paths")
    @classmethod
    def _are_paths(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if not all(is_path(path) for path in value or ()):
            raise ValueError("expected a list of paths such as /rerank, without .., ? and #")
        return value

    @field_validator("messages")
    @classmethod
    def _are_messages(cls, value: JsonText | None) -> JsonText | None:
        if value is None:
            return None
        listed: list[dict[str, Any]] = value.value
        if not listed:
            raise ValueError("expected at least one message")
        if not all(isinstance(message.get("role"), str) for message in listed):
            raise ValueError('expected messages such as {"role": "user", "content": "…"}')
        return value


def is_path(path: str) -> bool:
    """Return whether a text is a path that stays below the gateway's address."""
    return bool(_PATH.fullmatch(path)) and not {".", ".."}.intersection(path.split("/"))


#: Paths that ask a model. The gateway's other paths administer it and could redirect a key.
MODEL_PATHS = frozenset(
    {
        "/chat/completions",
        "/completions",
        "/embeddings",
        "/images/generations",
        "/messages",
        "/moderations",
        "/rerank",
        "/responses",
    }
)
_VERSION = re.compile(r"@\d+$", re.ASCII)
_SAVED_PROMPT = re.compile(r"/prompts/[\w@.-]+/(completions|render)", re.ASCII)


def is_path_of_models(path: str) -> bool:
    """Return whether a path can only ask a model."""
    return path in MODEL_PATHS or _SAVED_PROMPT.fullmatch(path) is not None
