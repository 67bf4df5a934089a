"""A key in a statement that does not parse, or in a place where none belongs, is shown nowhere."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from support.planted_keys import (
    A_WORD,
    BY_BEGINNING,
    DRAWN,
    KEPT,
    LIKE_NAMES,
    MISPLACED,
    SLIPS,
    all_of,
    shows,
    statements_of,
    with_key,
)

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.session import Session

EVERY_KEY = [*BY_BEGINNING.values(), *DRAWN.values(), *LIKE_NAMES.values()]
#: Each statement is run with this many of the keys.
KEYS_A_STATEMENT = 3


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Log at DEBUG whatever anybody logs, arguments of records too."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(repr(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_statement_that_does_not_parse_shows_no_key(
    slip: str, logged: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    """25 of 25 slips printed the whole statement; tools that report errors got it from the error's context."""
    keys = _turn(SLIPS.index(slip), EVERY_KEY)
    if ("key = '{k}'" in slip or "'Bearer {k}}" in slip) and slip.count("{k}") == 1:
        keys.append(A_WORD)
    with Session() as session:
        for key in keys:
            with pytest.raises(PortkeyHandlerError) as caught:
                session.sql(with_key(slip, key))
            assert not shows(all_of(caught.value), key)
    told = logged() + "".join(capfd.readouterr())
    assert [key for key in keys if shows(told, key)] == []


@pytest.mark.parametrize("place", range(len(MISPLACED)))
def test_a_key_where_none_belongs_is_masked(
    place: int,
    provider: OfflineProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
) -> None:
    """As an address, a name, an option, a value of another option: 5 of 16 were shown."""
    keys = _turn(place, EVERY_KEY)
    with _session(provider, tmp_path, monkeypatch) as session:
        for key in keys:
            with pytest.raises(PortkeyHandlerError) as caught:
                session.sql(with_key(MISPLACED[place], key))
            assert not shows(all_of(caught.value), key)
    _is_nowhere(keys, logged(), tmp_path)


@pytest.mark.parametrize("place", range(len(KEPT)))
def test_a_key_that_is_taken_for_something_else_is_shown_nowhere(
    place: int,
    provider: OfflineProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
) -> None:
    """Not by SHOW and DESCRIBE, nor in the records of queries: such a name or option is refused, or masked."""
    keys = _turn(place, [*BY_BEGINNING.values()])
    with _session(provider, tmp_path, monkeypatch) as session:
        for key in keys:
            for statement in statements_of(with_key(KEPT[place], key)):
                shown = _shown(session, statement)
                assert not shows(shown, key), statement
            for statement in ("DROP MODEL IF EXISTS m", "DROP ML_ENGINE IF EXISTS e1"):
                session.sql(statement)
    _is_nowhere(keys, logged(), tmp_path)


def _turn(number: int, keys: list[str]) -> list[str]:
    """Return the keys whose turn it is."""
    return [keys[(number + 7 * step) % len(keys)] for step in range(KEYS_A_STATEMENT)]


def _session(provider: OfflineProvider, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a session on disk with the engine e, the model m0 and files.t."""
    provider.behaviour.answer = lambda _: "an answer"
    monkeypatch.setenv("PORTKEY_BASE_URL", provider.base_url)
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(folder / "home"))
    (folder / "t.csv").write_text("a\n1\n")
    session = Session(folder / "session", files=folder)
    session.sql(
        "CREATE ML_ENGINE e FROM portkey USING check = false; "
        "CREATE MODEL m0 PREDICT y USING engine = 'e', column = 'a'"
    )
    return session


def _shown(session: Session, statement: str) -> str:
    """Run a statement and return what it shows: its error, or the rows of a SHOW or DESCRIBE."""
    try:
        rows = session.sql(statement)
    except PortkeyHandlerError as error:
        return all_of(error)
    return rows.to_csv() + repr(rows.to_dict()) if statement.startswith(("SHOW", "DESCRIBE")) else ""


def _is_nowhere(keys: list[str], logged: str, folder: Path) -> None:
    """Check log and files. The catalog holds what users write: it is their own, and nobody else can read it."""
    files = [path for path in folder.rglob("*") if path.name != "catalog.json"]
    written = [str(path) for path in files]
    written += [path.read_bytes().decode("latin-1") for path in files if path.is_file()]
    for key in keys:
        assert not shows(logged, key)
        assert not any(shows(text, key) for text in written)
