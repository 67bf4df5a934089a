"""The runs of a report, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ...errors import NotFoundError, UsageError
from ..query_usage import LatencyHistogram, ModelUsage
from ..run_history import RunHistory
from ..run_record import RunRecord

#: The most models of a comparison; each has a colour.
MOST_COMPARED = 4


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs of a report.

    Attributes:
        runs: Newest first; at least one.
        all_of_model: Whether they are all recorded runs of a model; else the last run alone.
    """

    runs: Sequence[RunRecord]
    all_of_model: bool

    def total(self, name: str) -> int | float:
        """Return the sum of an attribute of the runs."""
        total: int | float = sum(getattr(run, name) for run in self.runs)
        return total

    @property
    def name(self) -> str:
        """The name of the model in SQL, with its engine."""
        last = self.runs[0]
        return f"{last.engine}.{last.model}" if last.engine else last.model

    @property
    def latencies(self) -> LatencyHistogram:
        """The latencies of all answers and failures."""
        counts: Counter[int] = Counter()
        for run in self.runs:
            counts.update(run.latencies.counts)
        return LatencyHistogram(counts)

    @property
    def models(self) -> dict[str, ModelUsage]:
        """The usage by model that answered, the most used model first."""
        total: dict[str, ModelUsage] = {}
        for run in self.runs:
            for name, use in run.models.items():
                total[name] = _sum(total.get(name, ModelUsage()), use)
        return dict(sorted(total.items(), key=lambda entry: -entry[1].answers))

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons of failures and their numbers, most frequent first."""
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update(run.reasons)
        return total.most_common()

    @property
    def slowest(self) -> list[tuple[RunRecord, int | str, int]]:
        """Run, row and milliseconds of the twenty slowest rows, slowest first."""
        rows = [(run, row, milliseconds) for run in self.runs for row, milliseconds in run.slowest]
        return sorted(rows, key=lambda entry: -entry[2])[:20]


def choose(history: RunHistory, model: str | None) -> Chosen:
    """Return the last run, or all runs of a model.

    Args:
        history: The run history.
        model: The model's name in SQL, or `engine.model` if several engines have a model of that name.

    Raises:
        NotFoundError: There are no runs, or several engines have a model of that name.
        PortkeyHandlerError: The run history cannot be read.
    """
    if model is None:
        runs = history.runs(most=1)
        if not runs:
            raise NotFoundError(f"no query is recorded in {history.path}; run a query first")
        return Chosen(runs, all_of_model=False)
    known = history.models()
    found = [(engine, name) for engine, name in known if model in (name, f"{engine}.{name}")]
    if len(found) > 1:
        names = " or ".join(f"{engine}.{name}" for engine, name in found)
        raise NotFoundError(f"several engines have a model '{model}'; write {names}")
    if not found:
        names = ", ".join(sorted({name for _, name in known})) or "no model yet"
        raise NotFoundError(f"no run of a model '{model}' is recorded; there are runs of {names}")
    return Chosen(history.runs(*found[0]), all_of_model=True)


def choose_all(history: RunHistory, models: Sequence[str]) -> list[Chosen]:
    """Return all runs of each of several models, to compare them.

    Args:
        history: The run history.
        models: Their names in SQL, as for `choose`.

    Raises:
        UsageError: A model is named twice, or there are too many.
        NotFoundError: As for `choose`.
        PortkeyHandlerError: The run history cannot be read.
    """
    chosen = [choose(history, model) for model in models]
    names = [one.name for one in chosen]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise UsageError(f"a report compares different models, and {twice[0]} is named twice")
    if len(names) > MOST_COMPARED:
        raise UsageError(f"a report compares at most {MOST_COMPARED} models, and {len(names)} are named")
    return chosen


def _sum(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    names = [attribute.name for attribute in fields(ModelUsage) if attribute.name != "latencies"]
    latencies = LatencyHistogram(one.latencies.counts + other.latencies.counts)
    return ModelUsage(
        **{name: getattr(one, name) + getattr(other, name) for name in names}, latencies=latencies
    )
