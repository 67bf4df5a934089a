"""Request: send a body made from the row to any path of the gateway."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..options import Plan
from ..prompts.json_template import JsonTemplate
from ..records import Item, Outcome, Request, Response, Skipped
from .item_keys import Keys
from .jsonpath import AnswerPath
from .request_body import encoded
from .responses import evidence_of_reply, stopped_by
from .rows import made_of_rows

if TYPE_CHECKING:
    import pandas as pd


class AnyRequest:
    """The operation behind `mode = 'request'`.

    Args:
        plan: The resolved options.

    Raises:
        TemplateError: A template in the body is wrong.
        OptionError: `answer` is not a JSONPath.
    """

    batch_size = 1

    def __init__(self, plan: Plan) -> None:
        options = plan.input
        self.path = options.path or ""
        self._parameters: Mapping[str, Any] = plan.parameters.value
        self._body = JsonTemplate({} if options.body is None else options.body.value, "body", keep_types=True)
        self._answer = None if options.answer is None else AnswerPath(options.answer)
        self._keys = Keys("request", self.path, options.answer or "")

    def items(self, frame: pd.DataFrame) -> Iterator[Item | Skipped]:
        """Yield one item per row: the body to send.

        Raises:
            InputError: The frame lacks a column.
        """
        body = self._body
        body.check([str(name) for name in frame.columns])
        rows = made_of_rows(frame, body.columns, body.columns if body.is_plain else (), body.render)
        return (row if isinstance(row, Skipped) else self._item(row) for row in rows)

    def ask(self, items: Sequence[Item]) -> Generator[Request, Response, list[Outcome]]:
        """Send the body and read the answer from the reply."""
        (item,) = items
        reply = yield Request(self.path, item.payload)
        evidence = evidence_of_reply(reply)
        if self._answer is None:
            return [Outcome(reply.body, evidence=evidence)]
        if (stopped := stopped_by(evidence)) is not None:
            return [stopped]
        value, reason = self._answer.of(reply.body)
        return [Outcome(value, reason, evidence, failed=reason is not None)]

    def _item(self, body: dict[str, Any]) -> Item | Skipped:
        # Parameters of the query take precedence over the body of the model.
        payload = encoded({**body, **self._parameters})
        return payload if isinstance(payload, Skipped) else Item(self._keys.of(payload), payload)
