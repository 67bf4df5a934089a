"""Both hosts of the handler, a MindsDB server and the embedded session, asked through the same words.

The stand-in's answers show everything in a request that isn't the default, so that a script's expected rows
say what went over the wire: `<the text>`, then the image, the model, `max_tokens` and `temperature` where
there is one or they are others than `claude-2.1`, 100 and none. In front stands what was said before: the
system prompt as it is, the rest with its role. Where a JSON Schema asks for an object, its texts are that,
and its numbers count the words of the text.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from portkey_handler.gateway.offline import Behaviour, Fault, OfflineProvider, RecordedRequest, last_text
from portkey_handler.gateway.offline.answers import text_of
from portkey_handler.gateway.offline.fitting import fitting, schema_asked_for

from .gateway import Gateway
from .mindsdb import MindsDB

#: A text with these words in it is refused by the provider.
REFUSED = "refuse me"
#: Between two lines of the server's log about a query that takes longer.
SECONDS_BETWEEN_LINES = 1.0
#: What MindsDB's own clients send, as the provider's key and as a header that only they have.
CLIENTS_KEY = "key-of-mindsdbs-clients"
ASKED_BY = "x-asked-by"
#: A text with these words in it is answered in prose, whatever is asked for; its repair is not.
MISFIT = "talk about me"


def telling_answer(body: dict[str, Any]) -> str:
    """Say what was asked, and how; as an object where one is asked for, unless the text says otherwise."""
    schema = schema_asked_for(body)
    if schema is None or MISFIT in last_text(body):
        return _told(body)
    return json.dumps(fitting(schema, _told(body)))


def _told(body: dict[str, Any]) -> str:
    *before, last = body.get("messages") or [{}]
    words = [f"{_role(message)}{text_of(message['content'])}:" for message in before]
    words.append(f"<{last_text(body)}>")
    words += [f"with {part['image_url']['url']}" for part in _images(last)]
    if body.get("model", "claude-2.1") != "claude-2.1":
        words.append(f"by {body['model']}")
    if body.get("max_tokens") != 100:
        words.append(f"max {body.get('max_tokens')}")
    if "temperature" in body:
        words.append(f"at {body['temperature']:g}")
    return " ".join(words)


def _role(message: dict[str, Any]) -> str:
    return "" if message["role"] == "system" else f"{message['role']} "


def _images(message: dict[str, Any]) -> list[dict[str, Any]]:
    parts = message.get("content")
    return [part for part in parts if part["type"] == "image_url"] if isinstance(parts, list) else []


def _asked(body: dict[str, Any]) -> str:
    """Give the text of a request, or all texts of one that has many."""
    inputs = body.get("input")
    return "\n".join(map(str, inputs)) if isinstance(inputs, list) else str(inputs or last_text(body))


def _refusal(request: RecordedRequest) -> Fault | None:
    if isinstance(request.body, dict) and REFUSED in _asked(request.body):
        return Fault(status=400, body={"error": {"message": "The text was refused.", "type": "bad_request"}})
    return None


def telling() -> Behaviour:
    """Give the behaviour that both hosts are compared by."""
    return Behaviour(answer=telling_answer, faults=_refusal, unknown_models=("no-such-model",))


def environment(gateway: Gateway, provider: OfflineProvider) -> dict[str, str]:
    """Give the variables that send an unchanged script to the gateway and the stand-in behind it."""
    return {
        "PORTKEY_BASE_URL": gateway.base_url,
        "PORTKEY_PROVIDER": "openai",
        "PORTKEY_CUSTOM_HOST": provider.base_url,
    }


def clients(gateway: Gateway, provider: OfflineProvider) -> dict[str, str]:
    """Give the variables that send MindsDB's own clients, of agents for example, to the gateway, too.

    The provider sees by `x-asked-by` that it was one of them that asked.
    """
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": provider.base_url,
        "x-portkey-forward-headers": ASKED_BY,
        ASKED_BY: "MindsDB",
    }
    return {
        "OPENAI_CUSTOM_HEADERS": "\n".join(f"{name}: {text}" for name, text in headers.items()),
        "OPENAI_API_KEY": CLIENTS_KEY,
        "LLM_FUNCTION_MODEL": "gpt-4o",
        "LLM_FUNCTION_BASE_URL": gateway.base_url,
    }


class Shared:
    """One stand-in and one MindsDB for all who ask for them; gone when the last one has let go."""

    def __init__(self) -> None:
        self._users = 0
        self._stack = contextlib.ExitStack()
        self._running: tuple[MindsDB, OfflineProvider] | None = None

    @contextlib.contextmanager
    def running(self, gateway: Gateway) -> Iterator[tuple[MindsDB, OfflineProvider]]:
        """Start them, or give those that run.

        Raises:
            MindsDBUnavailable: There is no MindsDB, or it does not start.
        """
        if self._running is None:
            with contextlib.ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
                provider = stack.enter_context(OfflineProvider(telling()))
                told = {
                    **environment(gateway, provider),
                    **clients(gateway, provider),
                    "PORTKEY_HANDLER_LOG_SECONDS": f"{SECONDS_BETWEEN_LINES}",
                }
                server = stack.enter_context(MindsDB(folder, told))
                self._stack = stack.pop_all()
            self._running = server, provider
        self._users += 1
        try:
            yield self._running
        finally:
            self._users -= 1
            if not self._users:
                self._running = None
                self._stack.close()


shared = Shared()
