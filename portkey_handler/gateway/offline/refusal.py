"""An error answer of the stand-in, in the format of the provider that it imitates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):  # noqa: N818 - an answer, not an error of this program
    """A request that is answered with an error in the provider's format."""

    def __init__(
        self, status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def body(self, path: str) -> dict[str, Any]:
        """Return the error in the format of the provider of `path`."""
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        kind = kinds.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        if path.endswith("/messages"):
            return {"type": "error", "error": {"type": kind, "message": str(self)}}
        openai_kind = "invalid_request_error" if self.status in (401, 404) else kind
        return {"error": {"message": str(self), "type": openai_kind, "param": None, "code": self.code}}
