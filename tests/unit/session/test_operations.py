"""What the embedded session asks in modes that only the hosted gateway has, or that need its own data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.errors import InputError, NotFoundError, QueryError, UsageError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

ROWS = pd.DataFrame(
    {"id": [1, 2, 3], "text": ["Boils fast", None, "Leaks"], "product": ["kettle", "kettle", None]}
)
PROMPT = "CREATE MODEL m PREDICT reply USING engine = 'e', mode = 'prompt', prompt_id = 'pp-reply-1'"


@pytest.fixture
def session(provider: OfflineProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Give a session with an engine at the stand-in, and a table `rows`."""
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    with Session(files=tmp_path) as session:
        session.sql("CREATE ML_ENGINE e FROM portkey USING check = false")
        session.register("rows", ROWS)
        yield session


def bodies(provider: OfflineProvider) -> list[Any]:
    """Give what was sent, in an order of its own: rows are in flight together."""
    return sorted((request.body for request in provider.requests), key=str)


def test_a_saved_prompt_gets_every_column(session: Session, provider: OfflineProvider) -> None:
    """Without `variables` each column is one, as text, and NULL is an empty one."""
    session.sql(PROMPT)

    session.sql("SELECT rows.id, m.reply FROM rows JOIN m")

    assert {request.path for request in provider.requests} == {"/v1/prompts/pp-reply-1/completions"}
    assert bodies(provider) == [
        {"variables": {"id": "1", "text": "Boils fast", "product": "kettle"}},
        {"variables": {"id": "2", "text": "", "product": "kettle"}},
        {"variables": {"id": "3", "text": "Leaks", "product": ""}},
    ]


def test_a_saved_prompt_takes_variables_from_templates(session: Session, provider: OfflineProvider) -> None:
    """An object of variables is filled in per row, and parameters go beside it, with their types."""
    session.sql(PROMPT + ', variables = {"review": "{{ text|upper }}", "language": "French"}, top_p = 0.5')

    session.sql("SELECT m.reply FROM rows JOIN m WHERE rows.id = 1 USING max_tokens = 20")

    assert bodies(provider) == [
        {"variables": {"review": "BOILS FAST", "language": "French"}, "top_p": 0.5, "max_tokens": 20}
    ]


def test_a_saved_prompt_is_asked_again(session: Session, provider: OfflineProvider) -> None:
    """Its answers are used again only where the query says so."""
    session.sql(PROMPT + ", variables = ['text']")
    ask = "SELECT rows.id, m.reply FROM rows JOIN m"

    first = session.sql(ask)
    session.sql(ask)
    assert len(provider.requests) == 4  # the row with NULL is never sent

    again = session.sql(f"{ask} USING reuse = '1h'")
    assert len(provider.requests) == 4
    assert again.equals(first)
    assert first["reply"].isna().tolist() == [False, True, False]


def test_a_saved_prompts_columns_are_looked_for(session: Session, provider: OfflineProvider) -> None:
    """A variable that is no column is said by CREATE MODEL … FROM, and nothing is sent."""
    with pytest.raises(InputError, match="variables = 'txt' is not among the rows' columns, did you mean"):
        session.sql(
            "CREATE MODEL m FROM mindsdb (SELECT * FROM rows) PREDICT reply USING "
            "engine = 'e', mode = 'prompt', prompt_id = 'p', variables = ['txt']"
        )

    assert not provider.requests


def test_an_image_is_the_bytes_of_a_frame(session: Session, provider: OfflineProvider) -> None:
    """A column of bytes goes out as data URLs, and bytes that are no image fail their row alone."""
    photos = [b"\x89PNG\r\n\x1a\n", b"no image", None]
    session.register("photos", pd.DataFrame({"text": ["one", "two", "three"], "photo": photos}))
    session.sql("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text', image_column = 'photo'")

    with pytest.raises(QueryError, match=r"row 1: photo: the bytes are not a PNG, JPEG, GIF or WebP image"):
        session.sql("SELECT m.answer FROM photos JOIN m")

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    contents = [body["messages"][0]["content"] for body in bodies(provider)]
    assert contents == ["three", [{"type": "text", "text": "one"}, image]]


def test_a_request_keeps_what_cells_are(session: Session, provider: OfflineProvider) -> None:
    """Lists and numbers stand in the body as such, and the answer may be a list of them."""
    session.register("ranks", pd.DataFrame({"q": ["zip"], "texts": [["a zip", "a lamp"]], "most": [2]}))
    session.sql("""
        CREATE MODEL m PREDICT best USING
            engine = 'e', mode = 'request', path = '/rerank', answer = '$.results[*].index',
            body = {"model": "r", "query": "{{ q }}", "documents": "{{ texts }}", "top_n": "{{ most }}"}
    """)

    answers = session.sql("SELECT m.best FROM ranks JOIN m")

    assert bodies(provider) == [{"model": "r", "query": "zip", "documents": ["a zip", "a lamp"], "top_n": 2}]
    assert answers["best"].tolist() == [[0, 1]]


def test_finetune_says_what_to_do_instead(session: Session, provider: OfflineProvider) -> None:
    """FINETUNE is refused without a look at its rows; a model that is not there is said as everywhere."""
    session.sql("CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text'")

    with pytest.raises(UsageError, match="is not trained from SQL; fine-tune it at its provider"):
        session.sql("FINETUNE m FROM files (SELECT * FROM nothing)")
    with pytest.raises(NotFoundError, match="nobody"):
        session.sql("FINETUNE nobody FROM files (SELECT * FROM nothing)")

    assert not provider.requests
