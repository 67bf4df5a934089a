"""What the model is asked: the options that turn a row into a prompt."""

from __future__ import annotations

from typing import Literal

from .schema import Level, Options, option

_BELOW: tuple[Level, ...] = ("model", "query")


class InputOptions(Options):
    """How a row becomes a prompt."""

    mode: Literal["chat"] = option(
        "What is asked of the model: chat.", kind="chat", default="chat", levels=("model",)
    )
    column: str | None = option(
        "The column that holds the prompt. May be left out where there is only one it could be.",
        levels=_BELOW,
        min_length=1,
    )
    prompt_template: str | None = option(
        "A prompt with columns in it: 'Translate to {{language}}: {{text}}'. Instead of column.",
        levels=_BELOW,
        min_length=1,
    )
    system_prompt: str | None = option(
        "What the model is told before the prompt; a template like prompt_template.", levels=_BELOW
    )
