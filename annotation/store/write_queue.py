"""One writer at a time, in order of arrival. SQLite itself polls for its lock: unfairly, sleeping up to 0.1 s.

Measured with 50 threads writing at once: with polling alone, some waited for more than five seconds and failed.
"""

from __future__ import annotations

import threading
from collections import deque


class WriteQueue:
    """A lock that is passed on first come, first served. `enter` and `leave` may be called by different threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def enter(self, timeout_s: float) -> bool:
        """Wait for a turn; False when it did not come within `timeout_s`."""
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=timeout_s):
            return True
        with self._guard:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
        return True  # the turn came just after the time-out

    def leave(self) -> None:
        """Pass the turn to the one who has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
