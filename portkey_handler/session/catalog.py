"""The catalog of a session: engines, models with the storage of each, views, and options of files.

It is in memory, or in one JSON file of a folder that only its owner can read. The engines' keys are in that
file and nowhere else: in memory their texts are secrets.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import AlreadyExistsError, NewerFileError, NotFoundError, UsageError, closest
from ..secret import forgetting, revealed, sealed
from ..storage.private_files import locked, make_private, replace_file, writable_by_others
from .storages import ModelStorage

_FORMAT = 1


@dataclass(frozen=True)
class Engine:
    """An ML engine; every text in `options` is a secret."""

    name: str
    handler: str
    options: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Model:
    """One version of a model."""

    name: str
    version: int
    engine: str
    target: str
    created: str
    active: bool = True
    query: str | None = None
    using: dict[str, Any] = field(default_factory=dict, repr=False)
    storage: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class View:
    """A view: a query that is kept.

    Attributes:
        name: Its name.
        query: The text of the query.
        created: When it was made or replaced.
        database: "files" where names without a prefix are tables of files.
        columns: The names of its columns as the query gives them, and as the view does; none: as they are.
    """

    name: str
    query: str
    created: str
    database: str = ""
    columns: list[list[str]] = field(default_factory=list)


class Catalog:
    """Engines, models and views by name; upper and lower case are the same.

    Args:
        folder: The folder of the file; None: in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[str, Any] = {"format": _FORMAT, "engines": {}, "models": {}}
        if folder is not None:
            try:
                make_private(folder)
            except OSError as error:
                raise UsageError(f"{folder} cannot be the folder of a session: {error.strerror}") from error
            # A folder that was there keeps its mode: it may be shared, and the file is its owner's alone.
            if (why := writable_by_others(folder)) is not None:
                raise UsageError(
                    f"{folder} {why}, and the session would hold keys there; name a folder of your own, or "
                    f"run: chmod o-w {folder}"
                )

    @classmethod
    def in_memory(cls, folder: Path) -> Catalog:
        """Return a copy of the catalog in a folder, which changes nothing there."""
        made = cls()
        if folder.exists():
            source = cls()
            source._folder = folder
            made._memory = source._read()
        return made

    def __repr__(self) -> str:
        """Show the folder only."""
        return f"Catalog({'in memory' if self._folder is None else str(self._folder)})"

    # ---- engines

    def engines(self) -> list[Engine]:
        """Return every engine, by name."""
        return [Engine(**entry) for _, entry in sorted(self._read()["engines"].items())]

    def engine(self, name: str) -> Engine:
        """Return an engine.

        Raises:
            NotFoundError: There is no engine of that name.
        """
        found = self._read()["engines"]
        if name.lower() not in found:
            raise _not_found("engine", name, [entry["name"] for entry in found.values()], "CREATE ML_ENGINE")
        return Engine(**found[name.lower()])

    def has_engine(self, name: str) -> bool:
        """Return whether an engine of that name exists."""
        return name.lower() in self._read()["engines"]

    def add_engine(self, engine: Engine) -> None:
        """Add an engine.

        Raises:
            AlreadyExistsError: There is an engine of that name.
        """
        with self._change() as state:
            if engine.name.lower() in state["engines"]:
                raise AlreadyExistsError(
                    f"the engine {engine.name} exists already; DROP ML_ENGINE {engine.name}"
                )
            state["engines"][engine.name.lower()] = _entry(engine)

    def drop_engine(self, name: str) -> None:
        """Remove an engine.

        Raises:
            UsageError: Models still use it.
        """
        with self._change() as state:
            users = [
                versions[-1]["name"]
                for versions in state["models"].values()
                if any(version["engine"].lower() == name.lower() for version in versions)
            ]
            if users:
                raise UsageError(
                    f"the engine {name} is used by the model {users[0]}; DROP MODEL {users[0]} first"
                )
            state["engines"].pop(name.lower(), None)

    # ---- models

    def models(self) -> list[Model]:
        """Return every version of every model, by name."""
        return [
            Model(**entry) for _, versions in sorted(self._read()["models"].items()) for entry in versions
        ]

    def has_model(self, name: str) -> bool:
        """Return whether a model of that name exists."""
        return name.lower() in self._read()["models"]

    def model(self, name: str, version: int | None = None) -> Model:
        """Return the active version of a model, or the one asked for.

        Raises:
            NotFoundError: There is none of that name, or not that version.
        """
        found = self._read()["models"]
        if name.lower() not in found:
            names = [versions[-1]["name"] for versions in found.values()]
            raise _not_found("model", name, names, "CREATE MODEL")
        versions = [Model(**entry) for entry in found[name.lower()]]
        for candidate in versions:
            if candidate.version == version or (version is None and candidate.active):
                return candidate
        numbers = ", ".join(str(candidate.version) for candidate in versions)
        raise NotFoundError(f"the model {name} has no version {version}; there are: {numbers}")

    def add_model(self, model: Model, *, replace: bool = False) -> None:
        """Add version 1 of a model; with `replace`, in place of a model of the same name.

        Raises:
            AlreadyExistsError: There is a model of that name and `replace` is false.
        """
        with self._change() as state:
            if (view := state.get("views", {}).get(model.name.lower())) is not None:
                raise AlreadyExistsError(f"{view['name']} is a view; choose another name for the model")
            if model.name.lower() in state["models"] and not replace:
                raise AlreadyExistsError(
                    f"the model {model.name} exists already; CREATE OR REPLACE MODEL, or RETRAIN {model.name}"
                )
            state["models"][model.name.lower()] = [_entry(model)]

    def add_version(self, model: Model) -> Model:
        """Add the next version of a model, and return it with its number."""
        with self._change() as state:
            versions = state["models"].get(model.name.lower())
            if versions is None:
                raise NotFoundError(f"the model {model.name} does not exist any more")
            number = 1 + max(entry["version"] for entry in versions)
            if model.active:
                for entry in versions:
                    entry["active"] = False
            versions.append({**_entry(model), "version": number})
            return Model(**versions[-1])

    def drop_model(self, name: str) -> None:
        """Remove a model with all its versions."""
        with self._change() as state:
            state["models"].pop(name.lower(), None)

    def storage(self, model: Model) -> ModelStorage:
        """Return the storage of a model version; changes of a handler are saved."""

        def saved(name: str, data: Any) -> None:
            with self._change() as state:
                for entry in state["models"].get(model.name.lower(), ()):
                    if entry["version"] == model.version:
                        entry["storage"][name] = data

        return ModelStorage(model.name, copy.deepcopy(model.storage), saved=saved)

    # ---- views

    def views(self) -> dict[str, View]:
        """Return every view by its lower-case name, in the order of names."""
        return {name: View(**entry) for name, entry in sorted(self._read().get("views", {}).items())}

    def add_view(self, view: View, *, replace: bool = False) -> None:
        """Add a view; with `replace`, in place of a view of the same name.

        Raises:
            AlreadyExistsError: There is a model of that name, or a view and `replace` is false.
        """
        name = view.name.lower()
        with self._change() as state:
            if name in state["models"]:
                raise AlreadyExistsError(
                    f"{state['models'][name][-1]['name']} is a model; choose another name for the view"
                )
            if name in state.get("views", {}) and not replace:
                raise AlreadyExistsError(
                    f"the view {view.name} exists already; CREATE OR REPLACE VIEW, or DROP VIEW {view.name}"
                )
            state.setdefault("views", {})[name] = _entry(view)

    def drop_view(self, name: str) -> None:
        """Remove a view."""
        with self._change() as state:
            state.get("views", {}).pop(name.lower(), None)

    # ---- files

    def file_options(self) -> dict[str, dict[str, Any]]:
        """Return what was said about tables of files, by the lower-case name of the table."""
        found: dict[str, dict[str, Any]] = self._read().get("files", {})
        return found

    def set_file_option(self, table: str, option: str, value: Any) -> None:
        """Keep an option of a table of files; None removes it."""
        with self._change() as state:
            said = state.setdefault("files", {}).setdefault(table.lower(), {})
            said[option] = value
            if value is None:
                del said[option]

    # ---- the file

    def _read(self) -> dict[str, Any]:
        """Return the state; the options of its engines are sealed."""
        with forgetting():
            return self._state()

    def _state(self) -> dict[str, Any]:
        if self._folder is None:
            return copy.deepcopy(self._memory)
        path = self._folder / "catalog.json"
        if path.exists() and not path.is_file():  # a pipe would be read for ever
            raise UsageError(f"{path} is not a file; move it away, or name another folder")
        try:
            state = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {"format": _FORMAT, "engines": {}, "models": {}}
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError):
            state = None  # the decoder's error has the whole document in it, keys included
        version = state.get("format") if isinstance(state, dict) else None
        if not isinstance(version, int) or version < 1:
            raise UsageError(f"{path} is not a catalog of this program; move it away, or name another folder")
        if version > _FORMAT:
            raise NewerFileError.of(path, version, _FORMAT, "name another folder")
        if not _is_catalog(state):
            raise UsageError(f"{path} is not a catalog of this program; move it away, or name another folder")
        for engine in state["engines"].values():
            engine["options"] = sealed(engine["options"])
        return dict(state)

    @contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        if self._folder is None:
            state = copy.deepcopy(self._memory)
            yield state
            self._memory = state
            return
        with locked(self._folder / "catalog.lock"):
            state = self._read()
            yield state
            with forgetting():
                _write(self._folder / "catalog.json", state)


def _write(path: Path, state: dict[str, Any]) -> None:
    replace_file(path, json.dumps(revealed(state), ensure_ascii=False, indent=1).encode())


def _is_catalog(state: dict[str, Any]) -> bool:
    """Return whether the parts of a catalog have the shape that this program writes."""
    try:
        [Engine(**entry) for entry in state["engines"].values()]
        [Model(**entry) for versions in state["models"].values() for entry in versions]
        [View(**entry) for entry in state.get("views", {}).values()]
        return all(isinstance(versions, list) and versions for versions in state["models"].values()) and all(
            isinstance(said, dict) for said in state.get("files", {}).values()
        )
    except (KeyError, TypeError, AttributeError):
        return False


def now() -> str:
    """Return the time as the catalog writes it (UTC)."""
    return datetime.now(timezone.utc).isoformat(sep=" ", timespec="seconds")


def _entry(kept: Engine | Model | View) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in kept.__dataclass_fields__}


def _not_found(kind: str, name: str, names: list[str], remedy: str) -> NotFoundError:
    close = closest(name, names)
    hint = (
        f"did you mean {close}?" if close else f"there are: {', '.join(names) or 'none'}; {remedy} makes one"
    )
    return NotFoundError(f"the {kind} {name} does not exist; {hint}")
