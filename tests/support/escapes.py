"""A text with everything in it that acts on a terminal, reorders a line or begins another one."""

from __future__ import annotations

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
