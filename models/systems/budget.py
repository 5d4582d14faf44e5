"""Limits on the requests to a system on somebody else's server, and on their cost, within one run of a program."""

from __future__ import annotations

import threading
from dataclasses import dataclass

CHARS_PER_TOKEN = 3
"""English text has about four, so counts made with this err towards too many tokens"""


class BudgetSpent(RuntimeError):  # noqa: N818  (reads as the sentence it is)
    """A limit is reached; the message says which."""


@dataclass(frozen=True)
class Limits:
    """The limits. Raises ValueError for a limit on cost without prices."""

    requests: int = 1000
    cost: float | None = None
    """in the currency of the prices; None: not limited"""
    price_in: float | None = None
    """per million tokens that are read"""
    price_out: float | None = None
    """per million tokens that are written"""

    def __post_init__(self) -> None:
        if self.cost is not None and (self.price_in is None or self.price_out is None):
            raise ValueError("max_cost needs price_in and price_out, the prices of a million tokens read and written")

    def cost_of(self, read: int, written: int) -> float:
        """The cost of these numbers of tokens; 0 without prices."""
        return ((self.price_in or 0.0) * read + (self.price_out or 0.0) * written) / 1e6


class Budget:
    """Counts what is spent. A request first reserves the most it may cost, so that many at once stay in the limit."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.requests, self.cost = 0, 0.0
        self._lock = threading.Lock()

    def reserve(self, chars: int, max_tokens: int) -> float:
        """Reserve one request that sends `chars` characters; returns the most it may cost. Raises BudgetSpent."""
        most = self.limits.cost_of(chars // CHARS_PER_TOKEN + 1, max_tokens)
        with self._lock:
            if self.requests >= self.limits.requests:
                raise BudgetSpent(f"{self.requests} requests were made, the limit of this run (max_requests)")
            if self.limits.cost is not None and self.cost + most > self.limits.cost:
                raise BudgetSpent(
                    f"{self.cost:.2f} of {self.limits.cost:.2f} are spent, the limit of this run (max_cost)"
                )
            self.requests += 1
            self.cost += most
        return most

    def settle(self, reserved: float, tokens: tuple[int, int] | None) -> None:
        """Replace the reserved cost by the actual one; without a count of tokens the reserved one stays."""
        if tokens is not None:
            with self._lock:
                self.cost += self.limits.cost_of(*tokens) - reserved
