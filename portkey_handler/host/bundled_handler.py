"""MindsDB's own handler of the same name: moved aside by install, moved back by uninstall.

MindsDB before 26 ships a handler that is called `portkey` too, and MindsDB loads only one of them. Its files
are those in MindsDB's RECORD: pip wrote them, and pip will delete them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

# MindsDB ignores folders with this prefix when it looks for handlers.
_NAME = "__{}_of_mindsdb"

#: Names of recorded files, relative to the handler's folder, and their hashes as RECORD writes them.
Recorded = Mapping[str, str]


def aside_of(place: Path) -> Path:
    """Return the folder to which MindsDB's own handler is moved while ours is in its place."""
    return place.with_name(_NAME.format(place.name))


def is_mindsdbs(place: Path, recorded: Recorded) -> bool:
    """Return whether a folder holds only files of MindsDB's own handler and their bytecode caches."""
    if place.is_symlink() or not place.is_dir():
        return False
    files = [file for file in place.rglob("*") if not file.is_dir() and file.parent.name != "__pycache__"]
    return bool(files) and all(file.relative_to(place).as_posix() in recorded for file in files)


def has_all(folder: Path, recorded: Recorded) -> bool:
    """Return whether every recorded file is in a folder, unchanged since pip wrote it."""
    return bool(recorded) and all(_hash(folder / name) == wanted for name, wanted in recorded.items())


def catch_up(place: Path, recorded: Recorded) -> None:
    """Bring the handler that was set aside up to date with the installed MindsDB.

    Args:
        place: The folder of our handler. An upgrade of MindsDB writes its newer handler over a copy of ours.
        recorded: The handler's files in the installed MindsDB; empty where that version has none.
    """
    aside = aside_of(place)
    if not recorded:
        remove(aside)
    elif not place.is_symlink() and has_all(place, recorded):
        remove(aside)
        for name in recorded:
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place / name, aside / name)


def set_aside(place: Path) -> None:
    """Move MindsDB's own handler aside; an older one that is there already is deleted."""
    aside = aside_of(place)
    remove(aside)
    place.rename(aside)


def put_back(place: Path) -> bool:
    """Move MindsDB's own handler back to its place, which is free; return whether there was one."""
    aside = aside_of(place)
    if not os.path.lexists(aside):
        return False
    aside.rename(place)
    return True


def remove(place: Path) -> None:
    """Remove a folder, or a link without its target. A path that does not exist is no error."""
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)


def _hash(file: Path) -> str | None:
    try:
        digest = hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return None
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
