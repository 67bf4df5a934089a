"""What programs that report errors write of local variables: Sentry, rich, `traceback` with `capture_locals`."""

from __future__ import annotations

import gc
import io
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import CoroutineType, FrameType, TracebackType
from typing import Any

from rich.console import Console
from rich.traceback import Traceback

import portkey_handler

#: Where the requests arrive, whose headers hold the keys: a server of its own, and no part of a query.
_SERVER = "/gateway/offline/"
_PACKAGE = portkey_handler.__file__.removesuffix("__init__.py")
_DEEPEST = 8
#: Of aiohttp; to look at a reply that has not begun breaks it.
_UNREADY = frozenset({"ClientResponse"})


def error_of(act: Callable[[], object]) -> BaseException:
    """Return the error of a call, of any kind."""
    try:
        act()
    except BaseException as error:  # noqa: BLE001 - an interrupt, too
        return error
    raise AssertionError("it raised no error")


def written_by_reporters(error: BaseException) -> str:
    """Return what is written of an error with its local variables, and with those of all errors behind it."""
    captured = traceback.TracebackException.from_exception(error, capture_locals=True)
    seen = ["".join(captured.format())]
    for one in chain(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            seen += shown(frame)
    return "\n".join(seen)


def written_by_rich(error: BaseException) -> str:
    """Return what rich writes of an error with its local variables, which takes much longer."""
    trace = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=None,  # type: ignore[arg-type]
        locals_hide_dunder=False,
        extra_lines=0,
    )
    console = Console(file=io.StringIO(), width=2000, soft_wrap=True)
    console.print(trace)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def chain(error: BaseException) -> list[BaseException]:
    """Return an error, its causes and its contexts, also those that Python does not show."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
    return found


def frames_of_package(error: BaseException) -> list[FrameType]:
    """Return the frames of the package in the traceback of an error."""
    trace: TracebackType | None = error.__traceback__
    return [frame for frame, _ in traceback.walk_tb(trace) if _is_ours(frame)]


def shown(frame: FrameType) -> Iterator[str]:
    """Yield the local variables of a frame: by their repr, with what is in objects and lists, as Sentry does."""
    for name, value in frame.f_locals.items():
        place = f"{frame.f_code.co_filename}:{frame.f_code.co_name}: {name}"
        yield from (f"{place} = {text}" for text in _described(value, 0))


def running() -> Iterator[str]:
    """Yield the local variables of all that runs in this process: the threads, and the coroutines that wait.

    A program that reports a log record writes them. The stand-in's server and the tests are left out.
    """
    for frame in _running_frames():
        name = frame.f_code.co_filename
        if _SERVER not in name and (_is_ours(frame) or "/aiohttp/client" in name):
            yield from shown(frame)


def _running_frames() -> Iterator[FrameType]:
    for thread in sys._current_frames().values():
        stack = [frame for frame, _ in traceback.walk_stack(thread)]
        if not any(_SERVER in frame.f_code.co_filename for frame in stack):
            yield from stack
    for one in gc.get_objects():
        if isinstance(one, CoroutineType) and one.cr_frame is not None and not _serves(one):
            yield one.cr_frame


def _serves(coroutine: Any) -> bool:
    return _SERVER in coroutine.cr_code.co_filename


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _described(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, (int, float, type(None))) or type(value).__name__ in _UNREADY:
        return
    yield repr(value)
    if depth == _DEEPEST:
        return
    if isinstance(value, str):
        yield repr(value[:80])  # rich shows the beginning of a long text
    elif isinstance(value, Mapping):
        for name, inner in [*value.items()]:
            yield repr(name)
            yield from _described(inner, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _described(inner, depth + 1)
