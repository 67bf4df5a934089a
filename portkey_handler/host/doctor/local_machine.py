"""Checks on the machine of a MindsDB: files, versions, storage, and the engines that are stored there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InstallError
from ..install import Found, look, place_of
from .checks import Finding, check_data_dir
from .interpreter import ask_inside, ask_which
from .pins import judge_pins
from .place import Place, judge_place, look_at_place
from .running_server import Server
from .served import NO_ENGINES, Served, judge_served_version, no_such_engine
from .settings import Settings, judge_cache, judge_storage
from .versions import judge_versions

#: Texts that MindsDB reads as true.
_YES = ("1", "true", "yes", "enabled")
_VARIABLES = "if MindsDB has PORTKEY_ variables of its own, set them for this command, too"


def leftover(served: Served, told: Mapping[str, Any]) -> Iterator[Finding]:
    """Return a finding for each engine that no model belongs to, and that was therefore not checked."""
    for name in served.unchecked:
        if name not in told:
            words = "the server can check it only through a model, and it has none"
            remedy = "make one by CREATE MODEL, then run this again; or name the server's --storage"
            yield Finding(f"engine {name}", "warning", f"its gateway is not checked: {words}", remedy)


@dataclass
class Here:
    """The checks on this machine."""

    python: str | None
    settings: Settings | None
    served: Served
    engine: str | None

    def findings(self) -> Iterator[Finding]:
        """Return the findings, the quick ones before those that take seconds."""
        try:
            found = look(self.python)
            path = place_of(found)
            interpreter = ask_which(found.python)
        except InstallError as error:
            yield self._without_mindsdb(str(error))
            yield from leftover(self.served, {})
            return
        yield judge_versions(interpreter, found)
        if self.served.server is not None and self.served.server.version != found.mindsdb_version:
            yield _another_mindsdb(self.served.server, found)
        place = self._place(path, found)
        yield judge_place(place, found)
        served_version = judge_served_version(self.served, place.version)
        if served_version is not None:
            yield served_version
        requires = () if found.package else _requirements(place)
        yield from judge_pins(interpreter.installed, interpreter.environment, found.python, requires)
        yield from self._storage()
        told = None
        if place.is_ours and not place.leads_nowhere:
            try:
                told = ask_inside(found.python, self._questions(place))
            except InstallError as error:
                yield Finding("import", "wrong", str(error), "repair that environment of MindsDB")
        if told is not None:
            yield judge_import(told, found)
        if told is None or "cache_keeps" not in told:
            yield from leftover(self.served, {})
            return
        yield judge_cache(self.settings, told["cache_keeps"])
        yield from self._engines(told["engines"], told["engines_error"])

    def _without_mindsdb(self, message: str) -> Finding:
        words, _, remedy = message.partition(". ")
        if self.served.server is None and self.python is None and not self.served.is_asked_for:
            # Whoever has none works with the session, and nothing is wrong.
            words = f"{words}, and the session needs none"
            remedy = "portkey-handler check asks the gateway; for a MindsDB elsewhere: --python or --url"
            return Finding("mindsdb", "ok", words, remedy)
        if self.served.server is None or self.python is not None:
            return Finding("mindsdb", "wrong", words, remedy)
        words = f"{words}, so that files, versions and storage of the server are not seen"
        return Finding(
            "mindsdb", "warning", words, "run this where MindsDB is (in its container), or --python"
        )

    def _storage(self) -> Iterator[Finding]:
        if self.settings is None:
            return
        yield judge_storage(self.settings)
        if not self.served.has_checked_data_dir:
            named = os.environ.get("PORTKEY_HANDLER_HOME")
            root = self.settings.root
            yield from check_data_dir(Path(named).expanduser() if named else root / "portkey_handler")

    def _place(self, path: Path, found: Found) -> Place:
        uses = self.served.uses_community
        if uses is None:
            uses = os.environ.get("MINDSDB_COMMUNITY_HANDLERS", "").lower() in _YES
        root = None if self.settings is None else self.settings.root
        community = None if root is None else root / "community_handlers" / path.name
        return look_at_place(path, community, uses_community=uses, found=found)

    def _questions(self, place: Place) -> dict[str, Any]:
        """Return the questions for the handler, which is loaded as MindsDB loads it."""
        names: list[str] | None = self.served.unchecked
        if self.served.server is None:
            names = [self.engine] if self.engine else None
        return {
            "community": str(place.path.parent) if place.is_community else None,
            "database": None if self.settings is None or names == [] else self.settings.database,
            "engines": names,
        }

    def _engines(self, told: Mapping[str, Any], error: str | None) -> Iterator[Finding]:
        """Return the findings about the stored engines, by their names."""
        for finding in (Finding(**each) for each in told.values() if each):
            is_wrong = finding.state == "wrong"
            yield replace(finding, remedy=f"{finding.remedy}; {_VARIABLES}") if is_wrong else finding
        if error is not None:
            words = f"the engines cannot be read from MindsDB's records: {error}"
            remedy = "run this in the environment of MindsDB, with its variables"
            yield Finding("engines", "wrong", words, remedy)
        elif self.served.server is not None:
            yield from leftover(self.served, told)
        elif self.engine is not None and self.engine not in told:
            yield no_such_engine(self.engine, list(told))
        elif not told:
            yield Finding("engines", "ok", NO_ENGINES)


def judge_import(told: Mapping[str, Any], found: Found) -> Finding:
    """Return whether MindsDB's interpreter can load the handler, from its answer."""
    if told["import_error"]:
        words = f"MindsDB cannot load the handler: {told['import_error']}"
        again = f"{found.python} -m pip install --force-reinstall --no-deps portkey-handler"
        return Finding("import", "wrong", words, f"correct the pins if they are wrong, else run: {again}")
    if "too_old" in told:
        words = f"the handler in MindsDB, version {told['version']}, has no doctor in it"
        return Finding("import", "warning", words, f"run: portkey-handler install --python {found.python}")
    return Finding("import", "ok", f"MindsDB loads the handler, version {told['version']}")


def _another_mindsdb(server: Server, found: Found) -> Finding:
    words = f"the server is MindsDB {server.version}, and that of {found.python} is {found.mindsdb_version}"
    return Finding("versions", "warning", words, "name the server's interpreter by --python")


def _requirements(place: Place) -> tuple[str, ...]:
    """Read the handler's requirements from its own folder, as MindsDB does."""
    try:
        lines = (place.path / "requirements.txt").read_text("utf-8").splitlines()
    except OSError:
        return ()
    return tuple(line for line in lines if line.strip() and not line.startswith("#"))
