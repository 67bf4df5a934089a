"""Cells that are more than a value."""

from __future__ import annotations

from typing import Any


class Unreadable:
    """A cell that cannot be text. A row whose prompt needs it fails with the reason; other rows do not.

    Attributes:
        reason: Why, with the remedy.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        """Show that there is no value."""
        return f"<unreadable: {self.reason}>"


class NumberText(float):
    """A number that keeps its own text: 1.10 of a CSV, or a decimal with all its places.

    Attributes:
        text: The text.
    """

    __slots__ = ("text",)

    text: str

    @classmethod
    def of(cls, text: str) -> NumberText:
        """Return the number of a text."""
        found = cls(text)
        found.text = text
        return found

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the text in copies."""
        return NumberText.of, (self.text,)


class Written:
    """A cell whose own text is not that of its value: TRUE, or 2026-11-20 08:30.

    Attributes:
        value: The value, for conditions.
        text: The text, for prompts.
    """

    __slots__ = ("text", "value")

    def __init__(self, value: Any, text: str) -> None:
        self.value = value
        self.text = text

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def __repr__(self) -> str:
        """Show the text."""
        return f"<{self.text}>"
