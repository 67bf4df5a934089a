"""What MindsDB shows of the handler and its engines, and what nobody may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version
from support.hosts import telling
from support.mindsdb import MindsDB, MindsDBError, run_python

import portkey_handler
from portkey_handler.__about__ import __version__
from portkey_handler.creation_args import creation_args
from portkey_handler.gateway.offline import OfflineProvider

REQUIREMENTS = Path(portkey_handler.__file__).with_name("requirements.txt")
CANARY = "pk-canary-7f3a9c"

#: Loggers of MindsDB that write whole statements or engines at DEBUG.
THEIRS = {
    "mindsdb.api.http.namespaces.sql",
    "mindsdb.interfaces.database.integrations",
}


@pytest.fixture
def server(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[MindsDB]:
    """Give the server with an engine that holds the canary wherever a key can be, and a model."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.query(
        f"CREATE ML_ENGINE canary FROM portkey USING portkey_api_key = '{CANARY}', "
        f'headers = {{"x-extra": "{CANARY}"}}, provider_api_key = \'{CANARY}\', '
        f'config = {{"retry": {{"attempts": 1}}, "provider": "openai", "api_key": "{CANARY}", '
        f'"custom_host": "{provider.base_url}"}}'
    )
    server.query("CREATE MODEL watched PREDICT answer USING engine = 'canary', column = 'text'")
    server.wait_for_model("watched")
    yield server
    server.query("DROP MODEL watched")
    server.query("DROP ML_ENGINE canary")


def test_mindsdb_lists_the_handler(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> None:
    """SHOW HANDLERS has the name, the type, words about it and the version, and no import error."""
    server, _ = running_mindsdb
    [row] = server.query("SHOW HANDLERS WHERE name = 'portkey'").to_dict("records")
    assert row["TYPE"] == "ml"
    assert row["TITLE"] == "Portkey"
    assert row["DESCRIPTION"] == portkey_handler.description
    assert row["VERSION"] == __version__
    assert row["IMPORT_SUCCESS"] is True
    assert row["IMPORT_ERROR"] is None


def test_mindsdb_tells_what_an_engine_takes(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> None:
    """SHOW HANDLERS and the HTTP API have every argument of CREATE ML_ENGINE, with its words."""
    server, _ = running_mindsdb
    [shown] = server.query("SHOW HANDLERS WHERE name = 'portkey'")["CONNECTION_ARGS"]
    told = json.loads(server.get("/api/handlers/portkey"))
    for given in (json.loads(shown), told["connection_args"]):
        assert given["creation_args"] == creation_args
    assert creation_args["portkey_api_key"]["description"].startswith("The Portkey API key")
    assert told["import"]["dependencies"] == REQUIREMENTS.read_text().split()


def test_mindsdb_shows_the_icon(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB's editor gets the drawing, by itself and in the list of handlers."""
    server, _ = running_mindsdb
    icon = server.get("/api/handlers/portkey/icon").decode()
    assert icon.startswith("<svg")
    [listed] = [one for one in json.loads(server.get("/api/handlers/")) if one["name"] == "portkey"]
    assert listed["icon"] == {"data": icon, "name": "icon.svg", "type": "svg"}


def test_show_engines_masks_every_secret(server: MindsDB) -> None:
    """Keys, headers and the config object show as stars."""
    [row] = server.query("SHOW ML_ENGINES WHERE name = 'canary'").to_dict("records")
    assert json.loads(row["CONNECTION_DATA"]) == dict.fromkeys(
        ("portkey_api_key", "headers", "provider_api_key", "config"), "******"
    )


def test_show_models_masks_what_can_be_secret(server: MindsDB) -> None:
    """The options of a model show, except its config; of a key that RETRAIN is given nothing stays."""
    server.query(
        f"CREATE MODEL masked PREDICT answer USING engine = 'canary', config = 'pc-{CANARY}', max_tokens = 7"
    )
    try:
        server.wait_for_model("masked")
        for name in ("portkey_api_key", "portkey_api_kye"):
            with pytest.raises(MindsDBError, match=name):
                server.query(f"RETRAIN masked USING {name} = '{CANARY}'")
        shown = server.query("SHOW MODELS WHERE name = 'masked'")
        [options] = shown["TRAINING_OPTIONS"]
        using = (json.loads(options) if isinstance(options, str) else options)["using"]
        assert using == {"config": "******", "max_tokens": 7}
        assert CANARY not in shown.to_json()
    finally:
        server.query("DROP MODEL masked")


@pytest.mark.parametrize("name", ["targets", "llms"])
def test_targets_are_masked_as_a_whole_and_chosen_by_name(
    running_mindsdb: tuple[MindsDB, OfflineProvider], name: str
) -> None:
    """They hold keys, under the name of the first SDK too; a model names them, and only theirs is sent."""
    server, provider = running_mindsdb
    provider.reset(telling())
    target = f'{{"provider": "openai", "api_key": "{CANARY}", "custom_host": "{provider.base_url}"}}'
    given = f'{{"mine": {target}}}' if name == "targets" else f"[{target}]"
    server.query(f"CREATE ML_ENGINE routed FROM portkey USING {name} = {given}")
    try:
        [row] = server.query("SHOW ML_ENGINES WHERE name = 'routed'").to_dict("records")
        assert json.loads(row["CONNECTION_DATA"]) == {name: "******"}
        chosen = "mine" if name == "targets" else "openai"
        server.query(
            "CREATE MODEL routed_model PREDICT answer USING engine = 'routed', column = 'text', "
            f"targets = ['{chosen}'], retry = 2"
        )
        server.wait_for_model("routed_model")
        # The same question would be answered from the journal: the targets are the same.
        answers = server.query(f"SELECT answer FROM routed_model WHERE text = '{name}'")
        assert answers["answer"].tolist() == [f"<{name}>"]
        [request] = [request for request in provider.requests if request.method == "POST"]
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        told = "".join(
            server.query(f"DESCRIBE routed_model{table}").to_csv() for table in ("", ".args", ".engine")
        )
        assert CANARY not in told
    finally:
        server.query("DROP MODEL IF EXISTS routed_model")
        server.query("DROP ML_ENGINE routed")


@pytest.mark.parametrize(
    "statement",
    [
        "SHOW ML_ENGINES",
        "SHOW MODELS",
        "DESCRIBE ML_ENGINE canary",
        "DESCRIBE watched",
        "DESCRIBE watched.args",
        "DESCRIBE watched.engine",
        "DESCRIBE watched.nothing",
        "SELECT answer FROM watched WHERE text = 'one'",
        "SELECT answer FROM watched WHERE text = 'refuse me'",
        "SELECT answer FROM watched WHERE txt = 'one'",
        "SELECT answer FROM watched WHERE text = 'one' USING max_tokens = 'many'",
        f"CREATE ML_ENGINE other FROM portkey USING portkey_api_kye = '{CANARY}'",
        f"CREATE ML_ENGINE other FROM portkey USING portkey_api_key = '{CANARY}', timeout = 'soon'",
        f'CREATE ML_ENGINE other FROM portkey USING headers = {{"x": "{CANARY}"}}, timeout = 0',
        f"CREATE ML_ENGINE other FROM portkey USING portkey_api_key = '{CANARY}', "
        "base_url = 'http://127.0.0.1:9/v1'",
        f"CREATE MODEL other PREDICT answer USING engine = 'canary', portkey_api_key = '{CANARY}'",
        f"CREATE MODEL other PREDICT answer USING engine = 'canary', api_kye = '{CANARY}'",
        f"SELECT answer FROM watched WHERE text = 'one' USING portkey_api_key = '{CANARY}'",
    ],
)
def test_no_statement_shows_the_key(server: MindsDB, statement: str) -> None:
    """Neither rows nor errors with their tracebacks hold the canary."""
    try:
        said = server.query(statement).to_json()
    except MindsDBError as error:
        said = str(error)
    assert CANARY not in said


def test_a_refused_engine_is_not_kept(server: MindsDB) -> None:
    """An engine whose options are wrong is not there afterwards."""
    with pytest.raises(MindsDBError, match="provider"):
        server.query("CREATE ML_ENGINE other FROM portkey USING provder = 'openai'")
    assert "other" not in set(server.query("SHOW ML_ENGINES")["NAME"])


def test_our_log_lines_do_not_hold_the_key(server: MindsDB) -> None:
    """At DEBUG, MindsDB logs incoming statements; no line of ours repeats what stands in them."""
    server.query("SELECT answer FROM watched WHERE text = 'one'")
    with pytest.raises(MindsDBError):
        server.query("SELECT answer FROM watched WHERE text = 'refuse me'")
    # "2026-11-20 22:50:24,482   http DEBUG    mindsdb.interfaces.database.integrations: …"
    lines = server.log.read_text(errors="replace").splitlines()
    ours = [line for line in lines if "portkey_handler" in line.split(": ")[0]]
    assert ours, "we log nothing, so that this test proves nothing"
    assert [line for line in ours if CANARY in line] == []
    others = {line.split(": ")[0].split()[-1] for line in lines if CANARY in line}
    assert others <= THEIRS


def test_only_the_gateway_gets_the_key(
    server: MindsDB, running_mindsdb: tuple[MindsDB, OfflineProvider]
) -> None:
    """The provider gets its own key as the authorization, and no body holds one."""
    _, provider = running_mindsdb
    server.query("SELECT answer FROM watched WHERE text = 'who is asked with which key'")
    [request] = [request for request in provider.requests if request.method == "POST"]
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in json.dumps(request.body)


def test_install_and_uninstall_in_a_real_mindsdb(server: MindsDB, tmp_path: Path) -> None:
    """A copy, a link and their removal, in the folder that a MindsDB is running from."""
    code = """
from portkey_handler.host.install import install, uninstall
print(install().action, install(copy=True).action, uninstall().action, uninstall().action, install().action)
"""
    said = run_python(server.python, code, tmp_path)
    # Over a handler of MindsDB's own, which it had before 26, ours is never a link.
    own = server.version < Version("26")
    assert said == (
        "copied copied removed nothing copied\n" if own else "nothing copied removed nothing linked\n"
    )


def test_our_home_is_in_mindsdbs_storage(server: MindsDB, tmp_path: Path) -> None:
    """Loaded by MindsDB, or within it, the handler knows where MindsDB keeps its data; alone it doesn't."""
    code = """
from mindsdb.integrations.handlers.portkey_handler.host import adapter as inside
from portkey_handler.host import adapter as outside
print(inside.storage_root(), outside.storage_root(), end=" ")
import mindsdb.integrations.libs.process_cache  # a server, or a worker of one
print(outside.storage_root())
"""
    inside, outside, within = run_python(server.python, code, tmp_path).splitlines()[-1].split()
    assert inside.startswith(str(tmp_path))
    assert outside == "None"
    assert within == inside
