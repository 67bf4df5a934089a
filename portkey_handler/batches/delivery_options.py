"""What a query asks of its batches."""

from __future__ import annotations

from dataclasses import dataclass

from ..gateway.config import GatewayConfig
from ..gateway.fingerprint import engine_fingerprint
from ..options import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """What a query asks of its batches.

    Attributes:
        engine: The engine in SQL.
        model: The model in SQL.
        asked: The language model.
        scope: The fingerprint of the engine.
        waits: Whether the query waits for its batches.
        deadline: Seconds for which it waits at most, or None.
        max_attempts: How often one request is tried.
        provider: The provider's name, where it is known.
        keeps_reasons: Whether the provider's words about a failed batch are written to disk.
    """

    engine: str
    model: str
    asked: str | None
    scope: str
    waits: bool
    deadline: float | None
    max_attempts: int
    provider: str | None
    keeps_reasons: bool

    @classmethod
    def of(cls, plan: Plan, gateway: GatewayConfig) -> DeliveryOptions:
        """Return what a plan asks of its batches."""
        return cls(
            engine=plan.engine,
            model=plan.name,
            asked=plan.parameters.value.get("model"),
            scope=engine_fingerprint(plan.engine, gateway),
            waits=plan.execution.wait,
            deadline=plan.execution.deadline,
            max_attempts=plan.execution.max_attempts,
            provider=gateway.known_provider,
            keeps_reasons=plan.execution.keep_reasons,
        )
