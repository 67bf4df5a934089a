"""What the handler says inside MindsDB has neither a key nor an escape sequence in it.

MindsDB itself repeats statements in its errors and its log, which a handler cannot change; docs/keys.md says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.escapes import CANARY, REPLIES, acting
from support.hosts import telling
from support.mindsdb import MindsDB, MindsDBError
from support.planted_keys import BY_BEGINNING, KEPT, MISPLACED, shows, statements_of, with_key

from portkey_handler import errors
from portkey_handler.gateway.offline import OfflineProvider

#: An error of this package, as MindsDB shows it behind the name of the engine.
OURS = re.compile(
    rf"\b(?:{'|'.join(name for name in vars(errors) if name.endswith('Error'))}): .*", re.DOTALL
)
SETUP = (
    "CREATE ML_ENGINE e FROM portkey USING check = false",
    "CREATE MODEL m0 PREDICT y USING engine = 'e', column = 'a', model = 'stand-in', max_attempts = 1",
)


@pytest.fixture
def hosted(running_mindsdb: tuple[MindsDB, OfflineProvider]) -> Iterator[tuple[MindsDB, OfflineProvider]]:
    """Give the server with the engine e and the model m0, and the stand-in behind it."""
    server, provider = running_mindsdb
    provider.reset(telling())
    server.forget_answers()
    for statement in SETUP:
        server.query(statement)
    server.wait_for_model("m0")
    yield server, provider
    for kind in ("MODEL", "VIEW"):
        for name in server.query(f"SHOW {kind}S")["NAME"]:
            server.query(f"DROP {kind} `{name}`")
    # MindsDB keeps a refused engine whose name, in backticks, has capital letters.
    for name in server.query("SHOW ML_ENGINES")["NAME"]:
        server.query(f"DROP ML_ENGINE `{name}`")


def said(server: MindsDB, statement: str) -> str | None:
    """Run a statement, and return what the handler says of it: an error of CREATE MODEL is the model's."""
    try:
        server.query(statement)
        if statement.startswith("CREATE MODEL m "):
            server.wait_for_model("m")
    except MindsDBError as error:
        found = OURS.search(str(error))
        return None if found is None else found[0]
    return None


def our_lines(server: MindsDB, start: int) -> list[str]:
    """Return the lines of the log from a place on that name the handler: its own, and its errors."""
    log = server.log.read_text(errors="replace")[start:]
    return [line for line in log.split("\n") if "handlers.portkey_handler" in line]


def test_the_handler_shows_no_key(hosted: tuple[MindsDB, OfflineProvider]) -> None:
    """Neither in errors, with the traceback below them, nor in its lines of the log."""
    server, _ = hosted
    start = len(server.log.read_text(errors="replace"))
    keys = [*BY_BEGINNING.values()]
    tried, told = [], []
    for number, script in enumerate((*MISPLACED, *KEPT)):
        key = keys[number % len(keys)]
        for statement in statements_of(with_key(script, key)):
            error = said(server, statement)
            if error is not None:
                tried.append(statement)
                told.append(error)
        for name in (f"MODEL IF EXISTS `{key}`", "MODEL IF EXISTS m", "ML_ENGINE IF EXISTS e1"):
            server.query(f"DROP {name}")
    lines = our_lines(server, start)
    assert len(told) > 50
    assert [
        one for one, error in zip(tried, told, strict=True) if any(shows(error, key) for key in keys)
    ] == []
    assert len(lines) > len(told)
    assert [line for line in lines if any(shows(line, key) for key in keys)] == []


def test_a_reply_acts_nowhere(hosted: tuple[MindsDB, OfflineProvider]) -> None:
    """Through the gateway: errors, reasons, the log, in which no reply begins a line; answers stay as they are."""
    server, provider = hosted
    start = len(server.log.read_text(errors="replace"))
    told = []
    for name, reply in REPLIES.items():
        provider.behaviour.faults = lambda _, reply=reply: reply
        error = said(server, f"SELECT y FROM m0 WHERE a = '{name}'")
        rows = server.query(f"SELECT y_error FROM m0 WHERE a = '{name}' USING on_error = 'null'")
        told += [error, *rows["y_error"]]
    told = [text for text in told if text is not None]
    assert len(told) > len(REPLIES)
    assert [signs for text in told if (signs := acting(text))] == []
    assert acting(server.log.read_text(errors="replace")[start:]) == []
    provider.behaviour.faults = None
    provider.behaviour.answer = lambda _: f"answer {CANARY}"
    rows = server.query("SELECT y FROM m0 WHERE a = 'raw'")
    assert rows["y"].tolist() == [f"answer {CANARY}"]


@pytest.mark.parametrize("name", ["m\x1b[2J", "m\u202egnp", "m\n2026-01-01 ERROR all is lost"])
def test_a_name_acts_nowhere(name: str, hosted: tuple[MindsDB, OfflineProvider]) -> None:
    """A column that is called so is refused, and the refusal is safe to show."""
    server, _ = hosted
    start = len(server.log.read_text(errors="replace"))
    error = said(server, f"CREATE MODEL m PREDICT `{name}` USING engine = 'e', column = 'a'")
    assert error is not None
    assert "has a control character in it; choose another" in error
    assert acting(error) == []
    assert acting("\n".join(our_lines(server, start))) == []
