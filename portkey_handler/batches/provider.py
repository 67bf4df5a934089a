"""The files and batches of a provider, through the gateway. Each function sends one kind of request.

Source: https://platform.openai.com/docs/api-reference/batch. Retries and what is done about lost answers are
in `submission`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, BinaryIO
from urllib.parse import quote

import orjson

from ..errors import InvalidResponseError
from ..foreign_text import as_id, as_name, safe
from ..gateway.client import Gateway

#: The key of a batch's metadata whose value is our nonce.
NONCE = "portkey_handler"
#: Seconds that a file may take on its way.
TRANSFER_SECONDS = 1_800.0
#: The window that costs half. The hosted gateway's `immediate` costs the ordinary price.
_WINDOW = "24h"
_PAGE = 100
_MOST_PAGES = 1_000
#: The most characters that are kept of what a provider says of a batch.
LONGEST_SAID = 200

#: The statuses of a batch that has ended, and of one that goes on.
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_GOES_ON = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
#: The largest count that a record takes.
_LARGEST = 2**53


class BatchProvider:
    """The provider's files and batches.

    Args:
        gateway: The connections to the gateway.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def upload(self, nonce: str, content: bytes) -> str:
        """Upload a file of lines and return its id.

        Raises:
            GatewayError: The file may or may not be there.
        """
        body, kind = _form(nonce, content)
        reply = await self._gateway.call("POST", "/files", body, content_type=kind, seconds=TRANSFER_SECONDS)
        return _id_of(reply, "file")

    async def start(self, nonce: str, file_id: str, path: str) -> dict[str, Any]:
        """Start a batch and return it.

        Raises:
            GatewayError: The batch may or may not have been started.
        """
        asked = {
            "input_file_id": file_id,
            "endpoint": f"/v1{path}",
            "completion_window": _WINDOW,
            "metadata": {NONCE: nonce},
        }
        return _batch(await self._gateway.call("POST", "/batches", orjson.dumps(asked)))

    async def find_file(self, nonce: str) -> str | None:
        """Return the id of the file with this nonce, or None.

        Raises:
            GatewayError: The files cannot be listed.
        """
        async for file in self._listed("/files", "purpose=batch&"):
            if str(file.get("filename", "")).partition(".")[0] == nonce:
                return _id_of(file, "file")
        return None

    async def find_batch(self, nonce: str, file_id: str | None) -> dict[str, Any] | None:
        """Return the batch with this nonce, or of this file, or None.

        Raises:
            GatewayError: The batches cannot be listed.
        """
        async for batch in self._listed("/batches", ""):
            metadata = batch.get("metadata")
            said = metadata.get(NONCE) if isinstance(metadata, dict) else None
            if said == nonce or (file_id is not None and batch.get("input_file_id") == file_id):
                return _batch(batch)
        return None

    async def look(self, batch_id: str) -> dict[str, Any]:
        """Return a batch as it is now.

        Raises:
            GatewayError: It cannot be seen.
        """
        return _batch(await self._gateway.call("GET", f"/batches/{_quoted(batch_id)}"))

    async def cancel(self, batch_id: str) -> dict[str, Any]:
        """Ask the provider to end a batch, which may take minutes; return it.

        Raises:
            GatewayError: It may go on.
        """
        return _batch(await self._gateway.call("POST", f"/batches/{_quoted(batch_id)}/cancel", b"{}"))

    async def download(self, file_id: str, into: BinaryIO) -> None:
        """Write the content of a file.

        Raises:
            GatewayError: It cannot be had; a part may have been written.
        """
        await self._gateway.download(f"/files/{_quoted(file_id)}/content", into, TRANSFER_SECONDS)

    async def delete(self, file_id: str) -> None:
        """Delete a file.

        Raises:
            GatewayError: It may still be there.
        """
        await self._gateway.call("DELETE", f"/files/{_quoted(file_id)}")

    async def _listed(self, path: str, query: str) -> AsyncIterator[dict[str, Any]]:
        after, before = "", None
        for _ in range(_MOST_PAGES):
            reply = await self._gateway.call("GET", f"{path}?{query}limit={_PAGE}{after}")
            entries = reply.get("data") if isinstance(reply, dict) else None
            if not isinstance(entries, list):
                raise InvalidResponseError(f"the reply to GET {path} is no list", retryable=False)
            known = [entry for entry in entries if isinstance(entry, dict)]
            for entry in known:
                yield entry
            if not reply.get("has_more"):
                return
            last = as_id(known[-1].get("id")) if known else None
            if last is None or last == before:
                break
            after, before = f"&after={_quoted(last)}", last
        # What is looked for may be in the rest.
        raise InvalidResponseError(f"the list of GET {path} does not come to an end", retryable=False)


def counts_of(batch: dict[str, Any]) -> tuple[int, int]:
    """Return how many lines of a batch were answered and how many failed, by the provider's counts."""
    counts = batch.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    done, failed = (counts.get(name) for name in ("completed", "failed"))
    return _whole(done), _whole(failed)


def words_of(batch: dict[str, Any]) -> str | None:
    """Return what a provider says of a failed batch, safe to show, or None."""
    errors = batch.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else None
    for error in listed if isinstance(listed, list) else ():
        message = error.get("message") if isinstance(error, dict) else None
        if isinstance(message, str) and message:
            return safe(message[: 4 * LONGEST_SAID])[:LONGEST_SAID]  # half a key is not known as one
    return None


def oddity_of(batch: dict[str, Any]) -> str | None:
    """Return why a batch, as the provider shows it, neither goes on nor has ended; None for others."""
    status = batch["status"]
    if status not in ENDED | _GOES_ON:
        return f"its status is {as_name(status) or 'empty'}, which is not known"
    if status == "completed" and counts_of(batch)[0] and file_in(batch, "output_file_id") is None:
        return "it is completed, and the file of its answers is not named"
    return None


def file_in(batch: dict[str, Any], name: str) -> str | None:
    """Return the id of a batch's output_file_id or error_file_id, or None."""
    return as_id(batch.get(name))


def _quoted(identity: str) -> str:
    """Return an id of the provider as a part of a path that leads nowhere else."""
    return quote(identity, safe="")


def _whole(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= _LARGEST else 0


def _batch(reply: Any) -> dict[str, Any]:
    _id_of(reply, "batch")
    if not isinstance(reply.get("status"), str):
        raise InvalidResponseError("the reply is no batch: it has no status")
    status = reply["status"].lower()
    return {**reply, "status": "cancelled" if status == "canceled" else status}


def _id_of(reply: Any, what: str) -> str:
    found = as_id(reply.get("id")) if isinstance(reply, dict) else None
    if not found:
        raise InvalidResponseError(f"the reply is no {what}: it has no id")
    return found


def _form(nonce: str, content: bytes) -> tuple[bytes, str]:
    """Return the body of an upload and its content type; the nonce is in no line, so it bounds the parts."""
    head = (
        f'--{nonce}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{nonce}\r\nContent-Disposition: form-data; name="file"; filename="{nonce}.jsonl"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    body = b"".join((head.encode(), content, f"\r\n--{nonce}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={nonce}"
