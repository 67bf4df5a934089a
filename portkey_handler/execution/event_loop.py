"""Run a coroutine from synchronous code, also where an event loop runs already.

Each call makes a thread with an event loop of its own. This works inside the running loop of a notebook and
after a fork.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Result = TypeVar("Result")
_Args = ParamSpec("_Args")


def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in a thread and loop of its own, and return its result.

    A keyboard interrupt cancels the coroutine, waits for its end and is raised again.
    """
    run = _Run(coroutine)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="portkey_handler", daemon=True)
    thread.start()
    # Not thread.join: after an interrupt, Python 3.10 and 3.11 take the thread for ended (bpo-45274).
    try:
        run.ended.wait()
    except KeyboardInterrupt:
        run.cancel()
        run.ended.wait()
        raise
    thread.join()
    result: Result = run.result()
    return result


def blocking(function: Callable[_Args, Coroutine[Any, Any, Result]], name: str) -> Callable[_Args, Result]:
    """Return a function that runs a coroutine function to its end by `run_sync`.

    Args:
        function: The coroutine function, whose signature and docstring are taken.
        name: The name of the returned function.
    """

    @wraps(function)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> Result:
        return run_sync(function(*args, **kwargs))

    call.__name__ = call.__qualname__ = name
    return call


class _Run:
    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._started = threading.Event()
        self.ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[Any]
        self._value: Any = None
        self._error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._value = asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
        finally:
            self.ended.set()

    async def _main(self) -> Any:
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._coroutine)
        self._started.set()
        return await self._task

    def cancel(self) -> None:
        """Cancel the coroutine from another thread."""
        if self._started.wait(timeout=5) and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def result(self) -> Any:
        """Return the coroutine's result, or raise its error."""
        if self._error is not None:
            raise self._error
        return self._value
