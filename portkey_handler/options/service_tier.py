"""The provider's class of service, which has a price and a patience of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .input import InputOptions

#: Half the price, for answers that may take minutes.
FLEX = "flex"
#: Seconds that one attempt may take by flex, as OpenAI advises, and without any answer until a query ends.
FLEX_TIMEOUT = FLEX_PATIENCE = 900.0


def tier_of(asked: InputOptions, parameters: Mapping[str, Any]) -> str | None:
    """Return the service tier that is asked for, in lower case; None for the usual one of the account.

    Args:
        asked: How a row becomes a request; the body of mode request may name a tier.
        parameters: The parameters of the request's body.
    """
    body = asked.body.value if asked.body is not None else {}
    tier = parameters.get("service_tier", body.get("service_tier"))
    return tier.lower() if isinstance(tier, str) and tier.lower() != "auto" else None
