"""How much of the processor other programs use.

A product on several cores ends when the slowest of them has done its part. If another program runs on one of them, all
wait: on two cores, a token of two replies took 45 ms on both cores and 56 ms on one; beside another busy program 100 to
206 ms on both, 57 ms on one. So cores that others use are better left to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

LOOK_EVERY_S = 0.25
BUSY = ("user", "nice", "system", "irq", "softirq", "steal", "interrupt", "dpc")
"""names, on any system, of the times in which a core does something or is taken away"""


class Neighbours:
    """Not thread-safe: for one thread that asks again and again."""

    def __init__(self, now: Callable[[], float] = time.monotonic, spent: Callable[[], float] | None = None) -> None:
        """`spent`: seconds that other programs have computed since some moment, on all cores together."""
        self.now, self.spent = now, spent or _spent_by_others
        self._at, self._then = now(), self.spent()
        self._cores = 0.0

    def cores(self) -> float:
        """How many cores other programs used lately, on average; 0 until that is known."""
        at = self.now()
        if at - self._at >= LOOK_EVERY_S:
            spent = self.spent()
            self._cores = max(0.0, spent - self._then) / (at - self._at)
            self._at, self._then = at, spent
        return self._cores


def _spent_by_others() -> float:
    everyone, own = psutil.cpu_times(), psutil.Process().cpu_times()
    return sum(getattr(everyone, name, 0.0) for name in BUSY) - own.user - own.system
