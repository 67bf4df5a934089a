"""The second half of a plan: the place of each condition, of ORDER BY and of LIMIT, and resolved names.

Pure, like `plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from sqlglot import exp

from ...errors import StatementError
from ..own_texts import PREFIX, marked, with_texts
from .duckdb_nodes import All, calls_any, is_over_rows, qualify_of
from .expressions import aliased, call, column, literal, table, unique
from .names import Names
from .nodes import is_star, output_names
from .parser import ast
from .plan import ROW, Column, Plan, Question, parts
from .pruning import Pruning
from .to_sqlglot import Translator, joined

#: Functions that make several rows of one.
_MAKES_ROWS = frozenset(("unnest", "generate_subscripts", "regexp_split_to_table"))


class _NotData(Exception):  # noqa: N818 — a signal, not an error
    """An expression needs a column of a model."""


class Planner:
    """Completes a `Question` whose models' outputs are known.

    Args:
        question: The query.
        outputs: The column names of each model.
    """

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
        self._names = Names(question, self._columns)
        self._data = Translator(question.tables, question.functions, self._data_column)
        self._final = Translator(question.tables, question.functions, self._final_column)

    def plan(self) -> Plan:
        """Return the finished plan; all its names are resolved."""
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
        is_cut = self._select.limit is not None or self._select.offset is not None
        order = self._pushed_order(self._data) if is_cut and not kept else None
        sequence = self._pushed_order(self._final) if is_cut and kept else None
        pruning = self._pruning(kept)
        final = self._final_query(kept, limited=order is not None)
        # Translated now, so that a wrong name is an error before anything is paid for.
        final(table("checked"))
        return Plan(
            data=self._data_query(pushed, order) if self._question.early else None,
            rows=order is None or _keeps_first(self._select),
            columns=self._columns,
            final=final,
            needed=pruning.after,
            wanted=None if sequence is None else self._wanted(pruning),
            deciding=frozenset(self._deciding(kept)),
            sequence=sequence or (),
        )

    def _wanted(self, pruning: Pruning) -> int | None:
        """Return how many of the first rows that meet the conditions the result needs; None: all."""
        if self._select.limit is None or not pruning.decides(frozenset(range(len(self._question.models)))):
            return None
        offset = 0 if self._select.offset is None else self._select.offset.value
        return int(self._select.limit.value) + int(offset)

    def _deciding(self, kept: list[Any]) -> Iterator[int]:
        """Yield the models whose answers are in conditions."""
        for part in parts(kept):
            known = self._names.found(part) if isinstance(part, ast.Identifier) else None
            if known is not None and known.kind == "output":
                yield known.owner

    def _pruning(self, kept: list[Any]) -> Pruning:
        # A row that finds no partner in a RIGHT or FULL JOIN with the answers adds another row to the result.
        is_sound = not any(
            word in (source.join or "").lower()
            for source in self._question.late
            for word in ("right", "full")
        )
        return Pruning(kept if is_sound else [], self._final.expression, self._is_known)

    def _is_known(self, node: Any, answered: Set[int]) -> bool:
        """Return whether an identifier is a column that is known when these models have answered."""
        known = self._names.found(node)
        if known is None or known.kind == "late":
            return False
        return known.kind != "output" or known.owner in answered

    # ---- before the models

    def _as_data(self, node: Any) -> Any:
        """Return the expression over data columns, or None where it needs a model."""
        if not self._question.early:
            return None
        try:
            return self._data.expression(node)
        except _NotData:
            return None

    def _pushed_order(self, translator: Translator) -> list[Any] | None:
        """Return the ORDER BY for a LIMIT over data alone, or None where it needs the answers of all rows."""
        select = self._select
        changes_rows = select.distinct or select.group_by or select.having is not None
        if self._question.late or changes_rows or qualify_of(select) is not None:
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
                self._data.ordered(term)
            except _NotData:
                return None
            terms.append(translator.ordered(term))
        return terms

    def _meant(self, node: Any) -> Any:
        """Return the expression of a term of ORDER BY, which may be a position or an alias of SELECT."""
        targets = self._select.targets
        if isinstance(node, All):
            return None
        if isinstance(node, ast.Constant):
            if not isinstance(node.value, int) or any(is_star(target) for target in targets):
                return None
            return targets[node.value - 1] if 1 <= node.value <= len(targets) else None
        if isinstance(node, ast.Identifier) and len(node.parts) == 1:
            return self._names.aliases.get(str(node.parts[0]).lower(), node)
        return node

    def _is_collective(self, node: Any) -> bool:
        """Return whether an expression makes one value of several rows."""
        aggregates = self._question.functions.aggregates
        return any(is_over_rows(part) or calls_any(part, aggregates | _MAKES_ROWS) for part in parts(node))

    def _data_query(self, pushed: list[Any], order: list[Any] | None) -> Any:
        early = self._question.early
        shown = [
            aliased(column(known.name, early[known.owner].alias), known.private)
            for known in self._question.data
        ]
        # The own texts of the cells go along, for the prompts.
        shown += [
            aliased(column(PREFIX + known.name, early[known.owner].alias), PREFIX + known.private)
            for known in self._question.data
            if known.name in marked(early[known.owner].relation)
        ]
        select = exp.select(*(shown or [aliased(literal(1), "__none")]))
        for number, source in enumerate(early):
            relation = with_texts(source.relation)
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

    # ---- after the models

    def _final_query(self, kept: list[Any], *, limited: bool) -> Callable[..., Any]:
        select = self._select
        targets = self._targets()
        joins = [(source, None if source.on is None else self._final.expression(source.on)) for source in
                 self._question.late]  # fmt: skip
        conditions = [self._final.expression(conjunct) for conjunct in kept]
        groups = [self._final.expression(item) for item in select.group_by or ()]
        having = None if select.having is None else self._final.expression(select.having)
        order = [] if limited else [self._ordered(item) for item in select.order_by or ()]
        on = (
            [self._final.expression(item) for item in select.distinct]
            if isinstance(select.distinct, list)
            else []
        )
        qualify = None if qualify_of(select) is None else self._final.expression(qualify_of(select))
        collective = any(
            calls_any(part, self._question.functions.aggregates) and not is_over_rows(part)
            for target in select.targets
            for part in parts(target)
        )
        # ORDER BY ALL stands alone; rows that it leaves in any order are equal.
        by_all = any(isinstance(item.field, All) for item in select.order_by or ())
        if not (select.distinct or groups or having is not None or collective or by_all):
            order.append(exp.Ordered(this=column(ROW), nulls_first=False))

        def final(relation: Any, filtered: bool = True) -> Any:
            query = exp.select(*(target.copy() for target in targets)).from_(
                aliased(relation, "__portkey_rows")
            )
            for source, condition in joins:
                query = joined(
                    query, aliased(source.relation.copy(), source.alias), source.join or "JOIN", condition
                )
            for condition in conditions if filtered else ():
                query = query.where(condition)
            query = query.group_by(*groups) if groups else query
            query = query.having(having) if having is not None else query
            if qualify is not None:
                query.set("qualify", exp.Qualify(this=qualify.copy()))
            query = query.distinct(*on) if select.distinct else query
            query = query.order_by(*order) if order else query
            return query if limited else _limited(query, select)

        return final

    def _ordered(self, item: Any) -> Any:
        return self._final.ordered(ast.OrderBy(self._names.behind(item.field), item.direction, item.nulls))

    def _targets(self) -> list[Any]:
        shown: list[tuple[Any, str]] = []
        for target, name in zip(self._select.targets, output_names(self._select.targets), strict=True):
            if is_star(target):
                shown.extend(
                    (self._names.reference(known), known.name) for known in self._names.starred(target)
                )
            else:
                expression = self._final.expression(target)
                shown.append((expression, name or self._readable(target)))
        if not shown:
            raise StatementError("SELECT names no column")
        names = unique([name for _, name in shown])
        return [aliased(expression, name) for (expression, _), name in zip(shown, names, strict=True)]

    def _readable(self, node: Any) -> str:
        """Return an expression as SQL text, for the name of its column."""
        tree = Translator(self._question.tables, self._question.functions, _bare).expression(node)
        return str(tree.sql(dialect="duckdb"))

    def _data_column(self, node: Any) -> Any:
        known = self._names.known(node)
        if not isinstance(known, Column) or known.kind != "data":
            raise _NotData
        return column(known.name, self._question.early[known.owner].alias)

    def _final_column(self, node: Any) -> Any:
        known = self._names.known(node)
        return self._names.reference(known) if isinstance(known, Column) else known


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
