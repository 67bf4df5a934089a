"""The own text of a cell beside its value: a prompt gets `1.10` of a CSV, and SQL the number 1.1.

A table of a file says which of its columns have one (`mark`). Where a query only hands such a column on, its
text goes along in a column with a private name (`carried`), until the rows come to a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import exp

from .files.relation import identifier
from .sql.expressions import aliased, column
from .table import Table

#: The beginning of the name of a column that holds the texts of another column.
PREFIX = "__portkey_text_"
_MARK = "own_texts"
#: What makes one row of several. There a cell has no text of its own.
_COLLECTIVE = ("distinct", "group", "having")


def mark(relation: Any, texts: Mapping[str, str]) -> Any:
    """Note at a subquery, whose SQL is written out, the columns that have texts, and their SQL; return it."""
    relation.meta[_MARK] = dict(texts)
    return relation


def marked(relation: Any) -> frozenset[str]:
    """Return the names of the columns of a relation that have texts."""
    return frozenset(relation.meta.get(_MARK, ()))


def with_texts(relation: Any) -> Any:
    """Return a relation that has the texts as columns, too."""
    found = relation.copy()
    _add_texts(found)
    return found


def _add_texts(relation: Any) -> None:
    texts = relation.meta.pop(_MARK, None)
    if texts:
        added = [f"{sql} AS {identifier(PREFIX + name)}" for name, sql in texts.items()]
        shown = relation.this.this.removeprefix("SELECT ")
        relation.set("this", exp.Var(this=f"SELECT {', '.join(added)}, {shown}"))


def carried(query: Any) -> Any:
    """Return a query, which may be changed, that hands on the texts of the columns that it hands on."""
    _carry(query)
    return query


def _carry(query: Any) -> list[str]:
    """Change a query so, and return the columns whose texts it hands on."""
    if not isinstance(query, exp.Select) or any(query.args.get(name) for name in _COLLECTIVE):
        return []
    known: dict[str, list[str]] = {}
    for relation in _subqueries(query):
        if isinstance(relation.this, exp.Select):
            known[relation.alias.lower()] = _carry(relation.this)
        else:
            known[relation.alias.lower()] = list(marked(relation))
            _add_texts(relation)
    added, names = [], []
    for target in query.expressions:
        shown = target.this if isinstance(target, exp.Alias) else target
        table = shown.table if isinstance(shown, exp.Column) else ""
        owners = [known.get(table.lower(), [])] if table else list(known.values())
        if shown.is_star:
            names += [name for owner in owners for name in owner]  # it takes the texts along by itself
        elif isinstance(shown, exp.Column):
            found = [name for owner in owners for name in owner if name.lower() == shown.name.lower()]
            if len(found) == 1:
                names.append(target.alias_or_name)
                added.append(aliased(column(PREFIX + found[0], table or None), PREFIX + names[-1]))
    query.select(*added, copy=False)
    return names


def split(rows: Table) -> Table:
    """Return rows whose texts are no columns any more, but the texts of columns."""
    rows = rows.distinctly_named()
    places = {name.lower(): place for place, name in enumerate(rows.names)}
    own = {place for place, name in enumerate(rows.names) if name.startswith(PREFIX)}
    shown = [place for place in range(len(rows.names)) if place not in own]
    texts = {places[rows.names[place].removeprefix(PREFIX).lower()]: place for place in own}
    return Table(
        rows.arrow.select(shown),
        frozenset(new for new, place in enumerate(shown) if place in rows.json),
        {new: rows.arrow.column(texts[place]) for new, place in enumerate(shown) if place in texts},
        rows.from_file,
    )


def _subqueries(query: Any) -> Iterator[Any]:
    """Yield the subqueries in FROM."""
    sources = [query.args.get("from") or query.args.get("from_"), *(query.args.get("joins") or ())]
    for source in sources:
        if source is not None and isinstance(source.this, exp.Subquery):
            yield source.this
