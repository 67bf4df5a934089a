"""How the shell reads lines: with history and completion on a terminal, plainly from a pipe."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PortkeyHandlerError, UsageError
from ..foreign_text import without_keys

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History

    from ..session import Session

#: Statements that have keys in them.
_HAS_KEYS = re.compile(r"create\s+ml_engine|_key|token|secret|password|headers", re.IGNORECASE)
_KEYWORDS = (
    "SELECT FROM WHERE JOIN ON AS GROUP BY ORDER LIMIT USING CREATE MODEL PREDICT ML_ENGINE TABLE VIEW "
    "INSERT INTO DROP SHOW MODELS FILES TABLES VIEWS ML_ENGINES DESCRIBE AND OR NOT IN IS NULL LIKE BETWEEN "
    "CASE WHEN THEN ELSE END WITH UNION ALL DISTINCT HAVING DESC ASC RETRAIN"
)
_OPTIONS = (
    "engine model prompt_template column mode output max_tokens temperature system_prompt on_error dry_run "
    "max_rows max_cost concurrency reuse evidence deadline"
)
_LONGEST_HISTORY = 2_000


def reader(session: Session) -> Callable[[str], str]:
    """Return a function that shows a prompt and returns a line.

    It raises EOFError at the end, and KeyboardInterrupt for Ctrl-C.
    """
    if not sys.stdin.isatty():
        return _plainly
    from prompt_toolkit import PromptSession

    # Terminals that do not answer where the cursor is would get a warning.
    os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
    prompt: PromptSession[str] = PromptSession(
        history=_history(), completer=_completer(session), complete_while_typing=False
    )
    return prompt.prompt


def _plainly(_prompt: str) -> str:
    content = sys.stdin.buffer.readline()
    if not content:
        raise EOFError
    try:
        return content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(
            "standard input is not UTF-8; write UTF-8, or give the statements to portkey-handler run - "
            "--encoding NAME"
        ) from None


def _history() -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    from ..host.data_dir import data_dir

    path = data_dir() / "shell_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        _shorten(path)
    except OSError:
        return InMemoryHistory()

    class WithoutKeys(FileHistory):
        """Keeps lines between sessions, but none that may have a key in it."""

        def store_string(self, string: str) -> None:
            if not _HAS_KEYS.search(string) and without_keys(string, strict=True) == string:
                with suppress(OSError):  # such as a full disk, which must not end the shell
                    super().store_string(string)

    return WithoutKeys(str(path))


def _shorten(path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    if len(lines) > 2 * _LONGEST_HISTORY:
        path.write_text("".join(lines[-_LONGEST_HISTORY:]), encoding="utf-8")


def _completer(session: Session) -> Completer:
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    class Names(Completer):
        """Keywords, options, and the names of the session's tables, columns, models and engines."""

        def get_completions(self, document: Document, _event: object) -> Iterator[Completion]:
            word = document.get_word_before_cursor(pattern=re.compile(r"[\w.\\]+"))
            if not word:
                return
            for name in names_of(session, document.text):
                if name.lower().startswith(word.lower()):
                    yield Completion(name, start_position=-len(word))

    return Names()


def names_of(session: Session, typed: str) -> list[str]:
    """Return what may come next, the names of the session first; columns of the tables that are named."""
    tables = [f"files.{name}" for name in _column(session, "SHOW TABLES FROM files")]
    own = [*tables, *_column(session, "SHOW TABLES"), *_column(session, "SHOW ML_ENGINES")]
    columns = [name for table in own if table.lower() in typed.lower() for name in _columns(session, table)]
    commands = ["\\d", "\\x", "\\timing", "\\q", "help"]
    found = [*columns, *own, *_KEYWORDS.split(), *_OPTIONS.split(), *commands]
    return list(dict.fromkeys(found))


def _column(session: Session, statement: str) -> Iterable[str]:
    try:
        return [str(name) for name in session.sql(statement).iloc[:, 0]]
    except PortkeyHandlerError:
        return []


def _columns(session: Session, table: str) -> Iterable[str]:
    if not table.startswith("files."):
        return []
    try:
        return [str(name) for name in session.sql(f"SELECT * FROM {table} LIMIT 0").columns]  # noqa: S608
    except PortkeyHandlerError:
        return []
