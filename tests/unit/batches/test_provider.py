"""The requests to a provider's files and batches, before the stand-in."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from portkey_handler.batches.provider import BatchProvider, counts_of, words_of
from portkey_handler.errors import InvalidResponseError, StatusError
from portkey_handler.gateway.client import Gateway
from portkey_handler.gateway.config import GatewayConfig
from portkey_handler.gateway.offline import Fault, OfflineProvider
from portkey_handler.options import EngineConfig

LINE = (
    b'{"custom_id":"00","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":["\xc3\xa4"]}}\n'
)
_Result = TypeVar("_Result")


def with_batches(provider: OfflineProvider, act: Callable[[BatchProvider], Awaitable[_Result]]) -> _Result:
    """Run something with connections to the stand-in."""

    async def main() -> _Result:
        config = GatewayConfig.of_engine(EngineConfig({"base_url": provider.base_url}))
        async with Gateway(config) as gateway:
            return await act(BatchProvider(gateway))

    return asyncio.run(main())


def test_a_file_becomes_a_batch_and_its_answers(provider: OfflineProvider) -> None:
    """Upload, start, look, download; the nonce is the name of the file and in the metadata."""

    async def act(batches: BatchProvider) -> tuple[dict[str, Any], bytes]:
        file = await batches.upload("nonce", LINE)
        started = await batches.start("nonce", file, "/embeddings")
        assert started["status"] == "validating"
        ended = await batches.look(started["id"])
        content = io.BytesIO()
        await batches.download(ended["output_file_id"], content)
        return ended, content.getvalue()

    ended, content = with_batches(provider, act)
    assert (ended["status"], counts_of(ended)) == ("completed", (1, 0))
    assert ended["metadata"] == {"portkey_handler": "nonce"}
    assert provider.batches.files == ["nonce.jsonl"]
    assert content.startswith(b'{"id":"batch_req_00","custom_id":"00","response":{"status_code":200')
    [start] = [request for request in provider.requests if request.path == "/v1/batches"]
    assert start.body["completion_window"] == "24h"
    assert start.body["endpoint"] == "/v1/embeddings"


def test_what_carries_the_nonce_is_found_on_any_page(provider: OfflineProvider) -> None:
    """Lists are read page by page, 100 entries each, until the name is there."""

    async def act(batches: BatchProvider) -> tuple[Any, Any, Any, Any]:
        first = await batches.upload("wanted", LINE)
        started = await batches.start("wanted", first, "/embeddings")
        for number in range(120):
            await batches.start(
                f"other-{number}", await batches.upload(f"other-{number}", LINE), "/embeddings"
            )
        found = await batches.find_batch("wanted", None), await batches.find_batch("nobody", first)
        assert (found[0] or {})["id"] == (found[1] or {})["id"] == started["id"]
        return (
            first,
            await batches.find_file("wanted"),
            await batches.find_file("x"),
            await batches.find_batch("x", None),
        )

    first, found, *nothing = with_batches(provider, act)
    assert found == first
    assert nothing == [None, None]


def test_a_batch_can_be_cancelled_and_a_file_deleted(provider: OfflineProvider) -> None:
    """The provider ends the batch; the file is gone."""

    async def act(batches: BatchProvider) -> str:
        file = await batches.upload("nonce", LINE)
        started = await batches.start("nonce", file, "/embeddings")
        ended = await batches.cancel(started["id"])
        await batches.delete(file)
        return str(ended["status"])

    assert with_batches(provider, act) == "cancelled"
    assert provider.batches.files == []


def test_a_refusal_has_the_words_of_the_provider(provider: OfflineProvider) -> None:
    """An unknown batch, and a download of a file that is not there."""
    for act in (
        lambda batches: batches.look("batch_nobody"),
        lambda batches: batches.download("file-nobody?purpose=batch#x", io.BytesIO()),
    ):
        with pytest.raises(
            StatusError, match=r"No batch found|No such File object: file-nobody\?purpose=batch#x"
        ) as error:
            with_batches(provider, act)
        assert error.value.status == 404


@pytest.mark.parametrize("body", [{"object": "batch"}, {"id": "batch_1"}, [1], "text"])
def test_a_reply_that_is_no_batch_is_an_error_that_may_pass(provider: OfflineProvider, body: Any) -> None:
    """A reply without an id or a status is not taken for a batch."""
    provider.behaviour.faults = lambda _: Fault(status=200, body=body)
    with pytest.raises(InvalidResponseError) as error:
        with_batches(provider, lambda batches: batches.look("batch_1"))
    assert error.value.retryable


def test_what_is_said_of_a_failure_is_cut_and_safe() -> None:
    """The first message is told, without what acts on a terminal."""
    errors = {"data": [{"message": "\x1b[31mToo many tokens" + "." * 500}, {"message": "another"}]}
    said = words_of({"errors": errors}) or ""
    assert "Too many tokens" in said
    assert "\x1b" not in said
    assert len(said) < 250
    assert words_of({"errors": None}) is None
    assert counts_of({"request_counts": {"completed": -1, "failed": "2"}}) == (0, 0)
