"""What the doctor makes of what is seen: pure judging, without a MindsDB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.gateway import free_port

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.host.doctor import examine
from portkey_handler.host.doctor.interpreter import Interpreter
from portkey_handler.host.doctor.local_machine import judge_import
from portkey_handler.host.doctor.pins import Distribution, judge_pins
from portkey_handler.host.doctor.place import Place, judge_place
from portkey_handler.host.doctor.running_server import NoServerError, Server, is_here
from portkey_handler.host.doctor.served import Served, judge_loaded, judge_served_version, no_such_engine
from portkey_handler.host.doctor.settings import (
    Settings,
    SettingsError,
    judge_cache,
    judge_storage,
    read_settings,
)
from portkey_handler.host.doctor.trial import judge_failure, judge_row, row_for
from portkey_handler.host.doctor.versions import judge_versions
from portkey_handler.host.install import Found

ENVIRONMENT = {"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux"}
PLACE = Path("/mindsdb/integrations/handlers/portkey_handler")
PACKAGE = Path("/site/portkey_handler")


def found(**more: Any) -> Found:
    """Give what an interpreter has, all as it should be."""
    told = {
        "python": "/venv/bin/python",
        "mindsdb": Path("/mindsdb"),
        "mindsdb_version": "26.1.0",
        "package": PACKAGE,
        "package_version": "1.0",
        "missing": (),
    }
    return Found(**{**told, **more})


def installed(**more: Distribution | None) -> dict[str, Distribution]:
    """Give what is installed, all as it should be; with other packages, or without those that are None."""
    all_well = {
        "portkey-handler": Distribution("portkey-handler", "1.0", ("pandas>=2.2", "portkey-ai>=2.3")),
        "portkey-ai": Distribution("portkey-ai", "2.3.4", ("httpx",)),
        "httpx": Distribution("httpx", "0.28"),
        "pandas": Distribution("pandas", "2.3.1"),
        "mindsdb": Distribution(
            "MindsDB", "26.1.0", ("pandas==2.3.1", "flask==3", 'httpx==9; extra == "agents"'), ">=3.10,<3.14"
        ),
    }
    changed = {name.replace("_", "-"): each for name, each in more.items()}
    return {name: each for name, each in {**all_well, **changed}.items() if each is not None}


# --- pins -------------------------------------------------------------------------------------------------


def test_requirements_that_are_met() -> None:
    """MindsDB's own that do not touch us are not looked at: flask is missing here."""
    [said] = judge_pins(installed(), ENVIRONMENT, "python")
    assert (said.what, said.state) == ("pins", "ok")


def test_a_requirement_of_mindsdbs_that_touches_us() -> None:
    """The command asks for a version that both take."""
    there = installed(pandas=Distribution("pandas", "3.0.0"))
    [said] = judge_pins(there, ENVIRONMENT, "python")
    assert said.words == "MindsDB 26.1.0 needs pandas==2.3.1, and pandas 3.0.0 is installed"
    assert said.remedy in {
        f"run: python -m pip install 'pandas{pins}'" for pins in ("==2.3.1,>=2.2", ">=2.2,==2.3.1")
    }


def test_a_requirement_of_what_we_need() -> None:
    """What is missing below portkey-ai breaks us as well."""
    [said] = judge_pins(installed(httpx=None), ENVIRONMENT, "python")
    assert said.words == "portkey-ai 2.3.4 needs httpx, and httpx is not installed"
    assert said.remedy == "run: python -m pip install httpx"


def test_names_and_markers_as_pip_reads_them() -> None:
    """Another spelling of a name is the same package, and what is for another system is not wanted."""
    ours = Distribution("portkey-handler", "1.0", ("Portkey_AI", 'pywin32; sys_platform == "win32"'))
    [said] = judge_pins(installed(portkey_handler=ours), ENVIRONMENT, "python")
    assert said.state == "ok"


def test_a_copy_without_the_package() -> None:
    """Where only a copy of the handler is there, its own file says what it needs."""
    there = installed(portkey_handler=None, portkey_ai=None)
    [said] = judge_pins(there, ENVIRONMENT, "python", ["portkey-ai>=2.3,<3"])
    assert said.words.startswith("the handler needs portkey-ai")
    assert said.remedy == "run: python -m pip install 'portkey-ai<3,>=2.3'"


def test_a_python_that_mindsdb_does_not_take() -> None:
    """The wanted versions are told."""
    said, _ = judge_pins(installed(), {**ENVIRONMENT, "python_full_version": "3.14.0"}, "python")
    assert said.words == "MindsDB 26.1.0 needs Python >=3.10,<3.14, and this is 3.14.0"


@pytest.mark.parametrize(("version", "state"), [("26.1.0", "ok"), ("24.12", "wrong"), (None, "warning")])
def test_versions(version: str | None, state: str) -> None:
    """A MindsDB that is too old, or does not say its version, is told which one to install."""
    said = judge_versions(Interpreter(installed(), ENVIRONMENT), found(mindsdb_version=version))
    assert said.state == state
    assert "Python 3.11.7, portkey-handler 1.0, portkey-ai 2.3.4, pandas 2.3.1" in said.words
    assert state == "ok" or "26.1.0" in said.remedy


# --- where the handler stands -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "state", "words", "remedy"),
    [
        (Place(PLACE, link=PACKAGE, version="1.0"), "ok", "linked into MindsDB, version 1.0", ""),
        (Place(PLACE, version="1.0"), "ok", "copied into MindsDB, version 1.0", ""),
        (Place(PLACE, is_there=False), "wrong", f"there is no {PLACE}", "run: portkey-handler install"),
        (
            Place(PLACE, link=Path("/gone"), leads_nowhere=True),
            "wrong",
            "leads to /gone, which is gone",
            "run: portkey-handler install",
        ),
        (Place(PLACE, is_ours=False), "wrong", "another handler of the same name", "move it away, then run"),
        (
            Place(PLACE, is_ours=False, is_mindsdbs=True),
            "wrong",
            "MindsDB's own handler",
            "portkey-handler install --python /venv/bin/python, which sets it aside",
        ),
        (Place(PLACE, version="0.9"), "wrong", "version 0.9, and 1.0 is installed", "/python --copy"),
        (
            Place(PLACE, link=Path("/other"), version="1.0"),
            "warning",
            "from /other, and the installed one is /site/portkey_handler",
            "run: portkey-handler install",
        ),
        (
            Place(PLACE, is_there=False, unused=Path("/storage/community_handlers/portkey_handler")),
            "wrong",
            "is looked at with MINDSDB_COMMUNITY_HANDLERS=true only",
            "run: portkey-handler install",
        ),
        (
            Place(Path("/community"), is_ours=False, is_community=True),
            "wrong",
            "/community is another handler of the same name",
            "remove it, then run: portkey-handler install",
        ),
        (
            Place(Path("/community"), link=PACKAGE, is_community=True, version="1.0"),
            "ok",
            "linked into MindsDB's folder for community handlers (/community), version 1.0",
            "",
        ),
    ],
)
def test_the_place(place: Place, state: str, words: str, remedy: str) -> None:
    """Each way in which it can be is named, with the command that mends it."""
    said = judge_place(place, found())
    assert said.state == state
    assert words in said.words
    assert remedy in said.remedy
    assert bool(said.remedy) is bool(remedy)


@pytest.mark.parametrize(
    ("told", "state", "words", "remedy"),
    [
        ({"version": "1.0", "import_error": None}, "ok", "MindsDB loads the handler, version 1.0", ""),
        (
            {"version": "1.0", "import_error": "ImportError: no"},
            "wrong",
            "MindsDB cannot load the handler: ImportError: no",
            "pip install --force-reinstall --no-deps portkey-handler",
        ),
        (
            {"version": "0.1", "import_error": None, "too_old": "No module named doctor"},
            "warning",
            "version 0.1, has no doctor in it",
            "portkey-handler install",
        ),
    ],
)
def test_the_import(told: dict[str, Any], state: str, words: str, remedy: str) -> None:
    """What MindsDB's interpreter told is told on."""
    said = judge_import(told, found())
    assert (said.state, said.words.endswith(words) or words in said.words) == (state, True)
    assert remedy in said.remedy


@pytest.mark.parametrize(
    ("row", "state", "words"),
    [
        ({"version": "1.0", "import_success": True, "import_error": None}, "ok", "version 1.0"),
        (None, "wrong", "has no handler portkey"),
        ({"version": None, "import_success": False, "import_error": "no"}, "wrong", "cannot load"),
        ({"version": None, "import_success": None, "import_error": None}, "wrong", "would fetch"),
    ],
)
def test_what_a_server_has_loaded(row: dict[str, Any] | None, state: str, words: str) -> None:
    """Where it has not, it has to be started again."""
    said = judge_loaded(row)
    assert (said.state, words in said.words) == (state, True)
    assert state == "ok" or "restart MindsDB" in said.remedy


def test_a_server_that_runs_an_earlier_version() -> None:
    """It has loaded what was there when it started."""
    said = judge_served_version(Served(is_loaded=True, version="0.9"), "1.0")
    assert said is not None
    assert (said.state, said.remedy.startswith("restart MindsDB")) == ("wrong", True)
    assert judge_served_version(Served(is_loaded=True, version="1.0"), "1.0") is None
    assert judge_served_version(Served(), "1.0") is None


def test_an_engine_that_is_not_there() -> None:
    """Those that are there are named."""
    assert no_such_engine("f", ["a", "b"]).words == "there is no such engine; there are a, b"
    assert no_such_engine("f", []).words == "there is no such engine; there is none of this handler"


# --- where MindsDB keeps its data -------------------------------------------------------------------------


def test_who_names_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option beats MindsDB's variable, that one its configuration, and that one its default."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"paths": {"root": str(tmp_path / "configured")}, "api": {"http": {"port": 1}}})
    )
    environment = {
        "MINDSDB_STORAGE_DIR": str(tmp_path / "variable"),
        "MINDSDB_CONFIG_PATH": str(config),
    }
    assert read_settings(environment, tmp_path / "option").named_by == "--storage"
    assert read_settings(environment, None).root == tmp_path / "variable"
    del environment["MINDSDB_STORAGE_DIR"]
    configured = read_settings(environment, None)
    assert (configured.root, configured.url) == (tmp_path / "configured", "http://127.0.0.1:1")
    default = read_settings({}, None)
    assert default.named_by == "its default"
    assert default.url == "http://127.0.0.1:47334"


def test_records_are_opened_to_read_only(tmp_path: Path) -> None:
    """The file is opened so, a server's address stays, and a file that is not there is not made."""
    assert read_settings({}, tmp_path).database is None
    (tmp_path / "mindsdb.sqlite3.db").touch()
    address = read_settings({}, tmp_path).database
    assert address == f"sqlite:///file:{tmp_path}/mindsdb.sqlite3.db?mode=ro&uri=true"
    other = read_settings({"MINDSDB_DB_CON": f"sqlite:///{tmp_path}/mindsdb.sqlite3.db?timeout=30"}, None)
    assert other.database == address
    server = "postgresql://user@host/db"
    assert read_settings({"MINDSDB_DB_CON": server}, tmp_path).database == server


@pytest.mark.parametrize(("written", "words"), [("{", "is not JSON"), (None, "cannot be read")])
def test_a_configuration_that_cannot_be_read(tmp_path: Path, written: str | None, words: str) -> None:
    """It is named, with the reason."""
    path = tmp_path / "config.json"
    if written is not None:
        path.write_text(written)
    with pytest.raises(SettingsError, match=f"{path} {words}"):
        read_settings({"MINDSDB_CONFIG_PATH": str(path)}, tmp_path)


def test_what_mindsdb_wrote_itself_counts(tmp_path: Path) -> None:
    """Its config.auto.json beats the user's file."""
    (tmp_path / "config.auto.json").write_text('{"cache": {"type": "none"}}')
    assert read_settings({}, tmp_path).cache == "none"


@pytest.mark.parametrize(
    ("name", "named_by", "state"),
    [("there", "--storage", "ok"), ("gone", "--storage", "wrong"), ("gone", "its default", "warning")],
)
def test_the_storage(tmp_path: Path, name: str, named_by: str, state: str) -> None:
    """A folder that the user names has to be there; another one MindsDB may make."""
    (tmp_path / "there").mkdir()
    said = judge_storage(Settings(tmp_path / name, named_by, None))
    assert said.state == state
    assert bool(said.remedy) is (state != "ok")


@pytest.mark.parametrize(
    ("cache", "keeps", "state", "words"),
    [
        ("local", False, "ok", "(type local) does not keep answers of this engine (tried)"),
        ("redis", True, "wrong", "may give an old one to a new question"),
        ("none", False, "ok", "switched off"),
    ],
)
def test_the_predict_cache(cache: str, keeps: bool, state: str, words: str) -> None:
    """Whether it keeps our answers decides, not how it is set."""
    said = judge_cache(Settings(Path("/data"), "--storage", None, cache), keeps)
    assert (said.state, words in said.words) == (state, True)
    assert ("SET predictor_cache = false" in said.remedy) is keeps


# --- a server ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:47334", True),
        ("http://localhost:47334", True),
        ("http://[::1]:47334", True),
        ("http://mindsdb.example:47334", False),
        ("http://10.0.0.5", False),
    ],
)
def test_which_machine(url: str, here: bool) -> None:
    """Loopback is this one."""
    assert is_here(url) is here


def test_nobody_answers() -> None:
    """The address and the reason are told."""
    with pytest.raises(NoServerError, match=r"no server answers at http://127.0.0.1:\d+: connection refused"):
        Server(f"http://127.0.0.1:{free_port()}")


def test_somebody_else_answers(provider: OfflineProvider) -> None:
    """A server that is no MindsDB is told apart from none."""
    with pytest.raises(NoServerError, match="not as a MindsDB does"):
        Server(provider.base_url.removesuffix("/v1"))


# --- a trial ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ({}, {"question"}),
        ({"column": "text"}, {"text"}),
        ({"prompt_template": 'Into {{language}}: {{ row["the text"] }}'}, {"language", "the text"}),
        ({"column": "text", "system_prompt": "Speak {{language}}."}, {"text", "language"}),
        ({"messages": '[{"role": "user", "content": "{{a}} or \\"{{b|upper}}\\"?"}]'}, {"a", "b"}),
        ({"mode": "prompt", "variables": '["one", "two"]'}, {"one", "two"}),
        ({"mode": "prompt", "variables": '{"city": "{{town}}"}'}, {"town"}),
        ({"mode": "request", "body": '{"input": ["{{text}}"]}'}, {"text"}),
        ({"messages_column": "chat"}, {"chat"}),
    ],
)
def test_a_row_has_what_the_model_needs(options: dict[str, str], columns: set[str]) -> None:
    """Its columns are found in the options that make a request of a row."""
    row = row_for(options)
    assert row is not None
    assert set(row) == columns


def test_images_are_not_tried() -> None:
    """There is none to send."""
    assert row_for({"image_column": "photo", "column": "text"}) is None


def test_an_answer_is_told_by_its_first_words() -> None:
    """Status and a few words, on one line."""
    row = {
        "question": "?",
        "answer": "Stockholm\nlies in Sweden, " + "and so on " * 20,
        "answer_error": None,
        "answer_evidence": '{"status": 200}',
    }
    said = judge_row("model m", row, 1.25)
    assert said.words == "answered in 1.2 s with status 200: Stockholm lies in Sweden, and so on and…"


def test_a_row_that_failed() -> None:
    """Reason and remedy are those of the row."""
    row = {"answer": None, "answer_error": "401: no such key; give another", "answer_evidence": None}
    said = judge_row("model m", row, 1.0)
    assert (said.state, said.words, said.remedy) == ("wrong", "401: no such key", "give another")
    assert judge_row("model m", {}, 1.0).state == "wrong"


@pytest.mark.parametrize(
    ("message", "words", "remedy"),
    [
        ("Model not found: `m`.`args`", "there is no such model", "SHOW MODELS"),
        ("[e/m]: AuthenticationError: 401: no; give another", "401: no", "give another"),
        ("Something", "Something", "see SHOW MODELS and DESCRIBE m"),
    ],
)
def test_a_statement_that_failed(message: str, words: str, remedy: str) -> None:
    """MindsDB's decoration is left out."""
    said = judge_failure("model m", "m", message)
    assert (said.state, said.words) == ("wrong", words)
    assert remedy in said.remedy


# --- the command ------------------------------------------------------------------------------------------


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "portkey_handler", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_without_a_mindsdb() -> None:
    """That there is none is wrong, named with both remedies, and told by the exit code."""
    url = f"http://127.0.0.1:{free_port()}"
    done = doctor("--url", url)
    assert done.returncode == 1
    server, mindsdb = done.stdout.splitlines()
    assert server.startswith(f"wrong    server         no server answers at {url}: connection refused; start")
    assert mindsdb.startswith("wrong    mindsdb        There is no MindsDB in the environment of ")
    assert "--python" in mindsdb


def test_findings_as_json() -> None:
    """A program reads the same."""
    done = doctor("--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert done.returncode == 1
    assert [finding["state"] for finding in json.loads(done.stdout)] == ["wrong", "wrong"]


@pytest.mark.parametrize("words", [("--url", "127.0.0.1:47334"), ("--nonsense",)])
def test_wrong_use(words: tuple[str, ...]) -> None:
    """An address without its protocol is no address."""
    assert doctor(*words).returncode == 2


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/true"])
def test_what_is_no_interpreter(python: str) -> None:
    """It is named."""
    url = f"http://127.0.0.1:{free_port()}"
    said = list(examine(python=python, url=url))[-1]
    assert said.words == f"{python} does not answer as a Python interpreter"


def test_a_trial_needs_a_server() -> None:
    """A model cannot be asked cold."""
    said = list(examine(url=f"http://127.0.0.1:{free_port()}", model="m"))[-1]
    assert (said.what, said.state) == ("model m", "wrong")
    assert said.remedy == "start MindsDB, or say where it is: --url"
