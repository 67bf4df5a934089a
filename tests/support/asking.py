"""Rows to ask, the statements that ask them, and what their answers have to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from .paid import answer_to

#: Asks rows in a session; see the fixture `ask` of the tests of faults.
Asks = Callable[..., pd.DataFrame]


def questions(number: int) -> pd.DataFrame:
    """Give so many rows that are all different."""
    return pd.DataFrame({"id": range(number), "q": [f"question {row}" for row in range(number)]})


def create_engine(name: str, options: dict[str, Any]) -> str:
    """Write CREATE ML_ENGINE, without the probe, which would be a request more."""
    return f"CREATE ML_ENGINE {name} FROM portkey USING {_written({'check': False, **options})};"


def create_model(name: str, using: dict[str, Any]) -> str:
    """Write CREATE MODEL."""
    return f"CREATE MODEL {name} PREDICT answer USING {_written(using)};"


def _written(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_literal(value)}" for name, value in options.items() if value is not None)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else "'{}'".format(str(value).replace("'", "''"))


def assert_answered(answers: pd.DataFrame, number: int) -> None:
    """Every row is there once, in the order of the input, and has its own answer."""
    assert answers["id"].tolist() == list(range(number))
    assert answers["answer"].tolist() == [answer_to(question) for question in answers["q"]]
