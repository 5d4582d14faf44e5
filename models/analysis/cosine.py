"""How far two parts of a loss agree: the result of `gradients.py`, as a value that can be read without torch."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import t


@dataclass(frozen=True)
class Cosine:
    """Cosine similarity of the gradients of two loss parts in one parameter group, over batches."""

    group: str
    first: str
    second: str
    mean: float
    spread: float
    """standard deviation over batches; 0 for a single batch"""
    batches: int
    """number of batches in which both parts reach the group; pairs without any have no row"""

    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean by Student's t over batches; a single batch has none, so both ends are the mean."""
        if self.batches < 2:
            return self.mean, self.mean
        reach = float(t.ppf(0.975, self.batches - 1)) * self.spread / (self.batches - 1) ** 0.5
        return self.mean - reach, self.mean + reach
