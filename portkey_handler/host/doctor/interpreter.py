"""Facts that only the interpreter of MindsDB knows, asked in processes of that interpreter."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..interpreter import ask
from .pins import Distribution, folded

#: The most seconds that the import of MindsDB may take.
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

# Loads the handler as MindsDB does. Where that fails, the handler itself tells why, if it can.
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
    """The packages that are installed for an interpreter.

    Attributes:
        installed: Name, in lower case with dashes, to the package; the first one on the path.
        environment: The values of requirement markers (`python_version`, `sys_platform` …).
    """

    installed: Mapping[str, Distribution]
    environment: Mapping[str, str]


def ask_which(python: str) -> Interpreter:
    """Return the packages that are installed for an interpreter.

    Raises:
        InstallError: It does not answer.
    """
    told = ask(python, _WHICH)
    installed: dict[str, Distribution] = {}
    for name, version, requires, python_wanted in told["distributions"]:
        if name and version:  # the rest of a broken uninstall has neither
            installed.setdefault(folded(name), Distribution(name, version, tuple(requires), python_wanted))
    return Interpreter(installed, told["environment"])


def ask_inside(python: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Load MindsDB and the handler in a process of that interpreter, and ask `inside.answer` there.

    MindsDB makes its storage when it is imported; here it gets a temporary one.

    Raises:
        InstallError: There is no answer. The message has the last line of the output.
    """
    with tempfile.TemporaryDirectory() as folder:
        inherited = {name: text for name, text in os.environ.items() if name not in _DECIDED_HERE}
        environment = {**inherited, "MINDSDB_STORAGE_DIR": folder}
        return ask(python, _INSIDE, asked, environment=environment, seconds=_SECONDS)


#: Variables that name another storage, or that make MindsDB write more to its output.
_DECIDED_HERE = frozenset({"MINDSDB_CONFIG_PATH", "MINDSDB_DB_CON", "MINDSDB_LOG_LEVEL"})
