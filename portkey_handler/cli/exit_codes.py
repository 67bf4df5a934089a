"""The exit codes of the command line, by the kind of an error."""

from __future__ import annotations

from .. import errors
from ..errors import (
    AboveLimitError,
    AuthenticationError,
    BudgetExceededError,
    ConnectError,
    CostReachedError,
    GatewayError,
    PortkeyHandlerError,
    QueryError,
)

#: A statement is wrong, or a file cannot be used.
STATEMENT = 1
#: Rows have no answer.
ROWS = 3
#: A limit or a budget.
LIMIT = 4
#: The gateway cannot be reached, or refuses the key.
GATEWAY = 5
INTERRUPTED = 130
#: And the number of the signal: what a shell shows of a program that a signal has ended.
SIGNALLED = 128


def code_of(error: PortkeyHandlerError) -> int:
    """Return the exit code of an error."""
    if isinstance(error, QueryError):
        stopped = _of_kind(getattr(errors, error.stopped_by or "", QueryError))
        return stopped if stopped in (LIMIT, GATEWAY) else ROWS
    return _of_kind(type(error))


def _of_kind(kind: type[Exception]) -> int:
    if issubclass(kind, (AboveLimitError, CostReachedError, BudgetExceededError)):
        return LIMIT
    if issubclass(kind, (ConnectError, AuthenticationError)):
        return GATEWAY
    return ROWS if issubclass(kind, GatewayError) else STATEMENT
