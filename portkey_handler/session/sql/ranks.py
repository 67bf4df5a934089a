"""Corrects operator precedence and OVER in the parser's tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .parser import ast

#: Operator precedence: the parser's, and one rank for the operators that it does not rank (`_UNRANKED`).
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
#: Operators without a rank in the parser, which reads `a = 1 AND b ->> 'k' = 'x'` as
#: `((a = 1 AND b) ->> 'k') = 'x'`.
_UNRANKED = frozenset(("->>", "||", "~", "!~", "<->", "<=>", "<#>", "@>", "<@", "&&"))
#: Ends the lower bound of BETWEEN in a chain.
_BOUND = "bound"


def of_its_function(node: Any) -> Any:
    """Return the function before OVER: the parser takes all of `a + sum(b)` for the function."""
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
    """Apply the right precedence to an expression that has an operator without a rank in the parser."""
    chain = list(_chain(node, whole=True))
    if not any(isinstance(part, str) and part in _UNRANKED for part in chain):
        return node
    result = _climbed(chain, 0)
    result.alias = node.alias
    return result


def _chain(node: Any, *, whole: bool = False) -> Iterator[Any]:
    """Yield operands and operators in the order of the text; parentheses are one operand."""
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
        # Parentheses keep it from being taken apart again.
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
