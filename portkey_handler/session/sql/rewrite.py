"""Changes parsed statements in place: replaces nodes by nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import StatementError
from .nodes import flat
from .parser import ast, parse, using
from .ranks import of_its_function, regrouped

QUERIES = ast.Select | ast.Union | ast.Intersect | ast.Except


def rewrite(node: Any, replace: Callable[[Any], Any]) -> None:
    """Call `replace` with every node below `node`; its result replaces the node."""
    if isinstance(node, ast.Exists | ast.NotExists):
        # The parser holds the query of EXISTS twice, and it must not be asked twice.
        once = [node.query]
        rewrite(once, replace)
        node.query, node.args = once[0], once
        return
    if isinstance(node, list):
        places: Any = list(enumerate(node))
    elif isinstance(node, ast.ASTNode) and not isinstance(node, ast.Identifier):
        places = [item for item in vars(node).items() if item[0] not in ("alias", "using")]
    else:
        return
    for place, child in places:
        value = list(child) if isinstance(child, tuple) else child
        found = replace(value) if isinstance(value, ast.ASTNode) else None
        if found is None:
            rewrite(value, replace)
            found = value
        if isinstance(node, list):
            node[place] = found
        else:
            setattr(node, place, found)


def taken_using(query: Any) -> dict[str, Any]:
    """Take the USING at the end of a query away, and return its options: they hold for all models in it.

    The parser gives it to the last SELECT of a UNION, with or without parentheses around that one.
    """
    last = query
    while isinstance(last, ast.Union | ast.Intersect | ast.Except):
        last = last.right
    options = using(getattr(last, "using", None))
    if options:
        last.using = None
    # What is said of one model (`m.max_tokens = 5`) beats what is said of all, in whichever order.
    return dict(sorted(options.items(), key=lambda option: "." in option[0]))


def prepared(query: Any) -> Any:
    """Read `files (SELECT …)` as a subselect of files, and apply operator precedence."""

    def parsed(node: Any) -> Any:
        whole = of_its_function(node) if isinstance(node, ast.WindowFunction) else node
        if isinstance(whole, ast.BinaryOperation):
            whole = regrouped(whole)
        if whole is not node:
            rewrite(whole, parsed)
            return whole
        if not isinstance(node, ast.NativeQuery):
            return None
        name = ".".join(str(part) for part in node.integration.parts)
        if name.lower() != "files":
            raise StatementError(f"{name} (…) is not supported; only files (SELECT …) is")
        inner = in_files(node.query)
        inner.alias, inner.parentheses = node.alias, True
        return inner

    rewrite(query, parsed)
    return query


def in_files(text: str) -> Any:
    """Parse a query whose tables without a prefix are files."""
    query = parse(text)
    if not isinstance(query, QUERIES):
        raise StatementError("only a SELECT can stand in files (…)")
    own = {str(cte.name.parts[-1]).lower() for cte in getattr(query, "cte", None) or ()}

    def prefixed(node: Any) -> Any:
        if isinstance(node, ast.Select):
            for item, _, _ in flat(node.from_table):
                if (
                    isinstance(item, ast.Identifier)
                    and len(item.parts) == 1
                    and str(item.parts[0]).lower() not in own
                ):
                    item.parts.insert(0, "files")
                    item.is_quoted.insert(0, False)

    prefixed(query)
    rewrite(query, prefixed)
    return query
