"""What the SQL does with answers of a real language model, which nobody has made up; held by properties alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from portkey_handler.errors import QueryError
from portkey_handler.session import Session

CHAT = "engine = 'e', model = 'smollm2-135m', temperature = 0"


def rows(*texts: str) -> pd.DataFrame:
    """Make a table of texts, numbered from 1."""
    return pd.DataFrame({"id": range(1, len(texts) + 1), "text": texts})


def test_an_answer_comes_with_its_tokens_and_is_the_same_again(session: Session) -> None:
    """At temperature 0 the model says the same twice; the tokens are those that the server counted."""
    session.sql(
        f"CREATE MODEL m PREDICT answer USING {CHAT}, column = 'text', max_tokens = 16, evidence = true"
    )
    asked = "SELECT answer, answer_evidence FROM m WHERE text = 'What is the capital of France?'"
    first = session.sql(asked).iloc[0]
    again = session.sql(f"{asked} USING reuse = 'never'").iloc[0]
    assert first["answer"]
    assert again["answer"] == first["answer"]
    evidence = first["answer_evidence"]
    assert evidence["model"] == "smollm2-135m"
    assert 0 < evidence["completion_tokens"] <= 16 < evidence["prompt_tokens"]


def test_what_is_cut_off_is_said(session: Session) -> None:
    """`max_tokens` ends the answer, and the line about the query tells how many."""
    session.sql(
        f"CREATE MODEL m PREDICT answer USING {CHAT}, column = 'text', max_tokens = 4, evidence = true"
    )
    row = session.sql("SELECT answer, answer_evidence FROM m WHERE text = 'Tell me a long story'").iloc[0]
    evidence = row["answer_evidence"]
    assert (evidence["finish_reason"], evidence["completion_tokens"]) == ("length", 4)
    assert row["answer"]


def test_a_stop_word_ends_the_answer(session: Session) -> None:
    """A completion goes on from the text, up to the stop word, which is not in it."""
    session.sql(
        "CREATE MODEL m PREDICT answer USING engine = 'e', model = 'smollm2-135m', temperature = 0, "
        "mode = 'completion', column = 'text', max_tokens = 20, stop = '[\"5\"]'"
    )
    answer = session.sql("SELECT answer FROM m WHERE text = '1, 2, 3,'")["answer"][0]
    assert "4" in answer
    assert "5" not in answer


def test_typed_columns_by_grammar(session: Session) -> None:
    """Words of a list, whole numbers and flags, whatever the model would rather say."""
    session.register("reviews", rows("I love this lamp", "It broke at once", "It came on Monday"))
    session.sql(
        f"CREATE MODEL m PREDICT found USING {CHAT}, max_tokens = 60, output = "
        "'mood enum(happy, angry, neutral), stars integer, again boolean', "
        "prompt_template = 'Judge this review: {{text}}'"
    )
    found = session.sql("SELECT r.id, m.mood, m.stars, m.again FROM reviews AS r JOIN m")
    assert found["id"].tolist() == [1, 2, 3]
    assert set(found["mood"]) <= {"happy", "angry", "neutral"}
    assert found["stars"].dtype.kind == "i"
    assert {type(bool(value)) for value in found["again"]} == {bool}


def test_logprobs_say_how_sure_the_model_is(session: Session) -> None:
    """The evidence has them as the server gave them."""
    session.sql(
        f"CREATE MODEL m PREDICT answer USING {CHAT}, column = 'text', max_tokens = 3, logprobs = true, "
        "evidence = true"
    )
    evidence = session.sql("SELECT answer_evidence FROM m WHERE text = 'Say yes'")["answer_evidence"][0]
    tokens = evidence["logprobs"]["content"]
    assert len(tokens) == 3
    assert all(token["logprob"] <= 0 for token in tokens)


def test_a_text_that_is_too_long_is_the_error_of_its_row(session: Session) -> None:
    """The other rows are answered, and the reason is the server's own."""
    session.register("texts", rows("Say yes", "word " * 5000, "Say no"))
    session.sql(f"CREATE MODEL m PREDICT answer USING {CHAT}, column = 'text', max_tokens = 4")
    found = session.sql(
        "SELECT t.id, m.answer, m.answer_error FROM texts AS t JOIN m USING on_error = 'null'"
    )
    assert found["answer"].notna().tolist() == [True, False, True]
    assert "exceeds the available context size" in found["answer_error"][1]


def test_a_model_that_is_not_there_is_refused(session: Session) -> None:
    """The default of the SQL is a model of another provider: no other one answers in its place."""
    session.sql("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text'")
    with pytest.raises(
        QueryError, match=r"there is no model claude-2\.1 on this machine for this; there are"
    ):
        session.sql("SELECT answer FROM m WHERE text = 'Hi'")


def test_a_search_by_meaning(session: Session) -> None:
    """A question finds the texts that mean it, in other languages and in other words."""
    session.register(
        "texts",
        rows(
            "La batterie dure toute la semaine",
            "The case has scratches",
            "बैटरी दो दिन चलती है",
            "Die Farbe gefällt mir nicht",
            "El envío fue muy lento",
        ),
    )
    vectors = "engine = 'e', model = 'multilingual-e5-small', mode = 'embedding', column = 'text'"
    session.sql(f"CREATE MODEL v PREDICT vector USING {vectors}")
    session.sql(f"CREATE MODEL q PREDICT vector USING {vectors}, input_type = 'search_query'")
    found = session.sql(
        "SELECT t.id, list_cosine_similarity(v.vector, q.vector) AS near, len(v.vector) AS size "
        "FROM texts AS t JOIN v JOIN (SELECT vector FROM q WHERE text = 'The battery lasts long') AS q "
        "ORDER BY near DESC"
    )
    assert set(found["id"][:2]) == {1, 3}
    assert set(found["size"]) == {384}


SCRIPT = """
import sys
from portkey_handler.session import Session
session = Session(sys.argv[1], files=sys.argv[2])
session.sql("SELECT t.id, m.answer FROM files.t AS t JOIN m")
"""


def test_forty_rows_that_were_killed_go_on(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: str, gateway: object
) -> None:
    """Kill -9 in the middle: the next run asks only what had no answer, and every row has its own."""
    del session
    files, kept = tmp_path / "files", tmp_path / "session"
    pd.DataFrame({"id": range(40), "text": [f"Count on from {n}" for n in range(40)]}).to_csv(
        files / "t.csv", index=False
    )
    with Session(kept, files=files) as opened:
        opened.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{gateway.base_url}', "  # type: ignore[attr-defined]
            f"provider = 'openai', custom_host = '{models}'"
        )
        opened.sql(f"CREATE MODEL m PREDICT answer USING {CHAT}, column = 'text', max_tokens = 2")
    journal = tmp_path / "home" / "journal"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(kept), str(files)])
    until = time.monotonic() + 60
    while _kept(journal) < 8 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    before = _kept(journal)
    assert 8 <= before < 40
    with Session(kept, files=files) as opened:
        found = opened.sql(
            "SELECT t.id, m.answer, m.answer_evidence FROM files.t AS t JOIN m USING evidence = true"
        )
    assert found["answer"].notna().all()
    fresh = [row for row in found["answer_evidence"] if row.get("kept_from") is None]
    assert len(fresh) == 40 - before


def _kept(journal: Path) -> int:
    """Return how many answers are on disk."""
    import sqlite3

    count = 0
    for path in journal.glob("*.sqlite"):
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
                count += connection.execute("SELECT count(*) FROM answers").fetchone()[0]
        except sqlite3.Error:
            continue
    return count


def test_the_session_starts_the_model_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: str
) -> None:
    """`base_url = 'local'`: no gateway, no key, no price; closing the session ends the server."""
    del models
    from portkey_handler.local.process import SERVER

    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    for file in (Path(__file__).parents[2] / ".cache" / "local" / "models").glob("*.gguf"):
        (home / "models" / file.name).symlink_to(file)
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(home))
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-canary-1234567890")
    with Session() as session:
        session.sql("CREATE ML_ENGINE here FROM portkey USING base_url = 'local'")
        session.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'here', model = 'smollm2-135m', temperature = 0, "
            "column = 'text', max_tokens = 4, evidence = true, max_cost = 0.000001"
        )
        row = session.sql("SELECT answer, answer_evidence FROM m WHERE text = 'Say yes'").iloc[0]
        assert row["answer"]
        assert row["answer_evidence"]["cost"] == 0
        process = SERVER._process
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None
    with Session() as session:  # from the cache, whatever port the server has now
        session.sql("CREATE ML_ENGINE here FROM portkey USING base_url = 'local'")
        session.sql(
            "CREATE MODEL m PREDICT answer USING engine = 'here', model = 'smollm2-135m', temperature = 0, "
            "column = 'text', max_tokens = 4, evidence = true"
        )
        again = session.sql("SELECT answer, answer_evidence FROM m WHERE text = 'Say yes'").iloc[0]
        assert again["answer_evidence"]["kept_from"]
