"""The further columns of the result, and how typed columns are asked for."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from .output_schema import read_output
from .schema import Options, option


def _output_text(value: Any) -> Any:
    """Check the description of the columns, and return it as text, which can be hashed."""
    if value is None:
        return None
    if isinstance(value, dict):
        try:
            value = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected values that JSON can hold ({error})") from None
    if not isinstance(value, str):
        raise ValueError("expected columns with their types, such as 'sentiment string, score float'")
    read_output(value)
    return value


OutputText = Annotated[str, BeforeValidator(_output_text)]


class OutputOptions(Options):
    """The columns of the result."""

    output: OutputText | None = option(
        "Typed columns made of the answer: 'sentiment string, score float, tags list', an object of names "
        "with their types or JSON Schemas, or a whole JSON Schema. The target holds the object.",
        kind="text or object",
        levels=("model", "query"),
        modes=("chat",),
    )
    output_method: Literal["auto", "json_schema", "tool", "prompt"] = option(
        "How typed columns are asked for: by response_format, by a tool, or by an instruction in the "
        "prompt. auto tries them in this order when the provider refuses one.",
        kind="auto, json_schema, tool or prompt",
        default="auto",
        levels=("model", "query"),
        modes=("chat",),
    )
    evidence: bool = option(
        "Add the column <target>_evidence: status, finish reason, tokens, attempts, milliseconds and ids of "
        "each row.",
        kind="true or false",
        default=False,
        levels=("model", "query"),
    )
    keep_prompts: bool = option(
        "Keep on disk what was asked and answered, of the last 1,000 rows, for DESCRIBE model.answers.",
        kind="true or false",
        default=False,
        levels=("model",),
    )
