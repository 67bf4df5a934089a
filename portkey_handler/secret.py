"""Keys while they are in memory: a type that never shows itself, and errors that take no variables along.

Programs that report errors (Sentry, rich, `traceback` with `capture_locals`) write the local variables of
each frame by their `repr`. So a key is a `Secret` from the moment it is read until the headers are made of
it. Where a parser or foreign code needs the plain text for a while, `forgetting` empties the frames of an
error.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from traceback import clear_frames
from typing import Any, NoReturn

MASK = "******"


class Secret:
    """A value that is not shown: by `repr`, `str`, `format` and in f-strings it is `******`.

    It refuses to be pickled, and JSON does not know it. Secrets of equal values are equal. Copies are the
    secret itself, because it does not change.

    Args:
        value: The value, most often a key.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def reveal(self) -> Any:
        """Return the value. Do not keep it in a variable of a function that can raise an error."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: read it where the work runs")


class HiddenText(str):
    """A text for foreign code that takes nothing but `str`; its `repr`, and that of a part, shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def __getitem__(self, key: Any) -> HiddenText:
        return HiddenText(super().__getitem__(key))  # rich shows the beginnings of long texts


def sealed(value: Any, shown: Collection[str] = ()) -> Any:
    """Return a copy in which every text is a `Secret`, also those in objects and lists.

    Args:
        value: A value of an option.
        shown: Names in objects whose texts stay as they are.
    """
    if isinstance(value, (str, bytes)):
        return Secret(value)
    if isinstance(value, Mapping):
        return {
            name: inner if name in shown and isinstance(inner, str) else sealed(inner, shown)
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(sealed(inner, shown) for inner in value)
    return value


def revealed(value: Any) -> Any:
    """Return a copy in which every `Secret` is its value, also those in objects and lists."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: revealed(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(map(revealed, value))
    return value


class forgetting:  # noqa: N801 - used like a function
    """Empty the frames below, where an error leaves the `with` block: lines stay, local variables do not.

    The frames that are still running keep theirs: the one of the `with` block, and those of its callers.
    """

    __slots__ = ("_handled",)

    def __enter__(self) -> None:
        # An error that the caller is handling is the context of ours, and none of our business.
        self._handled = sys.exc_info()[1]

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        waiting = [error]
        seen = {id(self._handled)}
        while waiting:
            one = waiting.pop()
            if one is not None and id(one) not in seen:
                seen.add(id(one))
                clear_frames(one.__traceback__)
                waiting += (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
