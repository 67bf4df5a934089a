"""The language model of each row, where the option `model` is a template: `model = '{{ llm }}'`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from ..prompts.template import Template
from ..records import Item, Skipped
from .rows import made_of_rows

if TYPE_CHECKING:
    import pandas as pd


def model_template(parameters: Mapping[str, Any]) -> Template | None:
    """Return the template that `model` is, or None where it is a name.

    Raises:
        TemplateError: The template is wrong.
    """
    model = parameters.get("model")
    return Template(model, where="model") if isinstance(model, str) and "{{" in model else None


def with_models(
    items: Iterator[Item | Skipped], frame: pd.DataFrame, template: Template
) -> Iterator[Item | Skipped]:
    """Return the items, each with the model of its row; a row without a model fails.

    Raises:
        InputError: The frame lacks a column; raised before the first item.
    """
    template.check([str(name) for name in frame.columns], where="model")
    models = made_of_rows(frame, template.columns, (), template.render)
    return (_with(item, model, template) for item, model in zip(items, models, strict=True))


def _with(item: Item | Skipped, model: str | Skipped, template: Template) -> Item | Skipped:
    if isinstance(item, Skipped):
        return item
    if isinstance(model, Skipped):
        return Skipped(f"model: {model.reason}", failed=True)
    name = model.strip()
    if not name:
        return Skipped(f"model: {', '.join(template.columns)} is NULL or blank", failed=True)
    own = b',"model":' + orjson.dumps(name)
    return replace(item, key=hashlib.blake2b(item.key + own, digest_size=len(item.key)).digest(), own=own)
