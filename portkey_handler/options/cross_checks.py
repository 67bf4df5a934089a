"""Checks across options, after the levels are joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..foreign_text import without_keys
from .catalog import REFUSED
from .input import InputOptions, is_path_of_models
from .output import OutputOptions
from .output_schema import read_output

#: Parameters of a chat that would change the shape of its answer.
_SHAPING = ("response_format", "tools", "tool_choice", "functions", "function_call")


def missing(asked: InputOptions, parameters: Mapping[str, Any]) -> list[str]:
    """Return what an operation lacks and which options contradict each other, one sentence each."""
    if asked.mode == "chat":
        return _of_chat(asked)
    if asked.mode == "prompt" and asked.prompt_id is None:
        return ["mode = 'prompt' needs prompt_id, the id or slug of a prompt that is saved at Portkey"]
    if asked.mode == "embedding" and "model" not in parameters:
        return ["mode = 'embedding' needs model = '…', such as 'text-embedding-3-small'"]
    if asked.mode == "request":
        return _of_request(asked, parameters)
    return []


def of_output(output: OutputOptions, target: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return which options contradict typed columns, one sentence each."""
    if output.output is None:
        return []
    found = [
        f"output and {name} both say what an answer looks like; give one of them"
        for name in _SHAPING
        if name in parameters
    ]
    found += [
        "output: the name of a column looks like a key; choose another"
        for column in read_output(output.output).columns
        if without_keys(column.name) != column.name
    ]
    own = {name.lower() for name in (target, f"{target}_error", f"{target}_evidence")}
    found += [
        f"output: the column {column.name} has a name that the query's own columns need ({target}, "
        f"{target}_error and {target}_evidence); rename it, or PREDICT another column"
        for column in read_output(output.output).columns
        if column.name.lower() in own
    ]
    return found


def _of_request(asked: InputOptions, parameters: Mapping[str, Any]) -> list[str]:
    path = asked.path
    if path is not None and not is_path_of_models(path) and path not in (asked.allowed_paths or ()):
        return [
            f"path = '{path}' asks no model, so the engine has to allow it: "
            f"CREATE ML_ENGINE … FROM portkey USING allowed_paths = ['{path}']"
        ]
    if (asked.body.value if asked.body else {}).get("stream") not in (None, False):
        return [f"body.stream cannot be used here: {REFUSED['stream']}"]
    if "{{" in str(parameters.get("model")):
        return ['model is a template; in mode request write it into body, such as {"model": "{{ llm }}"}']
    needed = {"path": "such as '/rerank'", "body": 'an object such as {"input": "{{ text }}"}'}
    return [
        f"mode = 'request' needs {name}, {words}"
        for name, words in needed.items()
        if getattr(asked, name) is None
    ]


def _of_chat(asked: InputOptions) -> list[str]:
    whole = next((name for name in ("messages", "messages_column") if getattr(asked, name) is not None), None)
    found = []
    if whole is not None and asked.image_column is not None:
        found.append(f"image_column can be used with column or prompt_template, not with {whole}")
    if asked.messages is not None and asked.system_prompt:
        found.append(
            'system_prompt and messages cannot both be given; write {"role": "system", …} into messages'
        )
    return found
