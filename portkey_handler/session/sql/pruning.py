"""Which rows can still be in the result of a query when only some of its models have answered.

A row is in the result if WHERE is TRUE. A condition that needs an answer which is not there yet may become
TRUE, FALSE or NULL. A row is dropped only if WHERE can become TRUE with none of these, by SQL's logic of
three values. The rows that are left are at least those that the result needs, so no result changes.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextvars import ContextVar
from typing import Any

from sqlglot import exp

from .parser import ast
from .plan import parts

#: Asks every model about every row, in the order of the statement, for tests that compare the results.
NAIVE: ContextVar[bool] = ContextVar("naive", default=False)
#: Operators whose result depends on their operands alone, and which cannot fail.
_PLAIN = frozenset(
    (
        "=",
        "!=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "like",
        "not like",
        "ilike",
        "not ilike",
        "is",
        "is not",
        "in",
        "not in",
    )
)
#: Functions of one text or more that cannot fail either.
_FUNCTIONS = frozenset(
    ("lower", "upper", "lcase", "ucase", "trim", "ltrim", "rtrim", "length", "coalesce", "starts_with",
     "ends_with", "contains", "replace", "concat", "ifnull", "nullif", "left", "right", "reverse")
)  # fmt: skip


class Pruning:
    """The conditions of a query that can drop rows between models.

    Args:
        conditions: The conditions of WHERE that need answers; all of them must be TRUE.
        translated: Translates a condition.
        is_known: Returns whether the column of an identifier is known when these models have answered.
    """

    def __init__(
        self,
        conditions: Sequence[Any],
        translated: Callable[[Any], Any],
        is_known: Callable[[Any, Set[int]], bool],
    ) -> None:
        self._conditions = conditions
        self._translated = translated
        self._is_known = is_known

    def after(self, answered: Set[int]) -> Any:
        """Return the condition that a row must meet to be needed, or None where no row can be dropped.

        Args:
            answered: The models that have answered, by their position in the question.
        """
        wanted = [self._can_be(True, condition, answered) for condition in self._conditions]
        found = [condition for condition in wanted if condition is not None]
        return exp.and_(*found) if found else None

    def decides(self, answered: Set[int]) -> bool:
        """Return whether `after` says exactly which rows the conditions keep."""
        return all(self._is_decided(condition, answered) for condition in self._leaves())

    def _leaves(self) -> Iterator[Any]:
        waiting = [*self._conditions]
        while waiting:
            node = waiting.pop()
            if (isinstance(node, ast.UnaryOperation) and node.op == "not") or (
                isinstance(node, ast.BinaryOperation) and node.op in ("and", "or")
            ):
                waiting.extend(node.args)
            else:
                yield node

    def _can_be(self, value: bool, node: Any, answered: Set[int]) -> Any:
        """Return the condition under which a condition can become TRUE (or FALSE); None: it always can."""
        if isinstance(node, ast.UnaryOperation) and node.op == "not":
            return self._can_be(not value, node.args[0], answered)
        if isinstance(node, ast.BinaryOperation) and node.op in ("and", "or"):
            sides = [self._can_be(value, side, answered) for side in node.args]
            # AND is TRUE where both sides are, and FALSE where one is; OR the other way round.
            if (node.op == "and") == value:
                known = [side for side in sides if side is not None]
                return exp.and_(*known) if known else None
            return None if None in sides else exp.or_(*sides)
        if not self._is_decided(node, answered):
            return None
        return exp.Is(this=exp.Paren(this=self._translated(node)), expression=exp.Boolean(this=value))

    def _is_decided(self, node: Any, answered: Set[int]) -> bool:
        """Return whether a condition has its value now, and cannot fail where it is tried."""
        return all(self._is_plain(part, answered) for part in parts(node))

    def _is_plain(self, part: Any, answered: Set[int]) -> bool:
        if isinstance(part, ast.Identifier):
            return self._is_known(part, answered)
        if isinstance(part, ast.BinaryOperation) and not isinstance(part, ast.BetweenOperation):
            return part.op in _PLAIN
        if isinstance(part, ast.Function):
            return part.op in _FUNCTIONS
        return isinstance(part, ast.Constant | ast.Tuple | ast.BetweenOperation)
