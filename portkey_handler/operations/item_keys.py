"""The key of an item: a digest of everything that decides its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..options.json_text import JsonText
from ..records import Item, Skipped

_BYTES = 16


#: Parameters that decide what an answer costs and when it comes, and not the answer.
NOT_DECISIVE = frozenset({"service_tier", "prompt_cache_key", "prompt_cache_retention"})


def decisive(parameters: JsonText) -> str:
    """Return the parameters of a body that decide an answer, as canonical JSON."""
    if NOT_DECISIVE.isdisjoint(parameters.value):
        return parameters
    return JsonText.canonical(
        {name: value for name, value in parameters.value.items() if name not in NOT_DECISIVE}
    )


class Keys:
    """Makes the keys of the rows of a query.

    Args:
        decisive: Texts that are the same for every row and decide the answer: the operation, its parameters.
    """

    def __init__(self, *decisive: str) -> None:
        self._common = hashlib.blake2b("\0".join([*decisive, ""]).encode(), digest_size=_BYTES)

    def of(self, encoded: bytes) -> bytes:
        """Return the key of a row."""
        key = self._common.copy()
        key.update(encoded)
        return key.digest()


def number_copies(
    items: Iterable[Item | Skipped], copies: dict[bytes, int] | None = None
) -> Iterator[Item | Skipped]:
    """Yield items with unique keys: the k-th of equal items has the same key in every query.

    Args:
        items: The items.
        copies: The number of the last of equal items that came before, by key; kept up to date.
    """
    copies = {} if copies is None else copies
    for item in items:
        if isinstance(item, Skipped):
            yield item
        else:
            copy = copies[item.key] = copies.get(item.key, -1) + 1
            yield replace(item, key=item.key + copy.to_bytes(8, "big"))
