"""What users import from the package, and `ask`."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import portkey_handler
from portkey_handler import InputError, OptionError, QueryError, StatusError, aask, ask
from portkey_handler.gateway.offline import Fault, OfflineProvider

EXPORTED = {
    "Session", "Predictor", "ask", "aask", "resolve", "Progress", "on_progress",
    "PortkeyHandler", "PortkeyHandlerError",
    "UsageError", "OptionError", "TemplateError", "InputError", "AboveLimitError", "StatementError",
    "NotFoundError", "AlreadyExistsError", "NewerFileError", "StoreError",
    "GatewayError", "ConnectionLostError", "ConnectError", "UnknownHostError", "RequestTimeoutError",
    "InvalidResponseError", "StatusError", "AuthenticationError", "BudgetExceededError", "UnsupportedError",
    "RateLimitError", "CapacityError", "ServerError", "CostReachedError", "QueryError", "InstallError",
}  # fmt: skip
#: What MindsDB reads.
HOST = {
    "Handler", "creation_args", "description", "icon_path", "import_error", "model_using_args", "name",
    "permanent", "support_level", "title", "type", "version", "__version__",
}  # fmt: skip


def test_the_exported_members() -> None:
    """A new one is a decision, taken here; what users import stands first."""
    names = portkey_handler.__all__
    assert set(names) == EXPORTED | HOST
    assert len(names) == len(set(names))
    assert set(names[: len(EXPORTED)]) == EXPORTED
    assert set(dir(portkey_handler)) == set(names)


@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_each_member_is_there_and_described(name: str) -> None:
    """It is loaded when it is first used, and its docstring says what it is."""
    member = getattr(portkey_handler, name)
    assert member.__name__ == name
    assert member.__doc__


def test_the_old_names_of_errors_are_the_new_ones() -> None:
    """Programs for release 0.1 go on to catch what they caught."""
    from portkey_handler import errors

    old = {
        "BrokenOffError": "ConnectionLostError",
        "UnreachableError": "ConnectError",
        "TimedOutError": "RequestTimeoutError",
        "MalformedReplyError": "InvalidResponseError",
        "RejectedError": "StatusError",
        "KeyRejectedError": "AuthenticationError",
        "BudgetSpentError": "BudgetExceededError",
        "RateLimitedError": "RateLimitError",
        "ServerFaultError": "ServerError",
    }
    assert {name: getattr(errors, name).__name__ for name in old} == old


@pytest.fixture
def engine(provider: OfflineProvider) -> dict[str, object]:
    """Return the options of an engine that asks the stand-in."""
    return {"base_url": provider.base_url}


FRAME = pd.DataFrame(
    {"id": [7, 7, 9], "text": ["one", None, "three"]}, index=pd.Index(["b", "a", "b"], name="key")
)


def test_ask_puts_the_answers_beside_the_frame(engine: dict[str, object]) -> None:
    """Columns, dtypes and the index stay, duplicates in it too, and the frame is not changed."""
    before = FRAME.copy()
    answers = ask(FRAME, prompt_template="Say {{text}}", model="m", target="said", engine=engine)
    pd.testing.assert_frame_equal(answers[["id", "text"]], before)
    pd.testing.assert_frame_equal(FRAME, before)
    assert list(answers.columns) == ["id", "text", "said"]
    assert answers["said"].notna().tolist() == [True, False, True]


def test_ask_takes_every_option(engine: dict[str, object], provider: OfflineProvider) -> None:
    """Options of CREATE MODEL by their names."""
    provider.behaviour.faults = [Fault(status=400)]
    answers = ask(
        FRAME.iloc[:1], column="text", model="m", engine=engine, on_error="null", evidence=True, max_tokens=5
    )
    assert list(answers.columns) == ["id", "text", "answer", "answer_error", "answer_evidence"]
    assert answers["answer_evidence"].iloc[0]["status"] == 400


def test_ask_of_no_rows(engine: dict[str, object]) -> None:
    """The columns are there."""
    assert list(ask(FRAME[:0], column="text", engine=engine).columns) == ["id", "text", "answer"]


def test_aask_runs_in_the_running_loop(engine: dict[str, object]) -> None:
    """Several at once."""

    async def both() -> list[pd.DataFrame]:
        return await asyncio.gather(
            *(aask(FRAME, prompt_template=f"{n} {{{{text}}}}", model="m", engine=engine) for n in range(2))
        )

    assert [len(answers) for answers in asyncio.run(both())] == [3, 3]


async def _inside(engine: dict[str, object]) -> pd.DataFrame:
    return ask(FRAME, column="text", model="m", engine=engine)


def test_ask_inside_a_running_loop(engine: dict[str, object]) -> None:
    """As in a notebook."""
    assert len(asyncio.run(_inside(engine))) == 3


def test_a_column_that_is_there_already(engine: dict[str, object]) -> None:
    """Nothing is sent, and nothing of the frame is replaced."""
    with pytest.raises(InputError, match=r"^the frame has a column 'text' already; .* target='…'"):
        ask(FRAME, column="text", model="m", target="text", engine=engine)


def test_a_dry_run_is_shown_as_its_estimate(engine: dict[str, object], provider: OfflineProvider) -> None:
    """The rows are there for a program; nothing is sent."""
    answered = ask(FRAME, column="text", model="gpt-4o-mini", engine=engine, dry_run=True)

    assert list(answered.columns) == ["id", "text", "answer"]
    assert answered["answer"].isna().all()
    assert answered.index.equals(FRAME.index)
    assert repr(answered).startswith("answer: a dry run, nothing was sent: 3 rows, 2 requests, about ")
    assert provider.requests == []


def test_what_is_no_frame() -> None:
    """The message names the type."""
    with pytest.raises(InputError, match=r"^rows are a pandas or Polars frame, .*, not list$"):
        ask(["text"], column="text")


@pytest.mark.parametrize("make", [pa.table, pl.DataFrame, pl.LazyFrame, dict])
def test_rows_of_other_libraries(make: Callable[[Any], Any], engine: dict[str, object]) -> None:
    """They come back as a pandas frame, with the answers beside them."""
    answered = ask(make({"id": [1, None], "text": ["a", "b"]}), column="text", model="m", engine=engine)
    assert list(answered.columns) == ["id", "text", "answer"]
    assert answered["id"].isna().tolist() == [False, True]
    assert answered["answer"].notna().all()


def test_a_misspelt_option(engine: dict[str, object]) -> None:
    """The message names the option that was meant."""
    with pytest.raises(OptionError, match="max_tokens"):
        ask(FRAME, column="text", model="m", engine=engine, max_token=5)


def test_the_attributes_of_a_failure(engine: dict[str, object], provider: OfflineProvider) -> None:
    """Numbers and reasons are attributes, also after pickling."""
    provider.behaviour.faults = [Fault(status=400)]
    with pytest.raises(QueryError) as caught:
        ask(FRAME.iloc[:1], column="text", model="m", engine=engine)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301 - our own bytes
        assert (error.answered, error.failed, len(error.reasons)) == (0, 1, 1)
    assert StatusError("no", status=400).retry_after is None


SCRIPT = """
import pandas as pd

import portkey_handler
from portkey_handler import (
    GatewayError, PortkeyHandler, PortkeyHandlerError, Predictor, Progress, QueryError, Session, aask, ask,
    on_progress, resolve,
)


def show(progress: Progress) -> None:
    print(progress.done, progress.total, progress.ended)


frame = pd.DataFrame({"text": ["a"]})
try:
    with on_progress(show), Session(files=".") as session:
        rows: pd.DataFrame = session.sql("SELECT 1")
    answers: pd.DataFrame = ask(frame, column="text", model="m", target="t", engine={}, max_tokens=5)
    resolved = resolve(target="t", engine={}, model={"column": "text"}, environment={})
    beside: pd.DataFrame = Predictor(resolved.plan)(frame, resolved.credentials)
except QueryError as error:
    failed: int = error.failed
    cost: float | None = error.cost_again
except GatewayError as error:
    status: int | None = error.status
    wait: float | None = error.retry_after
except PortkeyHandlerError as error:
    message: str = error.message


async def later() -> pd.DataFrame:
    return await aask(frame, prompt_template="{{text}}")


kind: type[PortkeyHandler] = PortkeyHandler
version: str = portkey_handler.__version__
"""


def _mypy(script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "script.py"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_users_script_is_typed(tmp_path: Path) -> None:
    """`mypy --strict` knows all of it, and finds what is wrong."""
    pytest.importorskip("mypy", reason="it is not among the tools of the matrix")
    done = _mypy(SCRIPT, tmp_path)
    assert done.returncode == 0, done.stdout
    wrong = _mypy(SCRIPT + "\nask(frame, column=3)\n", tmp_path)
    assert wrong.returncode == 1
    assert 'Argument "column"' in wrong.stdout
    assert "Found 1 error" in wrong.stdout
