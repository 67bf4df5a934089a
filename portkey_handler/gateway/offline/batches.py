"""The files and batches of the stand-in, as OpenAI documents them.

Source: https://platform.openai.com/docs/api-reference/batch. A batch makes its answers when it ends, after a
number of looks, so that a test waits for no clock.
"""

from __future__ import annotations

import email
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from .behaviour import Behaviour, RecordedRequest
from .refusal import Refusal
from .wire import answer_post

_MOST_LISTED = 100
_FILES = re.compile(r"/v1/files(?:/(?P<id>[^/]+)(?P<content>/content)?)?")
_BATCHES = re.compile(r"/v1/batches(?:/(?P<id>[^/]+)(?P<cancel>/cancel)?)?")
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_CODES = {"expired": "batch_expired", "cancelled": "batch_cancelled"}


@dataclass
class _File:
    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int = field(default_factory=lambda: int(time.time()))

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(frozen=True)
class Billed:
    """One line that was answered, for which the provider wants its money.

    Attributes:
        custom_id: The line's id.
        model: The model that answered.
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer.
    """

    custom_id: str
    model: str
    prompt_tokens: int
    completion_tokens: int


class Batches:
    """The files and batches of one stand-in.

    Attributes:
        files: The uploaded files' names, in order.
        batches: The batches as they are shown to clients, in order.
        invoice: Every line that was answered.
    """

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.invoice: list[Billed] = []
        self._looks: dict[str, int] = {}
        self._number = 0

    @staticmethod
    def has(path: str) -> bool:
        """Return whether a path is one of files or batches."""
        return _FILES.fullmatch(path) is not None or _BATCHES.fullmatch(path) is not None

    @property
    def files(self) -> list[str]:
        """The names of the uploaded files, in order."""
        return [file.name for file in self._files.values() if file.purpose == "batch"]

    def answer(self, request: RecordedRequest, query: Mapping[str, str], behaviour: Behaviour) -> Any:
        """Return the answer to a request: an object, or the content of a file.

        Raises:
            Refusal: The provider would answer with an error.
        """
        if found := _FILES.fullmatch(request.path):
            return self._of_files(request, query, found, behaviour)
        if found := _BATCHES.fullmatch(request.path):
            return self._of_batches(request, query, found, behaviour)
        raise Refusal(404, f"Invalid URL ({request.method} {request.path})")

    def _of_files(
        self, request: RecordedRequest, query: Mapping[str, str], found: re.Match[str], behaviour: Behaviour
    ) -> Any:
        if found["id"] is None:
            if request.method == "POST":
                return self._upload(request).shown()
            _check_lists(behaviour)
            wanted = query.get("purpose")
            listed = [file.shown() for file in self._files.values() if wanted in (None, file.purpose)]
            return _page(listed, query)
        file = self._files.get(found["id"])
        if file is None:
            raise Refusal(404, f"No such File object: {found['id']}")
        if request.method == "DELETE":
            del self._files[file.id]
            return {"id": file.id, "object": "file", "deleted": True}
        return file.content if found["content"] else file.shown()

    def _of_batches(
        self, request: RecordedRequest, query: Mapping[str, str], found: re.Match[str], behaviour: Behaviour
    ) -> Any:
        if found["id"] is None:
            if request.method == "POST":
                return self._create(request.body)
            _check_lists(behaviour)
            return _page([*self.batches.values()], query)
        batch = self.batches.get(found["id"])
        if batch is None:
            raise Refusal(404, f"No batch found with id '{found['id']}'.")
        if found["cancel"]:
            if batch["status"] not in _ENDED:
                self._end(batch, behaviour, "cancelled", 0)
            return batch
        self._looks[batch["id"]] += 1
        if batch["status"] not in _ENDED:
            if self._looks[batch["id"]] > behaviour.batches.looks:
                self._end(batch, behaviour, behaviour.batches.ends, behaviour.batches.answered)
            else:
                batch["status"] = "in_progress"
        return batch

    def _upload(self, request: RecordedRequest) -> _File:
        raw = request.body if isinstance(request.body, bytes) else b""
        kind = request.headers.get("content-type", "")
        message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
        fields: dict[str, bytes] = {}
        name = ""
        for part in message.walk():
            content = None if part.is_multipart() else part.get_payload(decode=True)
            if isinstance(content, bytes):
                fields[str(part.get_param("name", header="content-disposition"))] = content
                name = part.get_filename() or name
        if not {"file", "purpose"} <= fields.keys():
            raise Refusal(400, "'file' and 'purpose' are required properties")
        file = _File(self._id("file-"), name, fields["purpose"].decode(), fields["file"])
        self._files[file.id] = file
        return file

    def _create(self, body: Any) -> dict[str, Any]:
        asked = body if isinstance(body, dict) else {}
        file = self._files.get(asked.get("input_file_id", ""))
        if file is None:
            raise Refusal(400, f"No such File object: {asked.get('input_file_id')}")
        if asked.get("completion_window") != "24h":
            raise Refusal(400, "Invalid value for 'completion_window': only '24h' is supported.")
        batch = {
            "id": self._id("batch_"),
            "object": "batch",
            "endpoint": asked.get("endpoint"),
            "input_file_id": file.id,
            "completion_window": "24h",
            "status": "validating",
            "created_at": int(time.time()),
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
            "request_counts": {"total": len(file.content.splitlines()), "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        self.batches[str(batch["id"])] = batch
        self._looks[str(batch["id"])] = 0
        return batch

    def _end(self, batch: dict[str, Any], behaviour: Behaviour, status: str, answered: int | None) -> None:
        """End a batch: answer its first lines, and write its output and its error file."""
        batch["status"] = status
        lines = [orjson.loads(line) for line in self._files[batch["input_file_id"]].content.splitlines()]
        if status == "failed":
            error = {"code": "token_limit_exceeded", "message": behaviour.batches.error, "line": None}
            batch["errors"] = {"object": "list", "data": [error]}
            return
        done = lines if answered is None else lines[:answered]
        results = [self._answered(line, behaviour) for line in done]
        code = _CODES.get(status, "server_error")
        left = [
            _line(line, None, {"code": code, "message": f"This request was not executed: {status}."})
            for line in lines[len(done) :]
        ]
        good = [result for result in results if result["response"]["status_code"] == 200]
        bad = [result for result in results if result["response"]["status_code"] != 200]
        batch["output_file_id"] = self._write("output", behaviour.batches.output(good))
        batch["error_file_id"] = self._write("error", [*bad, *left])
        batch["request_counts"].update(completed=len(good), failed=len(bad) + len(left))

    def _answered(self, line: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
        try:
            body = answer_post(line["url"], line["body"], behaviour)
        except Refusal as refusal:
            response = {"status_code": refusal.status, "request_id": "offline", "body": refusal.body("")}
            return _line(line, response, None)
        usage = body.get("usage") or {}
        self.invoice.append(
            Billed(
                line["custom_id"],
                str(body.get("model")),
                usage.get("prompt_tokens", 0),
                usage.get("completion_tokens", 0),
            )
        )
        return _line(line, {"status_code": 200, "request_id": "offline", "body": body}, None)

    def _write(self, name: str, lines: list[dict[str, Any]]) -> str | None:
        if not lines:
            return None
        content = b"".join(orjson.dumps(line) + b"\n" for line in lines)
        file = _File(self._id("file-"), f"{name}.jsonl", "batch_output", content)
        self._files[file.id] = file
        return file.id

    def _id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:06d}"


def _line(line: dict[str, Any], response: Any, error: Any) -> dict[str, Any]:
    custom_id = line["custom_id"]
    return {"id": f"batch_req_{custom_id}", "custom_id": custom_id, "response": response, "error": error}


def _check_lists(behaviour: Behaviour) -> None:
    if not behaviour.batches.has_lists:
        raise Refusal(404, "Invalid URL: this provider has no lists")


def _page(listed: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """Return one page of a list, newest first."""
    newest = listed[::-1]
    after = query.get("after")
    if after is not None:
        places = [place for place, one in enumerate(newest) if one["id"] == after]
        newest = newest[places[0] + 1 :] if places else []
    limit = min(int(query.get("limit", 20)), _MOST_LISTED)
    page = newest[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(newest) > limit,
    }
