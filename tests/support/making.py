"""What a test makes in a MindsDB and takes out of it again: tables, an engine, models."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from portkey_handler.gateway.offline import OfflineProvider, last_text

from .mindsdb import MindsDB

#: The model that most tests ask, by its name and what is said of it behind that.
MODEL = {"m": "PREDICT answer USING engine = 'e', column = 'text'"}


@contextlib.contextmanager
def making(
    server: MindsDB,
    *,
    folder: Path | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    models: Mapping[str, str] = MODEL,
) -> Iterator[None]:
    """Make tables of `files`, the engine `e` and models, and drop them in the end.

    Args:
        server: Where.
        folder: Where the tables' files are written.
        tables: Their rows by their names.
        models: What stands behind CREATE MODEL and the name, by the names; a project may stand in front.
    """
    with contextlib.ExitStack() as made:
        # Each thing is dropped again also where a later one cannot be made: otherwise every test behind fails, too.
        for name, rows in (tables or {}).items():
            assert folder is not None
            made.callback(server.query, f"DROP TABLE IF EXISTS files.{name}")
            upload(server, folder, name, rows)
        made.callback(server.query, "DROP ML_ENGINE IF EXISTS e")
        server.query("CREATE ML_ENGINE e FROM portkey")
        for name, words in models.items():
            made.callback(server.query, f"DROP MODEL IF EXISTS {name}")
            server.query(f"CREATE MODEL {name} {words}")
            project, _, model = name.rpartition(".")
            server.wait_for_model(model, project=project or "mindsdb")
        yield


def upload(server: MindsDB, folder: Path, name: str, rows: pd.DataFrame) -> None:
    """Make rows a table of `files`."""
    path = folder / f"{name}.csv"
    # Without a mark of UTF-8, MindsDB guesses the encoding, and guesses wrong.
    rows.to_csv(path, index=False, encoding="utf-8-sig")
    server.upload(name, path)


def asked_texts(provider: OfflineProvider) -> list[str]:
    """Give the texts that were asked."""
    return [last_text(request.body) for request in provider.requests if request.method == "POST"]
