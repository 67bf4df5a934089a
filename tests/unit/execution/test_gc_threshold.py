"""The garbage collector while a query runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from portkey_handler.execution.gc_threshold import seldom_collected


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave the collector as it was."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_waits_for_more_objects_and_is_put_back() -> None:
    """After an error, too; the other generations stay as they are."""
    gc.set_threshold(700, 11, 12)
    inside = []

    def fail() -> None:
        with seldom_collected():
            inside.append(gc.get_threshold())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [(20_000, 11, 12)]
    assert gc.get_threshold() == (700, 11, 12)


def test_several_queries_share_it() -> None:
    """The first that ends leaves it to the others."""
    gc.set_threshold(700, 10, 10)
    first, second = seldom_collected(), seldom_collected()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == 20_000
    second.__exit__(None, None, None)
    assert gc.get_threshold()[0] == 700


@pytest.mark.parametrize("own", [0, 100_000])
def test_who_has_decided_otherwise_is_left_alone(own: int) -> None:
    """Turned off, or waiting longer already."""
    gc.set_threshold(own, 10, 10)
    with seldom_collected():
        assert gc.get_threshold()[0] == own
    assert gc.get_threshold()[0] == own


def test_who_decides_meanwhile_is_left_alone() -> None:
    """What somebody sets inside stays."""
    gc.set_threshold(700, 10, 10)
    with seldom_collected():
        gc.set_threshold(5, 6, 7)
    assert gc.get_threshold() == (5, 6, 7)
