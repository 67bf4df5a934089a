"""A provider with as little CPU time as Python allows: chat completions on loopback that echo the prompt.

    python benchmarks/stand_in.py --latency 0.2

`python -m portkey_handler.gateway.offline` does more and takes four times the CPU, so clients would wait
for it. This one speaks just enough HTTP/1.1: requests with a Content-Length, and connections that are kept
open. It prints its base URL, and `GET /count` returns the number of requests that it has answered. With
`--places 400` it refuses more than so many at a time with 429.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import struct
import sys
from typing import Any

import orjson

PREFIX = "echo: "
_TOO_MANY = b'{"error":{"message":"Too many requests at a time","type":"rate_limit_error","code":429}}'
REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(_TOO_MANY), _TOO_MANY)
)


class Connection(asyncio.Protocol):
    """One connection; its requests are answered one after another."""

    count = 0
    latency = 0.0
    places: int | None = None
    inside = 0
    refused = 0

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport
        self._pending = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._pending + data
        while data:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                break
            end = head + 4 + _length(data[:head])
            if len(data) < end:
                break
            self._answer(data[: data.index(b" ", 8)], data[head + 4 : end])
            data = data[end:]
        self._pending = data

    def _answer(self, first: bytes, body: bytes) -> None:
        kind = Connection
        if first.startswith(b"GET"):
            said = b'{"count":%d,"refused":%d,"object":"list","data":[]}' % (kind.count, kind.refused)
            self._write(_reply(said, 0))
            return
        if kind.places is not None and kind.inside >= kind.places:
            kind.refused += 1
            self._write(REFUSAL)
            return
        kind.count += 1
        asked = orjson.loads(body)
        reply = _reply(_embeddings(asked) if b"/embeddings" in first else _completion(asked), kind.count)
        if kind.latency:
            kind.inside += 1
            self._loop.call_later(kind.latency, self._answer_late, reply)
        else:
            self._write(reply)

    def _answer_late(self, reply: bytes) -> None:
        Connection.inside -= 1
        self._write(reply)

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def _length(head: bytes) -> int:
    place = head.find(b"ontent-")
    while place >= 0:
        if head[place + 7 : place + 14].lower() == b"length:":
            return int(head[place + 14 : head.find(b"\r\n", place) if b"\r\n" in head[place:] else None])
        place = head.find(b"ontent-", place + 7)
    return 0


def _reply(body: bytes, number: int) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: bench-%d\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (number, len(body), body)
    )


def _completion(asked: dict[str, Any]) -> bytes:
    content = asked["messages"][-1]["content"]
    if not isinstance(content, str):  # parts, as some clients send them
        content = "".join(part.get("text", "") for part in content)
    return (
        b'{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini","choices":'
        b'[{"index":0,"message":{"role":"assistant","content":%b,"refusal":null},"logprobs":null,'
        b'"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}'
        % orjson.dumps(PREFIX + content)
    )


def _embeddings(asked: dict[str, Any]) -> bytes:
    inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    vector = _in_base64 if asked.get("encoding_format") == "base64" else _in_digits
    data = [
        {"object": "embedding", "index": place, "embedding": vector(text)}
        for place, text in enumerate(inputs)
    ]
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    return orjson.dumps({"object": "list", "model": "bench", "data": data, "usage": usage})


# The first number differs between texts; vectors of providers have at least 256 numbers.


def _in_digits(text: str) -> list[float]:
    return [float(len(text))] + [0.5] * 255


def _in_base64(text: str) -> str:
    return base64.b64encode(struct.pack("<f", len(text)) + _REST).decode()


_REST = struct.pack("<f", 0.5) * 255


async def serve(latency: float, port: int, places: int | None = None) -> None:
    Connection.latency = latency
    Connection.places = places
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(loop), "127.0.0.1", port, backlog=4096)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 is any free one")
    parser.add_argument("--places", type=int, help="requests at a time; more are refused")
    given = parser.parse_args()
    asyncio.run(serve(given.latency, given.port, given.places))


if __name__ == "__main__":
    main()
