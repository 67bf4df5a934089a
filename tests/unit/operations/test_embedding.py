"""Mode embedding: a row's text as a vector, many rows in one request."""

from __future__ import annotations

import base64
from array import array
from typing import Any

import pandas as pd
import pytest
from support.embeddings import USING, inputs, reply, vector_of
from support.predicting import bodies, predict, replying

from portkey_handler.errors import OptionError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

# What is sent, and what comes back


def test_rows_go_out_together_and_come_back_in_order(provider: OfflineProvider) -> None:
    """One request with a list of inputs; each row has the vector of its own text, a list of floats."""
    texts = ["a", "日本 🙂", "{{ q }} {% if %}", "c"]
    answers = predict(provider, {"q": texts}, USING)
    assert bodies(provider) == [{"input": texts, "model": "text-embedding-3-small"}]
    assert answers["answer"].tolist() == [vector_of(text) for text in texts]
    assert {type(value) for value in answers["answer"]} == {list}


def test_rows_without_a_text_are_left_out_and_equal_ones_go_once(provider: OfflineProvider) -> None:
    """A provider refuses an empty input, and with it all others of its request."""
    answers = predict(provider, {"q": ["a", None, " ", "b", "a", 3, b"\xff"]}, USING)
    assert inputs(provider) == [["a", "b", "3"]]
    reasons = answers["answer_error"].tolist()
    assert reasons[:6] == [None, "nothing to ask: q is NULL", "nothing to ask: q is blank", None, None, None]
    assert reasons[6].startswith("q: the bytes are not UTF-8")
    assert answers["answer"][4] == answers["answer"][0] == vector_of("a")


def test_a_template_makes_the_text(provider: OfflineProvider) -> None:
    """As in mode chat."""
    predict(provider, {"a": ["x"], "b": [1]}, {**USING, "prompt_template": "{{ a }}: {{ b }}"})
    assert inputs(provider) == [["x: 1"]]


@pytest.mark.parametrize(("rows", "size", "sizes"), [
    (10, 4, [4, 4, 2]), (4, 4, [4]), (3, 1, [1, 1, 1]), (300, None, [128, 128, 44])
])  # fmt: skip
def test_rows_are_divided_by_inputs_per_request(
    rows: int, size: int | None, sizes: list[int], provider: OfflineProvider
) -> None:
    """No request carries more, and no row is lost between two of them."""
    texts = [f"text {row}" for row in range(rows)]
    using = USING if size is None else {**USING, "inputs_per_request": size}
    answers = predict(provider, {"q": texts}, using)
    assert [len(one) for one in inputs(provider)] == sizes
    assert answers["answer"].tolist() == [vector_of(text) for text in texts]


def test_shuffled_replies_are_put_in_order(provider: OfflineProvider) -> None:
    """`index` says whose vector it is, wherever it stands; without it the place does."""

    def shuffled(body: Any) -> Any:
        data = reply([[float(len(text))] for text in body["input"]])["data"]
        return {"data": data[::-1]}

    provider.behaviour.faults = replying(shuffled)
    texts = ["a", "bb", "ccc"]
    assert predict(provider, {"q": texts}, USING)["answer"].tolist() == [[1.0], [2.0], [3.0]]
    provider.behaviour.faults = replying(lambda _: {"data": [{"embedding": [7]}, {"embedding": [8]}]})
    assert predict(provider, {"q": ["d", "e"]}, USING)["answer"].tolist() == [[7.0], [8.0]]


def test_vectors_in_base64(provider: OfflineProvider) -> None:
    """32-bit floats in base64 become the same numbers as those written out; `dimensions` is obeyed."""
    using = {**USING, "dimensions": "3"}
    plain = predict(provider, {"q": ["a"]}, {**using, "encoding_format": "float"})
    coded = predict(provider, {"q": ["a"]}, {**using, "encoding_format": "base64"})
    assert plain["answer"].tolist() == coded["answer"].tolist() == [vector_of("a", 3)]
    assert [body["encoding_format"] for body in bodies(provider)] == ["float", "base64"]


def test_floats_keep_all_their_digits(provider: OfflineProvider) -> None:
    """Numbers of 64 bits come back as they were written, negative ones and whole ones too."""
    vector = [-0.0045676464, 0.1, 1e-300, -3, 1.7976931348623157e308]
    provider.behaviour.faults = replying(lambda _: reply([vector]))
    for _ in range(2):
        (found,) = predict(provider, {"q": ["a"]}, USING)["answer"]
        assert found == vector
        assert {type(number) for number in found} == {float}
    assert len(provider.requests) == 1


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_vectors_come_out_of_the_journal_as_they_went_in(encoding: str, provider: OfflineProvider) -> None:
    """A second run sends nothing, gives the same values, and says that they were kept."""
    using = {**USING, "encoding_format": encoding, "inputs_per_request": 2}
    texts = ["a", "b", "c"]
    first = predict(provider, {"q": texts}, using)
    again = predict(provider, {"q": texts[::-1]}, using)
    assert len(provider.requests) == 2
    assert again["answer"].tolist() == first["answer"].tolist()[::-1]
    assert all("kept_from" in evidence for evidence in again["answer_evidence"])
    predict(provider, {"q": ["a", "d"]}, using)
    assert inputs(provider)[2:] == [["d"]]


# Options


def test_it_needs_a_model(provider: OfflineProvider) -> None:
    """The default model of chats makes no vectors."""
    with pytest.raises(OptionError, match=r"mode = 'embedding' needs model = '…'"):
        predict(provider, {"q": ["a"]}, {"mode": "embedding"})


@pytest.mark.parametrize(("using", "words"), [
    ({"max_tokens": 5}, "max_tokens belongs to mode chat, completion or prompt"),
    ({"temperature": 0.5}, "temperature belongs to mode"),
    ({"inputs_per_request": 0}, "inputs_per_request = 0: expected a whole number of at least 1"),
    ({"inputs_per_request": 2049}, "inputs_per_request = 2049: expected a whole number of at most 2048"),
    ({"dimensions": "many"}, "dimensions = 'many': expected"),
    ({"parameters": {"input": "x"}}, "parameters.input cannot be used here"),
])  # fmt: skip
def test_wrong_options_are_refused(using: dict[str, Any], words: str, provider: OfflineProvider) -> None:
    """Before there are rows."""
    with pytest.raises(OptionError, match=words):
        predict(provider, {"q": ["a"]}, {**USING, **using})


def test_options_of_the_chat_beside_it_are_passed_over(provider: OfflineProvider) -> None:
    """In a JOIN of both, SELECT … USING reaches both models."""
    query = {"temperature": 0.2, "max_tokens": 9, "prompt_id": "p", "dimensions": 2}
    answers = predict(provider, {"q": ["a"]}, USING, query=query)
    assert bodies(provider) == [{"input": ["a"], "model": USING["model"], "dimensions": 2}]
    assert answers["answer"].tolist() == [vector_of("a", 2)]


def test_vectors_in_sql(provider: OfflineProvider) -> None:
    """A session gives the same lists, and one request for the table."""
    with Session() as session:
        session.register("texts", pd.DataFrame({"id": [1, 2], "q": ["a", "b"]}))
        session.sql(
            f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
            "CREATE MODEL emb PREDICT vector USING engine = 'e', mode = 'embedding', column = 'q', "
            "model = 'm', dimensions = '4';"
        )
        rows = session.sql("SELECT t.id, m.vector FROM texts AS t JOIN emb AS m ORDER BY t.id DESC")
    assert [list(vector) for vector in rows["vector"]] == [vector_of("b", 4), vector_of("a", 4)]
    assert [sorted(one) for one in inputs(provider)] == [["a", "b"]]


def test_base64_is_of_32_bit_floats_little_end_first(provider: OfflineProvider) -> None:
    """As OpenAI writes them: 1.5 and -2."""
    coded = base64.b64encode(b"\x00\x00\xc0\x3f\x00\x00\x00\xc0").decode()
    provider.behaviour.faults = replying(lambda _: reply([coded]))
    answers = predict(provider, {"q": ["a"]}, USING)
    assert answers["answer"].tolist() == [[1.5, -2.0]]
    assert array("f", [1.5, -2.0]).tolist() == answers["answer"][0]
