"""Statements around a query that MindsDB's parser refuses or does not read: CREATE VIEW, EXPLAIN …."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...errors import StatementError
from .duckdb_nodes import Look
from .duckdb_text import without_quotes
from .parser import AlterView, CreateView, ast

_NAME = r"(?P<name>\w+(?:\s*\.\s*\w+)*)"
_QUERY = r"(?=\(*\s*(?:SELECT|FROM|WITH)\b)"
_CREATE = re.compile(
    rf"\s*CREATE\s+(?P<replace>OR\s+REPLACE\s+)?TABLE\s+(?P<unless>IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*(?:\bAS\b|{_QUERY})",
    re.IGNORECASE,
)
_VIEW = re.compile(
    r"\s*(?:(?P<alter>ALTER)|CREATE(?P<replace>\s+OR\s+REPLACE)?)\s+VIEW\s+(?P<unless>IF\s+NOT\s+EXISTS\s+)?"
    rf"{_NAME}\s*(?P<columns>\([\w\s,]+\)(?=\s*AS\b))?(?:FROM\s+(?P<database>\w+)\b\s*)?\s*"
    r"(?:\bAS\b|(?=\())(?=[\s(]*(?:SELECT|FROM|WITH)\b)",
    re.IGNORECASE,
)
_INSERT_OR = re.compile(r"\s*INSERT\s+(?P<or>OR\s+(?P<what>IGNORE|REPLACE))\s+INTO\b", re.IGNORECASE)
_BY = re.compile(
    rf"\s*{_NAME}\s*(?:\([\w\s,]*\)\s*)?(?P<by>BY\s*(?P<columns>\([\w\s,]*\w[\w\s,]*\)))", re.IGNORECASE
)
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
    for pattern, made in (
        (_CREATE, _create), (_VIEW, _view), (_INSERT_OR, _insert_or), (_INSERT, _insert), (_LOOK, _look),
    ):  # fmt: skip
        found = pattern.match(plain)
        if found is not None:
            return made(text, found, read)
    return None


def conflict_of(insert: Any) -> str | None:
    """Return what INSERT does with a row whose key is there: "ignore", "replace" or None."""
    found: str | None = getattr(insert, "conflict", None)
    return found


def key_of(insert: Any) -> tuple[str, ...] | None:
    """Return the columns that INSERT OR … BY (…) names as the key, or None."""
    found: tuple[str, ...] | None = getattr(insert, "key", None)
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


def _view(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    query = read(_blank(text, 0, found.end()))
    if isinstance(query, StatementError):
        return query
    written = text[found.end() :].strip().rstrip(";").rstrip()
    kind = CreateView if found["alter"] is None else AlterView
    view = kind(name=_identifier(text, found), query_str=without_parentheses(written))
    if found["database"] is not None:
        view.from_table = ast.Identifier(text[slice(*found.span("database"))])
    view.if_not_exists, view.is_replace = found["unless"] is not None, found["replace"] is not None
    view.columns = [] if found["columns"] is None else _names(text, found)
    return view


def _insert_or(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    rest = _blank(text, found.start("or"), found.end("or"))
    by = _BY.match(without_quotes(text), found.end())
    insert = read(rest if by is None else _blank(rest, *by.span("by")))
    if not isinstance(insert, StatementError):
        insert.conflict = found["what"].lower()
        insert.key = None if by is None else tuple(_names(text, by))
    return insert


def _insert(text: str, found: re.Match[str], read: Callable[[str], Any]) -> Any:
    query = read(_blank(text, 0, found.end()))
    if isinstance(query, StatementError):
        return query
    columns = None
    if found["columns"] is not None:
        columns = [ast.Identifier(parts=[name]) for name in _names(text, found)]
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


def _names(text: str, found: re.Match[str]) -> list[str]:
    """Return the names in the parentheses behind a table's name."""
    start, end = found.span("columns")
    return [name.strip().strip('`"') for name in text[start + 1 : end - 1].split(",")]


def without_parentheses(query: str) -> str:
    """Return a query without parentheses around all of it."""
    plain = without_quotes(query)
    depth = 0
    for place, sign in enumerate(plain):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if not depth:
            is_whole = plain.startswith("(") and place == len(plain) - 1
            return without_parentheses(query[1:-1].strip()) if is_whole else query
    return query


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + re.sub(r"\S", " ", text[start:end]) + text[end:]
