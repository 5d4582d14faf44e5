"""The processor's cores, shared by the engine and by what is looked up beside it (commonsense).

The engine takes all cores that other programs leave (`neighbours.py`), or half of them while a search is computed
beside it, which takes the other half; `CachedComet` runs one search at a time. Together they never compute on more
threads than there are cores: a product ends with the slowest of its threads, so reading a message took 685 ms instead
of 30. Nor may both take all cores in turn: each would bring threads of its own, which then sleep between two products
instead of waiting awake, and a token of one reply took 43 ms instead of 17.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from models.serving.neighbours import Neighbours

TAKEN = 0.3
"""other programs count when they use more than this many cores,"""
SHARE = 0.05
"""or, on many cores, this share of them: the system's account of all programs and that of this one differ a little"""


class Cores:
    """Safe to use from any thread; `take` and `rest` are for the engine's."""

    def __init__(self, total: int | None = None, neighbours: Neighbours | None = None) -> None:
        """`total`: cores of the machine unless given."""
        self.total = total or os.cpu_count() or 1
        self.half = max(1, self.total // 2)
        self.neighbours = neighbours or Neighbours()
        self._beside = self._taken = 0
        self._changed = threading.Condition()

    @property
    def rests(self) -> bool:
        """Whether the engine computes nothing at the moment."""
        return not self._taken

    @contextmanager
    def beside(self) -> Iterator[None]:
        """The calling thread computes something beside the engine, as soon as that uses no more than half."""
        with self._changed:
            self._beside += 1
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._taken <= self.half)
            self.share()
            yield
        finally:
            with self._changed:
                self._beside -= 1

    def share(self) -> None:
        """The calling thread goes on with half of the cores, whatever the engine does."""
        _use(self.half)

    def take(self) -> None:
        """The engine goes on with the cores that are free now, but at least half of all."""
        used = self.neighbours.cores()
        left = self.total - math.ceil(used) if used > max(TAKEN, SHARE * self.total) else self.total
        with self._changed:
            taken = self._taken = self.half if self._beside else max(self.half, left)
            self._changed.notify_all()
        _use(taken)

    def rest(self) -> None:
        """The engine has nothing to do now."""
        with self._changed:
            self._taken = 0
            self._changed.notify_all()


def _use(threads: int) -> None:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
