# ruff: noqa: D102, D103, ARG004 — a stand-in for the handler; its methods are described there
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from portkey_handler.session import Session

REVIEWS = (
    "id,text,stars,code\n"
    '1,"good, really",5,007\n'
    '2,"two\nlines",4,008\n'
    "3,,1,009\n"
    "4,N/A,2,010\n"
    "5,schön 🎉,3,011\n"
)


class Upper:
    """A handler that answers in capitals, and remembers what it was asked."""

    asked: list[tuple[str, pd.DataFrame, dict[str, Any]]]

    def __init__(self, model_storage: Any = None, engine_storage: Any = None) -> None:
        self._model, self._engine = model_storage, engine_storage

    def create_engine(self, connection_args: dict[str, Any]) -> None:
        if connection_args.get("bad"):
            raise ValueError("bad option")

    @staticmethod
    def create_validation(target: str, args: dict[str, Any], handler_storage: Any) -> None:
        if "engine" in args["using"]:
            raise ValueError("the engine's name is the session's business")

    def create(self, target: str, df: Any = None, args: Any = None) -> None:
        before = {} if self._model.previous is None else self._model.previous.json_get("args")["using"]
        rows = None if df is None else len(df)
        self._model.json_set("args", {"target": target, "using": {**before, **args["using"]}, "rows": rows})

    def drop(self) -> None:
        pass

    def predict(self, df: pd.DataFrame, args: dict[str, Any]) -> pd.DataFrame:
        stored = self._model.json_get("args")
        options = {**stored["using"], **args["using"]}
        if len(df):
            type(self).asked.append((self._model.name, df.copy(), args))
        prefix, target = options.get("prefix", ""), stored["target"]
        cells = [None if pd.isna(cell) else str(cell) for cell in df[options.get("column", "text")]]
        result = pd.DataFrame(index=df.index)
        result[target] = pd.Series(
            [None if cell is None else prefix + cell.upper() for cell in cells], index=df.index, dtype=object
        )
        result[f"{target}_size"] = pd.Series(
            [None if cell is None else len(cell) for cell in cells], index=df.index, dtype="Int64"
        )
        result[f"{target}_evidence"] = pd.Series(
            [{"n": [cell]} for cell in cells], index=df.index, dtype=object
        )
        return result

    @contextmanager
    def in_parts(self) -> Iterator[None]:
        yield

    def price_of_a_row(self) -> tuple[float | None, float | None]:
        return None, None

    is_in_doubt = False

    def note_share(self, condition: str, rows: int, kept: int) -> None:
        pass

    def earlier_share(self, condition: str) -> None:
        return None

    def names_one_of(self, columns: Any, query: Any) -> bool:
        stored = self._model.json_get("args")
        return {**stored["using"], **query}.get("column", "text") in columns

    def describe(self, attribute: Any = None) -> pd.DataFrame:
        if attribute is None:
            return pd.DataFrame({"tables": ["args"]})
        stored = self._model.json_get("args")
        return pd.DataFrame({"name": list(stored["using"]), "value": list(stored["using"].values())})

    def close(self) -> None:
        pass


class Asked:
    """What the handler of a test was asked."""

    def __init__(self, handler: type[Upper]) -> None:
        self._handler = handler

    def clear(self) -> None:
        self._handler.asked.clear()

    @property
    def rows(self) -> int:
        return sum(len(frame) for _, frame, _ in self._handler.asked)

    @property
    def frames(self) -> list[pd.DataFrame]:
        return [frame for _, frame, _ in self._handler.asked]

    @property
    def options(self) -> list[dict[str, Any]]:
        return [args["predict_params"] for _, _, args in self._handler.asked]


@pytest.fixture
def handler() -> type[Upper]:
    return type("Handler", (Upper,), {"asked": []})


@pytest.fixture
def asked(handler: type[Upper]) -> Asked:
    return Asked(handler)


@pytest.fixture
def open_session(handler: type[Upper], tmp_path: Path) -> Iterator[Callable[..., Session]]:
    class Tested(Session):
        _handler_class = staticmethod(lambda: handler)
        _shown_options = staticmethod(lambda: frozenset({"base_url"}))

    opened = []

    def open_one(*args: Any, **options: Any) -> Session:
        options.setdefault("files", tmp_path)
        opened.append(Tested(*args, **options))
        return opened[-1]

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def session(open_session: Callable[..., Session], tmp_path: Path) -> Session:
    """A session with an engine, the models m and second, and files.reviews."""
    (tmp_path / "reviews.csv").write_text(REVIEWS, encoding="utf-8")
    session = open_session()
    session.sql(
        """
        CREATE ML_ENGINE e FROM portkey USING api_key = 'canary';
        CREATE MODEL m PREDICT answer USING engine = 'e', column = 'text';
        CREATE MODEL second PREDICT final USING engine = 'e', column = 'answer';
        """
    )
    return session
