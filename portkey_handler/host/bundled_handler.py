"""MindsDB's own handler of our name: out of our way while we are there, and back as it was.

Versions before 26 ship one, which is never loaded beside ours because both are called `portkey`. What belongs
to it is what MindsDB's RECORD lists: the files that pip wrote, and will delete again.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

# MindsDB passes over folders whose names start so while it looks for handlers.
_NAME = "__{}_of_mindsdb"

#: Names of recorded files, relative to the handler's folder, and their hashes as RECORD writes them.
Recorded = Mapping[str, str]


def aside_of(place: Path) -> Path:
    """Return the folder that holds MindsDB's own handler while ours is in its place."""
    return place.with_name(_NAME.format(place.name))


def is_mindsdbs(place: Path, recorded: Recorded) -> bool:
    """Return whether a folder holds nothing but files of MindsDB's own handler, and caches of them."""
    if place.is_symlink() or not place.is_dir():
        return False
    files = [file for file in place.rglob("*") if not file.is_dir() and file.parent.name != "__pycache__"]
    return bool(files) and all(file.relative_to(place).as_posix() in recorded for file in files)


def has_all(folder: Path, recorded: Recorded) -> bool:
    """Return whether every recorded file is in a folder just as pip wrote it."""
    return bool(recorded) and all(_hash(folder / name) == wanted for name, wanted in recorded.items())


def catch_up(place: Path, recorded: Recorded) -> None:
    """Bring what was set aside up to date with the MindsDB that is there now.

    Args:
        place: Where ours is. An upgrade of MindsDB writes its newer handler over a copy of ours.
        recorded: What the MindsDB that is there now ships; nothing, where it has no such handler any more.
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
    """Move MindsDB's own handler out of the way; an older one that is there already is given up."""
    aside = aside_of(place)
    remove(aside)
    place.rename(aside)


def put_back(place: Path) -> bool:
    """Move MindsDB's own handler back to its place, which is free; tell whether there was one."""
    aside = aside_of(place)
    if not os.path.lexists(aside):
        return False
    aside.rename(place)
    return True


def remove(place: Path) -> None:
    """Remove a folder, or a link to one and not what it leads to; nothing happens where nothing is."""
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
