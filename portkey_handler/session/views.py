"""Views: queries that are kept in the catalog, and run each time they are selected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExistsError, NotFoundError, StatementError, did_you_mean
from ..foreign_text import without_keys
from .catalog import Catalog, View, now
from .descriptions import described, everything_in
from .done import Done
from .model_statements import PROJECT, find_model, single_name
from .sql.double_quotes import mark
from .sql.nodes import flat
from .sql.parser import AlterView, ast, parse
from .sql.rewrite import in_files, prepared, rewrite
from .sql.scanner import in_double_quotes
from .sql.views import ViewQuery, expanded

if TYPE_CHECKING:
    import pandas as pd

    from .select_runner import Selector

#: Tables that the session makes itself.
RESERVED = frozenset(("models", "ml_engines", "views"))


class Views:
    """Runs the statements about views, and puts views into queries.

    Args:
        catalog: Where views are kept.
        tables: Returns the lower-case names of frames and of tables of the connection.
        selector: Returns what runs queries, in which a function puts views.
    """

    def __init__(
        self,
        catalog: Catalog,
        tables: Callable[[], Collection[str]],
        selector: Callable[[Callable[[Any], Any]], Selector],
    ) -> None:
        self._catalog = catalog
        self._tables = tables
        self._selector = selector

    def create(self, node: Any) -> Done:
        """CREATE [OR REPLACE] VIEW [IF NOT EXISTS] and ALTER VIEW; the query is checked, and asks no model.

        Raises:
            AlreadyExistsError: A table, a model or a view has that name.
            StatementError: The query cannot be run, or reads the view itself.
        """
        name, known = single_name(node.name), self._catalog.views()
        is_known = name.lower() in known
        if isinstance(node, AlterView) and not is_known:
            raise _no_view(name, known)
        if is_known and node.if_not_exists:
            return Done(f"the view {name} exists already, so nothing was changed")
        is_replaced = node.is_replace or isinstance(node, AlterView)
        self._check_free(name)
        _check_new(name)
        view = View(name, node.query_str, now(), _database(node.from_table))
        # Its own name is known before it is there, so that a view that reads itself is found.
        selector = self._selector(lambda query: self._expanded(query, {**known, name.lower(): view}))
        everything = everything_in(ast.Identifier(parts=[PROJECT, name]))
        given = described(selector, everything)["column_name"].tolist()
        made = View(name, view.query, view.created, view.database, _named(name, given, node.columns))
        self._catalog.add_view(made, replace=is_replaced)
        asked = list(dict.fromkeys(_models_in(selector.prepared(everything), selector)))
        words = f"the view {name} was {'replaced' if is_known else 'created'}"
        if asked:
            words += (
                f"; each SELECT from it asks {', '.join(asked)}, and pays for the rows whose answers are not "
                "cached"
            )
        return Done(words)

    def drop(self, node: Any) -> Done:
        """DROP VIEW [IF EXISTS] of one or more views.

        Raises:
            NotFoundError: There is no such view.
        """
        said, known = [], self._catalog.views()
        names = [single_name(identifier) for identifier in node.names]
        for name in names:
            if name.lower() in known:
                said.append(f"the view {name} was dropped")
            elif node.if_exists:
                said.append(f"there is no view {name}, so nothing was changed")
            elif self._catalog.has_model(name):
                raise NotFoundError(f"{name} is a model, not a view: DROP MODEL {name}")
            else:
                raise _no_view(name, known)
        for name in names:
            self._catalog.drop_view(name)
        return Done("; ".join(said))

    def show(self) -> pd.DataFrame:
        """Return the name, the project and the query of every view."""
        import pandas as pd

        rows = [(view.name, PROJECT, without_keys(view.query)) for view in self._catalog.views().values()]
        found: pd.DataFrame = pd.DataFrame(rows, columns=["NAME", "PROJECT", "QUERY"], dtype=object)
        return found

    def has(self, identifier: Any) -> bool:
        """Return whether a name in a statement is a view's."""
        return _bare(identifier) in self._catalog.views()

    def check_no_view(self, name: str, what: str) -> None:
        """Check that no view has a name.

        Raises:
            AlreadyExistsError: One has.
        """
        if name.lower() in self._catalog.views():
            raise AlreadyExistsError(f"{name.lower()} is a view; choose another name for {what}")

    def expanded(self, query: Any) -> Any:
        """Return a query in which subselects stand for views; the tree is changed.

        Raises:
            StatementError: A view reads itself, or has the name of a table.
        """
        views = self._catalog.views()
        return self._expanded(query, views) if views else query

    def _expanded(self, query: Any, views: Mapping[str, View]) -> Any:
        read: dict[str, ViewQuery] = {}

        def find(identifier: Any) -> ViewQuery | None:
            name = _bare(identifier)
            if name not in views:
                return None
            if len(identifier.parts) == 1 and name in self._tables():
                raise StatementError(
                    f"{identifier.parts[0]} is a view and a table: write {PROJECT}.{name} for the view, or "
                    f"DROP VIEW {name}"
                )
            if name not in read:
                read[name] = _query_of(views[name])
            return read[name]

        return expanded(query, find)

    def _check_free(self, name: str) -> None:
        if name.lower() in RESERVED:
            raise AlreadyExistsError(f"{name} is a table of the session itself; choose another name")
        if name.lower() in self._tables():
            raise AlreadyExistsError(f"{name} is a table; choose another name for the view")
        if self._catalog.has_model(name):
            raise AlreadyExistsError(f"{name} is a model; choose another name for the view")


def _check_new(name: str) -> None:
    from ..options import check_new_names  # loads what a query without models does not need

    check_new_names(view=name)


def _bare(identifier: Any) -> str:
    """Return the lower-case name that may be a view's, without the project; empty where none can be."""
    parts = [str(part).lower() for part in identifier.parts]
    if len(parts) == 2 and parts[0] == PROJECT:
        parts = parts[1:]
    return parts[0] if len(parts) == 1 else ""


def _database(identifier: Any) -> str:
    name = "" if identifier is None else str(identifier.parts[-1]).lower()
    if name not in ("", "files", PROJECT):
        raise NotFoundError(f"the database {name} does not exist; there are: files, {PROJECT}")
    return name


def _query_of(view: View) -> ViewQuery:
    query = in_files(view.query) if view.database == "files" else parse(view.query)
    mark(query, in_double_quotes(view.query))
    columns = tuple((old, new) for old, new in view.columns)
    return ViewQuery(view.name, prepared(query), columns)


def _named(name: str, given: list[str], columns: list[str]) -> list[list[str]]:
    """Return the names of columns as the query gives them and as CREATE VIEW name (…) does."""
    if not columns:
        return []
    if len(columns) != len(given) or len({column.lower() for column in columns}) != len(columns):
        raise StatementError(
            f"the view {name} names {len(columns)} columns, and its query has {len(given)}: "
            f"{', '.join(given)}; give each a name of its own"
        )
    return [list(pair) for pair in zip(given, columns, strict=True)]


def _models_in(query: Any, selector: Selector) -> Iterator[str]:
    """Return the names of the models that a query asks."""
    found: list[str] = []

    def look(part: Any) -> None:
        if isinstance(part, ast.Select):
            items = [item for item, _, _ in flat(part.from_table) if isinstance(item, ast.Identifier)]
            models = [find_model(selector.models, item) for item in items]
            found.extend(model.name for model in models if model is not None)

    look(query)
    rewrite(query, look)
    return iter(found)


def _no_view(name: str, known: Mapping[str, View]) -> NotFoundError:
    names = [view.name for view in known.values()]
    hint = did_you_mean(name, names) or f"; there are: {', '.join(names) or 'none'}"
    return NotFoundError(f"the view {name} does not exist{hint}")
