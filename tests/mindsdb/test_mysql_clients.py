"""Clients of MySQL: what comes back whole, what goes out unchanged, and what MindsDB does otherwise."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pandas as pd
import pytest
import sqlalchemy
from support.clients import CLIENTS, Client, PyMySQLClient, sqlalchemy_url
from support.hosts import telling
from support.making import MODEL, asked_texts, making
from support.mindsdb import MindsDB, MindsDBError
from support.texts import AWKWARD, WRITTEN_WELL, WRITTEN_WRONGLY

from portkey_handler.gateway.offline import OfflineProvider

ROWS = 1200  # from 1,000 on MindsDB writes rows in another way
DIMENSIONS = 1536
LONG = "schön" * 200_000  # more than a megabyte, and one word, because the stand-in obeys max_tokens
MODELS = {
    **MODEL,
    "v": "PREDICT vector USING engine = 'e', column = 'text', mode = 'embedding', "
    f"model = 'text-embedding-3-small', dimensions = {DIMENSIONS}",
}


@pytest.fixture(scope="module")
def tables(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MindsDB]:
    """Give the server with models and tables."""
    server, provider = running_mindsdb
    provider.reset(telling())
    frames = {
        "plain": pd.DataFrame({"id": range(ROWS), "text": [f"text {row}" for row in range(ROWS)]}),
        "schoen": pd.DataFrame({"id": range(ROWS), "text": [f"schön {row}" for row in range(ROWS)]}),
        "long": pd.DataFrame({"id": [1], "text": [LONG]}),
    }
    with making(server, folder=tmp_path_factory.mktemp("tables"), tables=frames, models=MODELS):
        yield server


@pytest.fixture
def server(tables: MindsDB, running_mindsdb: tuple[MindsDB, OfflineProvider]) -> MindsDB:
    """Give the same, with nothing answered yet."""
    tables.forget_answers()
    running_mindsdb[1].reset(telling())
    return tables


@pytest.fixture(params=["pymysql", "sqlalchemy"])
def client(request: pytest.FixtureRequest, server: MindsDB) -> Iterator[Client]:
    """Give a client of MySQL."""
    with contextlib.closing(CLIENTS[request.param](server)) as opened:
        yield opened


@pytest.fixture
def pymysql(server: MindsDB) -> Iterator[PyMySQLClient]:
    """Give a connection of PyMySQL."""
    with contextlib.closing(PyMySQLClient(server)) as opened:
        yield opened


def test_many_rows(client: Client) -> None:
    """More rows than MindsDB writes at once come back once each, with their own answers."""
    frame = client.run("SELECT t.id, t.text, m.answer FROM files.plain AS t JOIN m")
    assert sorted(frame["id"]) == list(range(ROWS))
    assert (frame["answer"] == "<text " + frame["id"].astype(str) + ">").all()


def test_a_long_answer(client: Client) -> None:
    """A megabyte comes back whole."""
    frame = client.run("SELECT m.answer FROM files.long AS t JOIN m")
    assert frame["answer"].tolist() == [f"<{LONG}>"]


def test_many_rows_beyond_ascii_come_in_pages(client: Client, server: MindsDB) -> None:
    """MindsDB hangs up where 1,000 rows hold another character; what was answered is kept for the pages."""
    query = "SELECT t.id, m.answer FROM files.schoen AS t JOIN m ORDER BY t.id"
    with pytest.raises(MindsDBError, match="Lost connection"):
        client.run(query)
    with contextlib.closing(type(client)(server)) as again:
        pages = [again.run(f"{query} LIMIT 600 OFFSET {start} USING max_rows = 600") for start in (0, 600)]
    frame = pd.concat(pages, ignore_index=True)
    assert frame["answer"].tolist() == [f"<schön {row}>" for row in range(ROWS)]


@pytest.mark.parametrize("written", ["to_json(v.vector)", "CAST(v.vector AS TEXT)"])
def test_vectors_as_json(client: Client, server: MindsDB, written: str) -> None:
    """As text that SQL has made, a vector has all its numbers, which MindsDB else leaves out."""
    joined = "FROM files.plain AS t JOIN v WHERE t.id < 3 ORDER BY t.id"
    vectors = server.query(f"SELECT v.vector {joined}")["vector"].tolist()
    texts = client.run(f"SELECT {written} AS vector {joined}")["vector"]
    assert [json.loads(text) for text in texts] == vectors
    assert [len(vector) for vector in vectors] == [DIMENSIONS] * 3
    assert "..." in client.run(f"SELECT v.vector {joined}")["vector"][0]


def test_a_frame_of_pandas(server: MindsDB) -> None:
    """`read_sql` gives answers beside the columns of the table, with parameters, and in chunks."""
    engine = sqlalchemy.create_engine(sqlalchemy_url(server))
    query = sqlalchemy.text(
        "SELECT t.id, m.answer FROM files.schoen AS t JOIN m "
        "WHERE t.text LIKE :like AND t.id < :most ORDER BY t.id"
    )
    params = {"like": "sch%n %", "most": 5}
    frame = pd.read_sql(query, engine, params=params)
    assert frame.to_dict("list") == {"id": list(range(5)), "answer": [f"<schön {row}>" for row in range(5)]}
    chunks = pd.read_sql(query, engine, params=params, chunksize=2)
    assert pd.concat(chunks, ignore_index=True).equals(frame)
    engine.dispose()


def test_parameters_reach_the_provider(
    pymysql: PyMySQLClient, running_mindsdb: tuple[MindsDB, OfflineProvider]
) -> None:
    """Quotes, other scripts, emoji and what looks like SQL, a comment or a template go out as they are."""
    _, provider = running_mindsdb
    answers = [_ask(pymysql, text) for text in WRITTEN_WELL]
    assert answers == [f"<{text}>" if text else None for text in WRITTEN_WELL]
    assert asked_texts(provider) == WRITTEN_WELL[:-1]


def test_parameters_that_mindsdb_reads_otherwise(pymysql: PyMySQLClient) -> None:
    """What PyMySQL escapes for MySQL stays escaped, and quotes at the edge are lost."""
    assert [_ask(pymysql, text) for text in WRITTEN_WRONGLY] == [f"<{it}>" for it in WRITTEN_WRONGLY.values()]


def test_parameters_over_http_reach_the_provider(
    server: MindsDB, running_mindsdb: tuple[MindsDB, OfflineProvider]
) -> None:
    """What MindsDB puts into a statement itself goes out as it is."""
    _, provider = running_mindsdb
    query = "SELECT answer FROM m WHERE text = :text"
    answers = [server.query(query, params={"text": text})["answer"][0] for text in AWKWARD]
    assert answers == [f"<{text}>" for text in AWKWARD]
    assert asked_texts(provider) == AWKWARD


def test_a_long_statement(pymysql: PyMySQLClient) -> None:
    """MindsDB reads no more of a statement than one record of TLS, 16 KB."""
    assert _ask(pymysql, "x" * 16_000) == f"<{'x' * 16_000}>"
    with pytest.raises(MindsDBError, match="Illegal character"):
        pymysql.run(f"SELECT answer FROM m WHERE text = '{'x' * 17_000}'")


def _ask(client: PyMySQLClient, text: str) -> str:
    with client.connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM m WHERE text = %s", (text,))
        ((answer,),) = cursor.fetchall()
    return answer
