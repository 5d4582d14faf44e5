"""The processor's cores, shared by the engine and by what replies look up (commonsense, emotions).

Both compute at once for a while: then each takes half of the cores. When nothing is looked up and no other program
computes (`neighbours.py`), the engine takes all of them. torch keeps a number of threads for each thread that computes,
and the products are the same with any number.
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
    """Safe to use from any thread; `write` is for the engine's."""

    def __init__(self, total: int | None = None, neighbours: Neighbours | None = None) -> None:
        """`total`: cores of the machine unless given."""
        self.total = total or os.cpu_count() or 1
        self.half = max(1, self.total // 2)
        self.neighbours = neighbours or Neighbours()
        self._looking = 0
        self._lock = threading.Lock()

    @contextmanager
    def looking_up(self) -> Iterator[None]:
        """The calling thread looks something up, on half of the cores."""
        _use(self.half)
        with self._lock:
            self._looking += 1
        try:
            yield
        finally:
            with self._lock:
                self._looking -= 1

    def write(self) -> None:
        """The calling thread, which is the engine's, goes on with the cores that are free now."""
        used = self.neighbours.cores()
        left = self.total - math.ceil(used) if used > max(TAKEN, SHARE * self.total) else self.total
        _use(self.half if self._looking else max(self.half, left))


def _use(threads: int) -> None:
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
