"""Translates the parser's tree to sqlglot's: values, that is everything except queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from ...errors import StatementError, closest
from .duckdb_nodes import All, Native, StarBut
from .expressions import Expression, Functions, call, data_type, literal, sql
from .nodes import is_star
from .parser import Latest, ast

_BINARY: dict[str, Callable[..., Expression]] = {
    "=": exp.EQ, "!=": exp.NEQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
    "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div, "%": exp.Mod, "and": exp.And, "or": exp.Or,
    "||": exp.DPipe, "like": exp.Like, "ilike": exp.ILike, "is": exp.Is, "&": exp.BitwiseAnd,
    "|": exp.BitwiseOr,
}  # fmt: skip
_NEGATED = {"not like": exp.Like, "not ilike": exp.ILike, "is not": exp.Is}
#: Operators that DuckDB also has as functions. sqlglot may change operators, but not these names.
_AS_FUNCTION = {
    "->": "json_extract", "->>": "json_extract_string", "^": "xor", "~": "regexp_full_match",
    "<->": "list_distance", "<=>": "list_cosine_distance", "<#>": "list_negative_inner_product",
    "@>": "list_has_all", "&&": "list_has_any",
}  # fmt: skip
_KEYWORDS = {"current_date": exp.CurrentDate, "current_timestamp": exp.CurrentTimestamp}


class Values:
    """Translates the expressions of one statement.

    Args:
        functions: The functions that a statement may call.
        columns: Returns the expression for an identifier of the outermost query; None: it stays as written.
    """

    def __init__(self, functions: Functions, columns: Callable[[Any], Expression] | None = None) -> None:
        self._functions = functions
        self._columns = columns
        self._scopes: list[dict[tuple[str, ...], str]] = []

    def query(self, node: Any) -> Expression:
        """Translate a nested query."""
        raise NotImplementedError

    def ordered(self, item: Any) -> Expression:
        """Translate one term of ORDER BY."""
        nulls_first = item.nulls == "NULLS FIRST"
        return exp.Ordered(
            this=self.expression(item.field), desc=item.direction == "DESC", nulls_first=nulls_first
        )

    def expression(self, node: Any) -> Expression:
        """Translate a value.

        Raises:
            StatementError: The construct is not supported.
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
                return _reference([scope[lowered[:-1]], parts[-1]], is_star(node))
        if self._columns is not None and (len(parts) > 1 or not self._scopes):
            return self._columns(node)
        if len(parts) == 1 and lowered[0] in _KEYWORDS and not node.is_quoted[0]:
            return _KEYWORDS[lowered[0]]()
        return _reference(parts, is_star(node))

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
        if op in ("is", "is not") and isinstance(arguments["expression"].unnest(), exp.Boolean):
            arguments["expression"] = arguments["expression"].unnest()  # IS takes no brackets
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
            items = [right]  # the parser reads `((1, 2))` as `(1, 2)`
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
            close = closest(name, self._functions.allowed)
            hint = f"; did you mean {close}?" if close else ""
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

    def _star(self, node: Any) -> Expression:
        if isinstance(node, StarBut):
            if self._columns is not None and not self._scopes:
                raise StatementError("* EXCLUDE stands in SELECT only")
            names = ", ".join(sql(exp.to_identifier(name, quoted=True)) for name in node.without)
            owner = None if node.owner is None else ast.Identifier(parts=[node.owner, ast.Star()])
            star = "*" if owner is None else sql(self._identifier(owner))
            return exp.Var(this=f"{star} EXCLUDE ({names})")
        return exp.Star()

    def _native(self, node: Any) -> Expression:
        for name in node.calls:
            self._check_allowed(name)
        texts = [sql(exp.Paren(this=self.expression(hole))) for hole in node.holes]
        pairs = zip(node.pieces, [*texts, ""], strict=True)
        return exp.Var(this=f"({''.join(piece for pair in pairs for piece in pair)})")

    def _all(self, node: Any) -> Expression:  # noqa: ARG002 — likewise
        return exp.Var(this="ALL")

    def _refused(self, node: Any) -> Expression:
        what = {"Parameter": "? and :name", "Variable": "@variables", "Latest": "LATEST", "Last": "LAST"}
        raise StatementError(f"{what[type(node).__name__]} cannot be used here; write the value")

    #: Subclasses come before their parents.
    _kinds: tuple[tuple[type, Callable[[Values, Any], Expression]], ...] = (
        (ast.Last, _refused), (Latest, _refused), (ast.Parameter, _refused), (ast.Variable, _refused),
        (ast.Constant, _constant), (ast.Identifier, _identifier), (ast.Star, _star),
        (ast.Interval, _interval), (ast.Exists, _exists), (ast.NotExists, _exists),
        (ast.BetweenOperation, _between), (ast.BinaryOperation, _binary), (ast.UnaryOperation, _unary),
        (ast.Function, _function), (ast.WindowFunction, _window), (ast.Case, _case), (ast.TypeCast, _cast),
        (ast.Tuple, _tuple), (ast.Select, _subquery), (ast.Union, _subquery), (ast.Intersect, _subquery),
        (ast.Except, _subquery), (Native, _native), (All, _all),
    )  # fmt: skip


def _reference(parts: Sequence[str], star: bool) -> Expression:
    if len(parts) > 4:
        raise StatementError(f"the name {'.'.join(parts)} has too many parts")
    names: list[Expression] = [exp.to_identifier(part, quoted=True) for part in parts]
    if star:
        names[-1] = exp.Star()
    return exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(names), strict=False)))


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
