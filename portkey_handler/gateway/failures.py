"""What a failed reply means: its own status, the code in its body, and its words together tell."""

from __future__ import annotations

import re
from typing import Any

from ..errors import (
    AuthenticationError,
    BudgetExceededError,
    CapacityError,
    RateLimitError,
    ServerError,
    StatusError,
    UnsupportedError,
)
from ..records import Ending, ending_of
from .said import Said, said_in, words_or_json

_LONGEST_REASON = 80
#: What `fault_in` finds.
ERROR, NO_CHOICE = "error", "the reply has no choice; a filter may have held the prompt back"
#: What the gateway says, with status 500, where the provider does not support the request.
UNSUPPORTED = re.compile(r"\w+ is not supported by [\w-]+")
NO_PROMPTS = "prompt completions error"
#: Statuses that say little: there the code in the body decides.
_VAGUE = frozenset({200, 400, 500, 502})
#: The status that a code in a body stands for.
_STATUSES = {
    **dict.fromkeys(
        ("rate_limit_exceeded", "rate_limit_error", "rate_limited", "too_many_requests", "resource_exhausted",
         "throttlingexception", "throttling"), 429
    ),
    **dict.fromkeys(
        ("overloaded_error", "overloaded", "unavailable", "service_unavailable", "model_overloaded",
         "serviceunavailableexception", "engine_overloaded"), 503
    ),
    **dict.fromkeys(
        ("server_error", "api_error", "internal", "internal_error", "internal_server_error", "timeout_error",
         "deadline_exceeded", "internalserverexception"), 500
    ),
    **dict.fromkeys(("authentication_error", "unauthenticated", "invalid_api_key", "api_key_invalid"), 401),
    **dict.fromkeys(("permission_error", "permission_denied"), 403),
    **dict.fromkeys(
        ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance", "payment_required",
         "billing_error", "credits_exhausted"), 402
    ),
    "content_filter": 400,
}  # fmt: skip
#: Words about money that is spent, which no waiting brings back.
_SPENT = re.compile(
    r"credit balance is too low|insufficient (credit|balance|fund|quota)|out of credits?|no credits? left"
    r"|(any|no) credits? or licen[cs]es|reached your specified api usage limits|billing is not active"
    r"|payment required|(current|monthly|billing) (quota|hard limit|spend|usage limit)|requires more credits"
)
#: Words about a text that is too long, or that is otherwise this row's own.
_OF_ONE_ROW = re.compile(
    r"context.?(length|window|size)|maximum context|(too|longer|larger|more) (long|large|many|than)"
    r"|exceeds?\b.{0,60}\b(length|limit|maximum|size|tokens)|reduce the (length|size)|string_above_max_length"
    r"|(invalid|unsupported|could not|unable to|failed to).{0,30}\b(image|url|download)"
)
_OF_ONE_ROW_CODES = frozenset(
    {"context_length_exceeded", "string_above_max_length", "content_filter", "content_policy_violation",
     "contentfiltered", "json_validate_failed", "invalid_image", "image_parse_error", "request_too_large"}
)  # fmt: skip
#: Words of a provider that has no resources free for the service tier flex: OpenAI's and Azure's "resource
#: unavailable", Groq's capacity_exceeded, which has the status 498.
_NO_CAPACITY = re.compile(
    r"\bresources?[ _](is |are )?(currently |temporarily )?unavailable|\bcapacity[ _]exceeded"
)
#: Words of a filter or a firewall, which speak of one request; and words about keys.
_OF_A_FILTER = re.compile(
    r"flagged|moderat|content.?policy|safety|firewall|request (was )?blocked|cloudflare|\bwaf\b"
)
#: Words of a key that is refused with status 400, as Gemini does.
_BAD_KEY = re.compile(r"\bapi key (is )?(not valid|invalid|expired)|\binvalid api key")
_SPENT_CODES = frozenset({"insufficient_quota", "billing_not_active"})
_OF_A_KEY = re.compile(r"\b(api )?key\b|credential|permission|unauthori[sz]ed|not authori[sz]ed|access token")


def _meant(status: int, said: Said) -> int:
    """Return the status that an error means: where its own says little, that of the code in its body."""
    may_be_spent = said.wait is None and status in (200, 400, 401, 402, 403, 429)
    words = said.text.lower()
    if status == 402 or (may_be_spent and (not _SPENT_CODES.isdisjoint(said.codes) or _SPENT.search(words))):
        return 402
    if status == 400 and _BAD_KEY.search(words):
        return 401
    if status not in _VAGUE:
        return status
    for code in reversed(said.codes):
        if code in _STATUSES:
            return _STATUSES[code]
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
    return 500 if status == 200 else status


def error_in(content: bytes) -> Said:
    """Return what a body says of its error: that of its first choice, where the reply has some."""
    body = words_or_json(content)
    first = None if _has_error(body) else _first_choice(body)
    return said_in(first if _has_error(first) else body)


def fault_in(body: Any) -> str | None:
    """Return why a reply of status 200 is no answer, or None.

    `ERROR`: it holds an error, which `error_in` reads. Other texts are the reason: `NO_CHOICE`, or the
    provider failed while the answer was written.
    """
    first = _first_choice(body)
    if _has_error(body) or _has_error(first) or (first is None and _is_error(body)):
        return ERROR
    if isinstance(body, dict) and body.get("choices") == []:
        return NO_CHOICE
    reason = first.get("finish_reason") if isinstance(first, dict) else None
    if isinstance(reason, str) and ending_of(reason[:_LONGEST_REASON]) is Ending.BROKEN_OFF:
        return f"the provider failed while it wrote the answer (finish reason {reason[:_LONGEST_REASON]})"
    return None


def _first_choice(body: Any) -> Any:
    choices = body.get("choices") if isinstance(body, dict) else None
    return choices[0] if isinstance(choices, list) and choices else None


def _is_error(body: Any) -> bool:
    """Return whether a body without a choice is an error: vLLM's, or a prompt that Gemini held back."""
    if not isinstance(body, dict):
        return False
    feedback = body.get("promptFeedback")
    return body.get("object") == "error" or (isinstance(feedback, dict) and bool(feedback.get("blockReason")))


def _has_error(part: Any) -> bool:
    return isinstance(part, dict) and bool(part.get("error"))


def kind_of(status: int, said: Said) -> type[StatusError]:
    """Return the error that a failed response is, by its status and what its body says."""
    status, words = _meant(status, said), said.text.lower()
    if status == 403 and _OF_A_FILTER.search(words) and not _OF_A_KEY.search(words):
        return StatusError
    if status in (401, 403):
        return AuthenticationError
    if status in (402, 412):
        return BudgetExceededError
    lacks_capacity = status in (429, 498) and any(map(_NO_CAPACITY.search, (words, *said.codes)))
    if status == 429 or lacks_capacity:
        return CapacityError if lacks_capacity else RateLimitError
    if UNSUPPORTED.fullmatch(said.text) or said.text.startswith(NO_PROMPTS):
        return UnsupportedError
    return ServerError if status in (408, 425) or status >= 500 else StatusError


def whom_it_concerns(kind: type[StatusError], status: int, said: Said) -> dict[str, bool]:
    """Return the attributes of an error that tell which rows it concerns, where its kind does not."""
    words = said.text.lower()
    if kind is AuthenticationError and status != 401 and not _OF_A_KEY.search(words):
        return {"concerns_every_row": False}
    is_of_one_row = (
        status in (413, 446)
        or not _OF_ONE_ROW_CODES.isdisjoint(said.codes)
        or _OF_ONE_ROW.search(words) is not None
        or _OF_A_FILTER.search(words) is not None
    )
    return {"concerns_one_row": True} if kind is StatusError and is_of_one_row else {}
