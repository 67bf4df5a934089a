"""The key of an item: a digest of everything that decides its answer."""

from __future__ import annotations

import hashlib

_BYTES = 16


class Keys:
    """Makes keys of what differs from row to row.

    Args:
        decisive: What is the same for every row: the operation, its parameters.
    """

    def __init__(self, *decisive: str) -> None:
        self._common = hashlib.blake2b("\0".join([*decisive, ""]).encode(), digest_size=_BYTES)

    def of(self, encoded: bytes) -> bytes:
        """Return the key of a row."""
        key = self._common.copy()
        key.update(encoded)
        return key.digest()
