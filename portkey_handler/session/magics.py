"""Cells of SQL in IPython and Jupyter: `%load_ext portkey_handler`, then `%%portkey`.

One session is kept for the notebook. IPython is not imported: it hands its shell over.
"""

from __future__ import annotations

import argparse
import keyword
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import UsageError
from ..foreign_text import visible
from ..usage.formatting import counted
from .done import Done
from .session import Session
from .sql.parameters import names_in

if TYPE_CHECKING:
    import pandas as pd

    from .table import Result

_NAME = "portkey"
_KINDS = ("line", "cell")


def load(shell: Any) -> None:
    """Register `%portkey` and `%%portkey` in an IPython shell."""
    magic = Magic(shell)

    def portkey(line: str, cell: str | None = None) -> Any:
        return magic.cell(line, cell) if cell is not None else magic.line(line)

    portkey.__doc__ = Magic.__doc__
    # IPython would take {{text}} and $name for its own.
    portkey._ipython_magic_no_var_expand = True  # type: ignore[attr-defined]
    shell.register_magic_function(portkey, "line_cell", _NAME)


def unload(shell: Any) -> None:
    """Remove them."""
    for kind in _KINDS:
        shell.magics_manager.magics[kind].pop(_NAME, None)


class Magic:
    """SQL over files, frames and language models.

    ``%portkey --files DIR --session DIR`` begins a session: tables are read from the first folder, engines
    and models are kept in the second one. Without options it is the current folder, and memory.

    ``%%portkey`` runs the statements of the cell and shows the rows of the last one; ``%%portkey answers``
    keeps them in the variable `answers`. ``%portkey SELECT …`` runs one line. ``$name`` in a statement is
    the value of the variable `name`. ``%portkey`` alone returns the session.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session: Session | None = None

    def line(self, line: str) -> Session | pd.DataFrame:
        """Run `%portkey …`: options begin a session, and anything else is SQL.

        Raises:
            PortkeyHandlerError: An option is wrong, or a statement failed.
        """
        if line.startswith("--") and line[2:3].strip():
            self._session = _session(line)
            return self._session
        if not line.strip():
            return self._current()
        return self._run(line)

    def cell(self, line: str, cell: str) -> pd.DataFrame | None:
        """Run `%%portkey …`; return the rows to be shown, or None where a variable takes them.

        Raises:
            PortkeyHandlerError: The name is none, or a statement failed.
        """
        from .table import as_frame

        name = line.strip()
        if not name:
            return self._run(cell)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(
                f"%%portkey takes the name of a variable for the rows, not {name[:60]!r}; the options "
                "--files and --session are for %portkey, on a line of its own"
            )
        result = self._result(cell)
        frame = self._shell.user_ns[name] = as_frame(result)
        columns = counted(len(frame.columns), "column")
        _write(result.words if isinstance(result, Done) else f"{counted(len(frame), 'row')}, {columns}", name)
        return None

    def _run(self, text: str) -> pd.DataFrame:
        from .table import as_frame

        return as_frame(self._result(text))

    def _result(self, text: str) -> Result:
        """Run statements; return the result of the last one, and write what the others have done."""
        names, variables = names_in(text), self._shell.user_ns
        parameters = {name: variables[name] for name in names if name in variables}
        result: Result | None = None
        for _, following in self._current().results(text, parameters if names else None):
            if isinstance(result, Done):
                _write(result.words)
            result = following
        return Done("no statement, nothing was done") if result is None else result

    def _current(self) -> Session:
        if self._session is None:
            self._session = Session()
        return self._session


def _write(line: str, name: str = "") -> None:
    print(visible(f"{name}: {line}" if name else line))  # noqa: T201 - a notebook shows it


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%portkey: {message}; it takes --files DIR, --session DIR and --encoding NAME")


def _session(line: str) -> Session:
    options = _Options(prog="%portkey", add_help=False, allow_abbrev=False)
    options.add_argument("--files", type=Path, default=Path())
    options.add_argument("--session", type=Path)
    options.add_argument("--encoding")
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%portkey: {error}; a name with blanks stands in quotes, closed") from None
    given = options.parse_args(words)
    files = given.files.expanduser()
    if not files.is_dir():
        raise UsageError(f"%portkey --files {files}: there is no such folder")
    return Session(
        given.session and given.session.expanduser(),
        files=files,
        file_options={"*": {"encoding": given.encoding}} if given.encoding else None,
    )
