"""The part of a reply that is the answer, as JSONPath (RFC 9535)."""

from __future__ import annotations

from typing import Any

from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathError

from ..errors import OptionError


class _Environment(JSONPathEnvironment):
    """JSONPath without functions, because match() and search() run patterns that may never end."""

    def setup_function_extensions(self) -> None:
        """Set up no functions."""


class AnswerPath:
    """A JSONPath, compiled once.

    Args:
        source: The path, such as `$.results[0].score`.

    Raises:
        OptionError: The text is not a JSONPath.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        try:
            self._query = _Environment().compile(source)
        except JSONPathError as error:
            said = str(error).splitlines()[0]
            raise OptionError(
                f"answer: expected a JSONPath without functions, such as $.results[0].score ({said})"
            ) from None
        self._is_of_one = self._query.singular_query()

    def of(self, body: Any) -> tuple[Any, str | None]:
        """Return the value at the path, and None; or None, and why there is no value.

        A path that can match several values gives a list.
        """
        try:
            found = [node.value for node in self._query.finditer(body)]
        except JSONPathError as error:
            return None, f"the reply cannot be searched by {self._source}: {error}"
        if not self._is_of_one:
            return found, None
        return (found[0], None) if found else (None, f"the reply has nothing at {self._source}")
