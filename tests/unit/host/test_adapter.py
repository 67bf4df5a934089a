"""The door to MindsDB, where there is none: what is sent, stored and named."""

from __future__ import annotations

import ast
import pickle
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import portkey_handler
from portkey_handler.__about__ import __version__
from portkey_handler.host import adapter as host


def _frame() -> pd.DataFrame:
    frame = pd.DataFrame({"answer": ["a", None], "n": [1, 2]}, index=[5, 7])
    frame.attrs["told"] = "once"
    return frame


def _sent(frame: Any) -> Any:
    return pickle.loads(pickle.dumps(frame))  # noqa: S301 - our own bytes


class _Storage:
    """A storage that says it is MindsDB's."""


_Storage.__module__ = "mindsdb.interfaces.storage.model_fs"


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the setting of MindsDB's task queue."""
    queue = {"type": "local"}
    config = SimpleNamespace(Config=lambda: {"ml_task_queue": queue})
    for name in ("mindsdb", "mindsdb.utilities"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace())
    monkeypatch.setitem(sys.modules, "mindsdb.utilities.config", config)
    return queue


def test_outside_mindsdb_the_frame_is_itself() -> None:
    """The embedded session gets the plain frame."""
    frame = _frame()
    assert host.deliver(frame, SimpleNamespace(name="m")) is frame


def test_outside_mindsdb_rows_are_counted_from_0() -> None:
    """Whatever the index of the frame."""
    assert host.row_names(_frame(), SimpleNamespace(name="m")).of(1) == 1


def test_the_frame_arrives_whole_and_can_be_kept_by_nobody(queue: dict[str, str]) -> None:
    """One pickle brings values, index, types and attributes to the server; the cache's pickle holds None."""
    arrived = _sent(host.deliver(_frame(), _Storage()))
    pd.testing.assert_frame_equal(pd.DataFrame(arrived), _frame())
    assert arrived.attrs == {"told": "once"}
    assert _sent(arrived) is None


def test_over_the_task_queue_the_frame_arrives_one_pickle_later(queue: dict[str, str]) -> None:
    """With Redis a consumer stands between worker and server."""
    queue["type"] = "redis"
    arrived = _sent(_sent(host.deliver(_frame(), _Storage())))
    pd.testing.assert_frame_equal(pd.DataFrame(arrived), _frame())
    assert _sent(arrived) is None


def test_what_the_server_does_to_a_frame_works(queue: dict[str, str]) -> None:
    """Adding a column and renaming all in place keep the frame and what it refuses."""
    arrived = _sent(host.deliver(_frame(), _Storage()))
    arrived["__mindsdb_row_id"] = pd.Series([10, 11], index=[5, 7])
    arrived.columns = [0, 1, 2]
    assert arrived[2].tolist() == [10, 11]
    assert _sent(arrived) is None


def test_what_is_made_of_the_frame_can_be_sent_on(queue: dict[str, str]) -> None:
    """The input of a second model, made of the first one's answers, reaches that model's worker."""
    arrived = _sent(host.deliver(_frame(), _Storage()))
    for derived in (arrived.copy(), arrived[["answer"]], arrived.drop(columns="n"), arrived.head(1)):
        received = _sent(derived)
        assert type(received) is pd.DataFrame
        assert received["answer"].iloc[0] == "a"
        assert received.attrs == {"told": "once"}


def test_names_come_from_the_sessions_storages() -> None:
    """Messages name the model and the engine, or say what they are."""
    assert host.model_name(SimpleNamespace(name="m")) == "m"
    assert host.engine_name(SimpleNamespace(name="e")) == "e"
    assert host.model_name(None) == "model"
    assert host.engine_name(None) == "engine"


def test_retrain_in_the_session_starts_from_the_version_before() -> None:
    """The version before is asked for its arguments; a first version has none."""
    before = SimpleNamespace(json_get={"args": {"using": {"model": "a"}}}.get)
    assert host.earlier_arguments(SimpleNamespace(previous=before)) == {"using": {"model": "a"}}
    assert host.earlier_arguments(SimpleNamespace(previous=None)) is None


def test_no_storage_root_outside_mindsdb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A MindsDB's storage is used by that MindsDB alone."""
    monkeypatch.setenv("MINDSDB_STORAGE_DIR", str(tmp_path))
    assert host.storage_root() is None


def _python(code: str, *path: Path) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path[:0] = {[str(folder) for folder in path]}; {code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_broken_mindsdb_is_not_replaced(tmp_path: Path) -> None:
    """The stand-in is for a MindsDB that is absent; one that fails to import says why."""
    (tmp_path / "mindsdb").mkdir()
    (tmp_path / "mindsdb" / "__init__.py").write_text("import no_such_dependency")
    done = _python("import portkey_handler.host.adapter", tmp_path)
    assert "No module named 'no_such_dependency'" in done.stderr


def test_a_folder_called_mindsdb_is_not_mindsdb(tmp_path: Path) -> None:
    """A folder of that name in the working directory changes nothing."""
    (tmp_path / "mindsdb").mkdir()
    done = _python(
        "from portkey_handler.host import adapter; print(adapter.BaseMLEngine.__module__)", tmp_path
    )
    assert done.stdout == "portkey_handler.host.adapter\n"


# What MindsDB reads of the package


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Not before it is used does the package load what costs seconds."""
    heavy = {"pandas", "portkey_ai", "mindsdb", "pydantic", "aiohttp"}
    done = _python(f"import portkey_handler; print(sorted({heavy} & set(sys.modules)))")
    assert done.stdout == "[]\n"


def _literals() -> dict[str, Any]:
    tree = ast.parse(Path(portkey_handler.__file__).read_text(encoding="utf-8"))
    return {
        item.targets[0].id: item.value.value
        for item in tree.body
        if isinstance(item, ast.Assign)
        and isinstance(item.targets[0], ast.Name)
        and isinstance(item.value, ast.Constant)
    }


def test_mindsdb_can_read_the_package_without_running_it() -> None:
    """Name, version and the rest stand as plain literals, and the version is the one of the package."""
    literals = _literals()
    assert literals["name"] == "portkey"
    assert literals["version"] == __version__
    assert literals["permanent"] is False
    assert Path(portkey_handler.__file__).with_name(literals["icon_path"]).read_text().startswith("<svg")


def test_mindsdb_can_read_the_type() -> None:
    """The type is written as MindsDB reads it, and means what it means there."""
    assert "\ntype = HANDLER_TYPE.ML" in Path(portkey_handler.__file__).read_text(encoding="utf-8")
    assert portkey_handler.type == "ml"


def test_the_handler_is_there_on_demand() -> None:
    """`Handler`, what MindsDB masks and `PortkeyHandler` are found, and no error."""
    from portkey_handler import PortkeyHandler

    assert portkey_handler.import_error is None
    assert portkey_handler.Handler is PortkeyHandler
    assert isinstance(portkey_handler.creation_args, dict)
    assert isinstance(portkey_handler.model_using_args, dict)


#: What MindsDB does with a handler in its folder for community handlers, then in its workers.
COMMUNITY = """
import importlib, importlib.util, multiprocessing, sys, types
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

def work(name):
    module = importlib.import_module(name)
    return module.__file__, module.Handler.__name__, module.import_error

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.path += sys.argv[2:]
    parent = sys.modules["mindsdb_community_handlers"] = types.ModuleType("mindsdb_community_handlers")
    parent.__path__ = [str(folder.parent)]
    name = f"mindsdb_community_handlers.{folder.name}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        file, handler, import_error = pool.submit(work, module.__package__).result()
    print(file, handler, import_error, module.Handler.__module__, module.version, bool(module.creation_args))
"""


def _community(tmp_path: Path, options: Sequence[str] = (), path: Sequence[str] = ()) -> list[str]:
    """Copy the package where MindsDB has community handlers, as version 0, and load it as MindsDB does."""
    there = tmp_path / "community_handlers" / "portkey_handler"
    shutil.copytree(Path(portkey_handler.__file__).parent, there)
    (there / "__about__.py").write_text('__version__ = "0"')
    script = tmp_path / "server.py"
    script.write_text(COMMUNITY)
    command = [sys.executable, *options, script, there, *path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
def test_in_the_folder_for_community_handlers_the_installed_package_works(tmp_path: Path) -> None:
    """MindsDB's workers cannot import from that folder: server and workers use the installed package."""
    file, *rest = _community(tmp_path)
    assert Path(file) == Path(portkey_handler.__file__)
    assert rest == ["PortkeyHandler", "None", "portkey_handler.handler", __version__, "True"]


@pytest.mark.slow
@pytest.mark.skipif("site-packages" in portkey_handler.__file__, reason="the package is beside what it needs")
def test_in_the_folder_for_community_handlers_a_copy_works_alone(tmp_path: Path) -> None:
    """Where the package is not installed, the workers import the copy."""
    # Packages are seen there, but no .pth file that leads to the checkout.
    options, others = ("-I", "-S"), [path for path in sys.path if "site-packages" in path]
    file, *rest = _community(tmp_path, options, others)
    assert Path(file).is_relative_to(tmp_path)
    assert rest == ["PortkeyHandler", "None", "portkey_handler.handler", "0", "True"]


def test_a_missing_dependency_becomes_import_error() -> None:
    """MindsDB finds the reason in `import_error`; Python's import raises it."""
    done = _python(
        "sys.modules['jinja2'] = None; import portkey_handler as p; print(p.Handler, repr(p.import_error)); "
        "from portkey_handler import PortkeyHandler"
    )
    assert done.stdout.startswith("None ModuleNotFoundError(")
    assert "ModuleNotFoundError" in done.stderr
