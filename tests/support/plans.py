"""Plans of the session: the naive one, and what a model was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from hypothesis import strategies as st

from portkey_handler.gateway.offline import OfflineProvider, last_text
from portkey_handler.session import Session
from portkey_handler.session.sql.pruning import NAIVE


@contextmanager
def naively(naive: bool = True) -> Iterator[None]:
    """Ask every model about every row inside the block, or plan as ever."""
    token = NAIVE.set(naive)
    try:
        yield
    finally:
        NAIVE.reset(token)


def prompts(provider: OfflineProvider, word: str) -> list[str]:
    """Return what a model was asked whose prompts begin with a word."""
    asked = [last_text(request.body) for request in provider.requests if request.method == "POST"]
    return [text for text in asked if text.startswith(word)]


def combined(compared: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    """Make conditions of comparisons by AND, OR and NOT."""
    return st.recursive(
        compared,
        lambda inner: st.one_of(
            st.builds("NOT ({})".format, inner),
            st.builds("({} AND {})".format, inner, inner),
            st.builds("({} OR {})".format, inner, inner),
        ),
        max_leaves=most,
    )


def assert_same_by_both_plans(
    session: Session, provider: OfflineProvider, statement: str, *, fails: bool
) -> None:
    """Check that the plan gives the result of the naive one, and asks nothing beyond it.

    Args:
        session: The session.
        provider: The stand-in.
        statement: The query.
        fails: Whether rows fail, which are then asked again.
    """
    with naively():
        naive = session.sql(statement)
    before = len(provider.requests)
    planned = session.sql(statement)
    pd.testing.assert_frame_equal(planned, naive, check_dtype=False)
    if not fails:
        assert len(provider.requests) == before  # each pair of row and model was asked without the plan, too
