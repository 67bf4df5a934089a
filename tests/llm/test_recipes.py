"""The recipes with vectors show what the small model gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.pages import ROOT, blocks

from portkey_handler.cli.app import Format
from portkey_handler.cli.output import write
from portkey_handler.session import Session


@pytest.mark.parametrize("name", ["near-duplicates", "search"])
def test_the_result_is_the_models(
    name: str,
    models: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever types the statements sees the same table."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("PORTKEY_BASE_URL", models)
    monkeypatch.setenv("PORTKEY_HANDLER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    shown, seen = "", []
    with Session(files=tmp_path / "examples") as session:
        for block in blocks(ROOT / "docs" / "recipes" / f"{name}.md"):
            if block.language == "text":
                assert block.text == shown
                seen.append(block.line)
            elif block.language == "sql":
                text = block.text.replace("text-embedding-3-small", "multilingual-e5-small")
                for _, result in session.results(text.replace(" USING base_url = 'local'", "")):
                    write(result, Format.table, None)
                    shown = capsys.readouterr().out or shown
    assert len(seen) == 1
