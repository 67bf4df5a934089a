"""Compile prompt templates: Jinja's syntax, restricted to a list of nodes.

Jinja is only the parser. Its sandbox limits neither loops nor the size of texts, so its code generator and
its run time are not used. The nodes on the list here become small functions of the row, and any other node is
an error that names it. There is no loop, no call, no arithmetic, no assignment and no attribute of an object.
The work of a template is bounded by its own length and the size of the row.

Allowed: text, comments and ``{% raw %}``; ``{{ column }}``, ``{{ row["my column"] }}``, ``{{ row.column }}``;
``{% if %}``, ``{% elif %}``, ``{% else %}``; ``a if b else c``; comparisons, ``in``, ``and``, ``or``,
``not``; constants and lists; ``~``; the filters and tests of `filters`. ``<``, ``<=``, ``>`` and ``>=`` are
false for NULL, as in a WHERE.
"""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import Environment, TemplateSyntaxError, nodes

from ..errors import InputError, TemplateError, closest
from .cell_text import to_text
from .filters import FILTERS, TESTS
from .nodes import Condition, Evaluate, Literal, Lookup, Piece, Show

#: The deepest nesting of expressions and ifs; Python's stack allows more.
_DEEPEST = 60

# Jinja's default drops the last line break of a text.
_SYNTAX = Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - only parses; not HTML

_REFUSED = {
    "For": ("a loop", "write a list column with {{ column|join(', ') }}"),
    "Call": ("a call", "compute it in the SELECT and name its column"),
    "Getattr": ("an attribute", 'write {{ column }} or {{ row["my column"] }}'),
    "Getitem": ("a part of a value", 'only row["my column"] is allowed; take the part in the SELECT'),
    "Assign": ("{% set %}", "write the expression where it is used"),
    "AssignBlock": ("{% set %}", "write the text where it is used"),
    "Include": ("{% include %}", "write the text into the template"),
    "Macro": ("{% macro %}", "write the text where it is used"),
    "FilterBlock": ("{% filter %}", "write {{ column|filter }}"),
    "Slice": ("a part of a value", "use the filter truncate, or take the part in the SELECT"),
}
#: What the name of a column may look like: `unit-price`, `review.text`, `Size (cm)`.
_LIKE_NAMES = {"Sub", "Div", "Add", "Getattr", "Call"}
_IN_BRACES = re.compile(r"\{\{-?\s*([^{}|\"'\s][^{}|\"']{0,80}?)\s*(?P<filters>\|[^{}]*?)?\s*-?\}\}")
#: A column in the braces of another template language: {{{text}}}, {% text %}.
_OTHER_BRACES = re.compile(r"\{\{\{+\s*(\w+)\s*\}\}\}+|\{%\s*(\w+)\s*%\}")
_TAGS = {"if", "elif", "else", "for", "set", "raw", "block", "macro", "include", "extends", "filter", "call"}
_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow", "Neg", "Pos"}

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "in": lambda left, right: right is not None and left in right,
    "notin": lambda left, right: right is not None and left not in right,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
_BY_SIZE = {"lt", "lteq", "gt", "gteq"}


def compile_template(source: str, where: str) -> tuple[list[Piece], tuple[str, ...], frozenset[str]]:
    """Compile a template.

    Returns:
        Its pieces, the columns that it names in order of first use, and the columns that may be missing
        (those tested with ``is defined``).

    Raises:
        TemplateError: See `template.Template`.
    """
    if not isinstance(source, str):
        raise TemplateError(f"{where}: expected text, got {type(source).__name__}")
    try:
        source.encode()
        tree = _SYNTAX.parse(source)
        compiler = _Compiler(tree, where, source)
        pieces = compiler.pieces(tree.body, 0)
    except TemplateSyntaxError as error:
        hint = _meant_column(source, error.lineno)
        raise TemplateError(f"{where}, line {error.lineno}: {_syntax_words(error, hint)}") from None
    except UnicodeEncodeError as error:
        said = f"{where}: a lone surrogate at position {error.start}, which UTF-8 cannot encode; remove it"
        raise TemplateError(said) from None
    except RecursionError:
        raise TemplateError(f"{where}: nested too deeply; compute parts of it in the SELECT") from None
    except (ValueError, OverflowError):
        raise TemplateError(f"{where}: a number in it has too many digits; write it as text") from None
    return pieces, tuple(compiler.columns), compiler.optional


def _meant_column(source: str, line: int) -> str:
    """Return how what stands in braces on a line is written if it is a column, or an empty text."""
    lines = source.splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    for found in _IN_BRACES.finditer(text):
        if not found[1].isidentifier():
            filters = f" {found['filters'].strip()}" if found["filters"] else ""
            return f'{{{{ row["{found[1]}"]{filters} }}}}'
    return ""


def _syntax_words(error: TemplateSyntaxError, hint: str) -> str:
    said = (error.message or "the syntax is broken").rstrip(".")
    lines = (error.source or "").splitlines()
    other = _OTHER_BRACES.search(lines[error.lineno - 1] if error.lineno <= len(lines) else "")
    is_known = other is not None and (name := other[1] or other[2]).isidentifier() and name not in _TAGS
    if other is not None and is_known and not name.startswith("end"):
        return f"write {{{{ {name} }}}} instead of {other[0]}"
    if hint:
        return f"a column of that name is written {hint} ({said[:160]})"
    return f"{said[:160]}. To write {{{{ or {{% as text, put {{% raw %}} before and {{% endraw %}} after it"


class _Compiler:
    """Turns nodes into functions; a node that is not on the list is an error."""

    def __init__(self, tree: nodes.Template, where: str, source: str) -> None:
        self.where = where
        self._source = source
        self.columns: dict[str, None] = {}
        asked = [test.node for test in tree.find_all(nodes.Test) if test.name in {"defined", "undefined"}]
        self.optional = frozenset(name for node in asked if (name := _column_name(node)) is not None)

    def refuse(self, node: nodes.Node, what: str, remedy: str) -> NoReturn:
        hint = _meant_column(self._source, node.lineno) if type(node).__name__ in _LIKE_NAMES else ""
        remedy += f"; a column of that name is written {hint}" if hint else ""
        raise TemplateError(f"{self.where}, line {node.lineno}: {what} is not allowed; {remedy}")

    def pieces(self, body: Sequence[nodes.Node], depth: int) -> list[Piece]:
        """Compile statements."""
        found: list[Piece] = []
        for node in body:
            if isinstance(node, nodes.Output):
                found += [self.shown(one, depth) for one in node.nodes]
            elif isinstance(node, nodes.If):
                branches = [
                    (self.expression(branch.test, depth + 1), self.pieces(branch.body, depth + 1))
                    for branch in (node, *node.elif_)
                ]
                found.append(Condition(branches, self.pieces(node.else_, depth + 1)))
            else:
                self.unknown(node)
        return found

    def shown(self, node: nodes.Expr, depth: int) -> Piece:
        if isinstance(node, nodes.TemplateData):
            return Literal(node.data)
        return Show(self.expression(node, depth + 1))

    def expression(self, node: nodes.Node, depth: int) -> Evaluate:
        """Compile an expression."""
        if depth > _DEEPEST:
            self.refuse(node, "such deep nesting", "compute parts of it in the SELECT")
        name = _column_name(node)
        if name is not None:
            self.columns.setdefault(name)
            return Lookup(name, name in self.optional)
        compile_node = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if compile_node is None:
            self.unknown(node)
        compiled: Evaluate = compile_node(node, depth + 1)
        return compiled

    def unknown(self, node: nodes.Node) -> NoReturn:
        kind = type(node).__name__
        if kind in _ARITHMETIC:
            self.refuse(node, "arithmetic", "compute it in the SELECT (~ concatenates texts)")
        what, remedy = _REFUSED.get(
            kind, (f"'{kind.lower()}'", "there are {{ column }}, if/elif/else, filters")
        )
        self.refuse(node, what, remedy)

    def on_const(self, node: nodes.Const, _depth: int) -> Evaluate:
        value = node.value
        if isinstance(value, str):
            value.encode()  # "\ud800" is an escape that Jinja reads
        return lambda _values: value

    def on_neg(self, node: nodes.Neg, _depth: int) -> Evaluate:
        if not (isinstance(node.node, nodes.Const) and isinstance(node.node.value, (int, float))):
            self.unknown(node)
        value = -node.node.value
        return lambda _values: value

    def on_list(self, node: nodes.List | nodes.Tuple, depth: int) -> Evaluate:
        items = [self.expression(item, depth) for item in node.items]
        return lambda values: [item(values) for item in items]

    on_tuple = on_list

    def on_concat(self, node: nodes.Concat, depth: int) -> Evaluate:
        parts = [self.expression(part, depth) for part in node.nodes]
        return lambda values: "".join([to_text(part(values)) for part in parts])

    def on_and(self, node: nodes.And, depth: int) -> Evaluate:
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        return lambda values: left(values) and right(values)

    def on_or(self, node: nodes.Or, depth: int) -> Evaluate:
        left, right = self.expression(node.left, depth), self.expression(node.right, depth)
        return lambda values: left(values) or right(values)

    def on_not(self, node: nodes.Not, depth: int) -> Evaluate:
        inner = self.expression(node.node, depth)
        return lambda values: not inner(values)

    def on_condexpr(self, node: nodes.CondExpr, depth: int) -> Evaluate:
        then, test = self.expression(node.expr1, depth), self.expression(node.test, depth)
        if node.expr2 is None:
            return lambda values: then(values) if test(values) else None
        otherwise = self.expression(node.expr2, depth)
        return lambda values: then(values) if test(values) else otherwise(values)

    def on_compare(self, node: nodes.Compare, depth: int) -> Evaluate:
        first = self.expression(node.expr, depth)
        rest = [(one.op, self.expression(one.expr, depth)) for one in node.ops]
        line = node.lineno

        def compare(values: Mapping[str, Any]) -> bool:
            left = first(values)
            for how, evaluate in rest:
                right = evaluate(values)
                if not _holds(how, left, right, line):
                    return False
                left = right
            return True

        return compare

    def on_test(self, node: nodes.Test, depth: int) -> Evaluate:
        if node.name in {"defined", "undefined"}:
            name, wanted = _column_name(node.node), node.name == "defined"
            if name is None:
                self.refuse(node, f"'is {node.name}' after anything but a column", "use is none")
            self.columns.setdefault(name)
            return lambda values: (name in values) is wanted
        if node.name not in TESTS or node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
            known = ", ".join(("defined", "undefined", *TESTS))
            self.refuse(node, f"the test 'is {node.name[:40]}'", f"the tests are {known}, without arguments")
        test, inner = TESTS[node.name], self.expression(node.node, depth)
        return lambda values: test(inner(values))

    def on_filter(self, node: nodes.Filter, depth: int) -> Evaluate:
        apply = FILTERS.get(node.name)
        if apply is None:
            near = closest(node.name, FILTERS)
            hint = f"did you mean {near!r}? The" if near else "the"
            self.refuse(node, f"the filter {node.name[:40]!r}", f"{hint} filters are {', '.join(FILTERS)}")
        if node.node is None or node.dyn_args or node.dyn_kwargs:
            self.refuse(node, "this use of a filter", "write {{ column|filter(argument) }}")
        inner = self.expression(node.node, depth)
        args = [self.expression(argument, depth) for argument in node.args]
        named = {str(one.key): self.expression(one.value, depth) for one in node.kwargs}
        try:
            inspect.signature(apply).bind(inner, *args, **named)
        except TypeError as error:
            self.refuse(node, f"the filter {node.name!r} with these arguments", str(error))
        place = f"line {node.lineno}, filter {node.name!r}"
        if isinstance(inner, Lookup):
            place += f" of column {inner.name!r}"
        return _filtered(apply, inner, args, named, place)


def _filtered(
    apply: Callable[..., Any], inner: Evaluate, args: list[Evaluate], named: dict[str, Evaluate], place: str
) -> Evaluate:
    def run(values: Mapping[str, Any]) -> Any:
        value = inner(values)
        given = [argument(values) for argument in args]
        options = {name: argument(values) for name, argument in named.items()}
        try:
            return apply(value, *given, **options)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        except (TypeError, ValueError, ArithmeticError):
            raise InputError(f"{place} does not fit the value; convert it in the SELECT") from None

    return run


def _holds(how: str, left: Any, right: Any, line: int) -> bool:
    if how in _BY_SIZE and (left is None or right is None):
        return False
    try:
        return bool(_COMPARE[how](left, right))
    except (TypeError, ValueError, ArithmeticError):
        kinds = f"{type(left).__name__} and {type(right).__name__}"
        said = f"line {line}: {kinds} cannot be compared here; convert one with |int, |float or |lower"
        raise InputError(said) from None


def _column_name(node: nodes.Node) -> str | None:
    """Return the column that ``name``, ``row["name"]`` or ``row.name`` names."""
    if isinstance(node, nodes.Name):
        return node.name
    if not (isinstance(node, (nodes.Getattr, nodes.Getitem)) and isinstance(node.node, nodes.Name)):
        return None
    if node.node.name != "row":
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None
