"""The embedded session: the SQL of a MindsDB server, without one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import (
    AlreadyExistsError,
    FileError,
    NotFoundError,
    PortkeyHandlerError,
    StatementError,
    UsageError,
    alone,
    brief,
    briefly,
)
from ..local import stop_if_unused
from ..secret import Secret, forgetting
from ..usage.estimate.dry_run import on_estimate
from ..usage.interactive import shown_to_people
from .catalog import Catalog
from .done import Done
from .files.options import all_checked
from .files.writing import Files
from .model_statements import PROJECT, Models, single_name
from .sql.depth import room
from .sql.double_quotes import mark
from .sql.duckdb_nodes import Look
from .sql.parameters import Binding, Parameters
from .sql.parser import Statement, parse, split, unsupported, using
from .sql.scanner import in_double_quotes

if TYPE_CHECKING:
    import pandas as pd

    from ..usage.estimate.estimator import Estimate
    from .duckdb_connection import Database
    from .select_runner import Selector
    from .table import Result, Table
    from .views import Views


#: Statements that change engines, models and views.
_CHANGES = frozenset(
    {
        "CreateMLEngine", "DropMLEngine", "CreatePredictor", "RetrainPredictor", "DropPredictor",
        "CreateView", "AlterView", "DropView",
    }
)  # fmt: skip


def _portkey_handler() -> Any:
    from ..handler import PortkeyHandler

    return PortkeyHandler


def _harmless_options() -> frozenset[str]:
    from ..options import OPTIONS, secret_option_names

    return frozenset(OPTIONS) - secret_option_names()


def _with_estimates(result: Result, estimates: list[Estimate]) -> Result:
    if not estimates:
        return result
    from .table import Table

    if isinstance(result, Done):  # a table that was left as it is
        from ..usage.spoken_frame import words

        return replace(result, words=f"{result.words}\n\n{words(estimates)}")
    return replace(result, estimates=estimates) if isinstance(result, Table) else result


class Session:
    """Runs SQL over tables and language models.

    Args:
        path: Folder in which engines, models and views are kept; None: in memory. It holds the engines' keys
            and is readable by its owner only.
        files: Folder behind the SQL name `files`; nothing outside of it is read or written.
        connection: A DuckDB connection whose tables are seen, and written to by CREATE TABLE, INSERT and
            DROP TABLE; it is neither locked nor closed. Temporary tables of it are seen only in the thread
            that runs the session's first query. Or the path of a database file, which the session opens and
            closes.
        file_options: What is to be known about tables of files that cannot be found in them, such as
            ``{"reviews": {"encoding": "cp1252", "types": {"id": "text"}, "delimiter": ";"}}``; "*" stands for
            every table. It is for this session, and wins over SET.
        options: Options of every query to a model, as in USING, which they beat: ``{"max_cost": 1}``.

    A session works from several threads at once. Each has a DuckDB cursor of its own; statements that change
    engines and models run one after the other.
    """

    #: Tests replace these: the handler's class, and the engine options that may be shown.
    _handler_class: Callable[[], Any] = staticmethod(_portkey_handler)
    _shown_options: Callable[[], frozenset[str]] = staticmethod(_harmless_options)

    def __init__(
        self,
        path: str | Path | Catalog | None = None,
        files: str | Path = ".",
        connection: Any = None,
        file_options: Mapping[str, Mapping[str, Any]] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._options = dict(options or {})
        self._catalog = path if isinstance(path, Catalog) else Catalog(None if path is None else Path(path))
        self._file_options = all_checked(file_options)
        self._files = Files(Path(files), self._said_about_files, lambda: self._database.reader)
        self._frames: dict[str, Table] = {}
        self._owned = None
        if isinstance(connection, str | Path):
            from .duckdb_connection import connected

            self._owned = connected(Path(connection))
        elif connection is not None and type(connection).__name__ != "DuckDBPyConnection":
            raise UsageError(
                f"connection is of the type {type(connection).__name__}; give duckdb.connect(…), or the path "
                "of a database file"
            )
        self._connection = connection if self._owned is None else self._owned
        self._opening = threading.Lock()
        self._opened: Database | None = None
        self._changing = threading.RLock()
        self._models = Models(self._catalog, type(self)._handler_class, type(self)._shown_options)

    def sql(self, text: str, parameters: Parameters | None = None) -> pd.DataFrame:
        """Run one or more statements and return the rows of the last one.

        Args:
            text: The statements, separated by semicolons.
            parameters: Values for `?`, as a list in their order over all statements, or for `$name`, as a
                dict: texts, numbers, True, False, None, dates and times.

        Returns:
            The rows of the last statement. For a statement without rows an empty frame, which is shown as
            what was done: `engine e was created`. The rows of a dry run are shown as its estimate.

        Raises:
            PortkeyHandlerError: A statement failed; those before it have been run.
        """
        from .table import as_frame

        results = self._results(Secret(text), Secret(parameters))
        del text, parameters  # keys may be in them; `forgetting` cannot empty a frame that is still running
        result: Result = Done("no statement, nothing was done")
        try:
            for _, result in results:  # noqa: B007 — the last one is wanted
                pass
        except PortkeyHandlerError as error:
            raise briefly(error) from None
        return as_frame(result)

    def run(self, text: str) -> Iterator[tuple[str, pd.DataFrame]]:
        """Run statements one after the other; yield the text and the rows of each when it is done."""
        from .table import as_frame

        results = self._results(Secret(text), Secret(None))
        return ((statement.reveal(), as_frame(result)) for statement, result in results)

    def results(
        self,
        text: str,
        parameters: Parameters | None = None,
        begun: Callable[[str], object] | None = None,
    ) -> Iterator[tuple[str, Result]]:
        """Run statements as `run` does, without making every result a frame.

        The rows of a query are a `Table`, which does not need pandas. The rows of a SHOW or DESCRIBE are a
        frame. A statement without rows yields a `Done`, which says what it has done. `begun` is called with
        each statement before it is run.
        """
        results = self._results(Secret(text), Secret(parameters), begun)
        return ((statement.reveal(), result) for statement, result in results)

    def _results(
        self, text: Secret, parameters: Secret, begun: Callable[[str], object] | None = None
    ) -> Iterator[tuple[Statement, Result]]:
        try:
            with alone(), forgetting():
                binding = Binding(text, parameters)
                statements = split(binding.text)
            for statement in statements:
                if begun is not None:
                    begun(statement.reveal())
                with alone(), forgetting():
                    result = self._result_of(statement, binding)
                yield statement, result
        except PortkeyHandlerError as error:
            raise briefly(error) from None

    def _result_of(self, statement: Statement, binding: Binding) -> Result:
        estimates: list[Estimate] = []
        with shown_to_people(), on_estimate(estimates.append), room():
            tree = parse(statement)
            mark(tree, in_double_quotes(statement.reveal()))
            try:
                result = self._run(binding.bind(tree))
            except OSError as error:
                raise FileError.of(error) from None
        return _with_estimates(result, estimates)

    @brief
    def register(self, name: str, data: Any) -> None:
        """Make data a table of that name; it replaces data that was registered under that name.

        Args:
            name: The name.
            data: A pandas or Polars frame, Arrow's tables, a dict of columns, or a list of dicts (rows).

        Raises:
            AlreadyExistsError: A model or a view has that name.
            InputError: It is none of these.
        """
        if self._catalog.has_model(name):
            raise AlreadyExistsError(f"{name.lower()} is a model; register the data under another name")
        self._views().check_no_view(name, "the data")
        from .arrow_frames import from_data

        self._frames[name.lower()] = from_data(data)

    def close(self) -> None:
        """Close the session; the user's own DuckDB connection stays open."""
        if self._opened is not None:
            self._opened.close()
        if self._owned is not None:
            self._owned.close()
        stop_if_unused()

    def __enter__(self) -> Session:
        """Return the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self.close()

    def __repr__(self) -> str:
        """Show the folders, and no content."""
        return f"Session({self._catalog!r}, files={str(self._files.folder)!r})"

    # ---- statements

    @property
    def _database(self) -> Database:
        from .duckdb_connection import Database

        with self._opening:
            if self._opened is None:
                self._opened = Database(self._connection)
            return self._opened

    def _run(self, node: Any) -> Result:
        run = self._statements.get(type(node).__name__)
        if run is None:
            raise unsupported(type(node).__name__)
        if type(node).__name__ in _CHANGES:
            with self._changing:
                return run(self, node)
        return run(self, node)

    def _views(self) -> Views:
        from .views import Views

        return Views(self._catalog, self._table_names, self._selector)

    def _table_names(self) -> set[str]:
        return {*self._frames, *(table.lower() for table in self._database.table_names())}

    def _selector(self, with_views: Callable[[Any], Any] | None = None) -> Selector:
        from .select_runner import Selector

        own = self._views()
        views = {
            "models": self._models.show,
            "ml_engines": self._models.show_engines,
            "views": own.show,
        }
        everywhere = {
            f"{prefix}{name}": view
            for name, view in views.items()
            for prefix in ("", "mindsdb.", "information_schema.")
        }
        return Selector(
            self._database,
            self._files,
            self._frames,
            self._catalog.models(),
            self._models.opened,
            everywhere,
            self._options,
            with_views or own.expanded,
        )

    def _select(self, node: Any) -> Table:
        return self._selector().run(node)

    def _rows_for(self, node: Any) -> pd.DataFrame | None:
        """Return the rows of the FROM (SELECT …) of CREATE MODEL or RETRAIN."""
        if node.query_str is None:
            return None
        from .result_frames import to_frame
        from .sql.rewrite import in_files

        name = "" if node.integration_name is None else str(node.integration_name.parts[-1]).lower()
        if name not in ("", "files", PROJECT):
            raise NotFoundError(f"the database {name} does not exist; there are: files, {PROJECT}")
        query = in_files(node.query_str) if name == "files" else parse(node.query_str)
        return to_frame(self._select(query))

    def _create_engine(self, node: Any) -> Done:
        return self._models.create_engine(node)

    def _drop_engine(self, node: Any) -> Done:
        return self._models.drop_engine(node)

    def _create_model(self, node: Any) -> Done:
        self._views().check_no_view(str(node.name.parts[-1]), "the model")
        if str(node.name.parts[-1]).lower() in self._frames:
            raise AlreadyExistsError(
                f"{node.name.parts[-1]} is a registered table; choose another name for the model"
            )
        return self._models.create(node, self._rows_for)

    def _retrain(self, node: Any) -> Done:
        return self._models.retrain(node, self._rows_for)

    def _finetune(self, node: Any) -> Done:
        with self._models.opened(self._catalog.model(single_name(node.name))) as handler:
            handler.finetune(None, {"using": using(node.using)})
        return Done("nothing was done")  # the handler has refused it

    def _drop_model(self, node: Any) -> Done:
        return self._models.drop(node)

    def _describe(self, node: Any) -> pd.DataFrame:
        if self._is_data(node):
            from .descriptions import described, everything_in

            return described(self._selector(), everything_in(node.value))
        kind = (node.type or "model").lower()
        if kind == "ml_engine":
            name = self._catalog.engine(str(node.value.parts[-1])).name
            engines = self._models.show_engines()
            found: pd.DataFrame = engines[engines["NAME"] == name].reset_index(drop=True)
            return found
        if kind not in ("model", "predictor"):
            raise unsupported(f"DESCRIBE {kind.upper()}")
        return self._models.describe(node)

    def _is_data(self, node: Any) -> bool:
        """Return whether DESCRIBE means a table or a view, and no model or engine."""
        if (node.type or "table").lower() not in ("table", "view"):
            return False
        name = ".".join(str(part).lower() for part in node.value.parts)
        if node.type or name.startswith("files."):
            return True
        return (name in self._table_names() or self._views().has(node.value)) and not self._catalog.has_model(
            name
        )

    def _look(self, node: Any) -> Result:
        from . import descriptions as looks

        query = looks.everything_in(node.table) if node.statement is None else looks.query_of(node.statement)
        run: dict[str, Callable[[Selector, Any], Result]] = {
            "describe": looks.described,
            "summarize": looks.summarized,
            "explain": looks.explained,
        }
        return run[node.kind](self._selector(), query)

    def _explain(self, node: Any) -> Result:
        return self._look(Look("explain", table=node.target))

    def _create_table(self, node: Any) -> Done:
        from . import own_tables
        from .files.statements import create_table

        if own_tables.is_own(node.name, self._connection):
            self._views().check_no_view(str(node.name.parts[-1]), "the table")
            return own_tables.create_table(node, self._selector())
        return create_table(node, self._files, self._selector())

    def _insert(self, node: Any) -> Done:
        from . import own_tables
        from .files.statements import insert

        if self._views().has(node.table):
            raise StatementError(f"{node.table.parts[-1]} is a view, which is only read; INSERT INTO a table")
        if own_tables.is_own(node.table, self._connection):
            return own_tables.insert(node, self._selector())
        return insert(node, self._files, self._selector())

    def _create_view(self, node: Any) -> Done:
        return self._views().create(node)

    def _drop_view(self, node: Any) -> Done:
        return self._views().drop(node)

    def _drop_tables(self, node: Any) -> Done:
        from . import own_tables
        from .files.statements import drop_tables

        view = next((table for table in node.tables if self._views().has(table)), None)
        if view is not None:
            raise NotFoundError(f"{view.parts[-1]} is a view, not a table: DROP VIEW {view.parts[-1]}")
        own = [table for table in node.tables if own_tables.is_own(table, self._connection)]
        if not own:
            return drop_tables(node, self._files)
        if len(own) < len(node.tables):
            raise StatementError("DROP TABLE takes tables of files or tables of the connection, not both")
        said = [own_tables.drop_table(one, self._selector(), if_exists=node.if_exists) for one in own]
        return Done("; ".join(done.words for done in said))

    def _said_about_files(self) -> dict[str, dict[str, Any]]:
        said = self._catalog.file_options()
        for table, options in self._file_options.items():
            said[table] = {**said.get(table, {}), **options}
        return said

    def _set(self, node: Any) -> Done:
        name = "" if node.name is None else str(node.name).lower()
        if name.startswith("files."):
            from .files.statements import set_option

            return set_option(node, self._catalog)
        if name != "predictor_cache":
            raise unsupported(f"SET {name or node.category or ''}".strip())
        # Scripts for a MindsDB server turn it off, so it is accepted.
        return Done("a session has no predict cache, so nothing was changed")

    def _show(self, node: Any) -> pd.DataFrame:
        from .shows import Shows

        shows = Shows(
            self._models, self._files, self._catalog, sorted(self._frames), self._database, self._views()
        )
        frame = shows.frame(node)
        return self._selector().filtered(frame, node.where, node.like, str(frame.columns[0]))

    _statements: ClassVar[dict[str, Callable[[Session, Any], Result]]] = {
        "Select": _select, "Union": _select, "Intersect": _select, "Except": _select,
        "CreateMLEngine": _create_engine, "DropMLEngine": _drop_engine,
        "CreatePredictor": _create_model, "RetrainPredictor": _retrain, "DropPredictor": _drop_model,
        "FinetunePredictor": _finetune,
        "Describe": _describe, "Look": _look, "Explain": _explain, "Show": _show, "Set": _set,
        "CreateTable": _create_table, "Insert": _insert, "DropTables": _drop_tables,
        "CreateView": _create_view, "AlterView": _create_view, "DropView": _drop_view,
    }  # fmt: skip
