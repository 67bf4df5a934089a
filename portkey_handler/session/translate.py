"""From the parser's tree to sqlglot's, node by node and never through text.

Text made of the parser's tree does not survive (`||` becomes OR, quotes fail, the order of NULLs changes).
Pure: what tables and columns mean is asked of the functions that a `Translator` is given.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ..errors import StatementError
from .statements import Latest, ast

Expression = (
    Any  # sqlglot renamed its base classes between versions; its trees are built, never inspected deeply
)

TYPES = {
    **dict.fromkeys(("bigint", "int8", "long", "signed"), "BIGINT"),
    **dict.fromkeys(("int", "integer", "int4", "mediumint"), "INTEGER"),
    **dict.fromkeys(("smallint", "tinyint"), "SMALLINT"),
    **dict.fromkeys(("hugeint",), "HUGEINT"),
    **dict.fromkeys(("unsigned", "ubigint"), "UBIGINT"),
    **dict.fromkeys(("double", "float8"), "DOUBLE"),
    **dict.fromkeys(("float", "float4", "real"), "FLOAT"),
    **dict.fromkeys(("decimal", "numeric", "dec"), "DECIMAL"),
    **dict.fromkeys(("varchar", "char", "text", "string", "nchar", "nvarchar", "longtext"), "VARCHAR"),
    **dict.fromkeys(("bool", "boolean"), "BOOLEAN"),
    **dict.fromkeys(("date",), "DATE"),
    **dict.fromkeys(("time",), "TIME"),
    **dict.fromkeys(("datetime", "timestamp"), "TIMESTAMP"),
    **dict.fromkeys(("timestamptz",), "TIMESTAMPTZ"),
    **dict.fromkeys(("interval",), "INTERVAL"),
    **dict.fromkeys(("blob", "binary", "bytea", "varbinary"), "BLOB"),
    **dict.fromkeys(("json",), "JSON"),
    **dict.fromkeys(("uuid",), "UUID"),
}

_BINARY: dict[str, Callable[..., Expression]] = {
    "=": exp.EQ, "!=": exp.NEQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "%": exp.Mod, "and": exp.And, "or": exp.Or,
    "||": exp.DPipe, "like": exp.Like, "is": exp.Is, "&": exp.BitwiseAnd, "|": exp.BitwiseOr,
}  # fmt: skip
_NEGATED = {"not like": exp.Like, "is not": exp.Is}
#: Operators that DuckDB has as functions; the names keep their meaning whatever sqlglot makes of operators.
_AS_FUNCTION = {
    "->": "json_extract", "->>": "json_extract_string", "^": "xor", "~": "regexp_full_match",
    "<->": "list_distance", "<=>": "list_cosine_distance", "<#>": "list_negative_inner_product",
    "@>": "list_has_all", "&&": "list_has_any",
}  # fmt: skip
#: How tightly operators bind: the parser's ranks, and one for those that it does not rank (`_UNRANKED`).
_RANKS = {
    operator: rank
    for rank, operators in enumerate(
        (
            ("or",),
            ("and",),
            ("not", "=", "!=", "<>"),
            ("<", "<=", ">", ">=", "in", "not in", "is", "is not", "like", "not like", "between", "<<", ">>"),
            ("||", "~", "!~", "<->", "<=>", "<#>", "@>", "<@", "&&"),
            ("+", "-"),
            ("&", "^", "|"),
            ("*", "/", "%"),
            ("->", "->>"),
        )
    )
    for operator in operators
}
#: What the parser has no rank for: it reads `a = 1 AND b ->> 'k' = 'x'` as `((a = 1 AND b) ->> 'k') = 'x'`.
_UNRANKED = frozenset(("->>", "||", "~", "!~", "<->", "<=>", "<#>", "@>", "<@", "&&"))
#: Ends the lower bound of BETWEEN in a chain.
_BOUND = "bound"
_KEYWORDS = {"current_date": exp.CurrentDate, "current_timestamp": exp.CurrentTimestamp}
_JOINS = {
    "JOIN": "", "INNER JOIN": "inner", "LEFT JOIN": "left", "LEFT OUTER JOIN": "left", "RIGHT JOIN": "right",
    "FULL JOIN": "full", "FULL OUTER JOIN": "full", "OUTER JOIN": "full", "CROSS JOIN": "cross",
}  # fmt: skip


@dataclass(frozen=True)
class Functions:
    """The functions that a statement may call.

    Attributes:
        allowed: Names in lower case; whatever is not among them is refused.
        aggregates: Those among them that make one value of many rows.
    """

    allowed: frozenset[str]
    aggregates: frozenset[str]


def column(name: str, table: str | None = None) -> Expression:
    """Return a quoted reference to a column."""
    return exp.column(name, table=table, quoted=True)


def table(name: str, alias: str | None = None) -> Expression:
    """Return a quoted reference to a table."""
    found = exp.Table(this=exp.to_identifier(name, quoted=True))
    return found if alias is None else aliased(found, alias)


def aliased(expression: Expression, alias: str) -> Expression:
    """Return `expression`, a table or a value, under a quoted name."""
    return exp.alias_(expression, alias, quoted=True, table=isinstance(expression, exp.Table | exp.Subquery))


def call(name: str, *arguments: Expression) -> Expression:
    """Return a call of a DuckDB function."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def sql(expression: Expression) -> str:
    """Return DuckDB's text of a finished tree."""
    return str(expression.sql(dialect="duckdb"))


def literal(value: Any) -> Expression:
    """Return a constant of the language as DuckDB's."""
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | float):
        number = exp.Literal(this=repr(abs(value)), is_string=False)
        return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
    return exp.Literal.string(str(value))


def data_type(name: str, precision: Sequence[int] | None = None) -> Expression:
    """Return a type by the name that users write.

    Raises:
        StatementError: No such type.
    """
    known = TYPES.get(name.lower())
    if known is None:
        raise StatementError(f"the type {name!r} is not known; known are: {', '.join(sorted(TYPES))}")
    if precision and known == "DECIMAL":
        known = f"DECIMAL({','.join(str(int(part)) for part in precision)})"
    return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=known)


def paths(identifier: Any) -> frozenset[tuple[str, ...]]:
    """Return every way in which columns may name this table: its alias, or the ends of its dotted name."""
    if identifier.alias is not None:
        return frozenset({(str(identifier.alias.parts[-1]).lower(),)})
    parts = tuple(str(part).lower() for part in getattr(identifier, "parts", ()))
    return frozenset(parts[start:] for start in range(len(parts)))


def alias_of(node: Any) -> str | None:
    """Return the name under which columns reach a table of FROM, or None for a nameless subselect."""
    if node.alias is not None:
        return str(node.alias.parts[-1])
    return str(node.parts[-1]) if isinstance(node, ast.Identifier) else None


def output_names(targets: Sequence[Any]) -> list[str | None]:
    """Return the names that the host gives to the columns of a SELECT; None: it has none for that expression.

    A function without alias is called `count_0`, `count_1` …, as there.
    """
    taken = {str(target.alias.parts[-1]) for target in targets if target.alias is not None}
    names: list[str | None] = []
    for target in targets:
        name = _plain_name(target)
        if name is None and isinstance(target, ast.Function | ast.TypeCast):
            word = target.op if isinstance(target, ast.Function) else "cast"
            name = next(f"{word}_{number}" for number in itertools.count() if f"{word}_{number}" not in taken)
            taken.add(name)
        names.append(name)
    return names


def _plain_name(node: Any) -> str | None:
    if node.alias is not None:
        return str(node.alias.parts[-1])
    if isinstance(node, ast.Identifier):
        return str(node.parts[-1])
    if isinstance(node, ast.Constant):
        return "NULL" if node.value is None else str(node.value)
    return None


def unique(names: Sequence[str]) -> list[str]:
    """Return `names` with `_1`, `_2` … behind those that are there already (case does not count)."""
    seen: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 0
        while candidate.lower() in seen:
            number += 1
            candidate = f"{name}_{number}"
        seen.add(candidate.lower())
        result.append(candidate)
    return result


class Translator:
    """Translates one statement.

    Args:
        tables: From the parser's identifier of a table to what stands for it in FROM, without alias.
        functions: What may be called.
        columns: From an identifier of the outermost query to its expression; None: it stays as it is written.
    """

    def __init__(
        self,
        tables: Callable[[Any], Expression],
        functions: Functions,
        columns: Callable[[Any], Expression] | None = None,
    ) -> None:
        self._tables = tables
        self._functions = functions
        self._columns = columns
        self._scopes: list[dict[tuple[str, ...], str]] = []
        self._ctes: list[str] = []

    # ---- queries

    def query(self, node: Any) -> Expression:
        """Translate a SELECT or a combination of them."""
        if isinstance(node, ast.Select):
            return self._select(node)
        if isinstance(node, ast.Union | ast.Intersect | ast.Except):
            return self._combined(node)
        raise StatementError(f"{type(node).__name__} is not supported as a query")

    def _combined(self, node: Any) -> Expression:
        if isinstance(node.right, ast.Select) and (
            node.right.order_by or node.right.limit or node.right.offset
        ):
            raise StatementError(
                f"after {node.operation} nobody can tell which part ORDER BY and LIMIT belong to; put all "
                f"into a subselect: FROM (… {node.operation} …) AS u ORDER BY … LIMIT …"
            )
        ctes = _take_ctes(node)
        mark = len(self._ctes)
        translated = [(name, self._cte(name, cte)) for name, cte in ctes]
        kind = {"UNION": exp.Union, "INTERSECT": exp.Intersect, "EXCEPT": exp.Except}[node.operation]
        result = kind(
            this=_enclosed(self.query(node.left)),
            expression=_enclosed(self.query(node.right)),
            distinct=bool(node.unique),
        )
        for name, expression in translated:
            result = result.with_(exp.to_identifier(name, quoted=True), as_=expression, copy=False)
        del self._ctes[mark:]
        return result

    def _cte(self, name: str, cte: Any) -> Expression:
        if cte.columns:
            raise StatementError(f"WITH {name}(…): name the columns inside the query instead")
        expression = self.query(cte.query)
        self._ctes.append(name.lower())
        return expression

    def _select(self, node: Any) -> Expression:
        if node.mode:
            raise StatementError(f"SELECT … {node.mode} is not supported")
        mark = len(self._ctes)
        ctes = [(name, self._cte(name, cte)) for name, cte in _take_ctes(node)]
        scope: dict[tuple[str, ...], str] = {}
        self._scopes.append(scope)
        select = exp.Select()
        if node.from_table is not None:
            select = self._from(select, node.from_table, scope)
        select.set("expressions", self._targets(node.targets))
        select = self.clauses(select, node)
        self._scopes.pop()
        for name, expression in ctes:
            select = select.with_(exp.to_identifier(name, quoted=True), as_=expression, copy=False)
        del self._ctes[mark:]
        return select

    def clauses(self, select: Expression, node: Any) -> Expression:
        """Add everything of a SELECT but its targets, its tables and its WITH."""
        if node.where is not None:
            select = select.where(self.expression(node.where), copy=False)
        if node.group_by:
            select = select.group_by(*(self._grouping(item) for item in node.group_by), copy=False)
        if node.having is not None:
            select = select.having(self.expression(node.having), copy=False)
        if node.distinct:
            on = [self.expression(item) for item in node.distinct] if isinstance(node.distinct, list) else []
            select = select.distinct(*on, copy=False)
        if node.order_by:
            select = select.order_by(*(self.ordered(item) for item in node.order_by), copy=False)
        if node.limit is not None:
            select = select.limit(literal(node.limit.value), copy=False)
        if node.offset is not None:
            select = select.offset(literal(node.offset.value), copy=False)
        return select

    def _targets(self, targets: Sequence[Any]) -> list[Expression]:
        result, names = [], [name or "" for name in output_names(targets)]
        distinct = [name and found for name, found in zip(names, unique(names), strict=True)]
        for target, name, wanted in zip(targets, names, distinct, strict=True):
            expression = self.expression(target)
            plain = isinstance(target, ast.Identifier) and (target.alias is None or name == target.parts[-1])
            is_star = isinstance(target, ast.Star) or _is_star(target)
            if is_star or not name or (plain and wanted == name):
                result.append(expression)
            else:
                result.append(aliased(expression, wanted))
        return result

    def _grouping(self, item: Any) -> Expression:
        if isinstance(item, ast.Identifier) and item.with_rollup:
            raise StatementError("GROUP BY … WITH ROLLUP is not supported")
        return self.expression(item)

    def ordered(self, item: Any) -> Expression:
        """Translate one term of ORDER BY."""
        nulls_first = item.nulls == "NULLS FIRST"
        return exp.Ordered(
            this=self.expression(item.field), desc=item.direction == "DESC", nulls_first=nulls_first
        )

    def _from(self, select: Expression, node: Any, scope: dict[tuple[str, ...], str]) -> Expression:
        for item, join_type, condition in flat(node):
            relation = self._relation(item, scope)
            if join_type is None:
                select = select.from_(relation, copy=False)
            else:
                # The scope grows with each table: ON sees what stands left of it.
                on = None if condition is None else self.expression(condition)
                select = joined(select, relation, join_type, on)
        return select

    def _relation(self, node: Any, scope: dict[tuple[str, ...], str]) -> Expression:
        alias = alias_of(node)
        if alias is not None:
            for path in paths(node) if isinstance(node, ast.Identifier) else {(alias.lower(),)}:
                scope[path] = alias
        if isinstance(node, ast.Identifier):
            if node.is_outer:
                raise StatementError("joins written with (+) are not supported; write LEFT JOIN")
            if len(node.parts) == 1 and str(node.parts[0]).lower() in self._ctes:
                return table(str(node.parts[0]), alias)
            found = self._tables(node)
        elif isinstance(node, ast.Select | ast.Union | ast.Intersect | ast.Except):
            found = exp.Subquery(this=self.query(node))
        else:
            raise StatementError(
                f"{type(node).__name__} in FROM is not supported; write a table or a subselect"
            )
        return found if alias is None else aliased(found, alias)

    # ---- expressions

    def expression(self, node: Any) -> Expression:
        """Translate a value.

        Raises:
            StatementError: A construct that is not supported.
        """
        for kind, translate in self._kinds:
            if isinstance(node, kind):
                return translate(self, node)
        raise StatementError(f"{type(node).__name__} is not supported in expressions")

    def _operand(self, node: Any) -> Expression:
        expression = self.expression(node)
        simple = exp.Column | exp.Literal | exp.Anonymous | exp.Paren | exp.Cast | exp.Subquery | exp.Null
        return expression if isinstance(expression, simple) else exp.Paren(this=expression)

    def _constant(self, node: Any) -> Expression:
        if not node.with_quotes:
            raise StatementError(f"{node.value} is not supported as a value")
        return literal(node.value)

    def _identifier(self, node: Any) -> Expression:
        parts = [part if isinstance(part, str) else "*" for part in node.parts]
        lowered = tuple(part.lower() for part in parts)
        for scope in reversed(self._scopes):
            if len(parts) > 1 and lowered[:-1] in scope:
                return _reference([scope[lowered[:-1]], parts[-1]], _is_star(node))
        if self._columns is not None and (len(parts) > 1 or not self._scopes):
            return self._columns(node)
        if len(parts) == 1 and lowered[0] in _KEYWORDS and not node.is_quoted[0]:
            return _KEYWORDS[lowered[0]]()
        return _reference(parts, _is_star(node))

    def _binary(self, node: Any) -> Expression:
        left, right = node.args
        if node.op in ("in", "not in"):
            found = self._in(left, right)
            return exp.Not(this=exp.Paren(this=found)) if node.op == "not in" else found
        if isinstance(left, ast.Last) or isinstance(right, ast.Last | Latest):
            raise StatementError("LAST and LATEST are not supported; compare with a constant or a subselect")
        if node.op == "!~":
            return exp.Not(this=call("regexp_full_match", self.expression(left), self.expression(right)))
        if node.op == "<@":
            left, right, op = right, left, "@>"
        else:
            op = node.op
        if op in _AS_FUNCTION:
            return call(_AS_FUNCTION[op], self.expression(left), self.expression(right))
        arguments = {"this": self._operand(left), "expression": self._operand(right)}
        if op in ("<<", ">>"):
            return (exp.BitwiseLeftShift if op == "<<" else exp.BitwiseRightShift)(**arguments)
        if op in _NEGATED:
            return exp.Not(this=_NEGATED[op](**arguments))
        if op in _BINARY:
            return _BINARY[op](**arguments)
        raise StatementError(f"the operator {node.op} is not supported")

    def _in(self, left: Any, right: Any) -> Expression:
        this = self._operand(left)
        if isinstance(right, ast.Select | ast.Union | ast.Intersect | ast.Except):
            return exp.In(this=this, query=exp.Subquery(this=self.query(right)))
        items = right.items if isinstance(right, ast.Tuple) else [right]
        if isinstance(left, ast.Tuple) and not any(isinstance(item, ast.Tuple) for item in items):
            items = [right]  # the parser takes `((1, 2))` for `(1, 2)`
        return exp.In(this=this, expressions=[self.expression(item) for item in items])

    def _unary(self, node: Any) -> Expression:
        kind = exp.Neg if node.op == "-" else exp.Not
        return kind(this=self._operand(node.args[0]))

    def _between(self, node: Any) -> Expression:
        this, low, high = (self._operand(argument) for argument in node.args)
        return exp.Between(this=this, low=low, high=high)

    def _function(self, node: Any) -> Expression:
        if node.namespace is not None:
            raise StatementError(f"the function {node.namespace}.{node.op} is not supported")
        if node.op == "if" and len(node.args) == 3:
            condition, then, otherwise = (self.expression(argument) for argument in node.args)
            return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise)
        self._check_allowed(node.op)
        if node.from_arg is not None:
            return self._with_from(node)
        arguments = [self.expression(argument) for argument in node.args]
        if node.distinct:
            arguments = [exp.Distinct(expressions=arguments)]
        return call(node.op, *arguments)

    def _with_from(self, node: Any) -> Expression:
        source = self.expression(node.from_arg)
        if node.op == "extract":
            return call("date_part", literal(str(node.args[0].parts[-1])), source)
        if node.op == "trim":
            return call("trim", source, self.expression(node.args[0]))
        if node.op in ("substring", "substr"):
            return call("substring", self.expression(node.args[0]), source)
        raise StatementError(f"{node.op}(… FROM …) is not supported; write it with commas")

    def _check_allowed(self, name: str) -> None:
        if name not in self._functions.allowed:
            close = difflib.get_close_matches(name, self._functions.allowed, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise StatementError(f"the function {name} is not known or not allowed here{hint}")

    def _window(self, node: Any) -> Expression:
        if not isinstance(node.function, ast.Function):
            raise StatementError("OVER needs a function in front of it")
        order = [self.ordered(item) for item in node.order_by or ()]
        return exp.Window(
            this=self._function(node.function),
            partition_by=[self.expression(item) for item in node.partition or ()],
            order=exp.Order(expressions=order) if order else None,
            spec=_frame(node.modifier),
            over="OVER",
        )

    def _case(self, node: Any) -> Expression:
        return exp.Case(
            this=None if node.arg is None else self._operand(node.arg),
            ifs=[exp.If(this=self.expression(when), true=self.expression(then)) for when, then in node.rules],
            default=None if node.default is None else self.expression(node.default),
        )

    def _cast(self, node: Any) -> Expression:
        return exp.Cast(this=self.expression(node.arg), to=data_type(node.type_name, node.precision))

    def _interval(self, node: Any) -> Expression:
        return exp.Cast(this=literal(str(node.args[0])), to=data_type("interval"))

    def _exists(self, node: Any) -> Expression:
        found = exp.Exists(this=self.query(node.query))
        return exp.Not(this=found) if isinstance(node, ast.NotExists) else found

    def _tuple(self, node: Any) -> Expression:
        return exp.Tuple(expressions=[self.expression(item) for item in node.items])

    def _subquery(self, node: Any) -> Expression:
        return exp.Subquery(this=self.query(node))

    def _star(self, node: Any) -> Expression:  # noqa: ARG002 — every entry of the table takes the node
        return exp.Star()

    def _refused(self, node: Any) -> Expression:
        what = {"Parameter": "? and :name", "Variable": "@variables", "Latest": "LATEST", "Last": "LAST"}
        raise StatementError(f"{what[type(node).__name__]} cannot be used here; write the value")

    #: Subclasses stand before their parents.
    _kinds: tuple[tuple[type, Callable[[Translator, Any], Expression]], ...] = (
        (ast.Last, _refused), (Latest, _refused), (ast.Parameter, _refused), (ast.Variable, _refused),
        (ast.Constant, _constant), (ast.Identifier, _identifier), (ast.Star, _star),
        (ast.Interval, _interval), (ast.Exists, _exists), (ast.NotExists, _exists),
        (ast.BetweenOperation, _between), (ast.BinaryOperation, _binary), (ast.UnaryOperation, _unary),
        (ast.Function, _function), (ast.WindowFunction, _window), (ast.Case, _case), (ast.TypeCast, _cast),
        (ast.Tuple, _tuple), (ast.Select, _subquery), (ast.Union, _subquery), (ast.Intersect, _subquery),
        (ast.Except, _subquery),
    )  # fmt: skip


def flat(node: Any) -> list[tuple[Any, str | None, Any]]:
    """Return the tables of a FROM from left to right, each with how and on what it is joined."""
    if not isinstance(node, ast.Join):
        return [(node, None, None)]
    return [*flat(node.left), (node.right, " ".join(node.join_type.split()), node.condition)]


def joined(select: Expression, relation: Expression, join_type: str, on: Expression | None) -> Expression:
    """Join `relation` to a SELECT."""
    kind = _JOINS.get(join_type.removeprefix("ASOF ").replace("LEFT ASOF", "LEFT"))
    if kind is None:
        raise StatementError(f"{join_type} is not supported; supported are: {', '.join(_JOINS)}")
    if on is None and kind != "cross":
        # As in the host: a join without ON pairs every row with every row.
        on = exp.Boolean(this=True)
    if "ASOF" in join_type:
        kind = f"asof {kind}".strip()
    return select.join(relation, on=on, join_type=kind, copy=False)


def _take_ctes(node: Any) -> list[tuple[str, Any]]:
    """Return the WITH of a query and take it off; the parser hangs that of a UNION on its first SELECT."""
    first = node
    while not isinstance(first, ast.Select):
        first = first.left
    ctes, first.cte = first.cte or [], None
    return [(str(cte.name.parts[-1]), cte) for cte in ctes]


def _enclosed(query: Expression) -> Expression:
    return exp.Subquery(this=query)


def _is_star(node: Any) -> bool:
    return isinstance(node, ast.Identifier) and isinstance(node.parts[-1], ast.Star)


def _reference(parts: Sequence[str], star: bool) -> Expression:
    if len(parts) > 4:
        raise StatementError(f"the name {'.'.join(parts)} has too many parts")
    names: list[Expression] = [exp.to_identifier(part, quoted=True) for part in parts]
    if star:
        names[-1] = exp.Star()
    return exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(names), strict=False)))


def of_its_function(node: Any) -> Any:
    """Return the expression that ends in OVER: the parser takes all of `a + sum(b)` for its function."""
    holder, last = None, node.function
    while isinstance(last, ast.Operation) and not isinstance(last, ast.Function) and not last.parentheses:
        holder, last = last, last.args[-1]
    if holder is None:
        return node
    whole = node.function
    holder.args = [
        *holder.args[:-1],
        ast.WindowFunction(last, node.partition, node.order_by, None, node.modifier),
    ]
    whole.alias = node.alias
    return whole


def regrouped(node: Any) -> Any:
    """Give every operator its rank where one stands for which the parser has none."""
    chain = list(_chain(node, whole=True))
    if not any(isinstance(part, str) and part in _UNRANKED for part in chain):
        return node
    result = _climbed(chain, 0)
    result.alias = node.alias
    return result


def _chain(node: Any, *, whole: bool = False) -> Iterator[Any]:
    """Yield operands and operators in the order in which they were written, down to parentheses."""
    if node.parentheses and not whole:
        yield node
    elif isinstance(node, ast.BetweenOperation):
        for part, behind in zip(node.args, ("between", _BOUND, None), strict=True):
            yield from _chain(part)
            if behind is not None:
                yield behind
    elif isinstance(node, ast.BinaryOperation) and node.op in _RANKS:
        yield from _chain(node.args[0])
        yield node.op
        yield from _chain(node.args[1])
    elif isinstance(node, ast.UnaryOperation) and node.op == "not":
        yield "not"
        yield from _chain(node.args[0])
    else:
        yield node


def _climbed(chain: list[Any], lowest: int) -> Any:
    result = chain.pop(0)
    if result == "not":
        result = ast.UnaryOperation(op="not", args=[_climbed(chain, _RANKS["not"])])
        # It has its place now; without this it would be taken apart again.
        result.parentheses = True
    while chain and _RANKS.get(chain[0], -1) >= lowest:
        op = chain.pop(0)
        args = [result, _climbed(chain, _RANKS[op] + 1)]
        if op == "between":
            chain.pop(0)
            args.append(_climbed(chain, _RANKS[op] + 1))
        result = ast.BetweenOperation(args=args) if op == "between" else ast.BinaryOperation(op=op, args=args)
        result.parentheses = True
    return result


def _frame(modifier: str | None) -> Expression | None:
    if modifier is None:
        return None
    kind, _, start, start_side, _, end, end_side = modifier.upper().split()
    bounds = [(start, start_side), (end, end_side)]
    allowed = {("UNBOUNDED", "PRECEDING"), ("UNBOUNDED", "FOLLOWING"), ("CURRENT", "ROW")}
    if kind not in ("ROWS", "RANGE", "GROUPS") or not set(bounds) <= allowed:
        raise StatementError(f"the window frame {modifier!r} is not supported")
    shown = [("CURRENT ROW", None) if side == "ROW" else (word, side) for word, side in bounds]
    return exp.WindowSpec(
        kind=kind, start=shown[0][0], start_side=shown[0][1], end=shown[1][0], end_side=shown[1][1]
    )
