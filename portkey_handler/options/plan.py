"""The resolved options: the plan, which has no secret, and the engine's options, which have the keys.

A plan can be pickled, hashed and sent to another process. The engine's options refuse to be pickled, because
they are resolved from the engine where the work runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .engine_config import EngineConfig
from .execution import ExecutionOptions
from .input import InputOptions
from .json_text import JsonText
from .output import OutputOptions
from .schema import Level
from .service_tier import tier_of


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of a query, without secrets.

    Attributes:
        target: The column of the answers.
        input: How a row becomes a prompt.
        parameters: The request's parameters without the prompt (`model`, `max_tokens` …), as canonical JSON.
        routing: The gateway options of the model and the query, as canonical JSON; none can redirect a key.
        execution: How the rows are sent.
        output: The columns of the result.
        engine: Name of the engine, for messages; may be empty.
        model: Name of the model in SQL, for messages; may be empty.
    """

    target: str
    input: InputOptions
    parameters: JsonText
    routing: JsonText
    execution: ExecutionOptions
    output: OutputOptions
    engine: str = ""
    model: str = ""

    @property
    def name(self) -> str:
        """The name of the model in messages and records: its name in SQL, else the target."""
        return self.model or self.target

    @property
    def service_tier(self) -> str | None:
        """The service tier that is asked for, or None for the usual one of the account."""
        return tier_of(self.input, self.parameters.value)


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an option's value.

    Attributes:
        value: The value, `******` where it is secret.
        level: The level that gave it, or None for a default.
    """

    value: Any
    level: Level | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The resolved plan, the engine's options, and the origin of each option for DESCRIBE."""

    plan: Plan
    credentials: EngineConfig
    origins: Mapping[str, Origin] = field(default_factory=dict)


def longest_answer(plan: Plan) -> int | None:
    """Return the most tokens that an answer may have: 0 for a vector, None without a limit."""
    if plan.input.mode == "embedding":
        return 0
    parameters = plan.parameters.value
    longest: int | None = parameters.get("max_completion_tokens") or parameters.get("max_tokens")
    return longest
