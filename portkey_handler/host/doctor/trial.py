"""Sends one row to a model through the server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import TemplateError
from ...prompts.template import Template
from .checks import Finding
from .running_server import Server, StatementFailedError, quoted, text

_QUESTION = "Reply with the word ok."
_SELECT = "SELECT * FROM {} WHERE {} USING on_error = 'null', evidence = true, reuse = 'never'"
_SECONDS = 300.0
#: Options that hold templates.
_TEMPLATES = ("prompt_template", "system_prompt", "messages", "variables", "body")
_SHOWN = 40  # characters


def try_model(server: Server, name: str) -> Finding:
    """Send one row to a model.

    Args:
        server: The server that has it.
        name: Its name, with or without its project.
    """
    what = f"model {name}"
    model = ".".join(quoted(part) for part in name.split("."))
    try:
        described = server.rows(f"DESCRIBE {model}.`args`")
        options = {row["option"]: row["value"] for row in described if row["value"] != "NULL"}
        wanted = row_for(options)
        if wanted is None:
            words = "it takes images, which are not tried from here"
            return Finding(what, "warning", words, "try it yourself, with an image")
        where = " AND ".join(f"{quoted(column)} = {text(value)}" for column, value in wanted.items())
        started = time.monotonic()
        rows = server.rows(_SELECT.format(model, where), _SECONDS)
    except StatementFailedError as error:
        return judge_failure(what, name, str(error))
    return judge_row(what, rows[0] if rows else {}, time.monotonic() - started)


def row_for(options: Mapping[str, str]) -> dict[str, str] | None:
    """Return a row with the columns that a model needs; None where it needs more than texts.

    Args:
        options: The options in force, as DESCRIBE shows them.
    """
    if options.get("image_column"):
        return None
    if options.get("messages_column"):
        message = {"role": "user", "content": _QUESTION}
        row = {options["messages_column"]: json.dumps([message])}
    else:
        row = {options["column"]: _QUESTION} if options.get("column") else {}
    for name in _TEMPLATES:
        row.update(dict.fromkeys(_columns(options.get(name, "")), _QUESTION))
    return row or {"question": _QUESTION}


def _columns(written: str) -> Iterator[str]:
    for each in _texts(_parsed(written)):
        try:
            yield from Template(each).columns
        except TemplateError:  # the model reports it
            continue


def _parsed(written: str) -> Any:
    try:
        value = json.loads(written)
    except ValueError:
        return written
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return [f'{{{{ row["{name}"] }}}}' for name in value]  # names of columns, not templates
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def judge_row(what: str, row: Mapping[str, Any], seconds: float) -> Finding:
    """Return a finding about the answer to a row.

    Args:
        what: The subject of the finding.
        row: The row, with names in lower case.
        seconds: How long it took.
    """
    target = next((name for name in row if f"{name}_error" in row), None)
    if target is None:
        return Finding(what, "wrong", "MindsDB gave no answer and no error", "see the log of MindsDB")
    error = row[f"{target}_error"]
    if error:
        return Finding(what, "wrong", *_halves(str(error), "see DESCRIBE … .errors of the model"))
    evidence = row.get(f"{target}_evidence") or {}
    if isinstance(evidence, str):
        evidence = json.loads(evidence)
    said = " ".join(str(row[target]).split())
    said = said if len(said) <= _SHOWN else said[:_SHOWN].rstrip() + "…"
    status = evidence.get("status", "not known")
    return Finding(what, "ok", f"answered in {seconds:.1f} s with status {status}: {said}")


def judge_failure(what: str, name: str, message: str) -> Finding:
    """Return why a statement about a model failed, from the first line of MindsDB's message."""
    if message.startswith(("Model not found", "Predictor not found")):
        return Finding(what, "wrong", "there is no such model", "SHOW MODELS lists them; write PROJECT.MODEL")
    # "[engine/model]: AuthenticationError: 401: …"
    told = re.sub(r"^\[.*?\]: (\w+: )?", "", message)
    return Finding(what, "wrong", *_halves(told, f"see SHOW MODELS and DESCRIBE {name}"))


def _halves(message: str, otherwise: str) -> tuple[str, str]:
    words, _, remedy = message.partition("; ")
    return words, remedy or otherwise
