"""`portkey_handler.testing`: the stand-in for tests of other people's code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import portkey_handler
from portkey_handler import Session, ask
from portkey_handler.testing import Fault, OfflineProvider, embedding, prompts, stand_in

ROOT = Path(portkey_handler.__file__).parents[1]

CONFTEST = "pytest_plugins = ['portkey_handler.testing']\n"
#: It imports from the plugin, which pytest would warn of if it wanted to rewrite it.
TESTS = """
import os
import pandas as pd
from portkey_handler import ask
from portkey_handler.testing import prompts

FRAME = pd.DataFrame({"q": ["a", "b"]})

def test_first(portkey_provider):
    assert ask(FRAME, column="q", model="m")["answer"].notna().all()
    assert sorted(prompts(portkey_provider)) == ["a", "b"]

def test_second_has_a_cache_of_its_own(portkey_provider):
    ask(FRAME, column="q", model="m")
    assert len(portkey_provider.requests) == 2
    assert "PORTKEY_API_KEY" not in os.environ

def test_third_is_as_before():
    assert os.environ["PORTKEY_API_KEY"] == "pk-canary"
    assert "PORTKEY_BASE_URL" not in os.environ
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with warnings as errors and a key in the environment."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-pno:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PORTKEY_API_KEY": "pk-canary", "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.mark.slow
def test_the_fixture_in_a_suite_of_its_own(tmp_path: Path) -> None:
    """Each test has a stand-in and a cache of its own, and keys of the environment are out of sight."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_another_suite_loads_nothing(tmp_path: Path) -> None:
    """A pytest in the same environment loads nothing of this package."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'portkey_handler' not in sys.modules\n"
    )
    assert run(tmp_path).returncode == 0
    assert "pytest11" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also after an error; the cache stays where it is wanted."""
    monkeypatch.setenv("PORTKEY_CONFIG", "pc-mine")
    before = {name: value for name, value in os.environ.items() if name.startswith("PORTKEY_")}

    def asked_and_failed() -> None:
        with stand_in(tmp_path / "home") as provider:
            inside = {name for name in os.environ if name.startswith("PORTKEY_")}
            assert inside == {"PORTKEY_BASE_URL", "PORTKEY_HANDLER_HOME"}
            ask(pd.DataFrame({"q": ["a"]}), column="q", model="m")
            assert prompts(provider) == ["a"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asked_and_failed()
    assert {name: value for name, value in os.environ.items() if name.startswith("PORTKEY_")} == before
    assert (tmp_path / "home" / "journal").is_dir()


def test_what_was_asked_of_every_kind() -> None:
    """A prompt of a chat, each text of embeddings, retries too; no probe of an engine."""
    with stand_in() as provider, Session() as session:
        session.register("t", pd.DataFrame({"q": ["one", "two"]}))
        session.sql("CREATE ML_ENGINE e FROM portkey")
        provider.behaviour.faults = [Fault(status=500)]
        session.sql("CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'm', concurrency = 1")
        session.sql(
            "CREATE MODEL v PREDICT b USING engine = 'e', column = 'q', model = 'm', mode = 'embedding'"
        )
        session.sql("SELECT a FROM t JOIN m")
        [vector] = session.sql("SELECT b FROM t JOIN v LIMIT 1")["b"]
    assert prompts(provider)[:3] == ["one", "one", "two"]
    assert "one" in prompts(provider)[3:]
    assert list(vector) == pytest.approx(list(embedding("one", 8)))


def test_an_engine_with_an_address_of_its_own_is_not_asked() -> None:
    """It was, and was paid, though the whole folder of tests was to stay off the network."""
    with OfflineProvider() as real, stand_in() as provider, Session() as session:
        own = f"base_url = '{real.base_url}', provider_api_key = 'sk-mine-1234567890', provider = 'openai'"
        session.sql(f"CREATE ML_ENGINE e FROM portkey USING {own}")
        session.sql("CREATE MODEL m PREDICT a USING engine = 'e', column = 'q', model = 'm'")
        session.sql("SELECT a FROM m WHERE q = 'one'")
        assert real.requests == []
    assert prompts(provider) == ["one"]
    assert provider.requests[-1].headers["x-portkey-provider"] == "openai"
