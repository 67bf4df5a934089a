"""Which runs a report is about, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ...errors import NotFoundError
from ..query_usage import LatencyHistogram, ModelUsage
from ..run_history import RunHistory
from ..run_record import RunRecord


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs of a report.

    Attributes:
        runs: Newest first; at least one.
        all_of_model: They are all that are recorded of a model, not just the last one.
    """

    runs: Sequence[RunRecord]
    all_of_model: bool

    def total(self, name: str) -> int | float:
        """Return the sum of an attribute of the runs."""
        total: int | float = sum(getattr(run, name) for run in self.runs)
        return total

    @property
    def latencies(self) -> LatencyHistogram:
        """How long all answers and failures took."""
        counts: Counter[int] = Counter()
        for run in self.runs:
            counts.update(run.latencies.counts)
        return LatencyHistogram(counts)

    @property
    def models(self) -> dict[str, ModelUsage]:
        """Model that answered, to what was used of it; the most used one first."""
        total: dict[str, ModelUsage] = {}
        for run in self.runs:
            for name, use in run.models.items():
                total[name] = _sum(total.get(name, ModelUsage()), use)
        return dict(sorted(total.items(), key=lambda entry: -entry[1].answers))

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why items failed, to how many; the most frequent first."""
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update(run.reasons)
        return total.most_common()

    @property
    def slowest(self) -> list[tuple[RunRecord, int | str, int]]:
        """Run, row and milliseconds of the twenty slowest rows, slowest first."""
        rows = [(run, row, milliseconds) for run in self.runs for row, milliseconds in run.slowest]
        return sorted(rows, key=lambda entry: -entry[2])[:20]


def choose(ledger: RunHistory, model: str | None) -> Chosen:
    """Choose the last run, or all runs of a model.

    Args:
        ledger: Where they are recorded.
        model: The model's name in SQL, or `engine.model` where several engines have one of that name.

    Raises:
        NotFoundError: There are none, or several engines have a model of that name.
        PortkeyHandlerError: The ledger cannot be read.
    """
    if model is None:
        runs = ledger.runs(most=1)
        if not runs:
            raise NotFoundError(f"nothing has been run yet, says {ledger.path}; run a query first")
        return Chosen(runs, all_of_model=False)
    known = ledger.models()
    found = [who for who in known if model in (who[1], f"{who[0]}.{who[1]}")]
    if len(found) > 1:
        names = " or ".join(f"{engine}.{name}" for engine, name in found)
        raise NotFoundError(f"several engines have a model '{model}'; write {names}")
    if not found:
        names = ", ".join(sorted({name for _, name in known})) or "no model yet"
        raise NotFoundError(f"no run of a model '{model}' is recorded; there are runs of {names}")
    return Chosen(ledger.runs(*found[0]), all_of_model=True)


def _sum(one: ModelUsage, other: ModelUsage) -> ModelUsage:
    names = [attribute.name for attribute in fields(ModelUsage) if attribute.name != "latencies"]
    latencies = LatencyHistogram(one.latencies.counts + other.latencies.counts)
    return ModelUsage(
        **{name: getattr(one, name) + getattr(other, name) for name in names}, latencies=latencies
    )
