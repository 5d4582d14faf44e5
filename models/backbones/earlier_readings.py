"""Contexts that a hosted net has read lately: a new message of a talk costs its own tokens only."""

from __future__ import annotations

from models.backbones.interface import Reading
from models.files.lru import Lru

READINGS_KEPT = 8
"""contexts that a hosted net keeps: about 25 KB a token on the default base, 100 MB if all are of 512 tokens"""


class EarlierReadings:
    """What a hosted net has read lately, to go on from. Safe to use from several threads."""

    def __init__(self, limit: int = READINGS_KEPT) -> None:
        self._readings = Lru[tuple[int, ...], Reading](limit)

    def longest(self, ids: tuple[int, ...]) -> tuple[int, Reading | None]:
        """How many ids the best of them shares with the start of `ids`, the last one left out, and that reading."""
        best, found = 0, None
        for key in self._readings.recent():
            shared = next((n for n, (a, b) in enumerate(zip(key, ids[:-1], strict=False)) if a != b), None)
            shared = min(len(key), len(ids) - 1) if shared is None else shared
            if shared > best:
                best, found = shared, self._readings.get(key)
        return (best, found) if found is not None else (0, None)

    def keep(self, ids: tuple[int, ...], reading: Reading) -> None:
        """Remember a reading; the one unused for longest makes room."""
        self._readings.put(ids, reading)
