"""Dry runs: turned on for a whole context, and the file with the last estimate of each model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from ...foreign_text import logger_of
from ...storage.private_files import make_private, replace_file
from ...storage.sqlite import reason_of
from .estimator import Estimate

logger = logger_of(__name__)

Listener = Callable[[Estimate], None]
_NOT_KEPT = "not kept (keep_reasons = false)"

_listener: ContextVar[Listener | None] = ContextVar("portkey_handler_dry_run", default=None)

_told: ContextVar[tuple[Listener, ...]] = ContextVar("portkey_handler_estimates", default=())


def dry_run_listener() -> Listener | None:
    """Return the listener that makes every query of this context a dry run, or None."""
    return _listener.get()


@contextmanager
def dry_runs(listener: Listener) -> Iterator[None]:
    """Make every query that starts inside the `with` block a dry run; no request is sent.

    Args:
        listener: Called with the estimate of each query.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def on_estimate(listener: Listener) -> Iterator[None]:
    """Call `listener` with the estimate of each dry run that starts inside the `with` block.

    It turns no query into a dry run. Listeners of outer blocks are called, too.
    """
    token = _told.set((*_told.get(), listener))
    try:
        yield
    finally:
        _told.reset(token)


def tell(estimate: Estimate) -> None:
    """Pass an estimate to the listeners of this context."""
    for listener in _told.get():
        listener(estimate)


def keep_estimate(
    folder: Path, engine: str, model: str, estimate: Estimate, *, with_example: bool = True
) -> None:
    """Write a model's estimate to disk, in place of its last one; a problem with the file is a warning.

    Args:
        folder: The data directory.
        engine: The engine's name.
        model: The model's name in SQL.
        estimate: The estimate.
        with_example: Whether its first prompt is written, too.
    """
    if estimate.example is not None and not with_example:
        estimate = replace(estimate, example=_NOT_KEPT)
    path = _path(folder, engine, model)
    try:
        make_private(folder, path.parent)
        # Private, because it has the beginning of a prompt.
        replace_file(path, json.dumps(estimate.as_dict()).encode())
    except OSError as error:
        logger.warning(
            "the estimate is not stored for DESCRIBE: %s cannot be used: %s", path.parent, reason_of(error)
        )


def kept_estimate(folder: Path, engine: str, model: str) -> Estimate | None:
    """Return the estimate of a model's last dry run; None if there is none, or it cannot be read."""
    try:
        return Estimate(**json.loads(_path(folder, engine, model).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _path(folder: Path, engine: str, model: str) -> Path:
    name = hashlib.blake2b(json.dumps([engine, model]).encode(), digest_size=16).hexdigest()
    return folder / "estimates" / f"{name}.json"
