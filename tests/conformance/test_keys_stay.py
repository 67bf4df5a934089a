"""Who may write CREATE MODEL, RETRAIN and SELECT, but no CREATE ML_ENGINE, sends no key away; both hosts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.conformance import MindsDBHost, SessionHost
from support.mindsdb import MindsDBError
from support.ways import as_sql, ways

from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider

CANARY = "sk-canary-0123456789"
ASK = "engine = 'kept', column = 'text', max_attempts = 1"


@pytest.fixture
def elsewhere() -> Iterator[OfflineProvider]:
    """Give a second server, which nobody is to call."""
    with OfflineProvider() as other:
        yield other


def test_in_the_session(session: tuple[SessionHost, OfflineProvider], elsewhere: OfflineProvider) -> None:
    """Every way is refused before anything is sent, and no message shows the key."""
    _try_all(*session, elsewhere)


@pytest.mark.parametrize("host", ["http"], indirect=True)
def test_in_mindsdb(mindsdb: tuple[MindsDBHost, OfflineProvider], elsewhere: OfflineProvider) -> None:
    """The same in the server, where a wrong RETRAIN leaves the model as it was."""
    _try_all(*mindsdb, elsewhere)


def _try_all(host: SessionHost | MindsDBHost, provider: OfflineProvider, elsewhere: OfflineProvider) -> None:
    target = f'{{"provider": "openai", "api_key": "{CANARY}", "custom_host": "{provider.base_url}"}}'
    host.run(
        f"CREATE ML_ENGINE kept FROM portkey USING base_url = '{provider.base_url}', check = false, "
        f"portkey_api_key = '{CANARY}', provider = 'openai', provider_api_key = '{CANARY}', "
        f'targets = {{"gpt": {target}}}'
    )
    host.run(f"CREATE MODEL honest PREDICT answer USING {ASK}")
    let_through = []
    for way, options in ways(elsewhere.url).items():
        given = as_sql(options)
        for statement in (
            f"CREATE MODEL stolen PREDICT answer USING {ASK}, {given}",
            f"RETRAIN honest USING {given}",
            f"SELECT answer FROM honest WHERE text = 'one' USING {given}",
        ):
            said = _refusal(host, statement)
            if said is None:
                let_through.append((way, statement.split()[0]))
            else:
                assert CANARY not in said
    assert let_through == []
    assert elsewhere.requests == []
    assert [request for request in provider.requests if request.method == "POST"] == []


def _refusal(host: SessionHost | MindsDBHost, statement: str) -> str | None:
    try:
        host.run(statement)
    except (MindsDBError, PortkeyHandlerError) as error:
        said = str(error)
        # A statement that does not parse would prove nothing.
        assert "cannot be parsed" not in said, statement
        assert "Syntax error" not in said, statement
        return said
    return None
