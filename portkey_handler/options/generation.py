"""How the model answers: the options that go into the request's body.

The parameters that an endpoint documents are in `endpoint_parameters`, with their types. Here are the few
that have a default or a meaning of this package.
"""

from __future__ import annotations

from .schema import Json, Options, WholeNumber, option

#: The default of MindsDB's documentation of this engine; old, but users rely on it.
DEFAULT_MODEL = "claude-2.1"


class GenerationOptions(Options):
    """How the model answers."""

    model: str | None = option(
        "The language model, by the name that the gateway or the provider uses. Mode embedding needs it; "
        "prompt and request have no default. A template gives each row its own: '{{ llm }}'.",
        default=DEFAULT_MODEL,
        min_length=1,
    )
    max_tokens: WholeNumber | None = option(
        "The most tokens of an answer. NULL sends no limit; max_completion_tokens replaces it.",
        kind="whole number",
        default=100,
        modes=("chat", "completion", "prompt"),
        ge=1,
    )
    parameters: Json | None = option(
        "Further parameters, sent in the request's body unchanged (alias other_parameters).", kind="object"
    )
