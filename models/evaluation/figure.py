"""A figure as a function of what each unit contributes, so that it can be computed for all units and for resamples.

Place in the flow: text_figures, strategy_figures and perplexity define a Figure for every figure of a report;
models.evaluation.uncertainty resamples the units. Nearly every figure is a function of sums over units (`Summed`):
accuracy of counts, corpus BLEU of matched n-grams, F1 of the confusion matrix, perplexity of two sums. Distinct-n
(`Distinct`) is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Summed:
    """A figure that is a function of sums over units."""

    parts: Floats
    """(units, k) what each unit contributes"""
    of: Callable[[Floats], Floats]
    """(..., k) sums -> (...) figures"""

    @property
    def value(self) -> float:
        """The figure of all units."""
        return float(self.of(self.parts.sum(axis=0)))


@dataclass(frozen=True)
class Distinct:
    """D-n in percent: different n-grams divided by all n-grams."""

    units: int
    owner: NDArray[np.int64]
    """(m,) the unit of each n-gram"""
    gram: NDArray[np.int64]
    """(m,) number of each n-gram: the same for equal n-grams, also across two systems that are compared"""

    @property
    def value(self) -> float:
        """The figure of all units; 0 when there is no n-gram."""
        return 100 * len(np.unique(self.gram)) / len(self.gram) if len(self.gram) else 0.0

    def without_each(self) -> Floats:
        """(units,) the figure of all other units."""
        pairs = np.unique(np.stack((self.gram, self.owner)), axis=1)
        grams, first, owners = np.unique(pairs[0], return_index=True, return_counts=True)
        only_here = np.bincount(pairs[1][first[owners == 1]], minlength=self.units)  # n-grams that no other unit has
        left = len(self.gram) - np.bincount(self.owner, minlength=self.units)
        return 100 * np.divide(len(grams) - only_here, left, out=np.zeros(self.units), where=left > 0)


Figure = Summed | Distinct


class Units:
    """What is resampled: dialogues if every turn names its dialogue (turns of one dialogue are alike, so they are not
    independent), else turns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the dialogue of each turn, "" if unknown."""
        numbers: dict[str, int] = {}
        self.kind = "dialogues" if all(names) else "turns"
        known = [numbers.setdefault(name, len(numbers)) for name in names]
        self.of_turn = np.array(known if all(names) else range(len(names)), dtype=np.int64)
        self.number = int(self.of_turn.max()) + 1

    def sums(self, rows: Sequence[Sequence[float]] | Floats) -> Floats:
        """(units, k) sums of rows (turns, k)."""
        values = np.asarray(rows, dtype=float)
        total = np.zeros((self.number, values.shape[1]))
        np.add.at(total, self.of_turn, values)
        return total


def mean_of(values: Sequence[float], units: Units, scale: float = 100.0) -> Summed:
    """Mean over turns, in percent unless another `scale` is given."""
    return Summed(units.sums([[value, 1.0] for value in values]), lambda sums: scale * sums[..., 0] / sums[..., 1])
