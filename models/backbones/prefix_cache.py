"""Cache of contexts that hosted nets have read recently, so that a new message of a talk costs only its own tokens.

Keys and values of a context do not depend on what a reply attends to, so they stay valid after the reply. All nets on a
base share one cache of limited size; each finds only its own readings.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from models.backbones.interface import Reading
from models.files.lru import Lru

CACHE_BYTES = 768 * 2**20
"""for all nets on a base: about 30,000 tokens of the default base at 25 KB each, or 60 talks of 512 tokens"""


class PrefixCache:
    """Readings of single contexts by net and ids; the least recently used is dropped first. Thread-safe."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._readings = Lru[tuple[int, tuple[int, ...]], Reading](limit, size_of)
        self._numbers = itertools.count()

    def owner(self) -> int:
        """A new number that identifies a net."""
        return next(self._numbers)

    def longest(self, owner: int, ids: tuple[int, ...]) -> tuple[int, Reading | None]:
        """The number of ids shared with the start of `ids` by the owner's best reading, and that reading."""
        shared, key = self._best(owner, ids)
        found = self._readings.get(key) if key is not None else None
        return (shared, found) if found is not None else (0, None)

    def keep(self, owner: int, ids: tuple[int, ...], reading: Reading) -> None:
        """Remember a reading; a shorter reading that is its beginning is dropped, since this one contains it."""
        shared, key = self._best(owner, ids)
        if shared == len(ids):
            return
        if key is not None and shared == len(key[1]):
            self._readings.drop(key)
        self._readings.put((owner, ids), _alone(reading))

    def clear(self) -> None:
        """Forget all readings to free memory; contexts can be read again."""
        self._readings.clear()

    def _best(self, owner: int, ids: tuple[int, ...]) -> tuple[int, tuple[int, tuple[int, ...]] | None]:
        best, found = 0, None
        for key in self._readings.recent():
            if key[0] != owner:
                continue
            shared = in_common(key[1], ids)
            if shared > best:
                best, found = shared, key
        return best, found


def in_common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids both begin with."""
    differing = (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _alone(reading: Reading) -> Reading:
    """The reading with tensors of its own: a layer's values are a view of a tensor that also holds queries and keys;
    a view keeps the whole tensor in memory, three times what is counted here."""
    cache = tuple((_own(keys), _own(values)) for keys, values in reading.cache)
    return replace(reading, states=_own(reading.states), summary=_own(reading.summary), cache=cache)


def _own(part: Tensor) -> Tensor:
    return part if part.untyped_storage().nbytes() == part.numel() * part.element_size() else part.clone()


def size_of(reading: Reading) -> int:
    """Bytes of a reading's states, keys and values; the rest is small."""
    pairs = [part for pair in reading.cache for part in pair]
    return sum(part.numel() * part.element_size() for part in (reading.states, *pairs))
