"""The only module that imports MindsDB: its base class, its records, its storage folder, its frames.

The names below mean the same in the embedded session, whose storages carry `name` and `previous` instead of
a row in MindsDB's database. MindsDB's behaviour was read and tried with 26.1.0; that of 25.11 is the same.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..foreign_text import logger_of
from ..records import ROW_NUMBERS, RowNames
from ..secret import sealed

if TYPE_CHECKING:
    import pandas as pd

logger = logger_of(__name__)

#: The column that numbers the rows of a JOIN; SELECT … FROM model has none.
_ROW_ID = "__mindsdb_row_id"


def _has_mindsdb() -> bool:
    # A folder that is called mindsdb by chance has no origin.
    spec = importlib.util.find_spec("mindsdb")
    return spec is not None and spec.origin is not None


if not TYPE_CHECKING and _has_mindsdb():
    # A MindsDB that is installed but broken must raise its own error, so nothing is caught here.
    from mindsdb.integrations.libs.base import BaseMLEngine
else:

    class BaseMLEngine:
        """Stands in for MindsDB's base class of ML engines where MindsDB is not installed.

        Args:
            model_storage: Stores the data of one model.
            engine_storage: Stores the data of the engine.
            kwargs: `base_model_storage`, the version that FINETUNE starts from.
        """

        def __init__(self, model_storage: Any, engine_storage: Any, **kwargs: Any) -> None:
            self.model_storage = model_storage
            self.engine_storage = engine_storage
            self.generative = False
            self.base_model_storage = kwargs.get("base_model_storage") or None

        @classmethod
        def prediction_args(cls) -> list[dict[str, Any]]:
            """Return nothing: MindsDB finds the arguments by reading the source."""
            return []

        @classmethod
        def creation_args(cls) -> list[dict[str, Any]]:
            """Return nothing: MindsDB finds the arguments by reading the source."""
            return []

        def close(self) -> None:
            """Release what a call held."""


def runs_in_mindsdb() -> bool:
    """Return whether this process is a MindsDB server or one of its workers.

    The name under which the handler is loaded tells it too, but not from the folder for community handlers.
    """
    return __name__.startswith("mindsdb.") or "mindsdb.integrations.libs.process_cache" in sys.modules


def _is_mindsdbs(storage: Any) -> bool:
    return type(storage).__module__.startswith("mindsdb.")


# --- frames -----------------------------------------------------------------------------------------------


def receive(frame: pd.DataFrame, model_storage: Any) -> pd.DataFrame:
    """Return the rows with the column names that the user wrote; the frame itself is not changed.

    MindsDB leaves backticks on the names in ``WHERE `the text` = …`` of a model.
    """
    if not _is_mindsdbs(model_storage):
        return frame
    renamed: pd.DataFrame = frame.rename(columns=lambda name: str(name).strip("`"))
    return renamed


def check_no_answers(frame: pd.DataFrame, answers: Sequence[str], model_storage: Any) -> None:
    """Look for columns of the answer among the rows: MindsDB makes an input of WHERE answer = '…'.

    In a JOIN it cannot be told from a column of the table; the log names it there.

    Args:
        frame: The rows.
        answers: The names of the columns of the model's answer, the target first.
        model_storage: The model's storage; where it is not MindsDB's own, nothing is checked.

    Raises:
        InputError: SELECT … FROM model WHERE names a column of the answer.
    """
    if not _is_mindsdbs(model_storage) or not len(frame):
        return
    lowered = {name.lower() for name in answers}
    found = [str(name) for name in frame.columns if str(name).lower() in lowered]
    if not found:
        return
    column = found[0]
    if _ROW_ID in frame.columns:
        said = (
            "the table's column %(name)s has the name of this model's output; WHERE m.%(name)s = … is taken "
            "as an input by MindsDB: write WHERE m.%(name)s IN (…)"
        )
        logger.warning(said, {"name": column})
        return
    is_target = column.lower() == answers[0].lower()
    remedy = (
        "PREDICT another column if it is the question; to filter answers" if is_target else "to filter them"
    )
    instead = f"SELECT … FROM (SELECT … FROM model WHERE …) AS s WHERE {column} = …"  # noqa: S608 - a message
    raise InputError(
        f"WHERE {column} = … names a column of this model's answer, and MindsDB would return its value as "
        f"the answer; {remedy} write {instead}"
    )


def keep_columns(answers: Sequence[str], model_storage: Any) -> None:
    """Tell MindsDB which columns the model has, so that it knows them for a table without rows.

    Without them SELECT m.mood … of no rows fails with "Table not found for column".
    """
    if not _is_mindsdbs(model_storage):
        return
    from mindsdb.interfaces.storage import db

    columns = dict.fromkeys(answers, "categorical")
    model_storage.columns_set(columns)
    # It looks at the first version of the name, whichever is active.
    own = db.Predictor.query.get(model_storage.predictor_id)
    for version in db.Predictor.query.filter_by(
        name=own.name, project_id=own.project_id, company_id=own.company_id
    ):
        version.dtype_dict = columns
    db.session.commit()


def row_names(frame: pd.DataFrame, model_storage: Any) -> RowNames:
    """Return the names of the rows in errors, where the host hands over only a part of them.

    The session says their numbers. In MindsDB, with `partition_size` the index continues from part to part.
    With `track_column` it starts at 0 in each part, and a row is named by its value in that column.
    """
    if not _is_mindsdbs(model_storage):
        return RowNames(numbers=frame.attrs.get(ROW_NUMBERS))
    import pandas as pd

    tracked = (_tracked_column() or "").lower()
    for column in frame.columns:
        if tracked and str(column).lower() == tracked:
            return RowNames(column=str(column), values=frame[column].tolist())
    return RowNames(frame.index.start if isinstance(frame.index, pd.RangeIndex) else 0)


def _tracked_column() -> str | None:
    from mindsdb.interfaces.storage import db
    from mindsdb.utilities.context import context

    query = context.dump().get("run_query_id")  # only a query in parts has it
    record = None if query is None else db.Queries.query.get(query)
    return None if record is None else (record.parameters or {}).get("track_column")


def deliver(frame: pd.DataFrame, model_storage: Any) -> pd.DataFrame:
    """Return a frame that MindsDB's predict cache cannot use for a later query.

    Args:
        frame: What predict returns; it is not changed.
        model_storage: The model's storage; where it is not MindsDB's own, the frame itself is returned.
    """
    if not _is_mindsdbs(model_storage):
        return frame
    from mindsdb.utilities.config import Config

    from .unreplayable import unreplayable

    # With the task queue, there is a consumer between the worker and the server.
    hops = 2 if Config()["ml_task_queue"]["type"] == "redis" else 1
    return unreplayable(frame, hops)


# --- models and engines in MindsDB ------------------------------------------------------------------------


def earlier_arguments(model_storage: Any) -> dict[str, Any] | None:
    """Return the arguments stored by the version that a RETRAIN starts from.

    Args:
        model_storage: The storage of the version under creation.

    Returns:
        What that version stored as `args`; None where this is not a RETRAIN. A model that was replaced, or
        dropped and created again, starts without arguments.
    """
    if not _is_mindsdbs(model_storage):
        previous = getattr(model_storage, "previous", None)
        return None if previous is None else previous.json_get("args")
    from mindsdb.interfaces.storage import db
    from mindsdb.interfaces.storage.model_fs import ModelStorage

    record = db.Predictor.query.get(model_storage.predictor_id)
    if record is None or (record.training_metadata or {}).get("reason") != "retrain":
        return None
    # The earlier version stays active until this one is complete.
    earlier = (
        db.Predictor.query.filter_by(
            name=record.name,
            project_id=record.project_id,
            company_id=record.company_id,
            active=True,
            deleted_at=None,
        )
        .filter(db.Predictor.id != record.id)
        .first()
    )
    return None if earlier is None else ModelStorage(earlier.id).json_get("args")


def model_name(model_storage: Any) -> str:
    """Return the model's name in SQL; "model" where it is not known.

    Outside of MindsDB's default project, the name of the project stands before it: two projects may have
    models of the same name.
    """
    if not _is_mindsdbs(model_storage):
        return getattr(model_storage, "name", None) or "model"
    from mindsdb.interfaces.storage import db
    from mindsdb.utilities.config import Config

    record = db.Predictor.query.get(model_storage.predictor_id)
    if record is None:
        return "model"
    project = db.Project.query.get(record.project_id)
    if project is None or project.name == Config().get("default_project", "mindsdb"):
        return str(record.name)
    return f"{project.name}.{record.name}"


def engine_name(engine_storage: Any) -> str:
    """Return the engine's name for a message; "engine" where it is not known."""
    if not _is_mindsdbs(engine_storage):
        return getattr(engine_storage, "name", None) or "engine"
    from mindsdb.interfaces.storage import db

    record = db.Integration.query.get(engine_storage.integration_id)
    return "engine" if record is None else str(record.name)


def storage_root() -> Path | None:
    """Return the data folder of the MindsDB that runs this process; None outside of MindsDB."""
    if not runs_in_mindsdb():
        return None
    from mindsdb.utilities.config import Config

    return Path(Config()["paths"]["root"])


# --- for the doctor, without a server ---------------------------------------------------------------------


def stored_engines(database: str) -> dict[str, dict[str, Any]]:
    """Return the engines of this handler, name to arguments, sealed. Not for a process that serves requests.

    Args:
        database: The address of MindsDB's records, in SQLAlchemy's form.
    """
    from mindsdb.interfaces.storage import db

    db.init(database)
    try:
        records = db.session.query(db.Integration).filter_by(engine="portkey").order_by(db.Integration.name)
        # Where MindsDB encrypts them, this read decrypts them.
        return {str(record.name): sealed(record.data or {}) for record in records}
    finally:
        db.session.remove()
        db.engine.dispose()


def cache_keeps() -> bool:
    """Return whether MindsDB's predict cache keeps a frame of `deliver`. It is tried, not guessed."""
    import pandas as pd
    from mindsdb.interfaces.storage.model_fs import ModelStorage
    from mindsdb.utilities.cache import get_cache

    storage = ModelStorage.__new__(ModelStorage)  # `deliver` asks only for the type of the storage
    handed_over = deliver(pd.DataFrame({"answer": ["kept"]}), storage)
    in_server = pickle.loads(pickle.dumps(handed_over))  # noqa: S301 - our own
    cache = get_cache("predict")
    cache.set("portkey_handler_doctor", in_server)
    return cache.get("portkey_handler_doctor") is not None
