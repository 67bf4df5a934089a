"""Queries that MindsDB's parser reads without an error, but not as they are meant."""

from __future__ import annotations

import re

from .duckdb_text import QUERY, without_quotes

#: Words that it takes for names. In a text of `without_quotes`, a 0 begins a quoted text.
_WORDS = re.compile(
    r"\bilike\b|\bescape\s*['\"0]|\b(?:glob|similar\s+to)\s*['\"0]|\bat\s+time\s+zone\b"
    r"|\bby\s+all\b",
    re.IGNORECASE,
)
#: Joins whose word it takes for the name of the table in front; the join is then another one.
_JOINS = re.compile(
    r"\b(natural|positional|asof|semi|anti)\s+(?:(?:inner|left|right|full|outer)\s+)*join\b", re.IGNORECASE
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
#: Words that can stand between names. Others are names, as far as this module is concerned.
_NO_NAMES = frozenset(
    ("select", "distinct", "all", "from", "where", "and", "or", "not", "is", "null", "in", "like",
     "ilike", "between", "case", "when", "then", "else", "end", "on", "using", "join", "inner", "left",
     "right", "full", "outer", "cross", "natural", "positional", "asof", "semi", "anti", "group", "by",
     "having", "qualify", "order", "asc", "desc", "nulls", "first", "last", "limit", "offset", "union",
     "intersect", "except", "with", "recursive", "materialized", "over", "partition", "rows", "range",
     "groups", "unbounded", "preceding", "following", "current", "row", "exclude", "ties", "no",
     "others", "filter", "within", "ignore", "respect", "exists", "any", "some", "interval", "date",
     "time", "timestamp", "values", "window", "collate", "fetch", "next", "only", "percent", "for",
     "escape", "lateral", "rollup", "cube", "grouping", "sets", "both", "leading", "trailing", "sample",
     "tablesample")
)  # fmt: skip
_AFTER_ONE = frozenset(("isnull", "notnull"))


def is_misread(statement: str) -> bool:
    """Return whether MindsDB's parser takes words of a query for something else, without an error.

    It reads `SELECT text ILIKE 'x'` as a column with two names, and `t ANTI JOIN u` as a JOIN of a table
    whose other name is `anti`.
    """
    may_be = QUERY.match(statement.lstrip()) or _WORDS.search(statement) or _JOINS.search(statement)
    if not may_be:
        return False
    plain = without_quotes(statement)
    if _WORDS.search(plain) or any(not _is_used(found[1], plain) for found in _JOINS.finditer(plain)):
        return True
    return bool(QUERY.match(plain.lstrip())) and _has_two_names(plain)


def _is_used(name: str, plain: str) -> bool:
    """Return whether a name stands before a column: then it is that of a table."""
    return re.search(rf"\b{name}\s*\.", plain, re.IGNORECASE) is not None


def _has_two_names(plain: str) -> bool:
    """Return whether something has two names one after the other, or one that is ISNULL or NOTNULL.

    The parser takes the last one: it reads `name RLIKE 'a'` and `name stars` with a missing comma as `name`.
    """
    beside = 0
    for token in _TOKEN.findall(plain):
        word = token.lower()
        if word in (")", "]", "as"):
            beside = 1
        elif not _is_name(word):
            beside = 0
        else:
            beside += 1
            if beside == 3 or (beside == 2 and word in _AFTER_ONE):
                return True
    return False


def _is_name(word: str) -> bool:
    return (word[0].isalnum() or word[0] == "_") and word not in _NO_NAMES
