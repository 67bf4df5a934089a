"""Ways to send the same prompts: this project, raw aiohttp as the limit, and the peers as their manuals say.

Each competitor is a function that imports its library, prepares its objects, and returns a function from
prompts and concurrency to answers. A competitor that is not installed raises ImportError.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

MODEL = "gpt-4o-mini"
MAX_TOKENS = 100
KEY = "sk-bench"
CHAT = {"model": MODEL, "max_tokens": MAX_TOKENS}


@dataclass(frozen=True)
class Place:
    """The destination of the requests.

    Attributes:
        base_url: The provider, or the gateway before it.
        provider_url: The provider behind the gateway; empty if there is no gateway.
        using: Options of this project beside those of the case.
    """

    base_url: str
    provider_url: str
    using: Mapping[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that give the gateway the address of the provider."""
        if not self.provider_url:
            return {}
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": self.provider_url}

    @property
    def engine(self) -> dict[str, Any]:
        """The same destination as options of CREATE ML_ENGINE."""
        behind = {"custom_host": self.provider_url} if self.provider_url else {}
        return {"base_url": self.base_url, "provider": "openai", "provider_api_key": KEY, **behind}

    @property
    def model(self) -> dict[str, Any]:
        """Options of CREATE MODEL."""
        return {**CHAT, **self.using}


Runner = Callable[[Sequence[str], "int | None"], Sequence[Any]]


def messages(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def predictor(place: Place) -> Runner:
    """This project, without SQL."""
    # Imported here, because imports would count as time of the first call.
    import genai_prices  # noqa: F401
    import pandas as pd
    import portkey_ai  # noqa: F401

    from portkey_handler.options import resolve
    from portkey_handler.predictor import Predictor

    def run(frame: pd.DataFrame, concurrency: int | None) -> Sequence[Any]:
        model = {**place.model, "column": "question", **({"concurrency": concurrency} if concurrency else {})}
        resolved = resolve(
            target="answer", engine=place.engine, model=model, environment={}, engine_name="e", model_name="m"
        )
        return Predictor(resolved.plan)(frame, resolved.credentials)["answer"]

    return with_frame(run)


def session(place: Place) -> Runner:
    """This project, from the SQL text to the frame."""
    from portkey_handler.session import Session

    sql = Session()
    sql.sql(f"CREATE ML_ENGINE e FROM portkey USING {_listed(place.engine)}")
    sql.sql(f"CREATE MODEL m PREDICT answer USING engine = 'e', column = 'question', {_listed(place.model)}")

    def run(frame: Any, concurrency: int | None) -> Sequence[Any]:
        sql.register("questions", frame)
        using = f" USING concurrency = {concurrency}" if concurrency else ""
        result = sql.sql(f"SELECT t.id, t.question, m.answer FROM questions AS t JOIN m{using}")
        if not (result["question"].to_numpy() == frame["question"].to_numpy()).all():
            raise AssertionError("the session changed the rows' order")
        return result["answer"]

    return with_frame(run)


def with_frame(run: Callable[[Any, int | None], Sequence[Any]]) -> Runner:
    """Let the worker make the frame before it measures time and memory."""
    run.prepare = frame_of  # type: ignore[attr-defined]
    return run


def frame_of(prompts: Sequence[str]) -> Any:
    import pandas as pd

    return pd.DataFrame({"id": range(len(prompts)), "question": prompts})


def embeddings(place: Place) -> Runner:
    """This project, 256 texts a request."""
    using = {"mode": "embedding", "model": "bench", "inputs_per_request": 256}
    # Not `model` of the place: an embedding takes no max_tokens.
    return predictor(_Embedding(place.base_url, place.provider_url, {**place.using, **using}))


def embeddings_base64(place: Place) -> Runner:
    """The same, with vectors sent as base64."""
    return embeddings(Place(place.base_url, place.provider_url, {**place.using, "encoding_format": "base64"}))


class _Embedding(Place):
    @property
    def model(self) -> dict[str, Any]:
        return dict(self.using)


def raw_aiohttp(place: Place) -> Runner:
    """The limit: workers that only post bodies and read answers."""
    import aiohttp
    import orjson

    url = f"{place.base_url}/chat/completions"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}", **place.headers}

    async def run(prompts: Sequence[str], concurrency: int) -> Sequence[Any]:
        answers: list[Any] = [None] * len(prompts)
        rows = enumerate(prompts)
        async with aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as client:

            async def work() -> None:
                for row, prompt in rows:
                    body = orjson.dumps({**CHAT, "messages": messages(prompt)})
                    async with client.post(url, data=body) as reply:
                        content = orjson.loads(await reply.read())
                    answers[row] = content["choices"][0]["message"]["content"]

            await asyncio.gather(*(work() for _ in range(concurrency)))
        return answers

    return lambda prompts, concurrency: asyncio.run(run(prompts, concurrency or 64))


def sdk_one_by_one(place: Place) -> Runner:
    """The old way: the SDK in a loop."""
    client = _portkey("Portkey", place)
    return lambda prompts, _: [
        client.chat.completions.create(**CHAT, messages=messages(prompt)).choices[0].message.content
        for prompt in prompts
    ]


def sdk_threads(place: Place) -> Runner:
    """The SDK in threads, one per concurrent request."""
    client = _portkey("Portkey", place)

    def ask(prompt: str) -> Any:
        return client.chat.completions.create(**CHAT, messages=messages(prompt)).choices[0].message.content

    def run(prompts: Sequence[str], concurrency: int | None) -> Sequence[Any]:
        with ThreadPoolExecutor(concurrency or 64) as pool:
            return list(pool.map(ask, prompts))

    return run


def async_portkey(place: Place) -> Runner:
    """AsyncPortkey, gathered behind a semaphore."""

    async def ask(client: Any, prompt: str) -> Any:
        reply = await client.chat.completions.create(**CHAT, messages=messages(prompt))
        return reply.choices[0].message.content

    import portkey_ai  # noqa: F401 - before the clock starts

    return _gathered(lambda: _portkey("AsyncPortkey", place), ask)


def async_openai(place: Place) -> Runner:
    """AsyncOpenAI, gathered behind a semaphore."""
    from openai import AsyncOpenAI

    async def ask(client: Any, prompt: str) -> Any:
        reply = await client.chat.completions.create(**CHAT, messages=messages(prompt))
        return reply.choices[0].message.content

    return _gathered(
        lambda: AsyncOpenAI(base_url=place.base_url, api_key=KEY, default_headers=place.headers), ask
    )


def litellm_acompletion(place: Place) -> Runner:
    """LiteLLM's acompletion, gathered behind a semaphore."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a list of prices at import
    import litellm

    litellm.telemetry = False
    litellm.suppress_debug_info = True

    async def ask(_: Any, prompt: str) -> Any:
        reply = await litellm.acompletion(
            model=f"openai/{MODEL}",
            max_tokens=MAX_TOKENS,
            messages=messages(prompt),
            api_base=place.base_url,
            api_key=KEY,
            extra_headers=place.headers,
        )
        return reply.choices[0].message.content

    return _gathered(_Nothing, ask)


def langchain_batch(place: Place) -> Runner:
    """LangChain's `batch` with `max_concurrency`."""
    from langchain_openai import ChatOpenAI

    client = ChatOpenAI(
        model=MODEL,
        max_tokens=MAX_TOKENS,
        base_url=place.base_url,
        api_key=KEY,
        default_headers=place.headers,
    )
    return lambda prompts, concurrency: [
        reply.content for reply in client.batch(list(prompts), config={"max_concurrency": concurrency or 64})
    ]


def daft_prompt(place: Place) -> Runner:
    """Daft's `prompt` over a DataFrame; it chooses the concurrency itself."""
    if place.provider_url:
        raise ImportError("Daft's provider takes no headers, which the gateway needs")
    os.environ.update(
        DO_NOT_TRACK="true", DAFT_PROGRESS_BAR="0", OPENAI_API_KEY=KEY, OPENAI_BASE_URL=place.base_url
    )
    import daft
    from daft.functions import prompt

    def run(prompts: Sequence[str], _: int | None) -> Sequence[Any]:
        asked = prompt(
            daft.col("question"),
            provider="openai",
            model=MODEL,
            max_tokens=MAX_TOKENS,
            use_chat_completions=True,
        )
        frame = daft.from_pydict({"id": list(range(len(prompts))), "question": list(prompts)})
        answers = frame.with_column("answer", asked).sort("id").to_pydict()["answer"]
        return list(answers)

    return run


def _gathered(
    make: Callable[[], AbstractAsyncContextManager[Any]], ask: Callable[[Any, str], Awaitable[Any]]
) -> Runner:
    async def run(prompts: Sequence[str], concurrency: int) -> Sequence[Any]:
        free = asyncio.Semaphore(concurrency)
        async with make() as client:

            async def one(prompt: str) -> Any:
                async with free:
                    return await ask(client, prompt)

            return await asyncio.gather(*map(one, prompts))

    return lambda prompts, concurrency: asyncio.run(run(prompts, concurrency or 64))


class _Nothing:
    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None


def _portkey(name: str, place: Place) -> Any:
    import portkey_ai

    behind = {"custom_host": place.provider_url} if place.provider_url else {}
    return getattr(portkey_ai, name)(
        base_url=place.base_url, provider="openai", Authorization=f"Bearer {KEY}", **behind
    )


def _listed(options: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} = '{value}'" if isinstance(value, str) else f"{name} = {value}"
        for name, value in options.items()
    )


#: By the name in the table.
COMPETITORS: Mapping[str, Callable[[Place], Runner]] = {
    "raw aiohttp": raw_aiohttp,
    "Predictor": predictor,
    "Session.sql": session,
    "embeddings": embeddings,
    "embeddings, base64": embeddings_base64,
    "AsyncOpenAI": async_openai,
    "AsyncPortkey": async_portkey,
    "SDK in threads": sdk_threads,
    "LangChain batch": langchain_batch,
    "LiteLLM": litellm_acompletion,
    "Daft prompt": daft_prompt,
    "SDK, one by one": sdk_one_by_one,
}


def questions(rows: int, distinct: int, series: int) -> list[str]:
    """Return prompts with a number of distinct ones; equal ones are far apart, and are separate objects.

    Each series has other prompts, so that none is served from the answer cache.
    """
    return [
        f"What is row {number} of table {series} about?"
        for number in itertools.islice(itertools.cycle(range(distinct)), rows)
    ]
