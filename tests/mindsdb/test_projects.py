"""Models of one name in several projects of a MindsDB server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.hosts import telling
from support.making import MODEL, making
from support.mindsdb import MindsDB, MindsDBError

from portkey_handler.gateway.offline import OfflineProvider


@pytest.fixture
def server(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[MindsDB]:
    """Give the server with a model `twin` in two projects."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.forget_answers()
    server.query("CREATE PROJECT other")
    with making(server, models=dict.fromkeys(("twin", "other.twin"), MODEL["m"])):
        yield server
    server.query("DROP PROJECT other")


def test_each_has_records_and_a_name_of_its_own(server: MindsDB) -> None:
    """What one of them was asked is not told of the other."""
    server.query("SELECT answer FROM twin WHERE text = 'one'")
    server.query("SELECT answer FROM other.twin WHERE text = 'two'")
    with pytest.raises(MindsDBError, match="running again needs 1 request"):
        server.query("SELECT answer FROM other.twin WHERE text = 'refuse me'")
    assert server.query("DESCRIBE twin.runs")["failed"].tolist() == [0]
    assert sorted(server.query("DESCRIBE other.twin.runs")["failed"].tolist()) == [0, 1]
