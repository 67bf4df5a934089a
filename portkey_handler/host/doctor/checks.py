"""Checks where the handler runs: the gateway of an engine, and the data directory.

`DESCRIBE model.check` runs them inside the server, `portkey-handler doctor` outside. Nothing is changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import OperationalError
from typing import Literal

from ...batches import journal
from ...batches.journal import BatchJournal
from ...errors import AuthenticationError, FileError, GatewayError, NewerFileError, UsageError
from ...execution.event_loop import run_sync
from ...gateway.config import ON_THIS_MACHINE, address
from ...options import EngineConfig
from ...storage import answer_format, rate_limit_store, sqlite
from ...usage import kept_prompts, run_history

State = Literal["ok", "warning", "wrong"]

_NAME = "data directory"
_BUSY_SECONDS = 10.0
#: Free bytes below which nothing can be stored soon (wrong), and below which it is a warning.
_FULL, _TIGHT = 100 * 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        what: What was checked, in a word or two.
        state: `ok`, `warning` or `wrong`.
        words: What was found, in plain words.
        remedy: What to do; empty where there is nothing to do.
    """

    what: str
    state: State
    words: str
    remedy: str = ""


def check_gateway(credentials: EngineConfig, what: str) -> Finding:
    """Probe the engine's gateway once, as CREATE ML_ENGINE does; no row is sent and nothing is paid."""
    from ..local_server import probe  # it imports MindsDB, which the doctor does not where it can help it

    try:
        run_sync(probe(credentials))
    except GatewayError as error:
        words, _, remedy = str(error).partition("; ")
        if isinstance(error, AuthenticationError):
            words = f"{address(credentials)} does not take the key ({words})"
        return Finding(what, "wrong", words, remedy or _OTHER_KEY)
    except (UsageError, FileError) as error:  # of the language model on this machine
        words, _, remedy = str(error).partition(": ")
        return Finding(what, "wrong", words, remedy)
    if address(credentials) == ON_THIS_MACHINE:
        return Finding(what, "ok", "the language model on this machine answers")
    return Finding(what, "ok", f"{address(credentials)} answers, and has not refused the key")


_OTHER_KEY = "create the engine again with a valid key: DROP ML_ENGINE …, CREATE ML_ENGINE …"


def check_data_dir(folder: Path) -> list[Finding]:
    """Check the data directory and the files in it."""
    return findings_of(read_data_dir(folder))


@dataclass(frozen=True, slots=True)
class DataDir:
    """What was found of the data directory.

    Attributes:
        folder: Its path.
        is_there: The path exists.
        is_folder: It is a folder.
        is_writable: This process can write to it or, where it does not exist, to its parent.
        free: Bytes free on its disk.
        open_to_others: Names of files that other users can read or write.
        answer_caches: The number of files of cached answers, one for each engine.
        damaged: Name of a file to its damage, or to the reason why it cannot be read.
        newer: Name of a file that a newer release has written, to a sentence about it.
        set_aside: Names of damaged files that new ones have replaced.
    """

    folder: Path
    is_there: bool = True
    is_folder: bool = True
    is_writable: bool = True
    free: int = _TIGHT
    open_to_others: tuple[str, ...] = ()
    answer_caches: int = 0
    damaged: Mapping[str, str] = field(default_factory=dict)
    newer: Mapping[str, str] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()


def read_data_dir(folder: Path) -> DataDir:
    """Read the state of the folder; nothing is made."""
    folder = folder.absolute()
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    free = shutil.disk_usage(nearest).free
    is_writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    if not folder.is_dir():
        return DataDir(folder, nearest == folder, nearest != folder, is_writable, free)
    if not os.access(folder, os.R_OK | os.X_OK):
        return DataDir(folder, is_writable=False, free=free)
    caches = sorted(folder.glob("journal/*.sqlite"))
    damaged, newer = _troubles(folder, caches)
    return DataDir(
        folder,
        is_writable=is_writable,
        free=free,
        open_to_others=tuple(_open_to_others(folder)),
        answer_caches=len(caches),
        damaged=damaged,
        newer=newer,
        set_aside=tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*.damaged-*"))),
    )


def _open_to_others(folder: Path) -> Iterator[str]:
    # A user who cannot enter the folder cannot read the files in it.
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        yield str(folder)


def _troubles(folder: Path, caches: list[Path]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the damage of files by their names, and a sentence for each newer file."""
    looks = dict.fromkeys(caches, answer_format.damage)
    looks |= dict.fromkeys(sorted(folder.glob("prompts/*.sqlite")), _damage_of_prompts)
    looks[folder / "ledger.sqlite"] = _damage_of_history
    looks[folder / "limits.sqlite"] = _damage_of_limits
    looks[BatchJournal(folder).path] = _damage_of_batches
    damaged: dict[str, str] = {}
    newer: dict[str, str] = {}
    for path, look in looks.items():
        try:
            found = look(path) if path.exists() else None
        except NewerFileError as error:
            newer[str(path.relative_to(folder))] = str(error)
            continue
        except OperationalError as error:
            found = f"it cannot be read: {error}"
        if found is not None:
            damaged[str(path.relative_to(folder))] = found
    return damaged, newer


def _damage_of_history(path: Path) -> str | None:
    return sqlite.damage(path, run_history.MIGRATIONS, seconds=_BUSY_SECONDS)


def _damage_of_batches(path: Path) -> str | None:
    return sqlite.damage(path, journal.MIGRATIONS, seconds=_BUSY_SECONDS)


def _damage_of_prompts(path: Path) -> str | None:
    return sqlite.damage(path, kept_prompts.MIGRATIONS, seconds=_BUSY_SECONDS)


def _damage_of_limits(path: Path) -> None:
    # It is made again when it is missing, and a file that is being written may look damaged.
    sqlite.refuse_newer(path, rate_limit_store.MIGRATIONS, seconds=_BUSY_SECONDS)


def findings_of(directory: DataDir) -> list[Finding]:
    """Return the findings about the folder, with the remedies."""
    elsewhere = "or name another folder by PORTKEY_HANDLER_HOME in the environment of MindsDB"
    if not directory.is_folder:
        return [Finding(_NAME, "wrong", f"{directory.folder} is no folder", f"move it away, {elsewhere}")]
    if not directory.is_writable:
        words = f"{directory.folder} cannot be written by this user, so that answers paid for are not kept"
        return [Finding(_NAME, "wrong", words, f"let the user who runs MindsDB own it, {elsewhere}")]
    return [_privacy(directory), _space(directory), *_files(directory)]


def _privacy(directory: DataDir) -> Finding:
    if not directory.is_there:
        return Finding(_NAME, "ok", f"{directory.folder} does not exist yet; the first query makes it")
    if directory.open_to_others:
        words = f"{directory.folder} holds answers, and other users can enter it"
        return Finding(_NAME, "wrong", words, f"run: chmod 700 {directory.folder}")
    return Finding(_NAME, "ok", f"{directory.folder} is writable, and only its owner can enter it")


def _space(directory: DataDir) -> Finding:
    words = f"{_size(directory.free)} free for {directory.folder}"
    if directory.free >= _TIGHT:
        return Finding("space", "ok", words)
    state: State = "warning" if directory.free >= _FULL else "wrong"
    return Finding(
        "space", state, words, "make room; where nothing can be written, answers paid for are lost"
    )


def _files(directory: DataDir) -> Iterator[Finding]:
    for name, reason in directory.damaged.items():
        what, loss = _kind(name)
        words = f"{directory.folder / name} is damaged ({reason})"
        remedy = f"stop MindsDB and move the file away: a new one is made, and {loss}"
        yield Finding(what, "wrong", words, remedy)
    for name, said in directory.newer.items():
        words, _, remedy = said.partition("; ")
        yield Finding(_kind(name)[0], "wrong", f"{words}, so that it is not used", remedy)
    for name in directory.set_aside:
        what, loss = _kind(name)
        words = f"{directory.folder / name} was damaged and has been replaced; {loss}"
        yield Finding(what, "warning", words, "delete it when you do not need it any more")
    unusable = {_kind(name)[0] for name in (*directory.damaged, *directory.newer)}
    if "answer cache" not in unusable and directory.answer_caches:
        files = "1 file" if directory.answer_caches == 1 else f"{directory.answer_caches} files"
        yield Finding("answer cache", "ok", f"{files} of answers that were paid for, undamaged")


def _kind(name: str) -> tuple[str, str]:
    """Return what a file of the data directory is, and what is lost with it."""
    if name.startswith("ledger"):
        return "run history", "the records of earlier queries are lost"
    if name.startswith("limits"):
        return "rate limits", "nothing is lost"
    if name.startswith("batches"):
        return "batches", "the rows of batches that run are asked and paid again"
    return "answer cache", "its rows are asked again"


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GB" if count >= 2**30 else f"{count / 2**20:,.0f} MB"
