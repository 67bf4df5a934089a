"""The versions of Python, MindsDB and this package, and whether they work together."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from ..install import Found
from .checks import Finding
from .interpreter import Interpreter

#: The newest and the oldest MindsDB that the tests run; docs/matrix.json has the results.
TESTED, OLDEST = "26.1.0", "25.11.1"
_SHOWN = ("portkey-handler", "portkey-ai", "pandas")


def judge_versions(interpreter: Interpreter, found: Found) -> Finding:
    """Return a finding: the versions, and whether this MindsDB is supported."""
    words = ", ".join(
        [
            f"MindsDB {found.mindsdb_version or 'of no known version'}",
            f"Python {interpreter.environment['python_full_version']}",
            *(
                f"{name} {interpreter.installed[name].version}"
                for name in _SHOWN
                if name in interpreter.installed
            ),
        ]
    )
    words = f"{words} ({found.python})"
    try:
        version = Version(found.mindsdb_version or "")
    except InvalidVersion:
        return Finding("versions", "warning", words, f"the tests run MindsDB {TESTED}: install that in doubt")
    if version < Version(OLDEST):
        remedy = f"this MindsDB is too old, run: {found.python} -m pip install mindsdb=={TESTED}"
        return Finding("versions", "wrong", words, remedy)
    return Finding("versions", "ok", words)
