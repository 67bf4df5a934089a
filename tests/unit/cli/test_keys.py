"""A key in a statement that does not parse, or misplaced, is in no output of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.planted_keys import BY_BEGINNING, DRAWN, KEPT, MISPLACED, SLIPS, shows, with_key
from support.terminal import Terminal

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

COMMAND = ["-m", "portkey_handler"]
KEYS = [*BY_BEGINNING.values(), *DRAWN.values()]


def run(*arguments: str, provider: OfflineProvider, folder: Path, stdin: str = "") -> str:
    """Run the command in a process of its own, and return all that it writes."""
    done = subprocess.run(
        [sys.executable, *COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url},
        cwd=folder,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path, provider: OfflineProvider) -> Path:
    """Give the folder of files.t."""
    provider.behaviour.answer = lambda _: "an answer"
    (tmp_path / "t.csv").write_text("a\n1\n")
    return tmp_path


def test_the_shell_shows_no_key(folder: Path, provider: OfflineProvider) -> None:
    """All statements one after the other, with everything that is logged."""
    begin = (
        "CREATE ML_ENGINE e FROM portkey USING check = false; CREATE MODEL m0 PREDICT y USING engine = 'e'"
    )
    tried = [*SLIPS, *MISPLACED]
    keys = [KEYS[number % len(KEYS)] for number in range(len(tried))]
    typed = [begin, *map(with_key, tried, keys)]
    for number, script in enumerate(KEPT):
        key = KEYS[number % len(BY_BEGINNING)]
        typed += [with_key(script, key), "DROP MODEL IF EXISTS m", "DROP ML_ENGINE IF EXISTS e1"]
        keys.append(key)
    told = run(
        *("shell", "--verbose", "--session", "kept"),
        provider=provider,
        folder=folder,
        stdin="".join(f"{statement};\n" for statement in typed),
    )
    assert [key for key in set(keys) if shows(told, key)] == []
    assert told.count("syntax error in line") > 50
    assert told.count("******") > 100


@pytest.mark.parametrize("way", ["sql", "run", "run -", "sql --dry-run"])
def test_no_way_of_running_a_statement_shows_its_key(
    way: str, folder: Path, provider: OfflineProvider
) -> None:
    """As an argument, from a file, from standard input, before paying."""
    script = folder / "script.sql"
    for number, statement in enumerate((SLIPS[0], SLIPS[5], "SELECT * FROM `{k}`", "SHOW `{k}`")):
        key = KEYS[number]
        text = "SELECT 1;\n" + with_key(statement, key)
        script.write_text(text)
        arguments = {
            "sql": ("sql", text),
            "run": ("run", str(script)),
            "run -": ("run", "-"),
            "sql --dry-run": ("sql", text, "--dry-run", "--session", "kept"),
        }[way]
        told = run(*arguments, "--verbose", provider=provider, folder=folder, stdin=text)
        assert not shows(told, key)
        assert "******" in told


def test_a_terminal_shows_no_key_but_the_one_that_is_typed(folder: Path, provider: OfflineProvider) -> None:
    """The line that a person types is on the screen; nothing repeats it."""
    key = "sk-canary-01234567"
    typed = (
        f"CREATE ML_ENGINE e FROM portkey USING api_key '{key}';",
        f"CREATE ML_ENGINE e FROM portkey USING api_key = '{key};",
        f"SELECT '{key}' FRM t WHERE;",
        f"SELECT * FROM `{key}`;",
        f"SHOW `{key}`;",
        f"CREATE ML_ENGINE e FROM portkey USING base_url = '{key}';",
    )
    shell = [*COMMAND, "shell", "--files", str(folder), "--verbose"]
    with Terminal(*shell, environment={"PORTKEY_BASE_URL": provider.base_url, "TERM": "dumb"}) as terminal:
        terminal.wait_for(lambda seen: b"sql> " in seen.written)
        for number, statement in enumerate(typed, start=2):
            terminal.type(statement.encode() + b"\n")
            terminal.wait_for(lambda seen, prompts=number: seen.written.count(b"sql> ") >= prompts)
        terminal.type(b"exit\n")
        assert terminal.finish() == 0
    lines = terminal.written.decode().splitlines()
    shown = [line for line in lines if key in line]
    # Typed ahead, a line is echoed by the terminal, and once more behind the prompt.
    assert len(typed) <= len(shown) <= 2 * len(typed)
    assert [line for line in shown if not any(statement in line for statement in typed)] == []
