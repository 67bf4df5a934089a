"""The doctor at a real MindsDB: all well, running and cold; then each thing broken on purpose, one by one."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.environments import Environment, build_wheel, contents, mindsdb_environment
from support.gateway import Gateway, free_port
from support.hosts import environment, telling
from support.mindsdb import MindsDB, environment_of

from portkey_handler.__about__ import __version__
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.host.doctor import examine
from portkey_handler.host.doctor.checks import Finding

KEY = "pk-canary-7f3a9c"
#: Root may write anywhere; without these it may not.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


@pytest.fixture(autouse=True)
def _own_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreters that are examined see what is installed for them only."""
    monkeypatch.delenv("PYTHONPATH", raising=False)


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Give an environment with a MindsDB and the handler in it, which a test may break and then mends."""
    made = mindsdb_environment(tmp_path_factory.mktemp("environment") / "venv")
    made.pip_install(build_wheel(tmp_path_factory.mktemp("wheel") / "built"))
    made.command("install")
    return made


@pytest.fixture
def place(private: Environment) -> Iterator[Path]:
    """Give the handler's place in that MindsDB, and put the link back at the end."""
    place = private.site / "mindsdb" / "integrations" / "handlers" / "portkey_handler"
    yield place
    if place.is_symlink():
        place.unlink()
    shutil.rmtree(place, ignore_errors=True)
    private.command("install")


@pytest.fixture
def cold(private: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Finding]:
    """Give what finds something out about that MindsDB, which does not run; no longer than need be."""
    (tmp_path / "storage").mkdir()
    monkeypatch.setenv("MINDSDB_STORAGE_DIR", str(tmp_path / "storage"))
    monkeypatch.delenv("PORTKEY_HANDLER_HOME")
    monkeypatch.setenv("MINDSDB_CONFIG_PATH", str(tmp_path / "config.json"))
    (tmp_path / "config.json").write_text(f'{{"api": {{"http": {{"port": "{free_port()}"}}}}}}')

    def first(what: str, **options: Any) -> Finding:
        found = examine(**{"python": str(private.python), **options})
        with contextlib.closing(found):  # type: ignore[type-var]  # it is a generator
            return next(finding for finding in found if finding.what == what)

    return first


@contextlib.contextmanager
def instead(path: Path, text: str) -> Iterator[None]:
    """Write another text into a file for a while."""
    before = path.read_bytes()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_bytes(before)


# --- all well ---------------------------------------------------------------------------------------------


@pytest.fixture
def server(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[MindsDB]:
    """Give the server with an engine and a model, in which a question has been answered."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.query("CREATE ML_ENGINE examined FROM portkey")
    server.query("CREATE MODEL asked PREDICT answer USING engine = 'examined', column = 'text'")
    server.wait_for_model("asked")
    server.query("SELECT answer FROM asked WHERE text = 'keep this'")
    yield server
    provider.reset(telling())
    server.query("DROP MODEL asked")
    server.query("DROP ML_ENGINE examined")


def _variables(server: MindsDB) -> dict[str, str]:
    return {
        **server.env,
        "MINDSDB_STORAGE_DIR": str(server.folder / "storage"),
        "MINDSDB_CONFIG_PATH": str(server.folder / "config.json"),
    }


def _told(server: MindsDB, *words: str, **more: str) -> dict[str, str]:
    """Run the command beside a server that is well, and give what it says of each thing."""
    done = subprocess.run(
        [server.python, "-m", "portkey_handler", "doctor", "--engine", "examined", "--json", *words],
        cwd=server.folder,
        env={**environment_of(server.folder), **_variables(server), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    found = json.loads(done.stdout)
    assert {finding["state"] for finding in found} == {"ok"}, done.stdout
    assert {finding["remedy"] for finding in found} == {""}
    return {finding["what"]: finding["words"] for finding in found}


def test_all_well_while_it_runs(server: MindsDB) -> None:
    """It finds the server by MindsDB's configuration, and asks the handler in it; exit code 0."""
    told = _told(server, "--model", "mindsdb.asked")
    assert f"MindsDB 26.1.0 answers at http://127.0.0.1:{server.port}" in told["server"]
    assert f"loaded the handler, version {__version__}" in told["loaded"]
    assert f"linked into MindsDB, version {__version__}" in told["handler"]
    assert "portkey-ai 2." in told["versions"]
    assert "answers, and has not refused the key" in told["engine examined"]
    assert str(server.folder / "storage" / "portkey_handler") in told["data directory"]
    assert "undamaged" in told["answer cache"]
    assert "every SELECT reaches it" in told["predict cache"]
    assert told["model mindsdb.asked"].endswith("with status 200: <Reply with the word ok.>")


def test_all_well_cold_and_nothing_touched(server: MindsDB, tmp_path: Path) -> None:
    """Storage and MindsDB are byte for byte as before; the engine is found in MindsDB's records."""
    config = tmp_path / "config.json"
    config.write_text(f'{{"api": {{"http": {{"port": "{free_port()}"}}}}}}')
    folders = (server.folder / "storage", server.python.parents[1] / "lib")
    before = [contents(folder) for folder in folders]
    told = _told(server, MINDSDB_CONFIG_PATH=str(config))
    assert [contents(folder) for folder in folders] == before
    assert "so only its files and versions are examined" in told["server"]
    assert "MindsDB loads the handler" in told["import"]
    assert "answers, and has not refused the key" in told["engine examined"]


def test_a_server_on_another_machine(server: MindsDB) -> None:
    """It says what is not seen from here, and asks the server for the rest."""
    found = list(examine(url=f"http://0.0.0.0:{server.port}", engine="examined", model="asked"))
    assert {finding.state for finding in found if finding.what != "machine"} == {"ok"}
    [machine] = [finding for finding in found if finding.what == "machine"]
    assert machine.state == "warning"
    assert machine.remedy == "run portkey-handler doctor there, or in its container"
    assert [finding.what for finding in found][-1] == "model asked"


# --- the handler and its packages -------------------------------------------------------------------------


def test_not_installed(private: Environment, place: Path, cold: Callable[..., Finding]) -> None:
    """Without the link there is no handler; the command that makes it is told, with the interpreter."""
    place.unlink()
    found = cold("handler")
    assert (found.state, found.words) == ("wrong", f"not in MindsDB: there is no {place}")
    assert found.remedy == f"run: portkey-handler install --python {private.python}"


def test_a_link_that_leads_nowhere(place: Path, cold: Callable[..., Finding], tmp_path: Path) -> None:
    """Where the package was, nothing is."""
    place.unlink()
    place.symlink_to(tmp_path / "gone")
    found = cold("handler")
    assert (found.state, found.words) == ("wrong", f"{place} leads to {tmp_path / 'gone'}, which is gone")
    assert found.remedy.startswith("run: portkey-handler install")


def test_another_handler_in_its_place(place: Path, cold: Callable[..., Finding]) -> None:
    """It is not ours, and it has to go away first."""
    place.unlink()
    place.mkdir()
    (place / "__init__.py").write_text('name = "portkey"\n')
    found = cold("handler")
    assert (found.state, found.words) == ("wrong", f"{place} is another handler of the same name")
    assert found.remedy.startswith("move it away, then run: portkey-handler install")


def test_a_copy_that_is_older(private: Environment, place: Path, cold: Callable[..., Finding]) -> None:
    """A copy has to be made again after an upgrade of the package."""
    private.command("install", "--copy")
    (place / "__about__.py").write_text('__version__ = "0.0.1"\n')
    found = cold("handler")
    assert found.state == "wrong"
    assert found.words == f"copied into MindsDB, version 0.0.1, and {__version__} is installed"
    assert found.remedy.endswith("--copy")


def test_a_handler_that_cannot_be_imported(
    private: Environment, place: Path, cold: Callable[..., Finding]
) -> None:
    """What MindsDB would say is said now."""
    private.command("install", "--copy")
    (place / "handler.py").write_text('raise ImportError("broken on purpose")\n')
    found = cold("import")
    assert found.state == "wrong"
    assert found.words == "MindsDB cannot load the handler: ImportError: broken on purpose"
    assert "pip install --force-reinstall --no-deps portkey-handler" in found.remedy


def test_a_mindsdb_that_is_broken(private: Environment, cold: Callable[..., Finding]) -> None:
    """What its own import says is told, too."""
    base = private.site / "mindsdb" / "integrations" / "libs" / "base.py"
    with instead(base, 'raise RuntimeError("MindsDB broken on purpose")\n'):
        found = cold("import")
    assert (found.state, found.words.endswith("RuntimeError: MindsDB broken on purpose")) == ("wrong", True)


def _metadata(private: Environment, name: str) -> Path:
    [folder] = private.site.glob(f"{name}-*.dist-info")
    return folder


def test_a_mindsdb_that_is_too_old(private: Environment, cold: Callable[..., Finding]) -> None:
    """The version to install is told."""
    metadata = _metadata(private, "mindsdb") / "METADATA"
    text = metadata.read_text().replace("\nVersion: 26.1.0\n", "\nVersion: 24.1.0\n")
    with instead(metadata, text):
        found = cold("versions")
    assert found.state == "wrong"
    assert found.words.startswith("MindsDB 24.1.0, Python 3.")
    assert found.remedy.endswith("pip install mindsdb==26.1.0")


def test_a_package_of_a_wrong_version(private: Environment, cold: Callable[..., Finding]) -> None:
    """Whose requirement it is, and the command that mends it for both."""
    metadata = _metadata(private, "pandas")
    original = metadata.readlink()
    metadata.unlink()
    metadata.mkdir()
    try:
        text = (original / "METADATA").read_text().replace("\nVersion: 2.3.1\n", "\nVersion: 2.1.0\n")
        (metadata / "METADATA").write_text(text)
        found = cold("pins")
    finally:
        shutil.rmtree(metadata)
        metadata.symlink_to(original)
    assert found.state == "wrong"
    assert "needs pandas>=2.2, and pandas 2.1.0 is installed" in found.words
    assert "MindsDB 26.1.0 needs pandas==2.3.1, and pandas 2.1.0 is installed" in found.words
    assert found.remedy.startswith(f"run: {private.python} -m pip install ")
    assert "==2.3.1" in found.remedy


def test_a_package_that_is_missing(private: Environment, cold: Callable[..., Finding]) -> None:
    """The SDK is not there."""
    metadata = _metadata(private, "portkey_ai")
    original = metadata.readlink()
    metadata.unlink()
    try:
        found = cold("pins")
    finally:
        metadata.symlink_to(original)
    assert found.state == "wrong"
    assert "portkey-ai is not installed" in found.words
    assert "portkey-ai" in found.remedy


def test_a_predict_cache_that_keeps_answers(private: Environment, cold: Callable[..., Finding]) -> None:
    """A MindsDB whose cache keeps more than today's is found by trying, and the setting is told."""
    cache = private.site / "mindsdb" / "utilities" / "cache.py"
    keeping = cache.read_text().replace(
        "return self.serializer.dumps(value)", "return self.serializer.dumps(pd.DataFrame(value))"
    )
    with instead(cache, keeping):
        found = cold("predict cache")
    assert found.state == "wrong"
    assert "may give an old one to a new question" in found.words
    assert found.remedy.startswith('put "cache": {"type": "none"} into')


def test_another_handler_among_the_community_ones(
    cold: Callable[..., Finding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MindsDB prefers what it has fetched itself, where it may fetch."""
    fetched = tmp_path / "storage" / "community_handlers" / "portkey_handler"
    fetched.mkdir(parents=True)
    (fetched / "__init__.py").write_text('name = "portkey"\n')
    assert cold("handler").state == "ok"
    monkeypatch.setenv("MINDSDB_COMMUNITY_HANDLERS", "true")
    found = cold("handler")
    assert (found.state, found.words) == ("wrong", f"{fetched} is another handler of the same name")
    assert found.remedy.startswith("remove it, then run: portkey-handler install")


@pytest.mark.parametrize("put", [Path.symlink_to, lambda place, package: shutil.copytree(package, place)])
def test_our_handler_among_the_community_ones(
    put: Callable[[Path, Path], object],
    private: Environment,
    place: Path,
    cold: Callable[..., Finding],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Linked or copied there by hand it is as good, if MindsDB may look there."""
    ours = tmp_path / "storage" / "community_handlers" / "portkey_handler"
    ours.parent.mkdir()
    put(ours, private.site / "portkey_handler")
    place.unlink()
    found = cold("handler")
    assert (found.state, "MINDSDB_COMMUNITY_HANDLERS=true only" in found.words) == ("wrong", True)
    monkeypatch.setenv("MINDSDB_COMMUNITY_HANDLERS", "true")
    assert cold("handler").state == "ok"
    assert cold("import") == Finding("import", "ok", f"MindsDB loads the handler, version {__version__}")


# --- the storage ------------------------------------------------------------------------------------------


def test_a_storage_that_is_not_there(cold: Callable[..., Finding], tmp_path: Path) -> None:
    """It is named, and not made."""
    found = cold("storage", storage=tmp_path / "other")
    assert (found.state, found.words) == (
        "wrong",
        f"{tmp_path / 'other'} (named by --storage) does not exist",
    )
    assert found.remedy == "name the one of MindsDB"
    assert not (tmp_path / "other").exists()


def test_a_storage_that_is_no_folder(cold: Callable[..., Finding], tmp_path: Path) -> None:
    """A file stands in its place."""
    found = cold("storage", storage=tmp_path / "config.json")
    assert (found.state, found.words.endswith("is no folder")) == ("wrong", True)


def test_a_configuration_that_cannot_be_read(cold: Callable[..., Finding], tmp_path: Path) -> None:
    """The file is named, and the variable that names it."""
    (tmp_path / "config.json").write_text("{")
    found = cold("storage")
    assert found.words.startswith(f"{tmp_path / 'config.json'} is not JSON")
    assert found.remedy == "correct it, or MINDSDB_CONFIG_PATH"


_FIRST = """
import dataclasses, json, sys
from portkey_handler.host.doctor import examine
found = next(each for each in examine() if each.what == sys.argv[1])
print(json.dumps(dataclasses.asdict(found)))
"""


def _obey_modes() -> None:
    """Take from root what lets it pass over the modes of folders; others do not have it."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("what", ["storage", "data directory"])
def test_a_folder_that_cannot_be_written(
    private: Environment, cold: Callable[..., Finding], tmp_path: Path, what: str
) -> None:
    """By the user who runs the command; the one who runs MindsDB should own it."""
    folder = tmp_path / "storage" / ("portkey_handler" if what == "data directory" else "")
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    try:
        done = subprocess.run(
            [private.python, "-c", _FIRST, what], check=True, capture_output=True, preexec_fn=_obey_modes
        )
    finally:
        folder.chmod(0o700)
    found = Finding(**json.loads(done.stdout))
    assert found.state == "wrong"
    assert str(folder) in found.words
    assert "cannot be written by this user" in found.words
    assert "who runs MindsDB" in found.remedy


@pytest.fixture
def copied(server: MindsDB, tmp_path: Path, cold: Callable[..., Finding]) -> Path:
    """Give a copy of the server's storage, for the MindsDB that is examined cold."""
    shutil.copytree(server.folder / "storage", tmp_path / "storage", dirs_exist_ok=True)
    return tmp_path / "storage"


def test_a_home_that_others_can_enter(copied: Path, cold: Callable[..., Finding]) -> None:
    """The command that closes it is told."""
    home = copied / "portkey_handler"
    home.chmod(0o755)
    found = cold("data directory")
    assert (found.state, found.remedy) == ("wrong", f"run: chmod 700 {home}")


def test_a_journal_that_is_damaged(copied: Path, cold: Callable[..., Finding]) -> None:
    """It is named, with what is lost."""
    [answers, *_] = (copied / "portkey_handler" / "journal").glob("*.sqlite")
    answers.write_bytes(b"no database at all" * 500)
    found = cold("answer cache")
    assert (found.state, found.words) == ("wrong", f"{answers} is damaged (file is not a database)")
    assert "its rows are asked again" in found.remedy


def test_records_that_cannot_be_read(copied: Path, cold: Callable[..., Finding]) -> None:
    """MindsDB's own database is no database."""
    (copied / "mindsdb.sqlite3.db").write_bytes(b"no database at all" * 500)
    found = cold("engines")
    assert found.state == "wrong"
    assert "cannot be read from MindsDB's records: DatabaseError" in found.words
    assert "in the environment of MindsDB" in found.remedy


# --- the engines ------------------------------------------------------------------------------------------


def _store(storage: Path, arguments: str) -> None:
    """Give the engine other arguments, as no statement would."""
    with contextlib.closing(sqlite3.connect(storage / "mindsdb.sqlite3.db")) as connection, connection:
        connection.execute("UPDATE integration SET data = ? WHERE name = 'examined'", (arguments,))


def test_a_stored_engine_whose_gateway_is_gone(copied: Path, cold: Callable[..., Finding]) -> None:
    """Reached cold, it is told how to start one, and that MindsDB may have variables of its own."""
    _store(copied, f'{{"base_url": "http://127.0.0.1:{free_port()}/v1"}}')
    found = cold("engine examined")
    assert (found.state, "the connection was refused" in found.words) == ("wrong", True)
    assert found.remedy.startswith("start your gateway (npx @portkey-ai/gateway)")
    assert found.remedy.endswith("set them for this command, too")


def test_a_stored_engine_whose_key_is_refused(
    copied: Path, cold: Callable[..., Finding], provider: OfflineProvider
) -> None:
    """The key itself is not shown."""
    said = {"error": {"message": f"Invalid key {KEY}"}}
    provider.behaviour.faults = lambda _: Fault(status=401, body=said)
    _store(copied, f'{{"base_url": "{provider.base_url}", "portkey_api_key": "{KEY}"}}')
    found = cold("engine examined")
    assert (found.state, "does not take the key (401" in found.words) == ("wrong", True)
    assert "key" in found.remedy
    assert KEY not in str(found)


def test_a_stored_engine_whose_options_are_wrong(copied: Path, cold: Callable[..., Finding]) -> None:
    """What an older version took is named, with the statements that mend it."""
    _store(copied, f'{{"portkey_api_kye": "{KEY}"}}')
    found = cold("engine examined")
    assert (found.state, "portkey_api_kye" in found.words) == ("wrong", True)
    assert found.remedy.startswith("create it anew: DROP ML_ENGINE examined, CREATE ML_ENGINE examined")
    assert KEY not in str(found)


def _one(what: str, server: MindsDB, **options: Any) -> Finding:
    """Examine a running server, as another machine sees it, and give the first finding about something."""
    found = examine(**{"url": f"http://0.0.0.0:{server.port}", **options})
    with contextlib.closing(found):  # type: ignore[type-var]  # it is a generator
        return next(finding for finding in found if finding.what == what)


def test_an_engine_that_is_not_there(server: MindsDB) -> None:
    """The ones that are, are named."""
    found = _one("engine nothing", server, engine="nothing")
    assert (found.state, found.remedy) == ("wrong", "correct --engine")
    assert "there is no such engine; there " in found.words
    assert "examined" in found.words


@pytest.fixture
def lost(server: MindsDB) -> Iterator[str]:
    """Give an engine whose gateway is gone, and a model of it."""
    address = f"http://127.0.0.1:{free_port()}/v1"
    server.query(f"CREATE ML_ENGINE lost FROM portkey USING check = false, base_url = '{address}'")
    server.query("CREATE MODEL loser PREDICT answer USING engine = 'lost', column = 'text', max_attempts = 1")
    server.wait_for_model("loser")
    yield address
    server.query("DROP MODEL IF EXISTS loser")
    server.query("DROP ML_ENGINE lost")


def test_an_engine_whose_gateway_is_gone(server: MindsDB, lost: str) -> None:
    """The handler in the server says so, where the keys and the variables are."""
    found = _one("engine lost", server)
    assert (found.state, found.words.startswith(f"{lost} cannot be reached")) == ("wrong", True)
    assert found.remedy.startswith("start your gateway")


def test_an_engine_without_a_model(server: MindsDB, lost: str) -> None:
    """Its gateway is not guessed at where nothing leads to it."""
    server.query("DROP MODEL loser")
    found = _one("engine lost", server)
    assert (found.state, found.words.startswith("its gateway is not checked")) == ("warning", True)
    assert found.remedy.startswith("make one by CREATE MODEL")


def test_a_trial_that_fails(server: MindsDB, lost: str) -> None:
    """Its error is told as the query would tell it."""
    found = _one("model loser", server, model="loser")
    assert (found.state, "cannot be reached" in found.words) == ("wrong", True)
    assert found.remedy


def test_a_model_that_is_not_there(server: MindsDB) -> None:
    """The statement that lists them is told."""
    found = _one("model nothing", server, model="nothing")
    assert (found.state, found.words) == ("wrong", "there is no such model")
    assert found.remedy.startswith("SHOW MODELS")


# --- a server ---------------------------------------------------------------------------------------------


def test_a_server_that_runs_what_was_there_before(
    private: Environment, place: Path, cold: Callable[..., Finding], server: MindsDB
) -> None:
    """After an upgrade of the package it has to be started again."""
    private.command("install", "--copy")
    (place / "__about__.py").write_text('__version__ = "99.0"\n')
    found = [each for each in _all_of(server, private) if each.what == "loaded"]
    assert [each.state for each in found] == ["ok", "wrong"]
    assert found[1].words == (
        f"the server has loaded version {__version__}, and version 99.0 is in its folder now"
    )
    assert found[1].remedy.startswith("restart MindsDB")


def _all_of(server: MindsDB, private: Environment) -> Iterator[Finding]:
    """Give the findings up to the pins, which are quick."""
    for finding in examine(url=f"http://127.0.0.1:{server.port}", python=str(private.python)):
        if finding.what == "pins":
            return
        yield finding


def test_a_server_of_another_mindsdb(
    private: Environment, cold: Callable[..., Finding], server: MindsDB
) -> None:
    """Its interpreter has to be named, or what is seen of files is another one's."""
    metadata = _metadata(private, "mindsdb") / "METADATA"
    with instead(metadata, metadata.read_text().replace("\nVersion: 26.1.0\n", "\nVersion: 26.2.0\n")):
        found = [each for each in _all_of(server, private) if each.what == "versions"]
    assert [each.state for each in found] == ["ok", "warning"]
    assert found[1].remedy == "name the server's interpreter by --python"


def test_no_server_where_one_should_be(cold: Callable[..., Finding]) -> None:
    """An address that the user gives has to answer."""
    found = cold("server", url=f"http://127.0.0.1:{free_port()}")
    assert (found.state, found.remedy) == ("wrong", "start MindsDB, or correct --url")


def test_a_closed_server_that_knows_no_portkey(
    private: Environment,
    place: Path,
    gateway: Gateway,
    provider: OfflineProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It wants a login, given by the variables that MindsDB has; after install it has to be restarted."""
    place.unlink()
    login = {"MINDSDB_USERNAME": "somebody", "MINDSDB_PASSWORD": KEY}
    started = MindsDB(tmp_path, environment(gateway, provider) | login, private.python, install=False)
    with started as server:
        closed = _one("server", server)
        assert closed.state == "wrong"
        assert closed.words.endswith("does not accept this command: it needs a login")
        assert closed.remedy.startswith("set MINDSDB_USERNAME and MINDSDB_PASSWORD, or MINDSDB_AUTH_TOKEN")

        monkeypatch.setenv("MINDSDB_AUTH_TOKEN", KEY)
        assert _one("server", server).words.endswith("it does not accept the token")
        monkeypatch.delenv("MINDSDB_AUTH_TOKEN")
        monkeypatch.setenv("MINDSDB_USERNAME", "somebody")
        monkeypatch.setenv("MINDSDB_PASSWORD", "wrong")
        assert _one("server", server).words.endswith("it does not accept the login (401)")

        monkeypatch.setenv("MINDSDB_PASSWORD", KEY)
        assert _one("server", server).state == "ok"
        private.command("install")
        found = _one("loaded", server)
        assert (found.state, found.words) == ("wrong", "the server has no handler portkey")
        assert "restart MindsDB" in found.remedy
