"""The type of keys, and errors that take no local variables along."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support.shown_locals import error_of, written_by_reporters

from portkey_handler.secret import HiddenText, Secret, forgetting, revealed, sealed

KEY = "sk-do-not-show-this-key"


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r:>3}".format, lambda secret: f"{secret}", lambda secret: f"{secret:.2}",
     lambda secret: f"{secret!s}", ascii, lambda secret: str([secret])],
)  # fmt: skip
def test_a_secret_never_shows_itself(show: Callable[[Secret], str]) -> None:
    """Whatever makes a text of it gets the mask."""
    assert show(Secret(KEY)).strip("[]").split()[0] == "******"


def test_only_reveal_gives_the_value() -> None:
    """It has no other public name, and no dict of attributes."""
    secret = Secret(KEY)
    assert [name for name in dir(secret) if not name.startswith("_")] == ["reveal"]
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == KEY


def test_secrets_are_compared_by_value() -> None:
    """Two of one key are equal and are one in a set; a plain text is no secret."""
    assert Secret(KEY) == Secret(KEY) != Secret("other")
    assert len({Secret(KEY), Secret(KEY)}) == 1
    assert Secret(KEY) != KEY
    assert (bool(Secret("")), bool(Secret(KEY))) == (False, True)


def test_a_secret_is_not_written_anywhere() -> None:
    """Neither by pickle nor by JSON; a copy is the secret itself."""
    secret = Secret(KEY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match=r"^a secret is not pickled: read it where the work runs$"):
            pickle.dumps([secret], protocol)
    with pytest.raises(TypeError, match="Secret is not JSON serializable"):
        json.dumps({"a": secret})
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


NESTED: dict[str, Any] = {
    "key": KEY,
    "number": 1,
    "nothing": None,
    "yes": True,
    "bytes": KEY.encode(),
    "list": [KEY, {"provider": KEY}],
    "tuple": (KEY, 2),
}


def test_every_text_is_sealed_at_any_depth() -> None:
    """Names, numbers and shapes stay; what comes back is equal, and the original is not changed."""
    before = copy.deepcopy(NESTED)
    found = sealed(NESTED)
    assert KEY not in repr(found)
    assert found == {
        "key": Secret(KEY),
        "number": 1,
        "nothing": None,
        "yes": True,
        "bytes": Secret(KEY.encode()),
        "list": [Secret(KEY), {"provider": Secret(KEY)}],
        "tuple": (Secret(KEY), 2),
    }
    assert revealed(found) == NESTED == before
    assert sealed(found) == found


def test_words_that_are_no_keys_stay() -> None:
    """Those of the names that are given, and not what stands below such a name."""
    value = {"provider": "openai", "api_key": KEY, "model": {"provider": "x", "a": KEY}}
    found = sealed(value, {"provider", "model"})
    assert found == {
        "provider": "openai",
        "api_key": Secret(KEY),
        "model": {"provider": "x", "a": Secret(KEY)},
    }


def test_a_hidden_text_is_a_text_that_shows_nothing() -> None:
    """Foreign code can send it; its repr and those of its parts are masked, also where a program cuts it."""
    text = HiddenText(KEY)
    assert (text, str(text), f"{text}", text.encode()) == (KEY, KEY, KEY, KEY.encode())
    assert type(str(text)) is str
    assert repr(text) == repr(text[:10]) == repr(text[3]) == repr({"a": text})[6:-1] == "'******'"


# Frames


def hold(depth: int) -> None:
    """Raise an error in a frame that holds the key, below others that do."""
    kept = KEY
    if depth:
        hold(depth - 1)
    raise LookupError(len(kept))


def test_an_error_takes_no_variables_along() -> None:
    """The frames below are empty, with all lines in their places; the block's own frame keeps what it has."""

    def block() -> None:
        own = "of the block"
        with forgetting():
            hold(2)
        assert own

    error = error_of(block)
    written = written_by_reporters(error)
    assert written.count("in hold") == 3
    assert KEY not in written
    assert "of the block" in written


def test_the_errors_behind_it_take_none_along_either() -> None:
    """Causes, contexts, those that are not shown, and those of a group."""

    def fail() -> None:
        errors = [error_of(lambda: hold(1)), error_of(lambda: hold(1))]
        try:
            hold(1)
        except LookupError as error:
            failed = ValueError("a")
            failed.exceptions = [errors[1]]  # type: ignore[attr-defined] # as groups have them, from Python 3.11
            failed.__cause__ = errors[0]
            raise failed from error

    def block() -> None:
        with forgetting():
            fail()

    error = error_of(block)
    assert KEY not in written_by_reporters(error)
    assert KEY not in written_by_reporters(error.exceptions[0])  # type: ignore[attr-defined]


def test_an_error_that_is_being_handled_is_left_alone() -> None:
    """It is the caller's, and the context of ours."""

    def block() -> None:
        try:
            hold(1)
        except LookupError:
            with forgetting():
                hold(1)

    error = error_of(block)
    assert error.__context__ is not None
    assert KEY in written_by_reporters(error.__context__)
    error.__context__ = None
    assert KEY not in written_by_reporters(error)


def test_without_an_error_nothing_happens() -> None:
    """The block may return, and a generator may be closed within it."""

    def rows() -> Any:
        with forgetting():
            yield 1
            yield 2

    assert list(rows()) == [1, 2]
    begun = rows()
    assert next(begun) == 1
    begun.close()
    assert sys.exc_info() == (None, None, None)
