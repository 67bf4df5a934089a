"""A home directory and a catalog of each earlier release, used by this one; and those of a later release."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.gateway.offline import OfflineProvider
from portkey_handler.host.data_dir import data_dir
from portkey_handler.session import Session
from portkey_handler.usage.estimate.dry_run import kept_estimate
from portkey_handler.usage.run_history import RunHistory

DATA = Path(__file__).parents[2] / "data"
RELEASES = [path.stem.removeprefix("read-") for path in sorted(DATA.glob("read-*.json"))]


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a frame's rows as JSON holds them."""
    cells: list[dict[str, Any]] = frame.to_dict("records")
    found: list[dict[str, Any]] = json.loads(json.dumps(cells, default=lambda cell: cell.tolist()))
    return found


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Copy what a release has written, and give its name."""
    shutil.copytree(DATA / f"home-{request.param}", data_dir(), dirs_exist_ok=True)
    shutil.copytree(DATA / f"catalog-{request.param}", tmp_path / "catalog")
    return str(request.param)


def test_everything_is_read_and_nothing_is_asked_again(
    release: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Engines, models, records and kept answers are what they were; a request would fail: nothing listens."""
    written = json.loads((DATA / f"read-{release}.json").read_text(encoding="utf-8"))
    with Session(tmp_path / "catalog") as session:
        session.register("reviews", pd.DataFrame(written["reviews"]))
        for statement in [*written["described"], *written["kept"]]:
            names, *values = written["read"][statement]
            found = rows(session.sql(statement))
            assert [[row[name] for name in names] for row in found] == values, statement
    last = RunHistory(data_dir()).runs(most=len(written["kept"]))
    assert [(run.requests, run.kept, run.failed) for run in last] == [(0, 3, 0)] * len(written["kept"])
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_estimate_of_the_last_dry_run_is_read(release: str) -> None:
    """It is a file of its own."""
    estimate = kept_estimate(data_dir(), "local", "mood")
    assert estimate is not None
    assert (estimate.rows, estimate.distinct, estimate.model) == (4, 4, "gpt-4o")


def test_a_query_works_without_the_files_of_a_later_release(
    provider: OfflineProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers come, one warning tells of each file what is lost, and no file is changed or made."""
    sql = (
        f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false;"
        "CREATE MODEL m PREDICT answer USING engine = 'e', model = 'one', column = 'text',"
        " requests_per_minute = 60000"
    )
    ask = "SELECT answer FROM m WHERE text = 'hello'"
    with Session() as session:
        session.sql(sql)
        first = session.sql(ask)["answer"].tolist()
        files = list(data_dir().rglob("*.sqlite"))
        assert len(files) == 3
        for path in files:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA user_version = 9")
        before = {path: path.read_bytes() for path in data_dir().rglob("*") if path.is_file()}
        caplog.clear()
        assert session.sql(ask)["answer"].tolist() == first
    assert len(provider.requests) == 2
    said = sorted(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert [text.partition(": ")[0] for text in said] == [
        "answers are not cached",
        "requests_per_minute and tokens_per_minute hold in this process only",
        "what the query used is not recorded",
    ]
    assert all("newer portkey-handler (it has version 9, and this release reads" in text for text in said)
    assert {path: path.read_bytes() for path in data_dir().rglob("*") if path.is_file()} == before
