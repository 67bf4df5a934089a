"""Install the handler into MindsDB's `mindsdb/integrations/handlers/`, and uninstall it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import InstallError
from .bundled_handler import Recorded, aside_of, catch_up, has_all, is_mindsdbs, put_back, remove, set_aside
from .interpreter import ask

_FOLDER = "portkey_handler"
#: Files that every release of this package has, and that identify its folder.
_OUR_FILES = ("handler.py", "__about__.py")
_MARKER = ".copied-by-portkey-handler-install"
# MindsDB ignores folders with this prefix when it looks for handlers.
_UNFINISHED = f"__{_FOLDER}_unfinished"

# Finds packages without importing them: importing MindsDB takes seconds and creates its storage.
_QUESTION = """
import csv, importlib.metadata, importlib.util, json, re
def folder(name):
    spec = importlib.util.find_spec(name)
    return spec.submodule_search_locations[0] if spec and spec.origin else None
def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
def recorded(folder):
    try:
        lines = importlib.metadata.distribution("mindsdb").read_text("RECORD") or ""
    except importlib.metadata.PackageNotFoundError:
        return {}
    rows = [row for row in csv.reader(lines.splitlines()) if len(row) == 3 and row[0].startswith(folder)]
    return {name[len(folder):]: hash for name, hash, _ in rows if "__pycache__" not in name}
try:
    wanted = importlib.metadata.requires("portkey-handler") or []
except importlib.metadata.PackageNotFoundError:
    wanted = []
wanted = [re.match(r"[\\w.-]+", line)[0] for line in wanted if ";" not in line]
print(json.dumps({
    "mindsdb": folder("mindsdb"), "mindsdb_version": version("mindsdb"),
    "package": folder("portkey_handler"), "package_version": version("portkey-handler"),
    "missing": [name for name in wanted if version(name) is None],
    "recorded": recorded("mindsdb/integrations/handlers/portkey_handler/"),
}))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """MindsDB and this package as they are installed for an interpreter.

    Attributes:
        python: The interpreter.
        mindsdb: The folder of MindsDB's package; None where it is not installed.
        mindsdb_version: MindsDB's version, or None without metadata.
        package: The folder of this package; None where it is not installed.
        package_version: The version of this package, or None without metadata.
        missing: Requirements of this package that are not installed there.
        recorded: The files of the handler of the same name that pip installed with MindsDB, and their hashes.
    """

    python: str
    mindsdb: Path | None
    mindsdb_version: str | None
    package: Path | None
    package_version: str | None
    missing: tuple[str, ...]
    recorded: Recorded = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What install or uninstall did; its text is one sentence for the user.

    Attributes:
        action: `nothing` where there was nothing to do.
        place: The folder in MindsDB.
        source: The package that was linked or copied; None after uninstall.
        mindsdb_version: MindsDB's version, or None where it is not known.
        aside: The folder to which MindsDB's own handler of the same name is or was moved; None without one.
        must_copy: A link was asked for and would not have been safe.
    """

    action: Literal["linked", "copied", "removed", "nothing"]
    place: Path
    source: Path | None = None
    mindsdb_version: str | None = None
    aside: Path | None = None
    must_copy: bool = False

    def __str__(self) -> str:
        """Return it as a sentence."""
        mindsdb = f"MindsDB {self.mindsdb_version or ''}".strip()
        restart = f"Restart {mindsdb} if it is running."
        if self.action == "removed":
            back = " and put MindsDB's own of that name back" if self.aside else ""
            return f"Removed the handler from {mindsdb} ({self.place}){back}. {restart}"
        if self.source is None:
            return f"Nothing to remove: the handler is not in {mindsdb} ({self.place})."
        if self.action == "nothing":
            return f"Nothing to do: the handler is in {mindsdb} already ({self.place})."
        done = self.action.capitalize()
        said = f"{done} the handler into {mindsdb}: {self.place}, from {self.source}. {restart}"
        if self.aside:
            said += f" MindsDB's own handler of that name is kept in {self.aside}; uninstall puts it back."
        if self.must_copy:
            said += (
                " The handler is copied and not linked because pip, when it upgrades this MindsDB, would "
                "follow the link and delete the package's files. Run this again after an upgrade of either."
            )
        return said


def look(python: str | None = None) -> Found:
    """Find MindsDB and this package for an interpreter, without importing or changing anything.

    Args:
        python: The interpreter that runs MindsDB; by default the one that runs this.

    Raises:
        InstallError: It does not answer as a Python interpreter.
    """
    interpreter = python or sys.executable
    try:
        answer = ask(interpreter, _QUESTION)
    except InstallError as error:
        raise InstallError(
            f"{interpreter} does not answer as a Python interpreter. Give the path of the one that runs "
            "MindsDB, such as /path/to/venv/bin/python."
        ) from error
    return Found(
        python=interpreter,
        mindsdb=Path(answer["mindsdb"]) if answer["mindsdb"] else None,
        mindsdb_version=answer["mindsdb_version"],
        package=Path(answer["package"]) if answer["package"] else None,
        package_version=answer["package_version"],
        missing=tuple(answer["missing"]),
        recorded=answer["recorded"],
    )


def place_of(found: Found) -> Path:
    """Return the path from which that MindsDB loads the handler; it may not exist yet.

    Raises:
        InstallError: There is no MindsDB, or it has no folder for handlers.
    """
    if found.mindsdb is None:
        raise InstallError(
            f"There is no MindsDB in the environment of {found.python}. Give the interpreter that runs it "
            "(--python /path/to/venv/bin/python), or install one there: pip install mindsdb."
        )
    handlers = found.mindsdb / "integrations" / "handlers"
    if not handlers.is_dir():
        raise InstallError(
            f"MindsDB {found.mindsdb_version or ''} of {found.python} has no folder {handlers}. This handler "
            "is made for MindsDB 25.11 to 26.1; install one of those."
        )
    return handlers / _FOLDER


def is_ours(place: Path) -> bool:
    """Return whether install made what is at a path."""
    if place.is_symlink():
        # A link without a target is left by install after the package has moved.
        return not place.exists() or has_our_files(place)
    return (place / _MARKER).exists()


def has_our_files(folder: Path) -> bool:
    """Return whether a folder holds this package, of any release."""
    return all((folder / name).exists() for name in _OUR_FILES)


def install(python: str | None = None, *, copy: bool = False) -> InstallReport:
    """Install the handler into a MindsDB. It can be run again.

    A handler of the same name that MindsDB ships is set aside, and ours is copied instead of linked.

    Args:
        python: The interpreter that runs MindsDB; by default the one that runs this.
        copy: Copy the files instead of linking to the installed package. A link follows upgrades of the
            package; a copy has to be made again after each.

    Raises:
        InstallError: There is no MindsDB, the package or what it needs is not installed for that
            interpreter, something else has the handler's name there, or the folder can't be written.
    """
    found = look(python)
    place = place_of(found)
    source = _source(found)
    _refuse_foreign(place, found)
    version = found.mindsdb_version
    # pip would follow a link and delete recorded files in its target.
    must_copy = not copy and bool(found.recorded)
    copy = copy or must_copy
    if not copy and place.is_symlink() and place.resolve() == source.resolve():
        return InstallReport("nothing", place, source, version)
    try:
        catch_up(place, found.recorded)
        if copy:
            _copy(source, place)
        else:
            remove(place)
            place.symlink_to(source, target_is_directory=True)
    except OSError as error:
        raise _unwritable(place, error, "" if copy else ", or copy instead of linking (--copy)") from error
    aside = aside_of(place)
    return InstallReport(
        "copied" if copy else "linked", place, source, version, aside if aside.exists() else None, must_copy
    )


def uninstall(python: str | None = None) -> InstallReport:
    """Remove what install made in a MindsDB, and nothing else. It can be run again.

    Args:
        python: The interpreter that runs MindsDB; by default the one that runs this.

    Raises:
        InstallError: There is no MindsDB, something else has the handler's name there, or it can't be
            removed.
    """
    found = look(python)
    place = place_of(found)
    version = found.mindsdb_version
    _refuse_foreign(place, found)
    aside = aside_of(place)
    if not is_ours(place) and (os.path.lexists(place) or not aside.exists()):
        return InstallReport("nothing", place, None, version)
    try:
        catch_up(place, found.recorded)
        remove(place)
        was_aside = put_back(place)
    except OSError as error:
        raise _unwritable(place, error) from error
    return InstallReport("removed", place, None, version, aside if was_aside else None)


def _source(found: Found) -> Path:
    again = f"Run: {found.python} -m pip install portkey-handler"
    if found.package is None:
        raise InstallError(f"portkey_handler is not installed in the environment of {found.python}. {again}")
    if found.missing:
        raise InstallError(
            f"The environment of {found.python} lacks what portkey_handler needs "
            f"({', '.join(found.missing)}). {again}"
        )
    if has_all(found.package, found.recorded):
        raise InstallError(
            f"{found.package} holds MindsDB's own handler: pip followed a link when it installed this "
            f"MindsDB. Run: {found.python} -m pip install --force-reinstall --no-deps portkey-handler"
        )
    return found.package


def _unwritable(place: Path, error: OSError, otherwise: str = "") -> InstallError:
    reason = error.strerror or error
    return InstallError(
        f"{place} can't be changed: {reason}. Run this as the user who owns that MindsDB{otherwise}."
    )


def _refuse_foreign(place: Path, found: Found) -> None:
    if not os.path.lexists(place) or is_ours(place) or is_mindsdbs(place, found.recorded):
        return
    raise InstallError(
        f"{place} is there already and was not put there by this command, nor by pip with MindsDB. "
        "Move it away, then run this again."
    )


def _copy(source: Path, place: Path) -> None:
    unfinished = place.with_name(_UNFINISHED)
    remove(unfinished)
    try:
        shutil.copytree(source, unfinished, ignore=shutil.ignore_patterns("__pycache__"))
        (unfinished / _MARKER).touch()
        if is_ours(place):
            remove(place)
        elif place.exists():
            set_aside(place)
        unfinished.rename(place)
    finally:
        remove(unfinished)
