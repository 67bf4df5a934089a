"""A text with everything in it that acts on a terminal, reorders a line or begins another one."""

from __future__ import annotations

import json
from typing import Any

from portkey_handler.gateway.offline import Fault

#: ESC: clears the screen, red, title (OSC), link (OSC 8), clipboard (OSC 52); C1: CSI and OSC; bell,
#: backspace, carriage return, next line; right to left, isolated; no width; a half of a character is left
#: out, because UTF-8 has none.
CANARY = (
    "\x1b[2J\x1b[31m\x1b]0;title\x07\x1b]8;;http://x\x1b\\\x1b]52;c;eA==\x07\x9b31m\x9d0;t\x9c"
    "\x07\x08\r\x85\u2028\u202egnp.exe\u2066\u200f\u200b\u2060\ufeff"
)
SHOWN = (
    "\\x1b[2J\\x1b[31m\\x1b]0;title\\x07\\x1b]8;;http://x\\x1b\\\\x1b]52;c;eA==\\x07\\x9b31m\\x9d0;t\\x9c"
    "\\x07\\x08\\r\\x85\\u2028\\u202egnp.exe\\u2066\\u200f\\u200b\\u2060\\ufeff"
)
#: Another line, as a log writes them.
FORGED = "\n2026-01-01 00:00:00 ERROR all is lost"
#: What must not be in a terminal or a log; of these, terminals and Rich write none themselves.
ACTING = ("\x1b[2J", "\x1b]", "\x07", "\x08", "\x85", "\x9b", "\x9d", "\u2028", "\u202e", "\u2066", "\u200f")
ACTING += ("\u200b", "\u2060", "\ufeff", "\n2026-01-01")


def acting(text: str) -> list[str]:
    """Return what acts in a text."""
    return [sign for sign in ACTING if sign in text]


X = CANARY + FORGED
#: A header has no C0 controls: aiohttp refuses such a reply.
_HEADER = "\x9b31m\u202e\u2066\u200b"
_HEADERS = {
    "x-portkey-provider": f"p{_HEADER}",
    **dict.fromkeys(
        ("x-portkey-last-used-option-index", "x-portkey-cache-status", "x-request-id", "x-portkey-trace-id"),
        _HEADER,
    ),
}


def _reply(content: Any = f"answer {X}", finish: str = f"stop{X}", **message: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "finish_reason": finish,
        "text": content,
        "message": {"role": "assistant", "content": content, "reasoning": X, **message},
    }
    return {
        "id": f"id{X}",
        "model": f"m{X}",
        "object": X,
        "service_tier": X,
        "system_fingerprint": X,
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, X: 1},
        X: X,
    }


def _error(status: int, message: Any, **more: Any) -> Fault:
    return Fault(status=status, headers=_HEADERS, body={"error": {"message": message, **more}})


def _answer(body: Any, status: int = 200) -> Fault:
    return Fault(status=status, headers=_HEADERS, body=body)


_VERDICTS = [{"id": X, "verdict": X, "checks": [{"id": X, "verdict": False}]}]
#: Replies with the canary in every text of them.
REPLIES = {
    "an answer": _answer(_reply()),
    "reasoning": _answer(_reply(f"<think>{X}</think>{X}")),
    "a tool call": _answer(_reply(tool_calls=[{"function": {"name": X, "arguments": X}}])),
    "typed": _answer(_reply(json.dumps({"mood": X, "score": X, X: X}))),
    "another type": _answer(_reply(json.dumps({"mood": [X], "score": 1}))),
    "filtered": _answer(_reply(finish=f"content_filter: {X}")),
    "cut off": _answer(_reply("", finish="length")),
    "refused": _answer(_reply(refusal=X)),
    "broken off": _answer(_reply(finish="error")),
    "no chat": _answer({X: 1}),
    "an error of status 200": _answer({"error": {"message": X, "metadata": {"raw": X}}}),
    "bad request": _error(400, f"no {X}", code=X, type=X),
    "no such model": _error(404, f"model does not exist {X}", code="model_not_found"),
    "no key": _error(401, f"no {X}"),
    "a text": Fault(status=400, headers=_HEADERS, body=f"plain {X}"),
    "a page": Fault(status=502, headers=_HEADERS, body=f"<html><body>{X}</body></html>"),
    "a guardrail denied": _answer({"error": {"message": X}, "hook_results": {"before": _VERDICTS}}, 446),
    "a guardrail found": _answer({**_reply(), "hook_results": {f"after{X}": _VERDICTS}}, 246),
}
