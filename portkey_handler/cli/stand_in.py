"""The stand-in in place of every gateway, for --offline and the demo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def asking_stand_in(latency: float = 0.0) -> Iterator[None]:
    """Send everything to a stand-in on this machine inside the `with` block, whatever an engine says.

    It guesses by lists of words.

    Args:
        latency: Seconds before each answer.
    """
    from ..gateway.config import everything_to
    from ..gateway.offline import Behaviour, OfflineProvider
    from ..gateway.offline.guesses import guessed_answer

    behaviour = Behaviour(answer=guessed_answer, latency=latency)
    with OfflineProvider(behaviour=behaviour) as provider, everything_to(provider.base_url):
        yield
