"""The plan of the house: which room may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
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

#: Foreign packages that nobody else may import, and the one room that may.
DOORS = {
    "portkey_ai": "sdk_headers",
    "mindsdb": "host",
    "duckdb": "session",
    "mindsdb_sql_parser": "session/statements",
    "sqlglot": "session",
    "pydantic": "options",
    "pydantic_core": "options",
    "jinja2": "template_language",
    "jsonschema": "options",
    "referencing": "options",
    "jsonpath_rfc9535": "operations",
    "genai_prices": "prices",
    "pygal": "report",
    "typer": "cli",
    "rich": "terminal",
    "packaging": "doctor",
    "pyarrow": "session",
}

#: Room → rooms it may import. A room is a module, or a folder of them; what it lists may be imported by all
#: of its modules. `exchange` and `errors` are the words that rooms share and stand in no row.
ROOMS: dict[str, set[str]] = {
    "__about__": set(),
    "__init__": {"__about__", "handler", "creation_args", "model_using_args"},
    "__main__": {"cli"},
    "creation_args": set(),
    "model_using_args": set(),
    "errors": set(),
    "exchange": set(),
    "cells": set(),
    "column_names": set(),
    "parameter_kinds": set(),
    "endpoint_parameters": {"parameter_kinds"},
    "template_filters": {"cells"},
    "template_pieces": {"cells", "template_filters"},
    "template_language": {"cells", "template_filters", "template_pieces"},
    "prompts": {"cells", "column_names", "template_language", "template_pieces"},
    "json_template": {"cells", "prompts"},
    "prices": set(),
    "row_names": set(),
    "account": {"row_names"},
    "database": set(),
    "runs": {"account", "mapper", "options"},
    "ledger": {"account", "database", "runs"},
    "options": {"endpoint_parameters", "parameter_kinds"},
    "operations": {"cells", "column_names", "gateway_evidence", "json_template", "options", "prompts"},
    "labels": {"json_template", "operations", "options"},
    "routing": {"options"},
    "gateway_evidence": set(),
    "rejections": set(),
    "running": set(),
    "sdk_headers": set(),
    "gateway": {"options", "gateway_evidence", "rejections", "routing", "running", "sdk_headers"},
    "pacing": set(),
    "patience": set(),
    "collecting": set(),
    "limits": {"database"},
    "sending": {"pacing"},
    "elsewhere": set(),
    "mapper": {"elsewhere", "pacing", "patience", "sending"},
    "home": {"host"},
    "token_estimate": set(),
    "paced": {"limits", "options", "sending", "token_estimate"},
    "identity": {"gateway", "options", "routing"},
    "claims": set(),
    "journal": {"claims", "database"},
    "asked_bodies": set(),
    "estimate": {"asked_bodies", "pacing", "prices", "token_estimate"},
    "estimate_words": {"amounts", "estimate"},
    "dry_run": {"estimate"},
    "spending": {"account", "amounts", "estimate", "estimate_words", "options"},
    "survey": {"account", "estimate", "labels", "ledger", "options", "routing"},
    "endings": {"account", "amounts", "mapper", "options", "progress", "row_names"},
    "amounts": set(),
    "progress": {"amounts"},
    "terminal": {"amounts", "cells", "progress"},
    "notebook": {"progress", "terminal"},
    "columns": {"options"},
    "predictor": {
        "account",
        "collecting",
        "columns",
        "dry_run",
        "endings",
        "estimate_words",
        "gateway",
        "home",
        "identity",
        "journal",
        "labels",
        "ledger",
        "mapper",
        "operations",
        "options",
        "paced",
        "prices",
        "progress",
        "routing",
        "row_names",
        "running",
        "runs",
        "spending",
        "survey",
    },
    "checks": {"database", "gateway", "journal", "ledger", "limits", "options"},
    "describe": {"checks", "dry_run", "estimate_words", "home", "ledger", "options"},
    "unreplayable": set(),
    "host": {"row_names", "unreplayable"},
    "handler": {"describe", "dry_run", "gateway", "host", "options", "predictor", "routing"},
    "aside": set(),
    "interpreter": set(),
    "install": {"aside", "interpreter"},
    "doctor": {"aside", "checks", "host", "install", "interpreter", "options", "prompts", "routing"},
    "report": {"account", "ledger", "runs"},
    "offline": set(),
    "session": {"cells", "dry_run", "handler", "notebook", "operations", "options"},
    "cli": {
        "__about__",
        "checks",
        "doctor",
        "dry_run",
        "estimate",
        "estimate_words",
        "home",
        "install",
        "ledger",
        "offline",
        "options",
        "report",
        "session",
        "terminal",
    },
}
SHARED = {"errors", "exchange"}
#: The pure core: nothing of it may touch files, sockets or processes.
PURE = (
    "account",
    "cells",
    "columns",
    "elsewhere",
    "exchange",
    "endings",
    "asked_bodies",
    "estimate",
    "estimate_words",
    "spending",
    "mapper",
    "operations",
    "json_template",
    "labels",
    "options",
    "pacing",
    "patience",
    "prompts",
    "rejections",
    "routing",
    "row_names",
)
OUTSIDE = {"aiohttp", "httpx", "requests", "socket", "subprocess", "sqlite3", "urllib.request", "http.client"}


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Give every import of a module, late ones too: level (0 is absolute) and the full name."""
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


def room(module: str) -> str:
    """Give the room that a module stands in."""
    return module.partition("/")[0]


@pytest.mark.parametrize("module", MODULES)
def test_rooms_import_what_the_plan_says(module: str) -> None:
    """Data flows one way: a new arrow between rooms is a decision, taken here."""
    assert room(module) in ROOMS, "a new room: say in ROOMS what it may import"
    allowed = ROOMS[room(module)] | SHARED | {room(module)}
    found = {room(name) for level, name in imports(module) if level}
    assert found <= allowed


def test_the_plan_has_no_empty_rooms() -> None:
    """Whoever reads the plan sees the house as it is."""
    assert set(ROOMS) == {room(module) for module in MODULES}


def test_the_plan_has_no_circles() -> None:
    """Every room stands above what it imports."""
    placed: set[str] = set()
    while placed != set(ROOMS):
        next_ones = {name for name, below in ROOMS.items() if name not in placed and below <= placed}
        assert next_ones, f"these import each other: {set(ROOMS) - placed}"
        placed |= next_ones


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
    door = DOORS[package]
    assert {module if "/" in door else room(module) for module in users} == {door}


def test_one_module_imports_the_sdk_the_host_and_the_database() -> None:
    """These three have a door of one module each."""
    for package in ("portkey_ai", "mindsdb", "duckdb", "mindsdb_sql_parser"):
        users = [
            module
            for module in MODULES
            if any(not level and name.partition(".")[0] == package for level, name in imports(module))
        ]
        assert len(users) == 1, package


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in PURE])
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
    """Whoever only asks for the version waits for nothing."""
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
