"""A bounded cache that several threads may share: the entry that was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """At most `limit` entries."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a cache of {limit} entries; allowed: 1 or more")
        self.limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def recent(self) -> list[K]:
        """The keys at this moment, the one unused for longest first."""
        with self._lock:
            return list(self._entries)

    def get(self, key: K) -> V | None:
        """The value of `key`, now the most recently used one; None when it is not there."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Store `value`; the entry unused for longest makes room."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            while len(self._entries) > self.limit:
                self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget `key`, whether it is there or not."""
        with self._lock:
            self._entries.pop(key, None)
