"""From text to statements; the only module that imports `mindsdb_sql_parser`.

`ast` is that parser's tree, for the modules of this folder that read it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from mindsdb_sql_parser import ast, parse_sql
from mindsdb_sql_parser.ast.mindsdb.alter_view import AlterView
from mindsdb_sql_parser.ast.mindsdb.create_view import CreateView
from mindsdb_sql_parser.ast.mindsdb.latest import Latest
from mindsdb_sql_parser.exceptions import ParsingException
from mindsdb_sql_parser.lexer import LexError

from ...errors import StatementError
from ...foreign_text import logger_of
from ...secret import Secret
from .depth import check_depth, too_deep
from .doubled_options import doubled_option
from .literals import protected, put_back
from .misread import is_misread
from .scanner import COMMENT, colons_apart, has_no_end, outside_quotes, pieces
from .syntax_errors import syntax_error, with_excerpt

with warnings.catch_warnings():
    # The parser leaves the file of its grammar open; users cannot do anything about that warning.
    warnings.simplefilter("ignore", ResourceWarning)
    import mindsdb_sql_parser.parser  # noqa: F401 — would be imported by the first statement otherwise

__all__ = ["SUPPORTED", "AlterView", "CreateView", "Latest", "ast", "parse", "split", "unsupported", "using"]

logger = logger_of(__name__)

#: The statements of the session, for the error about any other one.
SUPPORTED = (
    "CREATE ML_ENGINE, DROP ML_ENGINE, SHOW ML_ENGINES, CREATE MODEL, RETRAIN, DROP MODEL, SHOW MODELS, "
    "DESCRIBE, SUMMARIZE, EXPLAIN, SELECT (also UNION, INTERSECT, EXCEPT, WITH), CREATE TABLE files.x, "
    "INSERT INTO files.x, INSERT OR IGNORE, INSERT OR REPLACE, DROP TABLE files.x, CREATE VIEW, DROP VIEW, "
    "SHOW TABLES, SHOW VIEWS, SHOW FILES, SHOW HANDLERS, SHOW DATABASES"
)


def unsupported(what: str) -> StatementError:
    """Return the error for a statement that only a MindsDB server runs."""
    return StatementError(f"{what} is not supported in the embedded session; supported are: {SUPPORTED}")


class Statement(Secret):
    """The text of one statement, which may have keys in it.

    Args:
        text: The text.
        line: The number of its first line in the script.
        column: The number of its first character in that line.
    """

    __slots__ = ("column", "line")

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.line = line
        self.column = column


def split(script: Secret) -> list[Statement]:
    """Split a text at the semicolons that end statements, not those in strings, names or comments."""
    statements: list[Statement] = []
    text: str = script.reveal().removeprefix("\ufeff")  # a byte order mark of an editor
    start = 0
    for position in (*_semicolons(text), len(text)):
        written = text[start:position]
        if not _is_blank(written):
            begin = start + len(written) - len(written.lstrip())
            line = 1 + text.count("\n", 0, begin)
            statements.append(Statement(written.strip(), line, begin - text.rfind("\n", 0, begin)))
        start = position + 1
    return statements


def parse(statement: Statement | str) -> Any:
    """Parse one statement.

    Raises:
        StatementError: The statement cannot be parsed; the first line says where.
    """
    if isinstance(statement, str):
        statement = Statement(statement)
    found = _tree_or_error(statement.reveal(), statement.line, statement.column)
    if not isinstance(found, StatementError):
        found = doubled_option(statement.reveal()) or found
    if isinstance(found, StatementError):
        # Raised here, it has no link to the parser's error, which has the statement in it.
        raise with_excerpt(found, statement.reveal(), statement.line).with_traceback(None)
    return found


def _tree_or_error(text: str, line: int, column: int) -> Any:
    written, kept = protected(text)
    try:
        found = _by_duckdb(text, None, line, column) if is_misread(text) else None
        tree = found or (parse_sql(text) if not kept else _parsed(written) or parse_sql(text))
        if found is None and isinstance(tree, CreateView | AlterView):
            found = _view(text, line, column)  # the first parser does not read its query
        if found is not None:
            return found
        check_depth(tree, ast.ASTNode)
        return put_back(tree, kept, ast.ASTNode) if kept else tree
    except (ParsingException, LexError) as error:
        said = str(error.args[0] if error.args else error)
        return _with_colons_apart(written, kept, line) or _by_duckdb(text, said, line, column)
    except StatementError as error:
        return error
    except RecursionError:
        return too_deep()
    except (
        AssertionError,
        AttributeError,
        IndexError,
        KeyError,
        NotImplementedError,
        TypeError,
        ValueError,
    ) as error:
        # The parser itself can fail on unusual input; users get an error of ours.
        return _by_duckdb(text, None, line, column) or StatementError(
            f"the statement cannot be parsed ({type(error).__name__} in the parser)"
        )


def _view(text: str, line: int, column: int) -> Any:
    """Return the tree of CREATE VIEW or ALTER VIEW, whose query is read too, or an error."""
    from .prefixes import read_around

    found = read_around(text, lambda rest: _tree_or_error(rest, line, column))
    return found or StatementError("a view keeps a query: CREATE VIEW name AS (SELECT …)")


def _with_colons_apart(written: str, kept: Mapping[str, tuple[str, str]], line: int) -> Any:
    """Return the tree of a text whose compact JSON alone does not parse, or None."""
    apart = colons_apart(written)
    tree = None if apart == written else _parsed(apart)
    if tree is None:
        return None
    logger.info("line %d: not portable to MindsDB; write a blank after the colon: {'a': true}", line)
    return put_back(tree, kept, ast.ASTNode)


def _by_duckdb(text: str, said: str | None, line: int, column: int) -> Any:
    """Return the tree of what DuckDB's parser takes, or the error of the parser that came further.

    Args:
        text: The statement.
        said: What the first parser said; None where it was not asked.
        line: The number of its first line.
        column: The number of its first character in that line.
    """
    from .duckdb_reader import Refused, read_by_duckdb
    from .prefixes import read_around

    around = read_around(text, lambda rest: _tree_or_error(rest, line, column))
    if around is not None:
        return around
    try:
        found = read_by_duckdb(text, parse_sql)
    except Refused as refused:
        return syntax_error(text, said or "", line, column, or_at=refused.place)
    except StatementError as error:
        return error
    except Exception:  # noqa: BLE001 - a tree that another DuckDB writes otherwise; the first error counts
        found = None
    if found is None:
        return None if said is None else syntax_error(text, said, line, column)
    logger.info("line %d: this statement is not portable to MindsDB; DuckDB's syntax is in it", line)
    return found


def _parsed(text: str) -> Any:
    """Return the tree of a text, or None; why it has none is said of the text that was written."""
    with suppress(Exception):
        return parse_sql(text)
    return None


def using(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a USING clause as plain values, names lower-cased.

    Raises:
        StatementError: A value is neither a constant, a list, an object nor a name.
    """
    return {name.lower(): _plain(name, value) for name, value in (options or {}).items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, ast.Identifier):
        return ".".join(str(part) for part in value.parts)
    if isinstance(value, ast.ASTNode):
        raise StatementError(
            f"USING {name}: write a string, a number, true, false, NULL, a list or an object"
        )
    if isinstance(value, dict):
        return {key: _plain(name, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(name, item) for item in value]
    return value


def _is_blank(statement: str) -> bool:
    return all(
        statement[piece.start] in ";" or statement[piece.start].isspace()
        if piece.kind != COMMENT
        else not has_no_end(statement, piece)
        for piece in pieces(statement)
    )


def _semicolons(text: str) -> Iterator[int]:
    return (position for position, character in outside_quotes(text) if character == ";")
