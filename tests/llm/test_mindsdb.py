"""The SQL of the documentation in a real MindsDB, answered by a real language model."""

from __future__ import annotations

from support.gateway import Gateway
from support.mindsdb import MindsDB

from portkey_handler.gateway.offline import OfflineProvider


def test_the_documented_sql(
    running_mindsdb: tuple[MindsDB, OfflineProvider], gateway: Gateway, models: str
) -> None:
    """CREATE ML_ENGINE, CREATE MODEL, SELECT, as they are documented, but for the address and the model."""
    server, _ = running_mindsdb
    server.query(
        f"CREATE ML_ENGINE llm FROM portkey USING base_url = '{gateway.base_url}', provider = 'openai', "
        f"custom_host = '{models}'"
    )
    try:
        server.query(
            "CREATE MODEL llm_model PREDICT answer USING column = 'question', engine = 'llm', max_tokens = 20, "
            "model = 'smollm2-135m', temperature = 0"
        )
        server.wait_for_model("llm_model")
        found = server.query(
            "SELECT question, answer FROM llm_model WHERE question = 'What is the capital of France?'"
        )
        assert found["question"].tolist() == ["What is the capital of France?"]
        assert found["answer"][0]
    finally:
        server.query("DROP MODEL IF EXISTS llm_model")
        server.query("DROP ML_ENGINE IF EXISTS llm")
