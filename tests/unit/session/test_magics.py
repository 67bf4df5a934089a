"""`%load_ext portkey_handler` in a real IPython: cells of SQL, their variables, their errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.gateway.offline import OfflineProvider

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

#: Runs cells in an IPython without a terminal; what each wrote, and the value that it showed.
RUNNER = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance(colors="NoColor")
shown = []
for cell in json.loads(sys.argv[1]):
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        ran = shell.run_cell(cell)
    value = ran.result
    shown.append({"written": written.getvalue(), "value": None if value is None else repr(value)})
json.dump(shown, sys.stdout)
"""
LOAD = "%load_ext portkey_handler"


@pytest.fixture
def ipython(tmp_path: Path, provider: OfflineProvider) -> Any:
    """Give a function that runs cells and returns what each of them showed."""
    (tmp_path / "t.csv").write_text("id,q\n1,one\n2,two\n3,three\n")

    def run(*cells: str) -> list[dict[str, str | None]]:
        environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "i"), "PORTKEY_BASE_URL": provider.base_url}
        done = subprocess.run(
            [sys.executable, "-c", RUNNER, json.dumps([LOAD, *cells])],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        shown: list[dict[str, str | None]] = json.loads(done.stdout)
        assert shown[0] == {"written": "", "value": None}
        return shown[1:]

    return run


MODEL = (
    "%%portkey\nCREATE ML_ENGINE e FROM portkey;\n"
    "CREATE MODEL m PREDICT a USING engine = 'e', model = 'gpt-4o-mini', prompt_template = 'Say {{q}}'"
)


def test_a_cell_is_sql(ipython: Any, provider: OfflineProvider) -> None:
    """Statements without rows are a word each, and the rows of the last one are shown or kept."""
    made, shown, kept, looked, dropped = ipython(
        MODEL,
        "%%portkey\nSELECT t.id, m.a FROM files.t AS t JOIN m ORDER BY t.id",
        "%%portkey answers\nSELECT t.id, m.a FROM files.t AS t JOIN m",
        "answers.shape",
        "%%portkey gone\nDROP MODEL m",
    )
    assert made["written"].startswith("engine e was created\n")
    assert made["value"] == "model m was created"
    assert shown["value"].split()[:5] == ["id", "a", "0", "1", "offline"]
    assert kept == {"written": "answers: 3 rows, 2 columns\n", "value": None}
    assert looked["value"] == "(3, 2)"
    assert dropped["value"] is None
    assert dropped["written"] == "gone: model m was dropped\n"
    asked = [request.body["messages"][0]["content"] for request in provider.requests if request.body]
    assert sorted(asked) == ["Say one", "Say three", "Say two"]


def test_variables_of_the_notebook_fill_the_parameters(ipython: Any) -> None:
    """By their names; a line of SQL needs no cell."""
    _, few, line, missing = ipython(
        'least = 2; word = "it\'s"',
        "%%portkey\nSELECT id, $word AS word, '$word' AS text FROM files.t WHERE id >= $least",
        "%portkey SELECT $word AS a, '{{least}}' AS b",
        "%portkey SELECT $wrd AS a",
    )
    assert few["value"].split() == [
        "id",
        "word",
        "text",
        "0",
        "2",
        "it's",
        "$word",
        "1",
        "3",
        "it's",
        "$word",
    ]
    assert line["value"].split() == ["a", "b", "0", "it's", "{{least}}"]
    assert missing["written"] == "StatementError: the parameter $wrd has no value; give one\n"


def test_options_begin_a_session(ipython: Any, tmp_path: Path) -> None:
    """Which the line returns; its folder keeps engines and models."""
    (tmp_path / "sub dir").mkdir()
    begun, _, again, bare = ipython(
        "%portkey --files 'sub dir' --session kept",
        "%portkey CREATE ML_ENGINE e FROM portkey",
        "%portkey --session kept\n%portkey SHOW ML_ENGINES",
        "session = %portkey\nsession.sql('SELECT 1 AS one')",
    )
    assert begun["value"] == f"Session(Catalog(kept), files={str(tmp_path / 'sub dir')!r})"
    assert "portkey" in again["value"]
    assert (tmp_path / "kept" / "catalog.json").stat().st_mode & 0o777 == 0o600
    assert bare["value"].split() == ["one", "0", "1"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "%%portkey\nSELECT * FROM nobody",
            "NotFoundError: the table or model nobody does not exist; there are: files.t",
        ),
        (
            "%%portkey my frame\nSELECT 1",
            "UsageError: %%portkey takes the name of a variable for the rows, not 'my frame'; the options "
            "--files and --session are for %portkey, on a line of its own",
        ),
        (
            "%portkey --file x",
            "UsageError: %portkey: unrecognized arguments: --file x; it takes --files DIR, --session DIR and "
            "--encoding NAME",
        ),
        ("%portkey --files nowhere", "UsageError: %portkey --files nowhere: there is no such folder"),
        (
            "%portkey --files 'a",
            "UsageError: %portkey: No closing quotation; a name with blanks stands in quotes, closed",
        ),
    ],
)
def test_what_is_wrong_is_one_line(ipython: Any, cell: str, said: str) -> None:
    """Without a traceback, and the cell after it runs."""
    wrong, after = ipython(cell, "%portkey SELECT 1 AS one")
    [line] = wrong["written"].splitlines()
    assert line.startswith(said)
    assert after["value"].split() == ["one", "0", "1"]


def test_a_syntax_error_has_a_caret(ipython: Any) -> None:
    """Under the place, and no traceback."""
    [wrong] = ipython("%%portkey\nSELECT 1;\nSELECT a,\n  b FROM WHERE x")
    assert wrong["written"].splitlines()[:3] == [
        'StatementError: syntax error in line 3, column 10 (Expected symbol: "[identifier]")',
        "LINE 3: b FROM WHERE x",
        "               ^",
    ]


def test_an_extension_can_be_loaded_again_and_taken_away(ipython: Any) -> None:
    """As IPython's others."""
    reloaded, _, gone = ipython(
        "%reload_ext portkey_handler\n%portkey SELECT 1 AS one",
        "%unload_ext portkey_handler",
        "%portkey SELECT 1",
    )
    assert reloaded["value"].split() == ["one", "0", "1"]
    assert "`%portkey` not found" in gone["written"]
