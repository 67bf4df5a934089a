"""A home or a file that the user may not look at: the query goes on without it, or one line says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portkey_handler.gateway.offline import OfflineProvider

#: Root may look into every folder; without these capabilities it is a user like others.
AS_A_USER = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
    "--",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="rights of POSIX"),
    pytest.mark.skipif(
        hasattr(os, "getuid") and not os.getuid() and not shutil.which("setpriv"), reason="root, no setpriv"
    ),
]

QUERY = (
    "CREATE ML_ENGINE e FROM portkey USING check = false; "
    "CREATE MODEL m PREDICT answer USING engine = 'e', column = 'q', model = 'gpt-4o-mini'; "
    "SELECT m.answer FROM files.t JOIN m"
)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that nobody may enter, with a home in it."""
    folder = tmp_path / "closed"
    (folder / "home").mkdir(parents=True)
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def run(*arguments: str, provider: OfflineProvider, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user who has only the rights that files give."""
    return subprocess.run(
        [
            *([] if os.getuid() else AS_A_USER),
            *(sys.executable, "-m", "portkey_handler"),
            *arguments,
        ],
        env={**os.environ, "PORTKEY_BASE_URL": provider.base_url, "PORTKEY_HANDLER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_home_that_may_not_be_entered(closed: Path, provider: OfflineProvider, tmp_path: Path) -> None:
    """CREATE MODEL failed, and so did a dry run."""
    provider.behaviour.answer = lambda _: "an answer"
    (tmp_path / "t.csv").write_text("q\na\n")
    home = closed / "home"
    query = ("sql", QUERY, "--files", str(tmp_path), "--format", "csv")
    done = run(*query, provider=provider, home=home)
    assert (done.returncode, done.stdout) == (0, "answer\nan answer\n"), done.stderr
    assert f"answers are not cached: {home}/journal cannot be used: Permission denied" in done.stderr
    dry = run(*query, "--dry-run", provider=provider, home=home)
    assert dry.returncode == 0, dry.stderr
    assert f"cached answers are not known: {home}/journal cannot be used: Permission denied" in dry.stderr


def test_a_script_that_may_not_be_looked_at(closed: Path, provider: OfflineProvider, tmp_path: Path) -> None:
    """It was a traceback."""
    done = run("run", str(closed / "script.sql"), provider=provider, home=tmp_path / "home")
    assert (done.returncode, done.stderr) == (
        1,
        f"{closed}/script.sql cannot be used: Permission denied; make it readable and writable, or name another "
        "folder, then run the statement again\n",
    )
