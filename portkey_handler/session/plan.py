"""The plan of a SELECT that asks models: which rows are sent, what each model is given, what comes out of it.

Pure: from the parser's tree and the names of columns to sqlglot's expressions. What decides the bill is here:
a condition or a LIMIT is moved in front of the models where that cannot change the result, and only there.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from ..errors import NotFoundError, StatementError
from .statements import ast
from .translate import Functions, Translator, aliased, call, column, joined, literal, output_names, table, unique

ROW = "__portkey_row"
#: Options of SELECT … USING that a MindsDB server keeps for itself.
HOST_OPTIONS = frozenset(("partition_size", "batch_size", "track_column"))
Paths = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Source:
    """Rows of a FROM: a table or a subselect.

    Attributes:
        alias: Its name in the statement.
        paths: Every way in which columns may name it, in lower case.
        columns: Its columns' names.
        relation: What stands for it in FROM, without alias.
        join: How it is joined to what stands left of it; None for the first.
        on: The condition of that join, as parsed.
    """

    alias: str
    paths: Paths
    columns: tuple[str, ...]
    relation: Any
    join: str | None = None
    on: Any = None


@dataclass(frozen=True)
class Asked:
    """A model in a FROM.

    Attributes:
        alias: Its name in the statement.
        paths: Every way in which columns may name it, in lower case.
        target: The column that it predicts.
        on: The condition of its join, as parsed.
        using: The options of SELECT … USING that are meant for it.
    """

    alias: str
    paths: Paths
    target: str
    on: Any = None
    using: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column that is known to the statement.

    Attributes:
        kind: "data", "input" (a constant given to a model) or "output" (of a model).
        private: Its name in the queries that are made here.
        name: Its name in the statement.
        owner: Position of its source or model.
        paths: Every way in which the statement may name its owner.
    """

    kind: str
    private: str
    name: str
    owner: int
    paths: Paths


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        data: The query for the rows that are sent (columns by private names); None: one row of constants.
        rows: Whether that one row is wanted (LIMIT 0 takes it away).
        columns: Every column, in the order in which `*` shows them.
        final: The query for the result, over a table that holds every column by its private name, and ROW.
    """

    data: Any
    rows: bool
    columns: tuple[Column, ...]
    final: Callable[[Any], Any]

    @property
    def names(self) -> dict[str, str]:
        """What private names mean to a person."""
        return {known.private: known.name for known in self.columns}


class _NotData(Exception):  # noqa: N818 — a signal, not an error
    """An expression needs more than data columns."""


class Question:
    """A SELECT that asks models, before the models' outputs are known.

    Args:
        select: The statement; it is not changed.
        sources: Its data, from left to right.
        models: Its models, from left to right.
        tables: What stands for a table of a nested query.
        functions: What may be called.

    Raises:
        StatementError: What cannot be asked this way.
    """

    def __init__(
        self,
        select: Any,
        sources: Sequence[Source],
        models: Sequence[Asked],
        tables: Callable[[Any], Any],
        functions: Functions,
    ) -> None:
        self.select = select
        self.models = models
        self._functions = functions
        self._tables = tables
        _check_names([*sources, *models])
        self.early, self.late = _parted(sources, models)
        self.data = tuple(
            Column("data", f"__d{number}_{position}", name, number, source.paths)
            for number, source in enumerate(self.early)
            for position, name in enumerate(source.columns)
        )
        self.conjuncts = list(_conjuncts(select.where))
        self.constants = [self._constants_of(model) for model in models]
        self.renames = [self._renames_of(number) for number in range(len(models))]
        if not sources and not any(self.constants):
            name = models[0].alias
            raise StatementError(
                f"a model answers rows: write SELECT … FROM {name} WHERE column = '…', or JOIN {name} with data"
            )

    def visible_names(self) -> list[str]:
        """Return the data columns' names as a model's frame shows them; a repeated one gets its table in front."""
        seen: set[str] = set()
        names = []
        for known in self.data:
            name = known.name if known.name.lower() not in seen else f"{self.early[known.owner].alias}.{known.name}"
            seen.add(name.lower())
            names.append(name)
        return unique(names)

    def _constants_of(self, model: Asked) -> dict[str, tuple[Any, Any]]:
        """Return conditions `model.column = constant`: column → (value, the condition)."""
        found: dict[str, tuple[Any, Any]] = {}
        alone = len(self.models) == 1 and not self.early and not self.late
        for conjunct in self.conjuncts:
            pair = _equality(conjunct)
            if pair is None:
                if alone and not _mentions(conjunct, model.target):
                    raise _not_an_input(conjunct, model.alias)
                continue
            identifier, value = pair
            lowered = [str(part).lower() for part in identifier.parts]
            if tuple(lowered[:-1]) not in model.paths and not (alone and len(lowered) == 1):
                continue
            name = str(identifier.parts[-1])
            if name.lower() in (known.lower() for known in found):
                raise StatementError(f"{model.alias}.{name} is given twice; one row has one value")
            if name.lower() != model.target.lower():
                found[name] = (value, conjunct)
        return found

    def _renames_of(self, number: int) -> dict[str, Any]:
        """Return `ON t.a = m.question` as question → the identifier of t.a."""
        model = self.models[number]
        found = {}
        for conjunct in _conjuncts(model.on):
            sides = getattr(conjunct, "args", ())
            named = [side for side in sides if isinstance(side, ast.Identifier)]
            own = [side for side in named if _qualifier(side) in model.paths]
            if getattr(conjunct, "op", "") != "=" or len(named) != 2 or len(own) != 1:
                raise StatementError(
                    f"ON of the model {model.alias} takes table.column = {model.alias}.input only; "
                    "put conditions into WHERE"
                )
            found[str(own[0].parts[-1])] = named[0] if named[1] is own[0] else named[1]
        return found

    def complete(self, outputs: Sequence[Sequence[str]]) -> Plan:
        """Return the plan, once the names of each model's columns are known."""
        return _Planner(self, outputs).plan()


class _Planner:
    def __init__(self, question: Question, outputs: Sequence[Sequence[str]]) -> None:
        self._question = question
        self._select = question.select
        own = [{name.lower() for name in names} for names in outputs]
        models = list(enumerate(question.models))
        inputs = [
            Column("input", f"__k{number}_{position}", name, number, model.paths)
            for number, model in models
            for position, name in enumerate(question.constants[number])
            if name.lower() not in own[number]
        ]
        answers = [
            Column("output", f"__p{number}_{position}", name, number, model.paths)
            for number, model in models
            for position, name in enumerate(outputs[number])
        ]
        middle = [*inputs, *answers] if question.early else [*answers, *inputs]
        self._columns = (*question.data, *middle)
        self._used = {
            id(condition)
            for number, _ in models
            for name, (_, condition) in question.constants[number].items()
            if name.lower() not in own[number]
        }
        self._aliases = {
            str(target.alias.parts[-1]).lower(): target
            for target in self._select.targets
            if target.alias is not None
        }
        self._data = Translator(question._tables, question._functions, self._data_column)  # noqa: SLF001
        self._final = Translator(question._tables, question._functions, self._final_column)  # noqa: SLF001

    def plan(self) -> Plan:
        pushed: list[Any] = []
        kept: list[Any] = []
        for conjunct in self._question.conjuncts:
            if id(conjunct) in self._used:
                continue
            condition = self._as_data(conjunct)
            if condition is None:
                kept.append(conjunct)
            else:
                pushed.append(condition)
        order = self._pushed_order(filtered=bool(kept))
        if order is not None and self._select.limit is None and self._select.offset is None:
            order = None
        final = self._final_query(kept, limited=order is not None)
        # Translated now, so that a wrong name is told before anything is paid for.
        final(table("checked"))
        return Plan(
            data=self._data_query(pushed, order) if self._question.early else None,
            rows=order is None or _keeps_first(self._select),
            columns=self._columns,
            final=final,
        )

    # ---- in front of the models

    def _as_data(self, node: Any) -> Any:
        """Return the expression over data columns, or None where it needs a model."""
        if not self._question.early:
            return None
        try:
            return self._data.expression(node)
        except _NotData:
            return None

    def _pushed_order(self, *, filtered: bool) -> list[Any] | None:
        """Return the ORDER BY to go with a LIMIT in front of the models, or None where LIMIT must wait."""
        select = self._select
        if filtered or self._question.late or select.distinct or select.group_by or select.having is not None:
            return None
        if any(self._is_collective(target) for target in select.targets):
            return None
        terms = []
        for item in select.order_by or ():
            if not self._question.early or self._is_collective(item.field):
                return None
            term = ast.OrderBy(self._meant(item.field), item.direction, item.nulls)
            if term.field is None:
                return None
            try:
                terms.append(self._data.ordered(term))
            except _NotData:
                return None
        return terms

    def _meant(self, node: Any) -> Any:
        """Return what a term of ORDER BY stands for: a position or an alias of SELECT, or itself."""
        targets = self._select.targets
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, int) or any(_is_star(target) for target in targets):
                return None
            return targets[node.value - 1] if 1 <= node.value <= len(targets) else None
        if isinstance(node, ast.Identifier) and len(node.parts) == 1:
            return self._aliases.get(str(node.parts[0]).lower(), node)
        return node

    def _is_collective(self, node: Any) -> bool:
        """Tell whether an expression makes a value of several rows."""
        aggregates = self._question._functions.aggregates  # noqa: SLF001 — one unit in two classes
        return any(
            isinstance(part, ast.WindowFunction) or (isinstance(part, ast.Function) and part.op in aggregates)
            for part in _parts(node)
        )

    def _data_query(self, pushed: list[Any], order: list[Any] | None) -> Any:
        early = self._question.early
        shown = [aliased(column(known.name, early[known.owner].alias), known.private) for known in self._question.data]
        select = exp.select(*(shown or [aliased(literal(1), "__none")]))
        for number, source in enumerate(early):
            relation = source.relation.copy()
            if number == 0 and len(early) > 1:
                numbered = exp.select(exp.Star(), aliased(_row_number(), ROW)).from_(relation)
                relation = exp.Subquery(this=numbered)
            relation = aliased(relation, source.alias)
            if source.join is None or number == 0:
                select = select.from_(relation, copy=False)
            else:
                on = None if source.on is None else self._data.expression(source.on)
                select = joined(select, relation, source.join, on)
        for condition in pushed:
            select = select.where(condition, copy=False)
        if order:
            select = select.order_by(*order, copy=False)
        elif len(early) > 1:
            select = select.order_by(column(ROW, early[0].alias), copy=False)
        return _limited(select, self._select) if order is not None else select

    # ---- behind the models

    def _final_query(self, kept: list[Any], *, limited: bool) -> Callable[[Any], Any]:
        select = self._select
        targets = self._targets()
        joins = [(source, None if source.on is None else self._final.expression(source.on)) for source in
                 self._question.late]  # fmt: skip
        conditions = [self._final.expression(conjunct) for conjunct in kept]
        groups = [self._final.expression(item) for item in select.group_by or ()]
        having = None if select.having is None else self._final.expression(select.having)
        order = [] if limited else [self._final.ordered(item) for item in select.order_by or ()]
        on = [self._final.expression(item) for item in select.distinct] if isinstance(select.distinct, list) else []
        collective = any(
            isinstance(part, ast.Function) and part.op in self._question._functions.aggregates  # noqa: SLF001
            for target in select.targets
            for part in _parts(target)
        )
        if not (select.distinct or groups or having is not None or collective):
            order.append(exp.Ordered(this=column(ROW), nulls_first=False))

        def final(relation: Any) -> Any:
            query = exp.select(*(target.copy() for target in targets)).from_(aliased(relation, "__portkey_rows"))
            for source, condition in joins:
                query = joined(query, aliased(source.relation.copy(), source.alias), source.join or "JOIN", condition)
            for condition in conditions:
                query = query.where(condition)
            query = query.group_by(*groups) if groups else query
            query = query.having(having) if having is not None else query
            query = query.distinct(*on) if select.distinct else query
            query = query.order_by(*order) if order else query
            return query if limited else _limited(query, select)

        return final

    def _targets(self) -> list[Any]:
        shown: list[tuple[Any, str]] = []
        for target, name in zip(self._select.targets, output_names(self._select.targets), strict=True):
            if _is_star(target):
                shown.extend((self._reference(known), known.name) for known in self._starred(target))
            else:
                expression = self._final.expression(target)
                shown.append((expression, name or self._readable(target)))
        if not shown:
            raise StatementError("SELECT names no column")
        names = unique([name for _, name in shown])
        return [aliased(expression, name) for (expression, _), name in zip(shown, names, strict=True)]

    def _readable(self, node: Any) -> str:
        """Return an expression as a person would write it, as the name of its column."""
        tree = Translator(self._question._tables, self._question._functions, _bare).expression(node)  # noqa: SLF001
        return str(tree.sql(dialect="duckdb"))

    def _starred(self, target: Any) -> list[Any]:
        every = [*self._columns, *self._late_columns()]
        if isinstance(target, ast.Star) or len(target.parts) == 1:
            return every
        qualifier = _qualifier(target)
        found = [known for known in every if qualifier in known.paths and known.kind != "input"]
        if not found:
            raise NotFoundError(f"{'.'.join(qualifier)}.* names nothing in FROM; there are: {self._owners()}")
        return found

    # ---- what a name means

    def _late_columns(self) -> list[Column]:
        return [
            Column("late", name, name, number, source.paths)
            for number, source in enumerate(self._question.late)
            for name in source.columns
        ]

    def _reference(self, known: Column) -> Any:
        if known.kind == "late":
            return column(known.name, self._question.late[known.owner].alias)
        return column(known.private)

    def _found(self, node: Any) -> Column | None:
        """Return the column that an identifier means, or None.

        A bare name means the model's column before the data's, as in the host.
        """
        name = str(node.parts[-1]).lower()
        qualifier = _qualifier(node)
        every = [*self._columns, *self._late_columns()]
        if qualifier:
            found = [known for known in every if qualifier in known.paths and known.name.lower() == name]
            return found[0] if found else self._renamed(qualifier, name)
        for kind in ("output", "input"):
            found = [known for known in every if known.kind == kind and known.name.lower() == name]
            if found:
                return found[-1]
        found = [known for known in every if known.kind in ("data", "late") and known.name.lower() == name]
        if len(found) > 1:
            where = " and ".join(".".join(max(known.paths, key=len)) for known in found)
            raise StatementError(f"the column {node.parts[-1]} is in {where}; write the table in front of it")
        return found[0] if found else None

    def _renamed(self, qualifier: tuple[str, ...], name: str) -> Column | None:
        for number, model in enumerate(self._question.models):
            for given, identifier in self._question.renames[number].items():
                if qualifier in model.paths and given.lower() == name:
                    return self._found(identifier)
        return None

    def _data_column(self, node: Any) -> Any:
        known = self._known(node)
        if not isinstance(known, Column) or known.kind != "data":
            raise _NotData
        return column(known.name, self._question.early[known.owner].alias)

    def _final_column(self, node: Any) -> Any:
        known = self._known(node)
        return self._reference(known) if isinstance(known, Column) else known

    def _known(self, node: Any) -> Any:
        """Return the column, or the reference to an alias of SELECT."""
        if _is_star(node):
            raise StatementError("a star with a table in front stands in SELECT only")
        known = self._found(node)
        if known is not None:
            return known
        name = str(node.parts[-1])
        if len(node.parts) == 1 and name.lower() in self._aliases:
            return column(str(self._aliases[name.lower()].alias.parts[-1]))
        raise self._unknown(node, name)

    def _unknown(self, node: Any, name: str) -> NotFoundError:
        every = [*self._columns, *self._late_columns()]
        names = list(dict.fromkeys(known.name for known in every))
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
        return NotFoundError(f"the column {'.'.join(str(part) for part in node.parts)} does not exist; {hint}")

    def _owners(self) -> str:
        items = [*self._question.early, *self._question.models, *self._question.late]
        return ", ".join(item.alias for item in items)


def options_for(using: Mapping[str, Any], alias: str, others: Sequence[str]) -> dict[str, Any]:
    """Return the options of a SELECT's USING that are meant for the model `alias`.

    Raises:
        StatementError: An option for a model that is not in FROM.
    """
    found = {}
    for name, value in using.items():
        owner, dot, option = name.partition(".")
        if dot and owner.lower() not in (other.lower() for other in others):
            raise StatementError(f"USING {name}: no model {owner} in FROM; there are: {', '.join(others)}")
        if not dot or owner.lower() == alias.lower():
            found[(option if dot else name).lower()] = value
    return {name: value for name, value in found.items() if name not in HOST_OPTIONS}


def _parted(sources: Sequence[Source], models: Sequence[Asked]) -> tuple[list[Source], list[Source]]:
    """Part data that is joined before the models from data that is joined on what they answer."""
    early: list[Source] = []
    late: list[Source] = []
    waiting: set[tuple[str, ...]] = {path for model in models for path in model.paths}
    for source in sources:
        mentioned = {_qualifier(part) for part in _parts(source.on) if isinstance(part, ast.Identifier)}
        if mentioned & waiting and early:
            late.append(source)
            waiting |= source.paths
        else:
            early.append(source)
    return early, late


def _check_names(items: Sequence[Source | Asked]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.alias.lower() in seen:
            raise StatementError(f"{item.alias} is twice in FROM; give each its own name: … {item.alias} AS a")
        seen.add(item.alias.lower())


def _conjuncts(node: Any) -> Iterator[Any]:
    if isinstance(node, ast.BinaryOperation) and node.op == "and":
        for side in node.args:
            yield from _conjuncts(side)
    elif node is not None:
        yield node


def _equality(node: Any) -> tuple[Any, Any] | None:
    if not isinstance(node, ast.BinaryOperation) or node.op != "=":
        return None
    for identifier, value in (node.args, node.args[::-1]):
        if isinstance(identifier, ast.Identifier) and type(value) in (ast.Constant, ast.NullConstant):
            return identifier, value.value
    return None


def _not_an_input(node: Any, alias: str) -> StatementError:
    op = str(getattr(node, "op", "this")).upper()
    return StatementError(
        f"SELECT from the model {alias} takes WHERE column = 'value' AND …, not {op}; for several rows write "
        f"SELECT … FROM data AS t JOIN {alias} WHERE t.column {op} …"
    )


def _mentions(node: Any, target: str) -> bool:
    """Tell whether a condition is about the target or what comes with it, so that it filters the answer."""
    names = [str(part.parts[-1]).lower() for part in _parts(node) if isinstance(part, ast.Identifier)]
    low = target.lower()
    return bool(names) and all(name == low or name.startswith(f"{low}_") for name in names)


def _qualifier(node: Any) -> tuple[str, ...]:
    return tuple(str(part).lower() for part in node.parts[:-1])


def _is_star(node: Any) -> bool:
    return isinstance(node, ast.Star) or (isinstance(node, ast.Identifier) and isinstance(node.parts[-1], ast.Star))


def _parts(node: Any) -> Iterator[Any]:
    """Yield a node and everything below it, nested queries left out."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _parts(item)
    elif isinstance(node, ast.ASTNode):
        yield node
        if not isinstance(node, ast.Select | ast.Union | ast.Intersect | ast.Except | ast.Identifier):
            for name, value in vars(node).items():
                if name != "alias":
                    yield from _parts(value)


def _bare(node: Any) -> Any:
    return exp.Column(this=exp.to_identifier(str(node.parts[-1])))


def _row_number() -> Any:
    return exp.Window(this=call("row_number"), over="OVER")


def _keeps_first(select: Any) -> bool:
    limit = None if select.limit is None else select.limit.value
    offset = 0 if select.offset is None else select.offset.value
    return limit != 0 and offset == 0


def _limited(query: Any, select: Any) -> Any:
    if select.limit is not None:
        query = query.limit(literal(select.limit.value))
    if select.offset is not None:
        query = query.offset(literal(select.offset.value))
    return query
