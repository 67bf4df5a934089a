"""Statements around a query that MindsDB's parser refuses: CREATE TABLE … AS, INSERT OR …, EXPLAIN …."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...errors import StatementError
from .duckdb_nodes import Look
from .duckdb_text import without_quotes
from .parser import ast

_NAME = r"(?P<name>\w+(?:\s*\.\s*\w+)*)"
_QUERY = r"(?=\(*\s*(?:SELECT|FROM|WITH)\b)"
_CREATE = re.compile(
    rf"\s*CREATE\s+(?P<replace>OR\s+REPLACE\s+)?TABLE\s+(?P<unless>IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*(?:\bAS\b|{_QUERY})",
    re.IGNORECASE,
)
_INSERT_OR = re.compile(r"\s*INSERT\s+(?P<or>OR\s+(?P<what>IGNORE|REPLACE))\s+INTO\b", re.IGNORECASE)
_INSERT = re.compile(rf"\s*INSERT\s+INTO\s+{_NAME}\s*(?P<columns>\([\w\s,]*\))?\s*{_QUERY}", re.IGNORECASE)


_LOOK = re.compile(r"\s*(?P<kind>DESCRIBE|DESC|SUMMARIZE|EXPLAIN)\b(?!\s*$)", re.IGNORECASE)
_ONLY_NAME = re.compile(rf"\s*(?:TABLE\s+)?{_NAME}\s*$", re.IGNORECASE)


def read_around(text: str, read: Callable[[str], Any]) -> Any:
    """Return the tree of such a statement, or None for any other one.

    Args:
        text: The statement.
        read: Reads what is left of it, in which blanks stand for what was in front, so that places stay the
            same. It returns a tree or an error.
    """
    plain = without_quotes(text)
    for pattern, made in ((_CREATE, _create), (_INSERT_OR, _insert_or), (_INSERT, _insert), (_LOOK, _look)):
        found = pattern.match(plain)
        if found is not None:
            return made(text, found, read)
    return None


def conflict_of(insert: Any) -> str | None:
    """Return what INSERT does with a row whose key is there: "ignore", "replace" or None."""
    found: str | None = getattr(insert, "conflict", None)
    return found


def _create(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    query = read(_blank(text, 0, found.end()))
    if isinstance(query, StatementError):
        return query
    return ast.CreateTable(
        name=_identifier(text, found),
        from_select=query,
        is_replace=found["replace"] is not None,
        if_not_exists=found["unless"] is not None,
    )


def _insert_or(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    insert = read(_blank(text, found.start("or"), found.end("or")))
    if not isinstance(insert, StatementError):
        insert.conflict = found["what"].lower()
    return insert


def _insert(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    query = read(_blank(text, 0, found.end()))
    if isinstance(query, StatementError):
        return query
    columns = None
    if found["columns"] is not None:
        start, end = found.span("columns")
        names = text[start + 1 : end - 1].split(",")
        columns = [ast.Identifier(parts=[name.strip().strip('`"')]) for name in names]
    return ast.Insert(table=_identifier(text, found), columns=columns, from_select=query)


def _look(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    kind = {"desc": "describe"}.get(found["kind"].lower(), found["kind"].lower())
    name = _ONLY_NAME.match(without_quotes(text), found.end())
    if name is None:
        statement = read(_blank(text, 0, found.end()))
        return statement if isinstance(statement, StatementError) else Look(kind, statement=statement)
    identifier = _identifier(text, name)
    return ast.Describe(identifier) if kind == "describe" else Look(kind, table=identifier)


def _identifier(text: str, found: re.Match[str]) -> Any:
    start, end = found.span("name")
    return ast.Identifier(text[start:end].replace('"', "`"))


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
