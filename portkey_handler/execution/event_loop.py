"""Run coroutines from synchronous code, also where an event loop runs already.

Each call, or each `with` block, makes a thread with an event loop of its own. This works inside the running
loop of a notebook and after a fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ..errors import PortkeyHandlerError, briefly
from ..signals import Terminated, terminated_in_order

Result = TypeVar("Result")
_Args = ParamSpec("_Args")


def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in a thread and loop of its own, and return its result.

    See `LoopThread.run` for interrupts.
    """
    with LoopThread() as loop:
        return loop.run(coroutine)


class LoopThread:
    """A thread with an event loop, inside a `with` block; runs one coroutine after the other."""

    def __enter__(self) -> LoopThread:
        """Start the thread."""
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: _Call | None = None
        thread = threading.Thread(target=self._work, name="portkey_handler", daemon=True)
        thread.start()
        try:
            self._ready.wait()
        except BaseException:
            self._ready.wait()
            self.__exit__()
            raise
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *raised: object) -> None:
        """End the thread. A coroutine that two interrupts have left behind goes on to its end in it."""
        self._loop.call_soon_threadsafe(self._closed.set)
        if self._last is None or self._last.ended.is_set():
            # Not thread.join: after an interrupt, Python 3.10 and 3.11 take the thread for ended (bpo-45274).
            self._ended.wait()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end, in the context of the caller, and return its result.

        A keyboard interrupt cancels the coroutine, waits for its end and is raised again. So does SIGTERM or
        SIGHUP, where nobody else handles it: the process then ends by that signal.
        """
        call = self._last = _Call(coroutine)
        with terminated_in_order():
            result: Result = self._result_of(call)
        return result

    def _result_of(self, call: _Call) -> Any:
        context = contextvars.copy_context()
        self._loop.call_soon_threadsafe(self._start, call, context=context)
        try:
            call.ended.wait()
        except (KeyboardInterrupt, Terminated):
            self._loop.call_soon_threadsafe(call.cancel)
            call.ended.wait()
            raise
        return call.result()

    def _start(self, call: _Call) -> None:
        task = self._loop.create_task(call.run())
        call.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _work(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
        finally:
            self._ready.set()
            self._ended.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._ready.set()
        await self._closed.wait()
        while self._tasks:
            await asyncio.wait(self._tasks)


def blocking(
    function: Callable[_Args, Coroutine[Any, Any, Result]],
    name: str,
    around: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> Callable[_Args, Result]:
    """Return a function that runs a coroutine function to its end by `run_sync`.

    Args:
        function: The coroutine function, whose signature and docstring are taken.
        name: The name of the returned function.
        around: Makes a context in which the caller's thread waits for the end.
    """

    @wraps(function)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> Result:
        with around():
            try:
                coroutine = function(*args, **kwargs)
            finally:
                del args, kwargs  # a key among them would be in the traceback of every error
            try:
                return run_sync(coroutine)
            except PortkeyHandlerError as error:
                raise briefly(error) from None

    call.__name__ = call.__qualname__ = name
    return call


class _Call:
    """One coroutine of a `LoopThread`."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self.task: asyncio.Task[None] | None = None
        self.ended = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    async def run(self) -> None:
        try:
            self._value = await self._coroutine
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
        finally:
            self.ended.set()

    def cancel(self) -> None:
        """Cancel the coroutine; called in its loop."""
        if self.task is not None:
            self.task.cancel()

    def result(self) -> Any:
        """Return the coroutine's result, or raise its error."""
        if self._error is not None:
            raise self._error
        return self._value
