"""DESCRIBE: what is in force, and where each value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import NotFoundError
from .options import OPTIONS, Resolved

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("args", "engine")


def describe_tables(attribute: str | list[str] | None, resolved: Resolved) -> pd.DataFrame:
    """Describe a model.

    Args:
        attribute: A table's name; None lists the tables.
        resolved: The options in force.

    Returns:
        For None one column, `tables`. For `args` and `engine`, a row per option in force: `option`, `value`
        (`******` where secret) and `source` (default, environment, engine or model).

    Raises:
        NotFoundError: There is no table of that name.
    """
    import pandas as pd

    if not attribute:
        tables: pd.DataFrame = pd.DataFrame({"tables": list(TABLES)})
        return tables
    name = str(attribute[0] if isinstance(attribute, list) else attribute).lower()
    if name not in TABLES:
        raise NotFoundError(f"a model has no table '{name}' to describe; it has {', '.join(TABLES)}")
    rows = [
        (option, _shown(origin.value), origin.level or "default")
        for option, origin in sorted(resolved.origins.items())
        if name == "args" or (option in OPTIONS and OPTIONS[option].section == "gateway")
    ]
    frame: pd.DataFrame = pd.DataFrame(rows, columns=["option", "value", "source"], dtype="object")
    return frame


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "NULL" if value is None else str(value)
