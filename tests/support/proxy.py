"""A proxy on loopback that answers by itself and keeps what it was asked for."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "through the proxy"}, "finish_reason": "stop"}]
}


class Proxy:
    """Answers every POST as a provider would; CONNECT gets 407.

    Attributes:
        asked: The request targets, as they stood in the request line.
        url: Its address, as HTTP_PROXY takes it.
    """

    def __init__(self) -> None:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(self.path)
                self.rfile.read(int(self.headers["content-length"]))
                body = json.dumps(ANSWER).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                asked.append(self.path)
                self.send_error(407)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
                """Say nothing."""

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Proxy:
        """Start serving."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
