"""The stand-in in place of every gateway, for --offline and the demo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Where requests go, and with which keys.
_GATEWAY_VARIABLES = ("PORTKEY_BASE_URL", "PORTKEY_API_KEY", "PORTKEY_CUSTOM_HOST", "PORTKEY_PROVIDER")


@contextmanager
def asking_stand_in(latency: float = 0.0) -> Iterator[None]:
    """Send everything to a stand-in on this machine inside the `with` block; it guesses by lists of words.

    Args:
        latency: Seconds before each answer.
    """
    from ..gateway.offline import Behaviour, OfflineProvider
    from ..gateway.offline.guesses import guessed_answer

    behaviour = Behaviour(answer=guessed_answer, latency=latency)
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name in _GATEWAY_VARIABLES}
    try:
        with OfflineProvider(behaviour=behaviour) as provider:
            os.environ["PORTKEY_BASE_URL"] = provider.base_url
            yield
    finally:
        os.environ.pop("PORTKEY_BASE_URL", None)
        os.environ.update(kept)
