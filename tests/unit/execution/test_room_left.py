"""How many more requests fit under the limits that a provider tells."""

from __future__ import annotations

from typing import Any

from portkey_handler.execution.room_left import RoomLeft
from portkey_handler.records import Remaining, Response


def answered(prompt: int, answer: int, remaining: Remaining | None) -> Response:
    """Give a response that used so many tokens."""
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    return Response(200, {"usage": usage}, remaining=remaining)


def test_nothing_is_known_where_the_provider_says_nothing() -> None:
    """Nor is the usage read then."""
    room = RoomLeft()
    assert room.after(answered(10, 10, None)) is None
    assert room.after(answered(10, 10, Remaining())) is None


def test_tokens_are_divided_by_the_mean_of_the_requests() -> None:
    """Of the whole requests, of their prompts, of their answers; the fewest count."""
    room = RoomLeft()
    assert room.after(answered(90, 10, Remaining(tokens=1000))) == 10
    assert room.after(answered(190, 10, Remaining(tokens=1500))) == 10  # 150 each
    assert room.after(answered(140, 10, Remaining(prompt_tokens=1400))) == 10  # 140 each
    assert room.after(answered(140, 10, Remaining(completion_tokens=70))) == 7
    assert room.after(answered(140, 10, Remaining(5, 1500, 1400, 70))) == 5
    assert room.after(answered(140, 10, Remaining(tokens=0))) == 0


def test_answers_without_usage_count_as_a_hundred_tokens() -> None:
    """As the estimate of a request does where nothing is known."""
    bodies: list[Any] = [{}, {"usage": None}, {"usage": {"total_tokens": "x"}}, [], "text"]
    for body in bodies:
        assert RoomLeft().after(Response(200, body, remaining=Remaining(tokens=250))) == 2


def test_vectors_have_no_answer_tokens() -> None:
    """All their tokens are of the prompt."""
    room = RoomLeft()
    body = {"usage": {"prompt_tokens": 50, "total_tokens": 50}}
    assert room.after(Response(200, body, remaining=Remaining(prompt_tokens=500))) == 10
