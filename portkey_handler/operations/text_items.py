"""Items with one text per row, from a column or a template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..options import Plan
from ..prompts.template import Template
from ..records import Item, Skipped
from .item_keys import Keys, decisive
from .request_body import encoded
from .row_model import model_template
from .rows import column_texts, prompt_column, template_texts

if TYPE_CHECKING:
    import pandas as pd


class Texts:
    """Makes items from rows by `column` or `prompt_template`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: The template is wrong.
    """

    def __init__(self, plan: Plan) -> None:
        self._column = plan.input.column
        self._target = plan.target
        source = plan.input.prompt_template
        self._template = None if source is None else Template(source, where="prompt_template")
        model = model_template(plan.parameters.value)
        self._model_columns = () if model is None else model.columns
        self._keys = Keys(plan.input.mode, decisive(plan.parameters))

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row, with the text as JSON; or the reason why the row is skipped.

        Raises:
            InputError: The frame lacks a column; raised before the first item.
        """
        return (text if isinstance(text, Skipped) else self._item(text) for text in self._of(frame))

    def _item(self, text: str) -> Item | Skipped:
        written = encoded(text)
        return written if isinstance(written, Skipped) else Item(self._keys.of(written), written)

    def _of(self, frame: pd.DataFrame) -> Iterator[str | Skipped]:
        if self._template is None:
            return column_texts(frame, prompt_column(frame, self._column, self._target, self._model_columns))
        self._template.check([str(name) for name in frame.columns], where="prompt_template")
        return template_texts(frame, self._template)
