"""The errors of portkey_handler.

The whole tree; catch the nearest parent of the errors that you can handle::

    PortkeyHandlerError
      x  UsageError                   the input is wrong; nothing was sent
           + OptionError              an option of USING (all wrong ones at once)
           + TemplateError            a prompt template
           + InputError               the rows do not have what the model needs
           + AboveLimitError          more rows, or a higher cost, than max_rows or max_cost allow
           + StatementError           an SQL statement that does not parse or is not supported
           + NotFoundError            a model, engine or table of that name does not exist
           + AlreadyExistsError       ... or does already
           + NewerFileError           a newer release has written a file
      x  StoreError                   a file in the data directory cannot be used
      x  FileError                    a file cannot be read or written: no room, no right, gone
      x  GatewayError                 the gateway or the provider behind it gave no answer
           + ConnectionLostError      the connection broke before the answer was there
           + ConnectError             no connection: refused, no way to the host
                + UnknownHostError    there is no host of that name
           + RequestTimeoutError      no whole answer within the timeout
           + InvalidResponseError     a response against the protocol
           + StatusError              an HTTP status that is not a success
                + AuthenticationError 401, 403
                + BudgetExceededError 412
                + UnsupportedError    the gateway has no such endpoint for the provider
                + RateLimitError      429
                     + CapacityError  the service tier (flex) has no resources free now
                + ServerError         408, 425, 5xx
      x  CostReachedError             max_cost was reached while a query ran
      x  QueryError                   rows of a query failed, or the query was stopped
      x  InstallError                 the handler cannot be installed into a MindsDB

Every error survives pickling (MindsDB passes them between processes), says what, where and the remedy in
its first line, and carries neither a key nor a whole prompt.
"""

from __future__ import annotations

import difflib
import errno
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from .foreign_text import visible, without_keys

if TYPE_CHECKING:
    from types import TracebackType

    from .records import Evidence

_PACKAGE = __name__.removesuffix(".errors")
logger = logging.getLogger(_PACKAGE)

_Error = TypeVar("_Error", bound="PortkeyHandlerError")
_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


#: A line break that does not begin a further line of a message of ours, which is indented.
_FOREIGN_BREAK = re.compile(r"\n(?!  )")


#: What to do about an error of the system, by its number.
_FILE_REMEDIES: tuple[tuple[tuple[int, ...], str], ...] = (
    ((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room there"),
    ((errno.EACCES, errno.EPERM, errno.EROFS), "make it readable and writable, or name another folder"),
    ((errno.ENOENT, errno.ENOTDIR), "make the folder, or name another"),
    ((errno.EMFILE, errno.ENFILE), "let the process open more files (ulimit -n)"),
)


class PortkeyHandlerError(Exception):
    """The root of the tree. The first line of `message` says what, where and the remedy.

    What looks like a key is masked in it, because people write keys where no key belongs. What acts on a
    terminal is written out, and so are line breaks, but for those before the further lines of a message,
    which begin with two blanks: no name in a message begins a line of a log.
    """

    #: The names of the annotated attributes, which are the keyword arguments.
    _names: ClassVar[tuple[str, ...]] = ()
    #: Whether its words repeat a statement, in which any long word may be a key.
    _repeats_a_statement: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        cls._names = (*cls._names, *cls.__annotations__)

    def __init__(self, message: str, **details: Any) -> None:
        message = self._safe(message)
        super().__init__(message)
        if unknown := details.keys() - set(self._names):
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.message = message
        vars(self).update((name, self._safe_attribute(value)) for name, value in details.items())

    def _safe(self, text: str) -> str:
        safe = visible(without_keys(text, strict=self._repeats_a_statement))
        return _FOREIGN_BREAK.sub(r"\\n", safe)

    def _safe_attribute(self, value: Any) -> Any:
        """Return an attribute: a text is an id or a code; a list has sentences, also within tuples."""
        if isinstance(value, str):
            return visible(value)
        if type(value) is tuple:
            return tuple(self._safe(one) if isinstance(one, str) else one for one in value)
        if type(value) is list:
            return [self._safe(one) if isinstance(one, str) else self._safe_attribute(one) for one in value]
        return value

    @property
    def details(self) -> dict[str, Any]:
        """The attributes beside the message, by their names."""
        return {name: getattr(self, name) for name in self._names}

    def replace(self: _Error, **changes: Any) -> _Error:
        """Return an error like this one, with another message or other attributes."""
        return type(self)(**{"message": self.message, **self.details, **changes})

    def __str__(self) -> str:
        return self.message

    @property
    def for_people(self) -> tuple[str, ...]:
        """The message as lines for a terminal or a notebook."""
        return (self.message,)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        first, *more = self.for_people
        return [f"{type(self).__name__}: {first}", *more, *_place(self.__traceback__)]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the attributes; exceptions with keyword arguments need this."""
        return partial(type(self), **self.details), (self.message,)


def brief(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Return a function whose errors have one frame of this package in their traceback.

    With the logger `portkey_handler` at DEBUG, they have all of them.
    """

    @wraps(function)
    def call(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs  # this frame is still running, and a key may be among them
            if not isinstance(error, PortkeyHandlerError):
                raise
            raise briefly(error) from None

    return call


def briefly(error: _Error) -> _Error:
    """Return an error without the frames of this package, unless its logger is at DEBUG."""
    return error if keeps_tracebacks() else error.with_traceback(None)


def keeps_tracebacks() -> bool:
    """Return whether the frames of this package are shown: they say something to its developers only."""
    return logger.isEnabledFor(logging.DEBUG)


def _place(trace: TracebackType | None) -> list[str]:
    """Return the innermost function of the user that an error came through, as a line; no line for a cell."""
    found: list[str] = []
    in_cell = False
    while trace is not None:
        code, module = trace.tb_frame.f_code, str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if module == _PACKAGE:
            break
        if code.co_name.startswith(("<module>", "<cell")):  # before it are frames of IPython
            in_cell = True
        elif in_cell and module != "IPython":
            is_cell = re.search(r"ipykernel_\d|<ipython-input", code.co_filename)
            where = "its cell" if is_cell else code.co_filename
            found = [f"  in {code.co_name}, line {trace.tb_lineno} of {where}"]
        trace = trace.tb_next
    return found


class UsageError(PortkeyHandlerError):
    """The input is wrong; nothing was sent."""

    _repeats_a_statement = True


class OptionError(UsageError):
    """One or more options of USING are wrong; the message names every one, and shows no secret value.

    Attributes:
        problems: What is wrong, a sentence for each option.
    """

    problems: Sequence[str] = ()


class TemplateError(UsageError):
    """A prompt template that cannot be used."""


class InputError(UsageError):
    """The rows do not have what the model needs, such as its column."""


class AboveLimitError(UsageError):
    """More rows, or a higher cost by the estimate, than `max_rows` or `max_cost` allow."""


class StatementError(UsageError):
    """An SQL statement that does not parse or is not supported here.

    Attributes:
        place: The character of the statement at which it does not parse, from 0; None: not known.
        brief: The message without the words around the place.
        excerpt: The line with the place, its constants masked, and a line with a caret under the place.
    """

    place: int | None = None
    brief: str = ""
    excerpt: tuple[str, ...] = ()

    @property
    def for_people(self) -> tuple[str, ...]:
        """The message, then the line of the statement, and a caret under the place."""
        return (self.brief, *self.excerpt) if self.excerpt else (self.message,)


class NotFoundError(UsageError):
    """A model, engine, table or column of that name does not exist."""


class AlreadyExistsError(UsageError):
    """A model, engine or table of that name exists already."""


class NewerFileError(UsageError):
    """A newer release has written a file, which this release leaves unchanged."""

    @classmethod
    def of(cls, path: object, version: int, known: int, remedy: str) -> NewerFileError:
        """Return the error of a file; `known` is the newest version that this release reads."""
        return cls(
            f"{path} was written by a newer portkey-handler (it has version {version}, "
            f"and this release reads versions up to {known}); upgrade portkey-handler, or {remedy}"
        )


class StoreError(PortkeyHandlerError):
    """A file in the data directory cannot be used. Queries go on without it, and a warning says so."""


class FileError(PortkeyHandlerError):
    """A file or folder cannot be read or written. What was there is as it was."""

    @classmethod
    def of(cls, error: OSError) -> FileError:
        """Return the error of the system's error."""
        name = f"{error.filename} cannot be used" if error.filename else "a file cannot be used"
        remedy = next((said for codes, said in _FILE_REMEDIES if error.errno in codes), "mend that")
        return cls(f"{name}: {error.strerror or error}; {remedy}, then run the statement again")


class GatewayError(PortkeyHandlerError):
    """The gateway, or the provider behind it, did not give an answer.

    Attributes:
        status: HTTP status, or None where there was no response.
        request_id: The provider's or gateway's request id, or None.
        trace_id: The trace under which the gateway logs the request, or None.
        retry_after: Seconds that the provider asked to wait, or None.
        evidence: What is known of the request (provider, target, span …), or None.
        attempts: How often the request was sent.
        code: The provider's code of the error, in lower case, or None.
        ends_the_query: Every other row will fail too, even where rows have just been answered.
    """

    status: int | None = None
    request_id: str | None = None
    trace_id: str | None = None
    retry_after: float | None = None
    evidence: Evidence | None = None
    attempts: int = 1
    code: str | None = None
    ends_the_query: bool = False

    #: The same request may succeed when it is sent again.
    retryable = False
    #: Every other row will fail in the same way until something is changed.
    concerns_every_row = False
    #: The failure speaks of this row: its text is too long, or a filter held it back.
    concerns_one_row = False
    #: Nothing was sent: there was no connection.
    cannot_connect = False


class ConnectionLostError(GatewayError):
    """The connection broke before the answer was there."""

    retryable = True


class ConnectError(GatewayError):
    """No connection: refused, or no way to the host."""

    retryable = True
    concerns_every_row = True
    cannot_connect = True


class UnknownHostError(ConnectError):
    """There is no host of that name; another attempt would not help."""

    retryable = False


class RequestTimeoutError(GatewayError):
    """No whole answer within the timeout."""

    retryable = True


class InvalidResponseError(GatewayError):
    """A response against the protocol, such as broken JSON; one that is too large is not tried again."""

    retryable: bool = True


class StatusError(GatewayError):
    """An HTTP status that is not a success.

    Attributes:
        concerns_one_row: Its words speak of this row: too long a text, a filter.
    """

    concerns_one_row: bool = False


class AuthenticationError(StatusError):
    """401 or 403: the key was not accepted.

    Attributes:
        concerns_every_row: False for a 403 without words about a key, which a filter may have sent.
    """

    concerns_every_row: bool = True


class UnsupportedError(StatusError):
    """The gateway does not support this request for the provider. It answers 500, which is permanent here."""

    concerns_every_row = True


class BudgetExceededError(StatusError):
    """402, 412 and their words: the budget of the key, or the credit of the account, is spent."""

    concerns_every_row = True
    ends_the_query: bool = True


class RateLimitError(StatusError):
    """429: too many requests or tokens."""

    retryable = True


class CapacityError(RateLimitError):
    """The provider has no resources free for requests of this service tier (flex); nothing was charged."""


class ServerError(StatusError):
    """408, 425 and 5xx: a fault that may pass."""

    retryable = True


class CostReachedError(PortkeyHandlerError):
    """The query was stopped because `max_cost` was reached, or could be exceeded."""


class QueryError(PortkeyHandlerError):
    """Rows of a query failed, or the query was stopped.

    Attributes:
        answered: The number of rows with an answer.
        failed: The number of rows without one.
        requests_again: The number of requests of another run; the most, where the query was stopped.
        cost_again: The estimated US dollars of those requests, or None where it is not known.
        reasons: Each reason and the numbers of its rows, from 0; the most frequent first.
        stopped_by: The kind of the error that stopped the query before every row was asked, such as
            `AuthenticationError`; None where all were.
    """

    answered: int = 0
    failed: int = 0
    requests_again: int = 0
    cost_again: float | None = None
    reasons: Sequence[tuple[str, Sequence[int]]] = ()
    stopped_by: str | None = None


class InstallError(PortkeyHandlerError):
    """The handler cannot be installed into a MindsDB, or there is none."""


@contextmanager
def alone() -> Iterator[None]:
    """Let errors of ours out without the foreign errors that they come from.

    Those hold statements, rows and keys, and tools that report errors show all that hangs on one. An error
    that the caller is handling stays.
    """
    handled = sys.exc_info()[1]
    try:
        yield
    except PortkeyHandlerError as error:
        error.__cause__, error.__context__ = None, handled
        raise


MOST_SHOWN = 20
_LONGEST_SHOWN = 80


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Return the closest of `names` as the end of a sentence; an empty text where none is close."""
    folded = {candidate.lower(): candidate for candidate in reversed(names)}
    close = closest(name.lower(), folded)
    return f", did you mean {folded[close]!r}?" if close else ""


def closest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the closest of `names`, or None where none is as close as `cutoff`, from 0 to 1."""
    found = difflib.get_close_matches(name, [*names], n=1, cutoff=cutoff)
    return found[0] if found else None


def listed(names: Sequence[str]) -> str:
    """Return the column names as the end of a sentence, cut where there are many."""
    shown = [name[:_LONGEST_SHOWN] for name in names if not name.startswith("__")]  # those are MindsDB's own
    if not shown:
        return "have no columns"
    more = len(shown) - MOST_SHOWN
    return f"have {', '.join(shown[:MOST_SHOWN])}" + (f" and {more} more" if more > 0 else "")


# Names of release 0.1, which keep working.
BrokenOffError = ConnectionLostError
UnreachableError = ConnectError
TimedOutError = RequestTimeoutError
MalformedReplyError = InvalidResponseError
RejectedError = StatusError
KeyRejectedError = AuthenticationError
BudgetSpentError = BudgetExceededError
RateLimitedError = RateLimitError
ServerFaultError = ServerError
