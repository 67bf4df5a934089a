"""SHOW: engines, models, views, files and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from ..errors import NotFoundError
from .catalog import Catalog
from .duckdb_connection import Database
from .files.writing import Files
from .model_statements import HANDLER, PROJECT, Models
from .sql.parser import unsupported
from .views import Views


class Shows:
    """Answers SHOW.

    Args:
        models: Engines and models.
        files: The tables of `files`.
        catalog: Where engines and models are kept.
        frames: The names of registered tables.
        database: The user's tables.
        views: The views.
    """

    def __init__(
        self,
        models: Models,
        files: Files,
        catalog: Catalog,
        frames: Sequence[str],
        database: Database,
        views: Views,
    ) -> None:
        self._models = models
        self._files = files
        self._catalog = catalog
        self._frames = frames
        self._database = database
        self._views = views

    def frame(self, node: Any) -> pd.DataFrame:
        """Return the rows of a SHOW, before its WHERE and LIKE.

        Raises:
            UnsupportedStatementError: There is no such SHOW.
            NotFoundError: There is no such database.
        """
        category = " ".join(node.category.lower().split()).removeprefix("full ")
        known: dict[str, Callable[[], pd.DataFrame]] = {
            "ml_engines": self._models.show_engines,
            "models": self._models.show,
            "predictors": self._models.show,
            "handlers": lambda: pd.DataFrame({"NAME": [HANDLER], "TYPE": ["ml"]}),
            "databases": lambda: pd.DataFrame({"Database": ["files", PROJECT]}),
            "files": lambda: _frame(self._files.listed(), ["NAME", "FORMAT", "PROBLEM"]),
            "views": self._views.show,
            "tables": lambda: self._tables(node.from_table or node.in_table),
        }
        if category not in known:
            raise unsupported(f"SHOW {category.upper()}")
        return known[category]()

    def _tables(self, place: Any) -> pd.DataFrame:
        name = PROJECT if place is None else str(place.parts[-1]).lower()
        if name == "files":
            rows = [(table, "BASE TABLE") for table, _ in self._files.names()]
        elif name == PROJECT:
            rows = [(model.name, "MODEL") for model in self._catalog.models() if model.active]
            rows += [(name, "VIEW") for name in self._views.show()["NAME"]]
            rows += [(frame, "FRAME") for frame in self._frames]
            dotted = [table for table in self._database.table_names() if "." in table]
            rows += [(table.removeprefix("main."), "BASE TABLE") for table in dotted]
        else:
            raise NotFoundError(f"the database {name} does not exist; there are: files, {PROJECT}")
        return _frame(rows, [f"Tables_in_{name}", "Table_type"])


def _frame(rows: Sequence[Any], columns: Sequence[str]) -> pd.DataFrame:
    # Objects keep None; pandas' type of texts shows it as nan.
    found: pd.DataFrame = pd.DataFrame(rows, columns=pd.Index(columns), dtype=object)
    return found
