"""What is wrong with a MindsDB that has, or should have, this handler; each with its remedy."""

from .examine import examine

__all__ = ["examine"]
