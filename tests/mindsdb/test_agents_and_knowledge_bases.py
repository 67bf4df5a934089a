"""MindsDB's agents, knowledge bases and functions: which can use the engine, and what the others can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import unavailable
from support.agents import think
from support.gateway import Gateway
from support.hosts import ASKED_BY, CLIENTS_KEY
from support.mindsdb import MindsDB, MindsDBError
from support.notes import answers, expected, notes, refuse_nothing
from support.paid import Paid, answer_to

from portkey_handler.gateway.offline import OfflineProvider, RecordedRequest

QUESTION = "What was said of note 2?"
#: What the agent's model does with a question: it asks this of the table that it was given.
QUERY = "SELECT id, answer FROM files.kept WHERE id = 2"


@pytest.fixture
def server(
    running_mindsdb: tuple[MindsDB, OfflineProvider], tmp_path: Path
) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server with the notes and their model, and a provider that refuses nothing."""
    mindsdb, provider = running_mindsdb
    with notes(mindsdb, provider, tmp_path) as paid:
        refuse_nothing(paid)
        yield mindsdb, paid


@pytest.fixture
def knowledge(server: tuple[MindsDB, Paid], gateway: Gateway) -> Iterator[tuple[MindsDB, Paid]]:
    """Give the server with a knowledge base that embeds through the gateway, and holds the notes' answers."""
    mindsdb, paid = server
    [handler] = mindsdb.query("SHOW HANDLERS WHERE name = 'duckdb_faiss'").to_dict("records")
    if not handler["IMPORT_SUCCESS"]:
        unavailable("MindsDB's knowledge bases need faiss-cpu in its environment")
    embedding = {**through(gateway), "model_name": "text-embedding-3-small"}
    mindsdb.query(
        f"CREATE KNOWLEDGE_BASE kb USING embedding_model = {json.dumps(embedding)}, id_column = 'id', "
        "content_columns = ['text'], metadata_columns = ['answer']"
    )
    mindsdb.query("INSERT INTO kb SELECT n.id, n.text, m.answer FROM files.notes AS n JOIN m WHERE n.id < 6")
    yield mindsdb, paid
    mindsdb.query("DROP KNOWLEDGE_BASE kb")


def through(gateway: Gateway) -> dict[str, str]:
    """Give what sends a client of MindsDB's own to the gateway."""
    return {"provider": "openai", "base_url": gateway.base_url}


def asked_by_mindsdb(paid: Paid) -> list[RecordedRequest]:
    """Give the requests of MindsDB's own clients."""
    return [request for request in paid.posts if ASKED_BY in request.headers]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE AGENT a USING model = 'm'", "Input should be a valid dictionary"),
        (
            """CREATE AGENT a USING model = {"provider": "mindsdb", "model_name": "m"}""",
            "MindsDB provider is not yet supported for model instances",
        ),
        (
            "CREATE KNOWLEDGE_BASE kb USING model = m",
            "Creating a knowledge base using pre-existing models is no longer supported",
        ),
        (
            """CREATE KNOWLEDGE_BASE kb USING embedding_model = {"provider": "mindsdb", "model_name": "m"}""",
            "Wrong embedding provider: mindsdb. Available providers: openai, azure_openai,",
        ),
        ("CREATE TRIGGER t ON files.notes (SELECT 1)", "Handler files doest support subscription"),
    ],
)
def test_what_mindsdb_refuses(server: tuple[MindsDB, Paid], statement: str, said: str) -> None:
    """Agents and knowledge bases of 26.1 take no model of any engine; when they do, docs have to say so."""
    mindsdb, _ = server
    with pytest.raises(MindsDBError, match=said):
        mindsdb.query(statement)


def test_an_agent_asks_through_the_gateway_about_answers_in_a_table(
    server: tuple[MindsDB, Paid], gateway: Gateway
) -> None:
    """Its own model is reached at the gateway's address; what our model has answered is data to it."""
    mindsdb, paid = server
    mindsdb.query(
        "CREATE TABLE files.kept (SELECT n.id, m.answer FROM files.notes AS n JOIN m WHERE n.id < 4)"
    )
    think(paid.provider, QUERY)
    model = {**through(gateway), "model_name": "gpt-4o"}
    mindsdb.query(
        f"""CREATE AGENT a USING model = {json.dumps(model)}, data = {{"tables": ["files.kept"]}}"""
    )
    try:
        [row] = mindsdb.query(f"SELECT * FROM a WHERE question = '{QUESTION}'").to_dict("records")
    finally:
        mindsdb.query("DROP AGENT a")
        mindsdb.query("DROP TABLE files.kept")
    assert (row["id"], row["answer"]) == (2, answer_to("note 2"))
    assert paid.answers == {"note 1": 1, "note 2": 1, "note 3": 1}
    asked = asked_by_mindsdb(paid)
    assert len(asked) + 3 == paid.asked
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {CLIENTS_KEY}"}
    assert QUESTION in json.dumps(asked[-1].body)


def test_a_view_over_a_model_is_no_table_to_an_agent(server: tuple[MindsDB, Paid], gateway: Gateway) -> None:
    """An agent of 26.1 looks for its tables in databases alone, so that answers have to be written there."""
    mindsdb, paid = server
    think(paid.provider, QUERY)
    model = {**through(gateway), "model_name": "gpt-4o"}
    mindsdb.query("CREATE VIEW told AS (SELECT n.id, m.answer FROM files.notes AS n JOIN m)")
    try:
        with pytest.raises(MindsDBError, match="There is no integration with name 'mindsdb'"):
            mindsdb.query(
                f"""CREATE AGENT a USING model = {json.dumps(model)}, data = {{"tables": ["mindsdb.told"]}}"""
            )
    finally:
        mindsdb.query("DROP VIEW told")


def test_a_knowledge_base_embeds_through_the_gateway(knowledge: tuple[MindsDB, Paid]) -> None:
    """It finds a note by its meaning, with what our model said of it; that was paid once."""
    mindsdb, paid = knowledge
    found = mindsdb.query("SELECT id, answer FROM kb WHERE content = 'note 3' LIMIT 1")
    assert list(found.itertuples(index=False, name=None)) == expected(3)
    assert sorted(paid.answers.values()) == [1] * 5
    asked = asked_by_mindsdb(paid)
    # The probe of CREATE, all notes at once, and the question.
    assert [request.path for request in asked] == 3 * ["/v1/embeddings"]
    assert [len(request.body["input"]) for request in asked] == [1, 5, 1]
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {CLIENTS_KEY}"}


def test_our_model_answers_from_what_a_knowledge_base_finds(knowledge: tuple[MindsDB, Paid]) -> None:
    """The texts found are one row's column, the question another; asked again, only the search is paid."""
    mindsdb, paid = knowledge
    mindsdb.query(
        "CREATE MODEL reader PREDICT answer USING engine = 'e', "
        "prompt_template = 'From: {{ found }}. Answer: {{ question }}'"
    )
    mindsdb.wait_for_model("reader")
    question = """
        SELECT r.answer
        FROM (
            SELECT string_agg(chunk_content, '; ') AS found
            FROM (SELECT chunk_content FROM kb WHERE content = 'note 3' LIMIT 1) AS k
        ) AS f
        JOIN reader AS r
        WHERE r.question = 'What is in it?'
    """
    try:
        for _ in range(2):
            rows = mindsdb.query(question)
            assert rows["answer"].tolist() == [answer_to("From: note 3. Answer: What is in it?")]
    finally:
        mindsdb.query("DROP MODEL reader")
    assert paid.answers["From: note 3. Answer: What is in it?"] == 1


def test_the_answers_of_what_is_found_are_asked_row_by_row(knowledge: tuple[MindsDB, Paid]) -> None:
    """A knowledge base joins a model as a table does, through ON or a name given to its text."""
    mindsdb, paid = knowledge
    asked = paid.asked
    for found in (
        "kb AS k JOIN m ON k.chunk_content = m.text WHERE k.content = 'note 3' LIMIT 1",
        "(SELECT id, chunk_content AS text FROM kb WHERE content = 'note 3' LIMIT 1) AS k JOIN m",
    ):
        rows = mindsdb.query(f"SELECT k.id, m.answer FROM {found}")
        assert list(rows.itertuples(index=False, name=None)) == expected(3)
    assert paid.asked == asked + 2  # the questions' embeddings; the answers were kept


def test_the_function_llm_asks_through_the_gateway(server: tuple[MindsDB, Paid]) -> None:
    """Its model, address and key are variables of the server; it asks each row anew, and keeps nothing."""
    mindsdb, paid = server
    for _ in range(2):
        rows = mindsdb.query("SELECT LLM(text) AS answer FROM files.notes WHERE id = 1")
        assert rows["answer"].tolist() == [answer_to("note 1")]
    assert paid.answers == {"note 1": 2}
    assert len(asked_by_mindsdb(paid)) == 2


def test_headers_for_mindsdbs_clients_are_not_ours(server: tuple[MindsDB, Paid]) -> None:
    """OPENAI_CUSTOM_HEADERS changes what agents and knowledge bases send, and nothing that we send."""
    mindsdb, paid = server
    mindsdb.query("CREATE TABLE files.kept (SELECT n.id, m.answer FROM files.notes AS n JOIN m)")
    kept = answers(mindsdb, "files.kept")
    mindsdb.query("DROP TABLE files.kept")
    assert kept == expected(1, 2, 3, 4, 5, 6)
    assert paid.asked == 6
    assert asked_by_mindsdb(paid) == []
