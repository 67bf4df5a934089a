"""How deeply a statement may be nested, and room on the stack for statements that are."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import StatementError

#: Before Python 3.11 each call of a Python function takes room on the stack of C.
_IS_ROOMY = sys.version_info >= (3, 11)
#: Nodes of the parser's tree one below the other; DuckDB takes 1,000, some of which one of ours needs.
DEEPEST = 450 if _IS_ROOMY else 200
#: Calls one within the other: each node takes some.
_CALLS = 20_000 if _IS_ROOMY else 5_000

_lock = threading.Lock()
_inside = 0
_usual = 0


@contextmanager
def room() -> Iterator[None]:
    """Allow as many calls within calls as the deepest statement needs.

    Raises:
        StatementError: They were not enough.
    """
    global _inside, _usual  # noqa: PLW0603 - the limit is the process's
    with _lock:
        if not _inside:
            _usual = sys.getrecursionlimit()
            sys.setrecursionlimit(max(_usual, _CALLS))
        _inside += 1
    try:
        yield
    except RecursionError:
        raise too_deep() from None
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                sys.setrecursionlimit(_usual)


def too_deep() -> StatementError:
    """Return the error of a statement that is nested too deeply."""
    return StatementError(
        f"the statement is nested too deeply: more than {DEEPEST} conditions, operators or subselects one "
        "within the other; write column IN (…) instead of many ORs, or put the values into a table and JOIN "
        "it"
    )


def check_depth(tree: Any, node: type) -> None:
    """Check that a parsed statement is not nested too deeply.

    Raises:
        StatementError: It is.
    """
    level = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise too_deep()
        level = [below for one in level for below in _below(one, node)]


def _below(part: Any, node: type) -> Iterator[Any]:
    """Yield the nodes directly below a node, which may stand in lists."""
    found = list(vars(part).values())
    while found:
        one = found.pop()
        if isinstance(one, node):
            yield one
        elif isinstance(one, (list, tuple)):
            found.extend(one)
        elif isinstance(one, dict):
            found.extend(one.values())
