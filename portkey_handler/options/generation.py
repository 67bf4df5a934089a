"""How the model answers: the options that go into the request's body.

The parameters that an endpoint documents have their names and types in `endpoint_parameters`; here stand the
few that have a default or a meaning of our own.
"""

from __future__ import annotations

from .schema import Json, Options, WholeNumber, option

#: The model of the documentation that users know; old, but what they get when they name none.
DEFAULT_MODEL = "claude-2.1"


class GenerationOptions(Options):
    """How the model answers."""

    model: str | None = option(
        "The model, by whatever name the gateway or provider knows. Mode embedding needs it; prompt "
        "and request send none that is not given.",
        default=DEFAULT_MODEL,
        min_length=1,
    )
    max_tokens: WholeNumber | None = option(
        "The most tokens an answer may have. NULL sends no limit; max_completion_tokens replaces it.",
        kind="whole number",
        default=100,
        modes=("chat", "completion", "prompt"),
        ge=1,
    )
    parameters: Json | None = option(
        "Further parameters, put into the request's body as they are (alias other_parameters).", kind="object"
    )
