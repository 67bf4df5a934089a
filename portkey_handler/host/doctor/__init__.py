"""The doctor: finds what is wrong with a MindsDB that has or should have this handler, with the remedy."""

from .examine import examine

__all__ = ["examine"]
