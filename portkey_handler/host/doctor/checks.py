"""What is examined where the handler runs: the gateway of an engine, and the folder that outlives a query.

`DESCRIBE model.check` does it inside of the server, `portkey-handler doctor` outside. Nothing is changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import OperationalError
from typing import Literal

from ...errors import AuthenticationError, GatewayError, NewerFileError
from ...execution.event_loop import run_sync
from ...gateway.client import check_engine
from ...gateway.config import address
from ...options import EngineConfig
from ...storage import answer_format, rate_limit_store, sqlite
from ...usage import run_history

State = Literal["ok", "warning", "wrong"]

_BUSY_SECONDS = 10.0
#: Bytes free, below which nothing can be kept soon, and below which somebody should look.
_FULL, _TIGHT = 100 * 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was looked at, in a word or two.
        state: Whether it is as it should be.
        words: What was seen, in plain words.
        remedy: What to do about it; empty where nothing has to be done.
    """

    what: str
    state: State
    words: str
    remedy: str = ""


def check_gateway(credentials: EngineConfig, what: str) -> Finding:
    """Ask the engine's gateway once, as CREATE ML_ENGINE does; no row is sent and nothing is paid."""
    try:
        run_sync(check_engine(credentials))
    except GatewayError as error:
        words, _, remedy = str(error).partition("; ")
        if isinstance(error, AuthenticationError):
            words = f"{address(credentials)} does not take the key ({words})"
        return Finding(what, "wrong", words, remedy or _OTHER_KEY)
    return Finding(what, "ok", f"{address(credentials)} answers, and has not refused the key")


_OTHER_KEY = "create the engine anew with a key that is in force: DROP ML_ENGINE …, CREATE ML_ENGINE …"


def check_home(folder: Path) -> list[Finding]:
    """Look at the folder of `host.data_dir` and at what is kept in it."""
    return judge_home(look_at_home(folder))


@dataclass(frozen=True, slots=True)
class Home:
    """What is seen of the folder.

    Attributes:
        folder: Its path.
        is_there: Something of that name is there.
        is_folder: It is a folder.
        is_writable: It, or where it is not there the folder it would be made in, can be written by us.
        free: Bytes free on its disk.
        open_to_others: Names of what others than the owner can read or write.
        journals: How many journals it has.
        damaged: Name of a file to how it is damaged, or why it cannot be read.
        newer: What is to be said of each file that a newer release has written.
        set_aside: Names of damaged files that were replaced by new ones.
    """

    folder: Path
    is_there: bool = True
    is_folder: bool = True
    is_writable: bool = True
    free: int = _TIGHT
    open_to_others: tuple[str, ...] = ()
    journals: int = 0
    damaged: Mapping[str, str] = field(default_factory=dict)
    newer: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()


def look_at_home(folder: Path) -> Home:
    """See what there is; nothing is made."""
    folder = folder.absolute()
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    free = shutil.disk_usage(nearest).free
    is_writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    if not folder.is_dir():
        return Home(folder, nearest == folder, nearest != folder, is_writable, free)
    if not os.access(folder, os.R_OK | os.X_OK):
        return Home(folder, is_writable=False, free=free)
    journals = sorted(folder.glob("journal/*.sqlite"))
    damaged, newer = _troubles(folder, journals)
    return Home(
        folder,
        is_writable=is_writable,
        free=free,
        open_to_others=tuple(_open_to_others(folder)),
        journals=len(journals),
        damaged=damaged,
        newer=newer,
        set_aside=tuple(sorted(str(path.relative_to(folder)) for path in folder.rglob("*.damaged-*"))),
    )


def _open_to_others(folder: Path) -> Iterator[str]:
    # Who cannot enter the folder cannot read what is in it.
    if os.name == "posix" and folder.stat().st_mode & 0o077:
        yield str(folder)


def _troubles(folder: Path, journals: list[Path]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return how files are damaged, by their names, and what is to be said of newer ones."""
    looks = dict.fromkeys(journals, answer_format.damage)
    looks[folder / "ledger.sqlite"] = _damage_of_ledger
    looks[folder / "limits.sqlite"] = _damage_of_limits
    damaged, newer = {}, []
    for path, look in looks.items():
        try:
            found = look(path) if path.exists() else None
        except NewerFileError as error:
            newer.append(str(error))
            continue
        except OperationalError as error:
            found = f"it cannot be read: {error}"
        if found is not None:
            damaged[str(path.relative_to(folder))] = found
    return damaged, tuple(newer)


def _damage_of_ledger(path: Path) -> str | None:
    return sqlite.damage(path, run_history.MIGRATIONS, seconds=_BUSY_SECONDS)


def _damage_of_limits(path: Path) -> None:
    # Nothing in it is missed, and what is read while others write it may look damaged.
    sqlite.refuse_newer(path, rate_limit_store.MIGRATIONS, seconds=_BUSY_SECONDS)


def judge_home(home: Home) -> list[Finding]:
    """Return what is right and wrong with the folder, with the remedies."""
    elsewhere = "or name another folder by PORTKEY_HANDLER_HOME in the environment of MindsDB"
    if not home.is_folder:
        return [Finding("home", "wrong", f"{home.folder} is no folder", f"move it away, {elsewhere}")]
    if not home.is_writable:
        words = f"{home.folder} cannot be written by this user, so that answers paid for are not kept"
        return [Finding("home", "wrong", words, f"let the user who runs MindsDB own it, {elsewhere}")]
    return [_privacy(home), _space(home), *_journals(home)]


def _privacy(home: Home) -> Finding:
    if not home.is_there:
        return Finding("home", "ok", f"{home.folder} is not there yet; the first query makes it")
    if home.open_to_others:
        words = f"{home.folder} holds answers, and others than its owner can enter it"
        return Finding("home", "wrong", words, f"run: chmod 700 {home.folder}")
    return Finding("home", "ok", f"{home.folder} is writable, and its owner's only")


def _space(home: Home) -> Finding:
    words = f"{_size(home.free)} free for {home.folder}"
    if home.free >= _TIGHT:
        return Finding("space", "ok", words)
    state: State = "warning" if home.free >= _FULL else "wrong"
    return Finding(
        "space", state, words, "make room; where nothing can be written, answers paid for are lost"
    )


def _journals(home: Home) -> Iterator[Finding]:
    for name, reason in home.damaged.items():
        yield Finding(
            "journal",
            "wrong",
            f"{home.folder / name} is damaged ({reason})",
            "move it away while MindsDB is stopped: a new one is begun, and what was in it is asked anew",
        )
    for said in home.newer:
        words, _, remedy = said.partition("; ")
        yield Finding("journal", "wrong", f"{words}, so that it is not used", remedy)
    for name in home.set_aside:
        words = f"{home.folder / name} was damaged and has been replaced; what was in it is asked anew"
        yield Finding("journal", "warning", words, "delete it when you no longer want to look into it")
    if not home.damaged and not home.newer and home.journals:
        plural = "" if home.journals == 1 else "s"
        yield Finding("journal", "ok", f"{home.journals} journal{plural} of answers paid for, undamaged")


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GB" if count >= 2**30 else f"{count / 2**20:,.0f} MB"
