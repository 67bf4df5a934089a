"""What follows from the schema of the options: files that MindsDB reads, tables that people read."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portkey_handler.creation_args import creation_args
from portkey_handler.model_using_args import model_using_args
from portkey_handler.options import OPTIONS, secret_option_names
from portkey_handler.options.catalog import ALIASES, ENGINE_ALIASES

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "generate_option_files.py"
FILES = [
    "portkey_handler/creation_args.py",
    "portkey_handler/model_using_args.py",
    "README.md",
    "docs/options.md",
    "docs/versions.md",
]
MATRIX = "docs/matrix.json"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a folder with a copy of every generated file, and of the results that one of them shows."""
    for name in (*FILES, MATRIX):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def as_mindsdb_reads(name: str, variable: str) -> dict[str, dict[str, Any]]:
    """Read arguments as MindsDB 26.1.0 does, `integrations.py`, `_get_connection_args`."""
    found: dict[str, dict[str, Any]] = {}
    for item in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
        if not isinstance(item, ast.Assign) or item.targets[0].id != variable:  # type: ignore[attr-defined]
            continue
        for keyword in item.value.keywords:  # type: ignore[attr-defined]
            found[keyword.arg] = {
                key.value: value.value if isinstance(value, ast.Constant) else value.attr
                for key, value in zip(keyword.value.keys, keyword.value.values, strict=True)
            }
    return found


def test_nothing_is_stale() -> None:
    """Who changes an option and does not run the script is told so here."""
    checked = run("--check")

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", FILES)
def test_stale_is_noticed_and_mended(copy: Path, name: str) -> None:
    """A changed file is named with the remedy, and running the script brings it back."""
    text = (ROOT / name).read_text(encoding="utf-8")
    generated = "tests passed" if name == "docs/versions.md" else "The Portkey API key"
    (copy / name).write_text(text.replace(generated, "something else"), encoding="utf-8")

    checked = run("--check", copy)
    run(copy)

    assert checked.returncode == 1
    assert checked.stderr == f"stale: {name}; run: python scripts/generate_option_files.py\n"
    assert (copy / name).read_text(encoding="utf-8") == text


def test_other_results_of_the_matrix_make_the_page_of_versions_stale(copy: Path) -> None:
    """When docs/matrix.json changes, the check names the page whose table it makes."""
    text = (copy / MATRIX).read_text(encoding="utf-8")
    (copy / MATRIX).write_text(text.replace('"3.13', '"3.14'), encoding="utf-8")

    checked = run("--check", copy)
    run(copy)

    assert checked.stderr == "stale: docs/versions.md; run: python scripts/generate_option_files.py\n"
    assert "| 3.14" in (copy / "docs" / "versions.md").read_text(encoding="utf-8")


def test_unknown_block_is_named(copy: Path) -> None:
    """A marker that nothing belongs to stops the script, which lists those that there are."""
    (copy / "README.md").write_text("<!-- generated: soup -->\n<!-- generated: end -->\n", encoding="utf-8")

    checked = run("--check", copy)

    assert checked.returncode == 1
    assert "there is no block 'soup'; there are essential options," in checked.stderr


def test_every_option_is_documented() -> None:
    """The page of options has a row for each of them."""
    page = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")

    assert not [name for name in OPTIONS if f"| `{name}`" not in page]
    assert not [alias for alias in ALIASES if f"| `{alias}` |" not in page]


@pytest.mark.parametrize(
    ("name", "variable", "imported"),
    [
        ("portkey_handler/creation_args.py", "creation_args", creation_args),
        ("portkey_handler/model_using_args.py", "model_using_args", model_using_args),
    ],
)
class TestWhatMindsdbReads:
    """Read as text by MindsDB, or imported: the same."""

    def test_every_secret_is_hidden(self, name: str, variable: str, imported: dict[str, Any]) -> None:
        """Secrets are marked at both levels, under their other names too, and nothing else is."""
        read = as_mindsdb_reads(name, variable)

        assert {option for option, entry in read.items() if entry["secret"]} == secret_option_names()

    def test_importing_and_reading_agree(self, name: str, variable: str, imported: dict[str, Any]) -> None:
        """What MindsDB finds in the text is what Python makes of it; types are the same but for case."""
        read = as_mindsdb_reads(name, variable)

        assert {
            option: {**entry, "type": entry["type"].lower()} for option, entry in read.items()
        } == imported


def test_levels() -> None:
    """CREATE ML_ENGINE is offered what it takes; CREATE MODEL what it takes, and the secrets to hide."""
    engine = {name for name, entry in OPTIONS.items() if "engine" in entry.levels}
    model = {name for name, entry in OPTIONS.items() if "model" in entry.levels}

    assert set(creation_args) - set(ALIASES) - set(ENGINE_ALIASES) == engine
    assert set(model_using_args) - set(ALIASES) - secret_option_names() == model - secret_option_names()
