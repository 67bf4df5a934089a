"""The report of recorded queries: one HTML page that needs no network and no other file."""

from __future__ import annotations

from .page import write_comparison, write_page
from .selection import Chosen, choose, choose_all

__all__ = ["Chosen", "choose", "choose_all", "write_comparison", "write_page"]
