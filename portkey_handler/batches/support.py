"""Which queries can have their rows answered in batches."""

from __future__ import annotations

from ..errors import OptionError
from ..gateway.config import GatewayConfig
from ..options import Plan

#: Providers whose files and batches the gateway takes as OpenAI documents them.
PROVIDERS = ("openai",)
_LEAVE_OUT = "leave delivery out"


def check_batches(plan: Plan, gateway: GatewayConfig) -> None:
    """Check that the rows of a query can be answered in batches, if that is asked for.

    Raises:
        OptionError: They cannot.
    """
    if plan.execution.delivery == "batch" and (why := _why_not(plan, gateway)) is not None:
        raise OptionError(f"delivery = 'batch' cannot be used here: {why}; {_LEAVE_OUT}")


def _why_not(plan: Plan, gateway: GatewayConfig) -> str | None:
    if gateway.is_local:
        return "the language model of this machine has no batches"
    return _why_not_there(gateway) or _why_not_so(plan)


def _why_not_so(plan: Plan) -> str | None:
    if plan.service_tier is not None:
        return f"service_tier = '{plan.service_tier}' chooses the price of a request, and a batch has its own"
    if "{{" in str(plan.parameters.value.get("model")):
        return "a batch has one language model, and model is a template"
    return None


def _why_not_there(gateway: GatewayConfig) -> str | None:
    provider = gateway.known_provider
    if provider is not None and provider.lower() not in PROVIDERS:
        return (
            f"provider '{provider}' has no batches that this package can use through the gateway; "
            f"{' and '.join(PROVIDERS)} has"
        )
    config = gateway.options.get("config")
    if isinstance(config, dict) and set(config) <= {"cache"}:
        return None
    if config is not None:
        return (
            "the gateway's targets, retries and guardrails do not reach the lines of a batch, and a config "
            "may have such"
        )
    return None
