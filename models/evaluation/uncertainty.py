"""How sure a figure is: 95 % intervals for one system, paired tests between two, all from a seed.

Place in the flow: models.evaluation.system_figures gives figures as functions of units; this module resamples units.

A bootstrap round weights the units, sums their contributions, and applies the figure's function (`Summed`), so a
thousand rounds are one matrix product. Rounds in which the figure is not defined (NaN) are left out. For distinct-n
(`Distinct`) resampling is wrong: it repeats units, repeated n-grams are never new, and D-n falls well below its value.
So the jackknife (leave each unit out once) is used there.

The paired test is approximate randomisation (Noreen 1989; Riezler and Maxwell 2005): if both systems were alike,
swapping their outputs on any unit would change nothing. p is the share of random swaps whose difference is as large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from models.evaluation.figure import Distinct, Figure, Floats, Summed

LEVEL = 0.95
CHUNK = 200
"""rounds computed together: limits the memory to CHUNK x units"""


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One figure of two systems on the same turns; interval and p are None when their difference is not finite."""

    name: str
    first: float
    second: float
    low: float | None
    """lower end of the 95 % interval of second - first"""
    high: float | None
    p: float | None
    """two-sided, of approximate randomisation; not corrected for the number of figures compared"""


def interval(name: str, figure: Figure, rounds: int, seed: int) -> Interval:
    """Percentile bootstrap, or the jackknife for Distinct. Raises ValueError with fewer than 100 rounds."""
    check_rounds(rounds)
    if isinstance(figure, Distinct):
        low, high = _jackknife(figure.value, figure.without_each())
        return Interval(name, figure.value, max(low, 0.0), min(high, 100.0))
    draws = np.concatenate(
        [figure.of(weights @ figure.parts) for weights in _resamples(len(figure.parts), rounds, seed)]
    )
    low, high = _quantiles(draws)
    return Interval(name, figure.value, low, high)


def compare(name: str, first: Figure, second: Figure, rounds: int, seed: int) -> Comparison:
    """Paired bootstrap (or jackknife) interval of the difference, and the p of approximate randomisation.

    Raises ValueError when the figures differ in kind or number of units, or with fewer than 100 rounds.
    """
    check_rounds(rounds)
    if isinstance(first, Summed) and isinstance(second, Summed) and first.parts.shape == second.parts.shape:
        with np.errstate(invalid="ignore"):  # two infinite perplexities have no difference
            spread = [
                second.of(weights @ second.parts) - first.of(weights @ first.parts)
                for weights in _resamples(len(first.parts), rounds, seed)
            ]
            low, high = _quantiles(np.concatenate(spread))
            swapped = _swap_sums(first, second, rounds, seed)
    elif isinstance(first, Distinct) and isinstance(second, Distinct) and first.units == second.units:
        low, high = _jackknife(second.value - first.value, second.without_each() - first.without_each())
        swapped = _swap_grams(first, second, rounds, seed)
    else:
        raise ValueError(
            f"{name}: the two systems do not have the same turns; compare outputs on the same file of turns"
        )
    seen = abs(second.value - first.value)
    if not np.isfinite(seen):
        return Comparison(name, first.value, second.value, None, None, None)
    as_large = int((np.abs(swapped) >= seen - 1e-9).sum())
    return Comparison(name, first.value, second.value, low, high, (1 + as_large) / (1 + rounds))


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Turns that only the first system got right, those that only the second did, and McNemar's exact two-sided p."""
    only_first, only_second = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    if only_first + only_second == 0:
        return 0, 0, 1.0
    return only_first, only_second, float(binomtest(only_first, only_first + only_second).pvalue)


def check_rounds(rounds: int) -> None:
    """Raises ValueError when there are fewer than 100."""
    if rounds < 100:
        raise ValueError(f"{rounds} rounds are too few for a 95 % interval; use at least 100")


def _quantiles(draws: Floats) -> tuple[float, float]:
    """The ends of the interval over the draws in which the figure is defined; NaN when it is in none."""
    known = draws[~np.isnan(draws)]
    if not len(known):
        return np.nan, np.nan
    # between two infinite draws there is nothing to interpolate
    method: Literal["linear", "nearest"] = "linear" if np.isfinite(known).all() else "nearest"
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method=method)
    return float(low), float(high)


def _jackknife(value: float, without_each: Floats) -> tuple[float, float]:
    n = len(without_each)
    error = float(np.sqrt((n - 1) / n * ((without_each - without_each.mean()) ** 2).sum()))
    reach = float(norm.ppf((1 + LEVEL) / 2)) * error
    return value - reach, value + reach


def _sizes(rounds: int) -> Iterator[int]:
    for start in range(0, rounds, CHUNK):
        yield min(CHUNK, rounds - start)


def _resamples(units: int, rounds: int, seed: int) -> Iterator[Floats]:
    """(size, units) how often each unit was drawn, `rounds` rows in all."""
    rng = np.random.default_rng(seed)
    for size in _sizes(rounds):
        drawn = rng.integers(0, units, (size, units)) + np.arange(size)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(float)


def _swap_sums(first: Summed, second: Summed, rounds: int, seed: int) -> Floats:
    """(rounds,) differences after swapping the outputs of random units."""
    rng = np.random.default_rng((seed, 1))
    total, gain, sums = first.parts.sum(axis=0), second.parts - first.parts, first.parts.sum(0) + second.parts.sum(0)
    found = []
    for size in _sizes(rounds):
        one = total + rng.integers(0, 2, (size, len(gain))).astype(float) @ gain
        found.append(first.of(sums - one) - first.of(one))
    return np.concatenate(found)


def _swap_grams(first: Distinct, second: Distinct, rounds: int, seed: int) -> Floats:
    rng = np.random.default_rng((seed, 1))
    kinds = int(max(first.gram.max(initial=-1), second.gram.max(initial=-1))) + 1
    found = []
    for _ in range(rounds):
        swap = rng.integers(0, 2, first.units).astype(bool)
        values = []
        for keep in (~swap, swap):
            grams = np.concatenate((first.gram[keep[first.owner]], second.gram[~keep[second.owner]]))
            seen = np.zeros(kinds, dtype=bool)
            seen[grams] = True
            values.append(100 * int(seen.sum()) / len(grams) if len(grams) else 0.0)
        found.append(values[1] - values[0])
    return np.array(found)
