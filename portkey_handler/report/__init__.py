"""A picture of what was run: one HTML page that needs no network and no other file."""

from __future__ import annotations

from .choosing import Chosen, choose
from .page import write_page

__all__ = ["Chosen", "choose", "write_page"]
