"""Figures with their 95 % intervals, or with the reason why there is none.

The votes of several raters on one item are not independent, so an interval that treated them as such would be too
narrow. Therefore all functions here treat items as the sampled units: shares use the effective number of votes (Rao and
Scott 1992), means the ratio estimator, anything else a bootstrap of whole items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

RESAMPLES = 400
"""draws of a bootstrap; with these, the ends of an interval vary by a few hundredths of its width"""
_Z = 1.959963984540054  # 97.5 % point of the normal distribution
_LEAST_VARIANCE = 1e-10
"""smallest variance of log-odds that counts as one; a million independent votes still have 4e-6"""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; where something is None, `reason` says why in words."""

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    """number of votes, items or whatever the figure is based on"""
    reason: str = ""


def undefined(reason: str, count: int = 0) -> Estimate:
    """No figure, with the reason."""
    return Estimate(None, count=count, reason=reason)


def wald(value: float, variance: float, count: int) -> Estimate:
    """`value` with the normal interval of a clustered variance; without an interval if the variance vanishes.

    It vanishes if the votes on every item balance out: then nothing varies between items, and rounding decides whether
    the variance is slightly above or below 0. An interval without width would claim certainty.
    """
    if not variance > _LEAST_VARIANCE:
        return Estimate(value, count=count, reason="The votes on each item balance out, so no error can be estimated.")
    half = _Z * math.sqrt(variance)
    return Estimate(value, value - half, value + half, count)


def clustered_share(hits: Sequence[int], totals: Sequence[int], *, empty: str) -> Estimate:
    """Percent (0 to 100) of all votes that are hits, given hits and votes per item.

    Wilson's interval with the number of votes divided by the design effect (Rao and Scott 1992): the variance between
    items divided by the variance of as many independent votes, at least 1. If all votes or none are hits, each item
    counts as one vote. With one vote per item it is Wilson's interval itself. `empty` is the reason without any votes.
    """
    y, n = np.asarray(hits, dtype=float), np.asarray(totals, dtype=float)
    votes = float(n.sum())
    if votes == 0:
        return undefined(empty)
    p = float(y.sum()) / votes
    items = int((n > 0).sum())
    if p in (0.0, 1.0):
        effective = float(items)
    else:
        effect = float(((y - p * n) ** 2).sum()) / (votes * p * (1 - p))
        effective = votes / max(1.0, effect)
    low, high = _wilson(p, effective)
    return Estimate(100 * p, 100 * low, 100 * high, int(votes))


def clustered_mean(sums: Sequence[float], counts: Sequence[int], *, empty: str) -> Estimate:
    """Mean of all values, given their sum and number per item, with the t interval of the ratio estimator over items.

    With one value per item it is the ordinary t interval of a mean.
    """
    s, n = np.asarray(sums, dtype=float), np.asarray(counts, dtype=float)
    values, items = float(n.sum()), int((n > 0).sum())
    if values == 0:
        return undefined(empty)
    mean = float(s.sum()) / values
    if items < 2:
        return Estimate(mean, count=int(values), reason="One item alone gives no interval.")
    variance = items / (items - 1) * float(((s - mean * n) ** 2).sum()) / values**2
    half = float(t.ppf(0.975, items - 1)) * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half, int(values))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], items: int, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """2.5 % and 97.5 % points of `statistic`, which gets the indices of items drawn with replacement.

    None when fewer than nine in ten draws give a finite figure, as with very few items, or when `resamples` is 0.
    """
    rng = np.random.default_rng(seed)
    found = np.asarray([statistic(rng.integers(0, items, items)) for _ in range(resamples)], dtype=float)
    found = found[np.isfinite(found)]
    if items < 2 or resamples == 0 or len(found) < 0.9 * resamples:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _wilson(p: float, n: float) -> tuple[float, float]:
    """Wilson's interval for a share `p` of `n` votes; n need not be whole, as scipy's function requires."""
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)
