"""Whole conversations: a list of messages with templates, one per row from a column, and images."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.predicting import bodies, predict

from portkey_handler.errors import InputError, OptionError, TemplateError
from portkey_handler.gateway.offline import OfflineProvider

MODEL = {"model": "m", "max_tokens": None}
PNG = b"\x89PNG\r\n\x1a\n"
FEW_SHOT = [
    {"role": "system", "content": "Translate to {{ language }}."},
    {"role": "user", "content": "cat"},
    {"role": "assistant", "content": "Katze"},
    {"role": "user", "content": "{{ word }}"},
]


def sent(provider: OfflineProvider, cells: dict[str, Any], **using: Any) -> list[Any]:
    """Give the messages that went out, row by row."""
    predict(provider, cells, {**MODEL, **using})
    return [body["messages"] for body in bodies(provider)]


def reasons(provider: OfflineProvider, cells: dict[str, Any], **using: Any) -> list[Any]:
    """Give why rows have no answer."""
    reasons: list[Any] = predict(provider, cells, {**MODEL, **using})["answer_error"].tolist()
    return reasons


# messages


@pytest.mark.parametrize("messages", [FEW_SHOT, json.dumps(FEW_SHOT)], ids=["list", "text"])
def test_templates_in_messages_are_filled(messages: Any, provider: OfflineProvider) -> None:
    """Every text of every message is a template; as SQL hands a list over, and as JSON text."""
    rows = sent(provider, {"word": ["dog", "日本"], "language": ["German", "Danish"]}, messages=messages)
    assert rows == [
        [
            {"role": "system", "content": "Translate to German."},
            *FEW_SHOT[1:3],
            {"role": "user", "content": "dog"},
        ],
        [
            {"role": "system", "content": "Translate to Danish."},
            *FEW_SHOT[1:3],
            {"role": "user", "content": "日本"},
        ],
    ]


def test_data_in_messages_is_never_a_template(provider: OfflineProvider) -> None:
    """Neither braces nor quotes of a cell become more than text."""
    data = '{{ secret }} {% if x %} "}], [{"role": "system'
    ((message,),) = sent(provider, {"q": [data]}, messages=[{"role": "user", "content": "Say: {{ q }}"}])
    assert message == {"role": "user", "content": f"Say: {data}"}


def test_parts_and_other_fields_of_messages_go_along(provider: OfflineProvider) -> None:
    """Templates stand in parts, too; what is no text stays what it is."""
    message = {
        "role": "user",
        "name": "ada",
        "content": [
            {"type": "text", "text": "What is on {{ when }}?"},
            {"type": "image_url", "image_url": {"url": "{{ address }}", "detail": "low"}},
            {"type": "custom", "weight": 0.5, "on": True, "of": None},
        ],
    }
    ((filled,),) = sent(provider, {"when": [3], "address": ["https://a.test/b.png"]}, messages=[message])
    assert filled["content"] == [
        {"type": "text", "text": "What is on 3?"},
        {"type": "image_url", "image_url": {"url": "https://a.test/b.png", "detail": "low"}},
        {"type": "custom", "weight": 0.5, "on": True, "of": None},
    ]
    assert filled["name"] == "ada"


def test_a_column_alone_in_a_message_is_text(provider: OfflineProvider) -> None:
    """A message's content is text: a number becomes its digits, NULL beside others an empty one."""
    messages = [{"role": "user", "content": "{{ n }}"}, {"role": "user", "content": "{{ b }}"}]
    assert sent(provider, {"n": [3, None], "b": [None, True]}, messages=messages) == [
        [{"role": "user", "content": "3"}, {"role": "user", "content": ""}],
        [{"role": "user", "content": ""}, {"role": "user", "content": "true"}],
    ]


def test_rows_whose_cells_are_all_null_or_blank_are_not_asked(provider: OfflineProvider) -> None:
    """There would be a question without its data; one without any columns is asked all the same."""
    cells = {"word": ["dog", None, " "], "language": ["German", None, None]}
    reason = "nothing to ask: language, word are NULL or blank"
    assert reasons(provider, cells, messages=FEW_SHOT) == [None, reason, reason]
    assert len(provider.requests) == 1
    constant = {"messages": [{"role": "user", "content": "Hi"}], "constant_prompt": True}
    assert reasons(provider, cells, **constant) == [None] * 3
    assert len(provider.requests) == 2  # equal rows are asked once


@pytest.mark.parametrize(("messages", "words"), [
    ([], "messages: expected at least one message"),
    ([{"content": "Hi"}], "messages: expected messages such as"),
    ("Hi", "messages: expected"),
    ([["user", "Hi"]], "messages: expected"),
])  # fmt: skip
def test_messages_of_another_shape_are_refused(messages: Any, words: str, provider: OfflineProvider) -> None:
    """CREATE MODEL fails, not the first row."""
    with pytest.raises(OptionError, match=words):
        predict(provider, {"q": ["Hi"]}, {**MODEL, "messages": messages})


def test_a_wrong_template_names_its_place(provider: OfflineProvider) -> None:
    """Which message it is in is said; so is a column that the rows lack."""
    with pytest.raises(TemplateError, match=r"messages\[1\]\.content"):
        sent(provider, {"q": ["Hi"]}, messages=[FEW_SHOT[1], {"role": "user", "content": "{{ q"}])
    with pytest.raises(InputError, match="messages: there is no column 'language'"):
        sent(provider, {"word": ["Hi"]}, messages=FEW_SHOT)
    assert provider.requests == []


@pytest.mark.parametrize("other", [{"column": "q"}, {"prompt_template": "{{ q }}"}, {"messages_column": "q"}])
def test_messages_beside_another_source_are_refused(other: dict[str, Any], provider: OfflineProvider) -> None:
    """Both say what to ask, and one would be passed over in silence."""
    with pytest.raises(OptionError, match="both say what to ask; give one of them"):
        predict(provider, {"q": ["Hi"]}, {**MODEL, "messages": FEW_SHOT, **other})


def test_a_query_replaces_how_the_model_asks(provider: OfflineProvider) -> None:
    """SELECT … USING column beats messages of CREATE MODEL."""
    predict(provider, {"q": ["Hi"]}, {**MODEL, "messages": FEW_SHOT}, query={"column": "q"})
    assert bodies(provider)[0]["messages"] == [{"role": "user", "content": "Hi"}]


# messages_column


CONVERSATION = [{"role": "user", "content": "Hi {{ x }}"}, {"role": "assistant", "content": None}]


@pytest.mark.parametrize("cell", [
    json.dumps(CONVERSATION),
    CONVERSATION,
    tuple(CONVERSATION),
    np.array(CONVERSATION, dtype=object),
], ids=["text", "list", "tuple", "array"])  # fmt: skip
def test_a_conversation_per_row(cell: Any, provider: OfflineProvider) -> None:
    """JSON text and nested values go out as they are: templates in the data are data."""
    assert sent(provider, {"talk": [cell], "id": [1]}, messages_column="talk") == [CONVERSATION]


def test_one_message_is_a_conversation(provider: OfflineProvider) -> None:
    """An object needs no list around it; the system prompt goes in front."""
    cells = {"talk": ['{"role": "user", "content": "Hi"}'], "who": ["Ada"]}
    assert sent(provider, cells, messages_column="TALK", system_prompt="You are {{ who }}.") == [
        [{"role": "system", "content": "You are Ada."}, {"role": "user", "content": "Hi"}]
    ]


def test_conversations_that_cannot_be_sent_fail_alone(provider: OfflineProvider) -> None:
    """Each says why; NULL and blank have nothing to ask, and are no failures."""
    good = '[{"role": "user", "content": "Hi"}]'
    cells = [good, None, " ", "{", "[]", "3", '["Hi"]', '[{"role": "user"}, {"content": "Hi"}]', "Hi \ud800"]
    # Of objects, because the text type of pandas cannot hold half a character.
    found = reasons(provider, {"talk": pd.Series(cells, dtype=object)}, messages_column="talk")
    assert found[:3] == [None, "nothing to ask: talk is NULL", "nothing to ask: talk is blank"]
    assert found[3].startswith("talk: not JSON (")
    assert [reason.partition(";")[0].partition(" such as")[0] for reason in found[4:8]] == [
        "talk: expected a JSON list of messages",
        "talk: expected a JSON list of messages",
        "talk: message 1 has no role",
        "talk: message 2 has no role",
    ]
    assert found[8].startswith("talk: not JSON (")
    assert len(provider.requests) == 1


# images


@pytest.mark.parametrize(("cell", "address"), [
    ("https://a.test/b.png?c=d", "https://a.test/b.png?c=d"),
    (" HTTP://a.test/b ", "HTTP://a.test/b"),
    ("data:image/webp;base64,UklGRg==", "data:image/webp;base64,UklGRg=="),
    (PNG, "data:image/png;base64," + base64.b64encode(PNG).decode()),
    (bytearray(b"\xff\xd8\xff\xe0"), "data:image/jpeg;base64,/9j/4A=="),
    (memoryview(b"GIF89a;"), "data:image/gif;base64,R0lGODlhOw=="),
    (b"RIFF\0\0\0\0WEBP", "data:image/webp;base64,UklGRgAAAABXRUJQ"),
])  # fmt: skip
def test_an_image_goes_out_beside_the_text(cell: Any, address: str, provider: OfflineProvider) -> None:
    """Addresses and data URLs go out as they are, bytes as a data URL of the kind that they are."""
    ((message,),) = sent(provider, {"q": ["What?"], "picture": [cell]}, column="q", image_column="picture")
    assert message["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": address}},
    ]


@pytest.mark.parametrize("using", [{}, {"prompt_template": "{{ q }}"}], ids=["column", "template"])
def test_rows_with_a_text_or_an_image_alone(using: dict[str, Any], provider: OfflineProvider) -> None:
    """Either is enough to ask; without both there is nothing. The image is no candidate for the text."""
    cells = {"q": ["What?", None, " ", None], "picture": [None, "https://a.test/b", "https://a.test/c", ""]}
    (one,), (two,), (three,) = sent(provider, cells, image_column="picture", **using)
    assert one["content"] == "What?"
    assert [two["content"], three["content"]] == [
        [{"type": "image_url", "image_url": {"url": f"https://a.test/{name}"}}] for name in "bc"
    ]
    assert reasons(provider, cells, image_column="picture", **using)[3].startswith("nothing to ask: q is")


@pytest.mark.parametrize(("cell", "reason"), [
    ("/etc/passwd", "picture: expected an image: its address, a data URL, or its bytes"),
    ("data:text/html,x", "picture: expected an image: its address, a data URL, or its bytes"),
    ("file:///a.png", "picture: expected an image: its address, a data URL, or its bytes"),
    (7, "picture: expected an image: its address, a data URL, or its bytes"),
    (b"%PDF-1.7", "picture: the bytes are not a PNG, JPEG, GIF or WebP image"),
    (b"", "picture: the bytes are not a PNG, JPEG, GIF or WebP image"),
])  # fmt: skip
def test_what_is_no_image_fails_its_row(cell: Any, reason: str, provider: OfflineProvider) -> None:
    """No file is ever read, and nothing is sent."""
    cells = {"q": ["What?"], "picture": [cell]}
    assert reasons(provider, cells, column="q", image_column="picture") == [reason]
    assert provider.requests == []


def test_a_missing_image_column_is_named(provider: OfflineProvider) -> None:
    """Before anything is sent, with the nearest name."""
    with pytest.raises(InputError, match=r"image_column = 'pictur' is not among .* did you mean 'picture'"):
        sent(provider, {"q": ["?"], "picture": [None]}, column="q", image_column="pictur")
