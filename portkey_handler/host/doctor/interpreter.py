"""What only the interpreter that runs MindsDB can tell, asked in processes of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..interpreter import ask
from .pins import Distribution, folded

#: How long it may take to import MindsDB.
_SECONDS = 300.0

_WHICH = """
import importlib.metadata, json, os, platform, sys
found = [
    [each.metadata["Name"], each.version, each.requires or [], each.metadata["Requires-Python"]]
    for each in importlib.metadata.distributions()
]
print(json.dumps({"distributions": found, "environment": {
    "implementation_name": sys.implementation.name,
    "os_name": os.name,
    "platform_machine": platform.machine(),
    "platform_python_implementation": platform.python_implementation(),
    "platform_system": platform.system(),
    "python_full_version": platform.python_version(),
    "python_version": ".".join(platform.python_version_tuple()[:2]),
    "sys_platform": sys.platform,
}}))
"""

# Loads the handler as MindsDB does. Where that fails we are told why by the handler itself, if it can.
_INSIDE = """
import importlib, json, sys, types
asked = json.load(sys.stdin)
if asked["community"]:
    parent = types.ModuleType("mindsdb_community_handlers")
    parent.__path__ = [asked["community"]]
    sys.modules[parent.__name__] = parent
    name = "mindsdb_community_handlers.portkey_handler"
else:
    name = "mindsdb.integrations.handlers.portkey_handler"
told = {"version": None, "import_error": None}
try:
    handler = importlib.import_module(name)
    told["version"] = handler.version
    error = handler.import_error
except Exception as raised:
    error = raised
if error is None:
    for inside in (".host.doctor.inside", ".doctor.inside"):  # the second in releases before 0.2
        try:
            told |= importlib.import_module(name + inside).answer(asked)
        except ImportError as raised:
            told["too_old"] = str(raised)
        else:
            told.pop("too_old", None)
            break
else:
    told["import_error"] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What is installed for an interpreter.

    Attributes:
        installed: Name in lower case with dashes, to what has it; the first one on the path.
        environment: What markers of requirements ask for (`python_version`, `sys_platform` …).
    """

    installed: Mapping[str, Distribution]
    environment: Mapping[str, str]


def ask_which(python: str) -> Interpreter:
    """Ask an interpreter what is installed for it.

    Raises:
        InstallError: It does not answer.
    """
    told = ask(python, _WHICH)
    installed: dict[str, Distribution] = {}
    for name, version, requires, python_wanted in told["distributions"]:
        if name and version:  # what a broken uninstall leaves has neither
            installed.setdefault(folded(name), Distribution(name, version, tuple(requires), python_wanted))
    return Interpreter(installed, told["environment"])


def ask_inside(python: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Load MindsDB and the handler in a process of that interpreter, and ask `inside.answer` there.

    MindsDB makes its storage when it is imported; here it gets one that is thrown away.

    Raises:
        InstallError: There is no answer; the message has the last line of what it said instead.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: text for name, text in os.environ.items() if name not in _DECIDED_HERE}
        environment = {**kept, "MINDSDB_STORAGE_DIR": folder}
        return ask(python, _INSIDE, asked, environment=environment, seconds=_SECONDS)


#: Where MindsDB would find another storage, and would say more than we want to read.
_DECIDED_HERE = frozenset({"MINDSDB_CONFIG_PATH", "MINDSDB_DB_CON", "MINDSDB_LOG_LEVEL"})
