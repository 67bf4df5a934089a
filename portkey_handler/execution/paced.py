"""Sending at the pace that `requests_per_minute` and `tokens_per_minute` allow."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from ..options import Plan
from ..records import Request, Response
from .rate_limiter import Limits
from .retry import QueryStopped, Send
from .token_estimate import AnswerLength, estimate_tokens


class Paced:
    """Sends one request when it is its turn; every attempt counts.

    Args:
        send: Sends one request once.
        plan: Holds the limits.
        folder: Where processes share what they use.
        scope: Whose limits they are.
        halted: Set when nothing is to be sent any more.
    """

    def __init__(self, send: Send, plan: Plan, folder: Path, scope: str, halted: asyncio.Event) -> None:
        execution = plan.execution
        self._send = send
        self._halted = halted
        self._limits = Limits(folder, scope, execution.requests_per_minute, execution.tokens_per_minute)
        parameters: dict[str, Any] = json.loads(plan.parameters)
        longest = parameters.get("max_completion_tokens") or parameters.get("max_tokens")
        self._answers = AnswerLength(0 if plan.input.mode == "embedding" else longest)

    async def __call__(self, request: Request) -> Response:
        """Return the reply to a request, once it was sent in its turn.

        Raises:
            GatewayError: There was no success.
            Halted: The query was stopped while the request waited for its turn.
        """
        estimated = estimate_tokens(request.body, self._answers.expected)
        await self._turn(estimated)
        reply = await self._send(request)
        used, answer = _usage(reply.body)
        if used is not None:
            self._limits.correct(estimated, used)
        if answer is not None:
            self._answers.learn(answer)
        return reply

    async def _turn(self, tokens: int) -> None:
        turn = asyncio.ensure_future(self._limits.turn(tokens))
        halted = asyncio.ensure_future(self._halted.wait())
        try:
            await asyncio.wait((turn, halted), return_when=asyncio.FIRST_COMPLETED)
            if self._halted.is_set():
                raise QueryStopped
            await turn
        finally:
            turn.cancel()
            halted.cancel()

    def close(self) -> None:
        """Leave what is owed to the queries that come after."""
        self._limits.close()


def _usage(body: Any) -> tuple[int | None, int | None]:
    """Read how many tokens a request used in all, and how many its answer has."""
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None, None
    total, answer = usage.get("total_tokens"), usage.get("completion_tokens")
    return total if isinstance(total, int) else None, answer if isinstance(answer, int) else None
