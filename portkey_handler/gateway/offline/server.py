"""The server of the stand-in: threads, connections and faults. The answers are made in `wire`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import math
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import orjson
from aiohttp import web

from .batches import Batches
from .behaviour import Behaviour, Fault, RecordedRequest
from .refusal import Refusal
from .wire import answer_get, answer_post

_HEADER_BYTES = 65536  # a config object is sent as a header


class OfflineProvider:
    """The stand-in, serving on 127.0.0.1 in a thread and an event loop of its own.

    Attributes:
        behaviour: How it behaves; replace it or change its attributes at any time.
        requests: The requests received, in order of arrival.
        answered: The number of POSTs that were answered with 200 and a whole body.
        peak: The most POSTs at a time, waiting ones included.
        batches: The files and batches.
    """

    def __init__(self, behaviour: Behaviour | None = None, *, port: int = 0) -> None:
        """Take a behaviour and a port; 0 chooses a free one."""
        self._wanted_port = port
        self._port = 0
        self._stop: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None
        self._inside = 0
        self._serving = 0
        self._queued = 0
        self._slot_free: asyncio.Condition  # belongs to the loop that serves
        self.reset(behaviour)

    def reset(self, behaviour: Behaviour | None = None) -> None:
        """Forget the requests and take another behaviour, the default one if none is given."""
        self.behaviour = behaviour or Behaviour()
        self.requests: list[RecordedRequest] = []
        self.answered = 0
        self.peak = 0
        self.batches = Batches()
        self._count = 0
        self._accepted: deque[float] = deque()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """The address without `/v1`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """The base URL for clients, or the custom host for the gateway."""
        return f"{self.url}/v1"

    def __enter__(self) -> OfflineProvider:
        """Start serving.

        Raises:
            OSError: The port is taken.
        """
        ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="offline-provider", daemon=True)
        self._thread.start()
        ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving; the connections of running requests are closed."""
        if self._stop is not None and self._thread is not None:
            self._stop()
            self._thread.join()
            self._stop = self._thread = None

    def _run(self, ready: concurrent.futures.Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # passed to the thread that started this one
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: concurrent.futures.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        self._slot_free = asyncio.Condition()
        server = web.Server(
            self._handle,
            access_log=None,
            handler_cancellation=True,  # a stalled request ends when its client disconnects
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )
        listener = await loop.create_server(server, "127.0.0.1", self._wanted_port, backlog=4096)
        self._port = listener.sockets[0].getsockname()[1]
        ready.set_result(None)
        await stopped.wait()
        listener.close()
        await server.shutdown(0.1)  # 0 means no limit, and an idle connection would block the shutdown

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self.behaviour
        self._count += 1
        number = self._count
        recorded = await self._record(request, behaviour, number)
        request_id = {"x-request-id": f"offline-{number}"}
        try:
            self._check_keys(recorded, behaviour)
            fault = self._next_fault(recorded, behaviour)
            if Batches.has(recorded.path):
                return await self._batch(request, recorded, fault, request_id)
            if recorded.method != "POST":
                if fault is not None and fault.kind != "stall_body":
                    await self._break(request, fault)
                return _json(answer_get(recorded.path), 200, request_id)
            self._check_rate(behaviour)
            return await self._post(request, recorded, behaviour, fault, request_id)
        except Refusal as refusal:
            return _json(refusal.body(recorded.path), refusal.status, {**request_id, **refusal.headers})
        except _Broken as broken:
            return broken.response

    async def _record(self, request: web.BaseRequest, behaviour: Behaviour, number: int) -> RecordedRequest:
        raw = await request.content.read() if request.body_exists else b""  # BaseRequest.read() stops at 1 MB
        try:
            body = orjson.loads(raw) if raw else None
        except orjson.JSONDecodeError:
            body = raw
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorded = RecordedRequest(request.method, request.path, headers, body, number, time.monotonic())
        if behaviour.record:
            self.requests.append(recorded)
        return recorded

    def _check_keys(self, recorded: RecordedRequest, behaviour: Behaviour) -> None:
        if recorded.path == "/":
            return
        headers = recorded.headers
        if behaviour.portkey_key is not None and headers.get("x-portkey-api-key") != behaviour.portkey_key:
            raise Refusal(401, "Invalid API Key. Error Code: 03", "AB03")
        if behaviour.key is not None and behaviour.key != headers.get(
            "x-api-key", headers.get("authorization", "").removeprefix("Bearer ")
        ):
            raise Refusal(401, "Incorrect API key provided.", "invalid_api_key")

    def _next_fault(self, recorded: RecordedRequest, behaviour: Behaviour) -> Fault | None:
        faults = behaviour.faults
        if callable(faults):
            return faults(recorded)
        return faults.pop(0) if faults and recorded.method == "POST" else None

    def _check_rate(self, behaviour: Behaviour) -> None:
        limit = behaviour.requests_per_second
        if limit is None:
            return
        now = time.monotonic()
        while self._accepted and self._accepted[0] <= now - 1:
            self._accepted.popleft()
        if len(self._accepted) < limit:
            self._accepted.append(now)
            return
        wait = self._accepted[0] + 1 - now if self._accepted else 1.0
        headers = {"Retry-After": str(math.ceil(wait)), "retry-after-ms": str(math.ceil(wait * 1000))}
        raise Refusal(
            429, f"Rate limit reached: {limit:g} requests per second.", "rate_limit_exceeded", headers
        )

    async def _post(
        self,
        request: web.BaseRequest,
        recorded: RecordedRequest,
        behaviour: Behaviour,
        fault: Fault | None,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        self._inside += 1
        self.peak = max(self.peak, self._inside)
        try:
            await self._take_slot()
            try:
                if behaviour.latency:
                    await asyncio.sleep(behaviour.latency)
                if fault is not None and fault.kind not in ("lost", "stall_body"):
                    await self._break(request, fault)
                body = orjson.dumps(answer_post(recorded.path, recorded.body, behaviour))
                if fault is not None and fault.kind == "lost":
                    await self._break(request, fault)
                if fault is not None and fault.kind == "stall_body":
                    return await self._stall_in_body(request, body, fault.seconds, headers)
                self.answered += 1
                return web.Response(body=body, content_type="application/json", headers=headers)
            finally:
                self._serving -= 1
                if self._queued:
                    async with self._slot_free:
                        self._slot_free.notify_all()
        finally:
            self._inside -= 1

    async def _batch(
        self,
        request: web.BaseRequest,
        recorded: RecordedRequest,
        fault: Fault | None,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        if fault is not None and fault.kind not in ("lost", "stall_body"):
            await self._break(request, fault)
        answer = self.batches.answer(recorded, dict(request.query), self.behaviour)
        if fault is not None and fault.kind == "lost":
            await self._break(request, fault)
        return _json(answer, 200, headers)

    async def _take_slot(self) -> None:
        if self._is_full():
            self._queued += 1
            try:
                async with self._slot_free:
                    await self._slot_free.wait_for(lambda: not self._is_full())
                    self._serving += 1
            finally:
                self._queued -= 1
        else:
            self._serving += 1

    def _is_full(self) -> bool:
        limit = self.behaviour.max_served
        return limit is not None and self._serving >= limit

    async def _break(self, request: web.BaseRequest, fault: Fault) -> None:
        """Simulate a fault; return if the request is then answered as usual.

        Raises:
            _Broken: The fault has answered the request.
        """
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
            return
        if fault.kind in ("reset", "lost"):
            _reset(request)
            raise _Broken(web.Response())
        if fault.kind == "malformed":
            raise _Broken(web.Response(body=b'{"choices": [{"message": ', content_type="application/json"))
        body = fault.body
        if body is None:
            body = Refusal(fault.status, f"The offline stand-in fails with {fault.status}.").body(
                request.path
            )
        raise _Broken(_json(body, fault.status, {"x-request-id": f"offline-{self._count}", **fault.headers}))

    async def _stall_in_body(
        self, request: web.BaseRequest, body: bytes, seconds: float, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        half = len(body) // 2
        await response.write(body[:half])
        await asyncio.sleep(seconds)
        await response.write(body[half:])
        await response.write_eof()
        self.answered += 1
        return response


class _Broken(Exception):  # noqa: N818 - carries a response, like Refusal
    """Raised when a fault has answered the request."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


def _reset(request: web.BaseRequest) -> None:
    """Break the connection so that the client sees a reset, not a normal close."""
    transport = request.transport
    if transport is not None:
        # Lingering for 0 seconds turns the close into a TCP reset (SO_LINGER in socket(7)).
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _json(body: Any, status: int, headers: Mapping[str, str]) -> web.Response:
    """Return a response with bytes or text unchanged, and anything else as JSON."""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        return web.Response(
            body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
        )
    return web.Response(body=body, status=status, headers=headers)
