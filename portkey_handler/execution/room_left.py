"""How many more requests fit under the limits that a provider tells in the headers of its responses."""

from __future__ import annotations

from ..records import Response
from .token_estimate import MeanTokens, used_tokens


class RoomLeft:
    """Turns what is left of a provider's limits into a number of requests.

    What is left of a limit of tokens is divided by the mean tokens of the requests that were answered. A
    provider may count the most tokens that an answer can have in place of those that it has; then fewer fit.
    """

    def __init__(self) -> None:
        self._whole = MeanTokens()
        self._prompt = MeanTokens()
        self._answer = MeanTokens()

    def after(self, response: Response) -> int | None:
        """Note a response, and return how many more requests fit; None where the provider does not say."""
        remaining = response.remaining
        if remaining is None:
            return None
        whole, answer = used_tokens(response.body)
        if whole is not None:
            self._whole.learn(whole)
            self._prompt.learn(whole - (answer or 0))
        if answer is not None:
            self._answer.learn(answer)
        room = (
            remaining.requests,
            _fitting(remaining.tokens, self._whole),
            _fitting(remaining.prompt_tokens, self._prompt),
            _fitting(remaining.completion_tokens, self._answer),
        )
        return min((requests for requests in room if requests is not None), default=None)


def _fitting(tokens: int | None, each: MeanTokens) -> int | None:
    return None if tokens is None else tokens // max(1, each.expected)
