"""Where a MindsDB keeps its data, from its environment and its configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import platformdirs

from .checks import Finding

DEFAULT_URL = "http://127.0.0.1:47334"
_DATABASE = "mindsdb.sqlite3.db"


class SettingsError(Exception):
    """MindsDB's configuration cannot be read; the message names the file and the reason."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that MindsDB would use.

    Attributes:
        root: Its storage folder.
        named_by: The variable or file that names it.
        database: The read-only address of its records; None where there are none yet.
        cache: The type of its predict cache.
        url: Its address on this machine.
    """

    root: Path
    named_by: str
    database: str | None
    cache: str = "local"
    url: str = DEFAULT_URL


def read_settings(environment: Mapping[str, str], storage: Path | None) -> Settings:
    """Read the settings as MindsDB does; nothing is made.

    Args:
        environment: The environment of MindsDB.
        storage: Its storage folder, where the user has named it.

    Raises:
        SettingsError: A file of its configuration cannot be read.
    """
    named = environment.get("MINDSDB_CONFIG_PATH")
    config = _read(Path(named)) if named else {}
    root, named_by = _root(environment, config, storage)
    automatic = root / "config.auto.json"
    merged = {**config, **(_read(automatic) if automatic.is_file() else {})}
    address = environment.get("MINDSDB_DB_CON") or merged.get("storage_db")
    cache = merged.get("cache") or {}
    port = ((merged.get("api") or {}).get("http") or {}).get("port", 47334)
    return Settings(
        root,
        named_by,
        _reader(address, root),
        cache=str(cache.get("type", "local")),
        url=f"http://127.0.0.1:{port}",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text("utf-8") or "{}")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path} is not JSON: {error}") from None
    return told


def _root(
    environment: Mapping[str, str], config: Mapping[str, Any], storage: Path | None
) -> tuple[Path, str]:
    if storage is not None:
        return storage.absolute(), "--storage"
    if environment.get("MINDSDB_STORAGE_DIR"):
        return Path(environment["MINDSDB_STORAGE_DIR"]).absolute(), "MINDSDB_STORAGE_DIR"
    in_config = (config.get("paths") or {}).get("root")
    if in_config:
        return Path(in_config).absolute(), "MINDSDB_CONFIG_PATH"
    return Path(platformdirs.user_data_dir("mindsdb", "mindsdb"), "var"), "its default"


def _reader(address: str | None, root: Path) -> str | None:
    """Return the address for reading records; for SQLite it does not allow changes."""
    if address and not address.startswith("sqlite"):
        return address
    path = Path(address.partition("///")[2].partition("?")[0]) if address else root / _DATABASE
    return f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true" if path.is_file() else None


def judge_storage(settings: Settings) -> Finding:
    """Return a finding: whether MindsDB can keep its data there."""
    root = settings.root
    where = f"{root} (named by {settings.named_by})"
    if not os.path.lexists(root):
        if settings.named_by == "--storage":
            return Finding("storage", "wrong", f"{where} does not exist", "name the one of MindsDB")
        words = f"{where} does not exist: MindsDB makes it when it first starts, or keeps its data elsewhere"
        return Finding("storage", "warning", words, "name it by --storage or MINDSDB_STORAGE_DIR")
    if not root.is_dir():
        return Finding("storage", "wrong", f"{where} is no folder", "move it away, or name another folder")
    if not os.access(root, os.W_OK | os.X_OK):
        remedy = "run this as the user who runs MindsDB; if it is the same, let that user own the folder"
        return Finding("storage", "wrong", f"{where} cannot be written by this user", remedy)
    return Finding("storage", "ok", f"{where} is writable")


def judge_cache(settings: Settings | None, keeps: bool) -> Finding:
    """Return a finding: what MindsDB's predict cache does with answers of this handler."""
    what = "predict cache"
    kind = "" if settings is None else f" (type {settings.cache})"
    if settings is not None and settings.cache == "none":
        return Finding(what, "ok", "switched off in MindsDB's configuration, which is not needed")
    if keeps:
        remedy = 'put "cache": {"type": "none"} into MindsDB\'s configuration, or SET predictor_cache = false'
        words = f"MindsDB's{kind} keeps answers of this engine, and may give an old one to a new question"
        return Finding(what, "wrong", words, remedy)
    words = f"MindsDB's{kind} does not keep answers of this engine (tried): every SELECT reaches it"
    return Finding(what, "ok", words)
