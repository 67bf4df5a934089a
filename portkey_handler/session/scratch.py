"""Tables that are registered in DuckDB for one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import own_texts
from .files.relation import Relation
from .query_results import zones_of
from .table import Table

if TYPE_CHECKING:
    from .duckdb_connection import Database


class Scratch:
    """Tables that are registered for one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._names: list[str] = []
        self._kept: list[Relation] = []
        #: Time zones by the lower-case names of the columns that have one. DuckDB keeps times, but no zones.
        self.zones: dict[str, str] = {}
        #: Whether some rows are of a file, see `Table.from_file`.
        self.from_file = False

    def add(self, rows: Table) -> Any:
        """Register rows and return their expression in FROM."""
        self.zones.update(zones_of(rows.arrow.schema))
        name, source = self._database.add(rows)
        self._names.append(name)
        return source

    def add_file(self, relation: Relation) -> Any:
        """Return the expression in FROM of a table in files, which stay readable until `clear`."""
        reader = self._database.reader
        self.from_file = True
        if reader is not self._database:
            query = own_texts.with_texts(relation.expression()).this
            return self.add(own_texts.split(reader.run(query, zones=relation.zones)))
        self.zones.update(relation.zones)
        self._kept.append(relation)
        return relation.expression()

    def clear(self) -> None:
        """Remove all of them."""
        while self._names:
            self._database.remove(self._names.pop())
        self._kept.clear()
