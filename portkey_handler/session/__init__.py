"""The embedded session: the SQL of a MindsDB server, without one."""

from .session import Session

__all__ = ["Session"]
