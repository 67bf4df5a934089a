"""A dry run in a MindsDB server, in its default configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.hosts import telling
from support.making import asked_texts, making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider


@pytest.fixture
def server(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with a model, and without answers of other tests."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.forget_answers()
    model = "PREDICT answer USING engine = 'e', column = 'text', model = 'gpt-4o-mini'"
    with making(server, models={"m": model}):
        yield running_mindsdb


def test_the_query_after_a_dry_run_is_answered(server: tuple[MindsDB, OfflineProvider]) -> None:
    """MindsDB's predict cache, which leaves USING out of its key, does not repeat a dry run's NULL."""
    mindsdb, provider = server
    query = "SELECT answer FROM m WHERE text = 'one'"
    assert mindsdb.query(f"{query} USING dry_run = true")["answer"].tolist() == [None]
    assert len(asked_texts(provider)) == 0
    assert mindsdb.query(query)["answer"].tolist() == ["<one> by gpt-4o-mini"]
    assert len(asked_texts(provider)) == 1
    assert mindsdb.query(f"{query} USING dry_run = true")["answer"].tolist() == [None]
    assert len(asked_texts(provider)) == 1


def test_the_estimate_is_described(server: tuple[MindsDB, OfflineProvider]) -> None:
    """Another process of the server shows what the worker has looked over."""
    mindsdb, provider = server
    mindsdb.query("SELECT answer FROM m WHERE text = 'some text' USING dry_run = true")
    told = dict(mindsdb.query("DESCRIBE m.estimate").itertuples(index=False, name=None))
    assert (told["rows"], told["requests"], told["example"]) == ("1", "1", "user: some text")
    assert told["cost"].startswith("about $0.000")
    assert len(asked_texts(provider)) == 0


def test_what_is_above_a_limit_is_told_in_one_line(server: tuple[MindsDB, OfflineProvider]) -> None:
    """The host's error begins with what, where and the remedy."""
    mindsdb, provider = server
    with pytest.raises(
        MindsDBError, match=r"AboveLimitError: m: the query would cost about .*max_cost = 0\.0000001,"
    ):
        mindsdb.query("SELECT answer FROM m WHERE text = 'one' USING max_cost = 0.0000001")
    assert len(asked_texts(provider)) == 0
