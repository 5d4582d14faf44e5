"""A bounded cache that several threads may share; the least recently used entry is dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Entries of at most `limit` in total, by number or by the `size` of each; one larger than that is not kept."""

    def __init__(self, limit: int, size: Callable[[V], int] = lambda _: 1) -> None:
        if limit < 1:
            raise ValueError(f"a cache of {limit} entries; allowed: 1 or more")
        self.limit, self.size = limit, size
        self.total = 0
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def recent(self) -> list[K]:
        """The current keys, least recently used first."""
        with self._lock:
            return list(self._entries)

    def get(self, key: K) -> V | None:
        """The value of `key`, now the most recently used one; None when it is not there."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Store `value`; the least recently used entries are dropped to make room."""
        with self._lock:
            self._forget(key)
            self._entries[key] = value
            self.total += self.size(value)
            while self.total > self.limit:
                self._forget(next(iter(self._entries)))

    def drop(self, key: K) -> None:
        """Remove `key` if it is there."""
        with self._lock:
            self._forget(key)

    def clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._entries.clear()
            self.total = 0

    def _forget(self, key: K) -> None:
        if key in self._entries:
            self.total -= self.size(self._entries.pop(key))
