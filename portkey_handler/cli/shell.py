"""The command `shell`: statements as they are typed, and commands that begin with a backslash."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ..__about__ import __version__
from ..errors import PortkeyHandlerError, closest
from ..foreign_text import safe, visible
from .app import (
    DatabaseOption,
    EncodingOption,
    EnvFileOption,
    FilesOption,
    OfflineOption,
    SessionOption,
    VerboseOption,
    app,
    errors_on_stderr,
    log_to_stderr,
    say,
    say_error,
)
from .output import write_table
from .stand_in import asking_stand_in
from .variables import read_env_file

if TYPE_CHECKING:
    from ..session import Session
    from ..usage.result_table import Layout

HELP = r"""A statement ends with a semicolon and may have many lines.
  \d           the tables, views, models and engines
  \d NAME      the columns of a table, such as files.reviews, or what a model is
  \x           records in place of tables: on, off, or auto (where none fits)
  \timing      how long each statement takes: on or off
  \q           leave; exit, quit and Ctrl-D do, too
  help         this text
Ctrl-C ends a running statement. Its answers are cached: run it again to go on."""

#: A semicolon at the end of a line, or before a comment.
_MAY_BE_THE_END = re.compile(r";\s*(?:--|/\*|$)", re.MULTILINE)


@app.command()
def shell(
    files: FilesOption = Path(),
    session: SessionOption = None,
    encoding: EncodingOption = None,
    db: DatabaseOption = None,
    env_file: EnvFileOption = None,
    offline: OfflineOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run statements as they are typed; a statement ends with a semicolon."""
    from ..session import Session

    if env_file is not None:
        read_env_file(env_file)
    log_to_stderr(verbose)
    options = {} if encoding is None else {"*": {"encoding": encoding}}
    with (
        errors_on_stderr(),
        asking_stand_in() if offline else nullcontext(),
        Session(session, files=files, connection=db, file_options=options) as running,
    ):
        Shell(running).run()


class Shell:
    """Reads statements and commands until the end, and shows what they give.

    Args:
        session: Runs the statements.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._layout: Layout = "auto"
        self._times = False
        self._commands: dict[str, Callable[[str], None]] = {
            "\\d": self._describe,
            "\\x": self._set_layout,
            "\\timing": self._set_timing,
            "help": self._help,
            "\\?": self._help,
            "\\h": self._help,
        }

    def run(self) -> None:
        """Run until `exit`, or the end of the input."""
        _say(f"portkey_handler {__version__}; a statement ends with ; and \\q leaves. help explains.")
        for text in self._inputs():
            name, _, rest = text.partition(" ")
            command = self._commands.get(name.rstrip(";").lower())
            if command is not None:
                self._guarded(command, rest.strip().rstrip(";"))
            elif text.startswith("\\"):
                near = closest(name.lower(), [*self._commands, "\\q"])
                _error(
                    f"{visible(name)} is no command; {f'did you mean {near}?' if near else 'help lists them'}"
                )
            else:
                self._guarded(self._statements, text)

    def _inputs(self) -> Iterator[str]:
        """Give statements that are complete, and commands."""
        from .shell_input import reader

        read = reader(self._session)
        lines: list[str] = []
        while True:
            try:
                line = read("sql> " if not lines else "...> ")
            except EOFError:
                return
            except KeyboardInterrupt:
                lines.clear()
                continue
            word = line.strip().rstrip(";").lower()
            if not lines and word in ("exit", "quit", "\\q"):
                return
            if not lines and (not word or line.lstrip().startswith("\\") or word == "help"):
                if word:
                    yield line.strip()
                continue
            lines.append(line)
            # Reading all lines again for each of them would take minutes where there are thousands.
            if _MAY_BE_THE_END.search(line) and _is_complete("\n".join(lines)):
                yield "\n".join(lines)
                lines.clear()

    def _guarded(self, act: Callable[[str], None], words: str) -> None:
        """Run something; an error of ours or Ctrl-C ends it, and not the shell."""
        try:
            act(words)
        except PortkeyHandlerError as error:
            say_error(error)
        except KeyboardInterrupt:
            _error("interrupted; engines, models and answers are kept: run it again to go on")

    def _statements(self, text: str) -> None:
        from ..usage.terminal import shown_in_terminal

        began = time.monotonic()
        try:
            with shown_in_terminal():
                self._show(text, self._layout)
        finally:
            if self._times:
                seconds = time.monotonic() - began
                _say(f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms")

    def _describe(self, name: str) -> None:
        if name:
            self._describe_one(name)
            return
        for statement in ("SHOW TABLES FROM files", "SHOW TABLES", "SHOW ML_ENGINES"):
            self._show(statement, "table")

    def _describe_one(self, name: str) -> None:
        from ..errors import NotFoundError

        try:
            self._show(f"DESCRIBE {name}", "auto")
        except NotFoundError:
            self._show(f"SELECT * FROM {name} LIMIT 3", "auto")  # noqa: S608 - typed by the user

    def _show(self, statements: str, layout: Layout) -> None:
        from ..session.done import Done

        for _, result in self._session.results(statements):
            if isinstance(result, Done):
                _say(safe(result.words))
            else:
                write_table(result, layout)

    def _set_layout(self, word: str) -> None:
        choices: dict[str, Layout] = {"on": "records", "off": "table", "auto": "auto"}
        chosen = choices.get(word.lower()) if word else ("table" if self._layout == "records" else "records")
        if chosen is None:
            _error(f"\\x takes on, off or auto, not {visible(word)[:40]}")
            return
        self._layout = chosen
        names = {"records": "on: records", "table": "off: tables", "auto": "auto: tables where they fit"}
        _say(f"\\x is {names[chosen]}")

    def _set_timing(self, word: str) -> None:
        if word.lower() not in ("", "on", "off"):
            _error(f"\\timing takes on or off, not {visible(word)[:40]}")
            return
        self._times = not self._times if not word else word.lower() == "on"
        _say(f"\\timing is {'on' if self._times else 'off'}")

    def _help(self, _rest: str) -> None:
        _say(HELP)


def _is_complete(text: str) -> bool:
    """Return whether a text ends with a semicolon, before comments or at the end of a line.

    The second holds in open quotes, too: a quote that was forgotten is an error, and not a trap.
    """
    from ..session.sql.scanner import outside_quotes

    last = ""
    for _, sign in outside_quotes(text):
        if not sign.isspace():
            last = sign
    return last == ";" or text.rstrip().endswith(";")


def _say(words: str) -> None:
    say(words)


def _error(words: str) -> None:
    say(words, colour="red")
    sys.stderr.flush()
