"""Runs a query that may ask models: data from DuckDB, answers from the handler, the result in DuckDB."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from ..errors import NotFoundError, QueryError, StatementError
from ..records import IN_BATCHES, NOT_ASKED, STILL_OUT
from ..usage.formatting import counted
from . import own_texts
from .catalog import Model
from .constant_subselects import fill_in_constants
from .duckdb_connection import Database
from .files.writing import Files
from .model_columns import columns_of
from .model_statements import find_model
from .scratch import Scratch
from .sql.double_quotes import marked, named_by_with, refuse_columns, selects
from .sql.duckdb_nodes import qualify_of
from .sql.expressions import aliased
from .sql.nodes import alias_of, flat, is_star, output_names, paths
from .sql.parser import ast
from .sql.plan import Asked, Plan, Question, Source, of_models, options_for, parts
from .sql.pruning import NAIVE
from .sql.rewrite import QUERIES, prepared, rewrite, taken_using
from .sql.to_sqlglot import Translator, check_ends
from .table import Table
from .tables_in_from import loaded

if TYPE_CHECKING:
    import pandas as pd

Opened = Callable[[Model], AbstractContextManager[Any]]


class Selector:
    """Runs queries.

    Args:
        database: Runs the queries over data.
        files: The tables of `files`.
        frames: Registered tables by lower-case name.
        models: All versions of all models.
        opened: Returns the handler of a model, open inside a `with` block.
        views: Tables that the session makes itself, by dotted lower-case name.
        options: Options of every query, which beat those of USING.
        with_views: Returns a query in which subselects stand for the user's views; it may change the tree.

    Attributes:
        is_dry: Whether a model of the last query was asked in a dry run, so that its rows lack answers.
        still_out: How many answers of the last query are still in a batch.
        asking: The SELECT whose models are asked now: how many queries are around it, and its number.
    """

    def __init__(
        self,
        database: Database,
        files: Files,
        frames: Mapping[str, Table],
        models: Sequence[Model],
        opened: Opened,
        views: Mapping[str, Callable[[], pd.DataFrame]],
        options: Mapping[str, Any],
        with_views: Callable[[Any], Any] = lambda query: query,
    ) -> None:
        self.options = options
        self._with_views = with_views
        self.is_dry = False
        self.still_out = 0
        self.asking = (0, 0)
        self.database = database
        self.files = files
        self.frames = frames
        self.models = models
        self.opened = opened
        self.views = views

    def run(self, query: Any) -> Table:
        """Run a parsed query; the tree is not changed."""
        self.is_dry, self.still_out = False, 0
        with self.database.scratch() as scratch:
            return _Run(self, scratch).query(self.prepared(query))

    def prepared(self, query: Any) -> Any:
        """Return a copy of a parsed query in which subselects stand for views."""
        return self._with_views(prepared(copy.deepcopy(query)))

    def rows_to_write(self, query: Any) -> Table:
        """Run a parsed query whose rows are written into a table.

        Raises:
            QueryError: Some of its rows are still in a batch; nothing may be written.
        """
        rows = self.run(query)
        if self.still_out:
            raise QueryError(
                f"nothing was written, because {counted(self.still_out, 'answer')} of the query "
                f"{'is' if self.still_out == 1 else 'are'} still in a batch; run the statement again when "
                "the batch has ended, or let it wait by wait = true"
            )
        return rows

    def with_data_query(self, query: Any, use: Callable[[Any], Any]) -> Any:
        """Return what `use` makes of the finished query over data; None for a query that asks models."""
        with self.database.scratch() as scratch:
            found = _Run(self, scratch).data_query(self.prepared(query))
            return None if found is None else use(found)

    def filtered(self, frame: pd.DataFrame, where: Any, like: str | None, name: str) -> pd.DataFrame:
        """Return the rows of a SHOW that match its WHERE and LIKE; LIKE tests the column `name`."""
        if where is None and like is None:
            return frame
        from .arrow_frames import from_frame
        from .result_frames import to_frame

        with self.database.scratch() as scratch:
            run = _Run(self, scratch)
            query = ast.Select(targets=[ast.Star()], from_table=run.private(from_frame(frame)), where=where)
            if like is not None:
                query.where = ast.BinaryOperation(
                    op="like", args=[ast.Identifier(parts=[name]), ast.Constant(like)]
                )
            return to_frame(run.query(query))


class _Run:
    """A running statement: the tables it has registered, and its WITH queries."""

    def __init__(self, selector: Selector, scratch: Scratch) -> None:
        self._selector = selector
        # The options of USING that hold here: those of the query and of every query around it.
        self._options: dict[str, Any] = {}
        self._database = selector.database
        self._scratch = scratch
        self._named: dict[str, Any] = {}
        self._loaded: dict[str, Any] = {}
        self._level = 0
        self._numbers = itertools.count()

    # ---- queries

    def query(self, node: Any, *, is_nested: bool = False) -> Table:
        """Return the rows of a query; those of a nested one with the own texts of their cells."""
        around, own = self._options, taken_using(node)
        self._check_using(node, own)
        self._options = {**around, **own}
        self._level += is_nested
        try:
            return self._rows(node, is_nested)
        finally:
            self._options = around
            self._level -= is_nested

    def _rows(self, node: Any, is_nested: bool) -> Table:
        self._check_double_quotes(node)
        if not self._asks(node):
            found = self._translator().query(node)
            return own_texts.split(self._run(own_texts.carried(found))) if is_nested else self._run(found)
        check_ends(node)  # before a part of it is asked, and its rows stand in its place
        self._run_ctes(node)
        if isinstance(node, ast.Select) and any(self._model(item) for item, _, _ in flat(node.from_table)):
            return self._ask(node, is_nested=is_nested)
        rewrite(node, self._answered)
        return self._run(self._translator().query(node))

    def data_query(self, node: Any) -> Any:
        """Return the finished query of one that asks no model, or None."""
        self._check_double_quotes(node)
        return None if self._asks(node) else self._translator().query(node)

    def _check_double_quotes(self, query: Any) -> None:
        """Check that no text in double quotes of a query is the name of a column of its tables.

        Raises:
            StatementError: One is.
        """
        for select in selects(query):
            items = list(flat(select.from_table))
            behind = [select.group_by, select.having, qualify_of(select), select.order_by]
            own = [select.targets, select.where, *behind, [condition for _, _, condition in items]]
            if texts := marked(parts(own)):
                names = [name for item, _, _ in items for name in self._names_in(item, query)]
                refuse_columns(texts, names)
                refuse_columns(marked(parts(behind)), [name for name in output_names(select.targets) if name])

    def _names_in(self, item: Any, query: Any, seen: tuple[str, ...] = ()) -> Sequence[str]:
        """Return the names of the columns of something in FROM, as far as they are known.

        Args:
            item: A table, a model or a subselect.
            query: The whole query, whose WITH may give the table its name.
            seen: Names of WITH that have been looked up; a query may read a table of its own name.
        """
        if (model := self._model(item)) is not None:
            return columns_of(model)
        if isinstance(item, ast.Identifier):
            named = None if str(item) in seen else named_by_with(query, item)
            seen = (*seen, str(item))
            if named is None:
                with suppress(NotFoundError):  # which is said later
                    return self._columns(self.table(item))
            item = named
        while isinstance(item, ast.Union | ast.Intersect | ast.Except):
            item = item.left
        if not isinstance(item, ast.Select):
            return ()
        names = [name for name in output_names(item.targets) if name]
        if any(isinstance(target, ast.Star) or is_star(target) for target in item.targets):
            names += [
                name for one, _, _ in flat(item.from_table) for name in self._names_in(one, query, seen)
            ]
        return names

    def _check_using(self, query: Any, options: Mapping[str, Any]) -> None:
        """Check that USING names only models that are in the query, at any depth.

        Raises:
            StatementError: A model of that name is not in the query.
        """
        if not any("." in name for name in options):
            return
        names: list[str] = []

        def look(part: Any) -> Any:
            if isinstance(part, ast.Select):
                asked = [item for item, _, _ in flat(part.from_table) if self._model(item)]
                names.extend(str(alias_of(item)) for item in asked)

        look(query)
        rewrite(query, look)
        for name in names:
            options_for(options, name, names)

    def private(self, rows: Table) -> Any:
        """Register rows; return the identifier of the table in this statement."""
        name = f"__private_{len(self._named)}"
        self._named[name] = self._scratch.add(rows.distinctly_named())
        return ast.Identifier(parts=[name])

    def _run(self, expression: Any, names: Mapping[str, str] | None = None) -> Table:
        scratch = self._scratch
        return self._database.run(expression, names, scratch.zones, from_file=scratch.from_file)

    def _translator(self) -> Translator:
        return Translator(self.table, self._database.functions())

    def _run_ctes(self, node: Any) -> None:
        first = node
        while not isinstance(first, ast.Select):
            first = first.left
        for cte in first.cte or ():
            if cte.columns:
                raise StatementError("WITH name(columns): name the columns inside the query instead")
            rows = self.query(cte.query, is_nested=True)
            self._named[str(cte.name.parts[-1]).lower()] = self._scratch.add(rows.distinctly_named())
        first.cte = None

    def _answered(self, node: Any) -> Any:
        """Replace a nested query that asks models by its rows."""
        if isinstance(node, ast.Exists | ast.NotExists):
            if not NAIVE.get() and self._asks(node.query):
                _end_at_one_row(node.query)
            return None
        if not isinstance(node, QUERIES) or not self._asks(node):
            return None
        alias, node.alias = node.alias, None
        result = ast.Select(targets=[ast.Star()], from_table=self.private(self.query(node, is_nested=True)))
        result.alias, result.parentheses = alias, True
        result.named = getattr(node, "named", None)
        return result

    def _asks(self, node: Any) -> bool:
        found: list[bool] = []

        def look(part: Any) -> Any:
            if isinstance(part, ast.Select):
                found.extend(bool(self._model(item)) for item, _, _ in flat(part.from_table))

        look(node)
        rewrite(node, look)
        return any(found)

    def _model(self, node: Any) -> Model | None:
        if not isinstance(node, ast.Identifier):
            return None
        if len(node.parts) == 1 and str(node.parts[0]).lower() in self._named:
            return None
        return find_model(self._selector.models, node)

    # ---- tables

    def table(self, identifier: Any) -> Any:
        """Return the expression of a table in FROM.

        Raises:
            NotFoundError: There is no such table.
        """
        parts = [str(part) for part in identifier.parts]
        name = ".".join(parts).lower()
        if name in self._named:
            return self._named[name].copy()
        if name not in self._loaded:
            self._loaded[name] = loaded(self._selector, self._scratch, parts, name)
        return self._loaded[name].copy()

    def _columns(self, relation: Any) -> tuple[str, ...]:
        query = exp.select(exp.Star()).from_(aliased(relation.copy(), "t"))
        return tuple(name for name, _ in self._database.columns(query))

    # ---- models

    def _ask(self, select: Any, *, is_nested: bool) -> Table:
        from .asking import Asking
        from .model_join import asked, check_final, empty_frame, inputs, seen, together
        from .model_order import dependencies
        from .sql.planner import Planner

        question, models = self._question(select)
        self._selector.asking = (self._level, next(self._numbers))
        with ExitStack() as stack:
            handlers = [stack.enter_context(self._selector.opened(model)) for model in models]
            empty = empty_frame(question, self._database)
            # Without rows nothing is sent. The handler tells its columns, or what is wrong with the options.
            every = [{name: value for name, (value, _) in found.items()} for found in question.constants]
            outputs, _ = asked(question, handlers, empty, every)
            # In a dry run no answer is known, so a condition on answers cannot be applied.
            is_dry = any(output.attrs.get(NOT_ASKED) for output in outputs.values())
            self._selector.is_dry |= is_dry
            columns = [list(output.columns) for output in outputs.values()]
            plan = Planner(question, columns).plan()
            check_final(plan, empty, [*outputs.values()], self._database, self._scratch)
            in_batches = any(output.attrs.get(IN_BATCHES) for output in outputs.values())
            data = self._data(question, plan)
            if data.arrow.num_rows:
                if NAIVE.get():
                    outputs, _ = asked(question, handlers, seen(question, data), inputs(question, plan))
                else:
                    asking = Asking(question, plan, handlers, self._scratch, self._run)
                    data, outputs = asking.answers(
                        data,
                        dependencies(question, handlers, empty, columns),
                        is_dry=is_dry,
                        in_batches=in_batches,
                    )
            self._selector.still_out += sum(output.attrs.get(STILL_OUT, 0) for output in outputs.values())
        source = self._scratch.add(together(question, plan, data, outputs))
        return self._run(plan.final(source, not (is_nested and is_dry)), plan.names)

    def _question(self, select: Any) -> tuple[Question, list[Model]]:
        for name in ("targets", "where", "group_by", "having", "qualify", "order_by"):
            rewrite(getattr(select, name, None), self._answered)
        found: list[tuple[Any, Any, Model]] = []
        sources: list[Source] = []
        for item, join_type, condition in flat(select.from_table):
            join, on = join_type, condition
            model = self._model(item)
            if model is not None:
                found.append((item, on, model))
                continue
            if not sources and found:
                # FROM m JOIN t ON t.a = m.question: the condition names the model's input.
                found[-1] = (found[-1][0], on, found[-1][2])
                join = on = None
            sources.append(self._source(item, join, on))
        names = [str(alias_of(item)) for item, _, _ in found]
        options = {**of_models(self._options, names), **self._selector.options}
        models = [
            Asked(name, paths(item), model.target, on, options_for(options, name, names))
            for name, (item, on, model) in zip(names, found, strict=True)
        ]
        fill_in_constants(select, models, self.query, alone=len(models) == 1 and not sources)
        question = Question(select, sources, models, self.table, self._database.functions())
        return question, [model for _, _, model in found]

    def _source(self, item: Any, join: str | None, on: Any) -> Source:
        alias = alias_of(item)
        if alias is None:
            raise StatementError("a subselect in a JOIN with a model needs a name: (SELECT …) AS t")
        if isinstance(item, ast.Identifier):
            relation = self.table(item)
            return Source(alias, paths(item), self._columns(relation), relation, join, on)
        if not isinstance(item, QUERIES):
            raise StatementError(
                f"{type(item).__name__} in FROM is not supported; write a table or a subselect"
            )
        names = paths(item)
        item.alias = None
        rows = self.query(item, is_nested=True)
        return Source(alias, names, tuple(rows.names), self._scratch.add(rows), join, on)

    def _data(self, question: Question, plan: Plan) -> Table:
        if plan.data is not None:
            rows = own_texts.split(self._run(plan.data, plan.names))
            return rows if question.data else Table(rows.arrow.select([]).slice(0), frozenset())
        return Table(pa.table({"__none": pa.nulls(1 if plan.rows else 0)}))


def _end_at_one_row(query: Any) -> None:
    """Let a query inside EXISTS end with its first row."""
    if isinstance(query, ast.Select) and query.limit is None:
        query.limit = ast.Constant(1)
