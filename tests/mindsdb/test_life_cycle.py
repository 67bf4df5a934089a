"""Into a MindsDB, through upgrades and out of it again, in an environment that nothing else uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.environments import Environment, build_wheel, contents, mindsdb_environment
from support.gateway import Gateway
from support.hosts import environment, telling
from support.mindsdb import MindsDB

from portkey_handler.__about__ import __version__
from portkey_handler.gateway.offline import OfflineProvider

#: MindsDB looks for its index of community handlers on GitHub; here it finds nobody.
COMMUNITY = {
    "MINDSDB_COMMUNITY_HANDLERS": "true",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give an environment with a MindsDB and the wheel of this tree, not installed into each other."""
    made = mindsdb_environment(tmp_path_factory.mktemp("environment") / "venv")
    made.pip_install(build_wheel(tmp_path_factory.mktemp("wheel") / "built"))
    return made


@pytest.fixture
def server(private: Environment, gateway: Gateway, provider: OfflineProvider, tmp_path: Path) -> MindsDB:
    """Give a server of that environment, which the test starts."""
    provider.reset(telling())
    return MindsDB(tmp_path, environment(gateway, provider) | COMMUNITY, private.python, install=False)


def _shown(server: MindsDB) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.query("SHOW HANDLERS WHERE name = 'portkey'").to_dict("records")
    return found


def _create(server: MindsDB) -> None:
    server.query("CREATE ML_ENGINE kept FROM portkey")
    server.query("CREATE MODEL asked PREDICT answer USING engine = 'kept', column = 'text'")
    server.wait_for_model("asked")


def _ask(server: MindsDB, text: str) -> Any:
    return server.query(f"SELECT answer FROM asked WHERE text = '{text}'")["answer"].tolist()


@pytest.mark.parametrize("options", [(), ("--copy",)])
def test_uninstall_leaves_every_byte_as_it_was(private: Environment, options: tuple[str, ...]) -> None:
    """Files, links, folders, modes and caches of MindsDB are the same before install and after uninstall."""
    before = contents(private.site / "mindsdb")
    assert "the handler into MindsDB" in private.command("install", *options)
    assert contents(private.site / "mindsdb") != before
    assert private.command("uninstall").startswith("Removed the handler from MindsDB")
    assert contents(private.site / "mindsdb") == before


def test_install_upgrade_uninstall(private: Environment, server: MindsDB, tmp_path: Path) -> None:
    """A link carries engine and model over an upgrade; afterwards MindsDB is as before.

    This server may load community handlers, which is no other case for a handler among MindsDB's own.
    """
    before = contents(private.site / "mindsdb", caches=False)
    private.command("install")
    with server:
        assert json.loads(server.get("/api/handlers/portkey"))["version"] == __version__
        _create(server)
        assert _ask(server, "before") == ["<before>"]

    private.pip_install(build_wheel(tmp_path / "newer", "99.0"))
    with server:
        [row] = _shown(server)
        assert (row["VERSION"], row["IMPORT_SUCCESS"]) == ("99.0", True)
        assert _ask(server, "after") == ["<after>"]

    private.command("uninstall")
    with server:
        assert _shown(server) == []
    assert contents(private.site / "mindsdb", caches=False) == before


def test_the_folder_for_community_handlers(private: Environment, server: MindsDB) -> None:
    """Linked there by hand the engine works too, in workers as well, and offline; MindsDB prefers it."""
    storage = server.folder / "storage"
    place = storage / "community_handlers" / "portkey_handler"
    place.parent.mkdir(parents=True)
    place.symlink_to(private.site / "portkey_handler")
    private.command("install")
    with server:
        assert json.loads(server.get("/api/handlers/portkey"))["community"] is True
        assert b"<svg" in server.get("/api/handlers/portkey/icon")
        _create(server)
        assert _ask(server, "anybody there") == ["<anybody there>"]
        assert "Could not fetch community handlers index" in server.log.read_text(errors="replace")
    private.command("uninstall")
    assert (storage / "portkey_handler" / "journal").is_dir()
