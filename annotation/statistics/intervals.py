"""Figures with their 95 % intervals, or with the reason why there is none.

The votes of several raters on one item are not independent, so an interval that treated them as such would be too
narrow. Therefore all functions here treat items as the sampled units: shares use the effective number of votes (Rao and
Scott 1992; Korn and Graubard 1998), means the ratio estimator, anything else a bootstrap of whole items.
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
NO_INTERVAL = "The items are too few or too much alike for an interval."
"""why `bootstrap` gives none"""
_ONE_ITEM = "One item alone gives no interval."
_SAME_MEAN = "All items have the same mean, so no error can be estimated."
_LEAST_VARIANCE = 1e-10
"""smallest variance of log-odds that counts as one; a million independent votes still have 4e-6"""
_LEAST_WIDTH = 1e-9
"""of an interval; one without width, but for rounding, would claim certainty"""


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

    Wilson's interval with the effective number of votes instead of their number. With one vote per item the two are the
    same; several votes on one item alone give no interval. `empty` is the reason without any votes.
    """
    y, n = np.asarray(hits, dtype=float), np.asarray(totals, dtype=float)
    votes = int(n.sum())
    if votes == 0:
        return undefined(empty)
    p = float(y.sum()) / votes
    if votes > 1 and (n > 0).sum() < 2:
        return Estimate(100 * p, count=votes, reason=_ONE_ITEM)
    low, high = _wilson(p, _effective_votes(y, n))
    return Estimate(100 * p, 100 * low, 100 * high, votes)


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
        return Estimate(mean, count=int(values), reason=_ONE_ITEM)
    variance = items / (items - 1) * float(((s - mean * n) ** 2).sum()) / values**2
    half = float(t.ppf(0.975, items - 1)) * math.sqrt(variance)
    if half < _LEAST_WIDTH:
        return Estimate(mean, count=int(values), reason=_SAME_MEAN)
    return Estimate(mean, mean - half, mean + half, int(values))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], items: int, *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """2.5 % and 97.5 % points of `statistic`, which gets the indices of items drawn with replacement.

    None when fewer than nine in ten draws give a finite figure, as with very few items, when all give the same one, or
    when `resamples` is 0.
    """
    rng = np.random.default_rng(seed)
    found = np.asarray([statistic(rng.integers(0, items, items)) for _ in range(resamples)], dtype=float)
    found = found[np.isfinite(found)]
    if items < 2 or resamples == 0 or len(found) < 0.9 * resamples:
        return None
    low, high = np.percentile(found, [2.5, 97.5])
    return (float(low), float(high)) if high - low > _LEAST_WIDTH else None


def _effective_votes(y: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    """How many independent votes would tell as much as `y` hits of `n` votes on each item.

    The number of votes divided by the design effect: the variance between the m items, divided by that of as many
    independent votes, at least 1 (Rao and Scott 1992); and by t² / z² with m - 1 degrees of freedom, since few items
    say little about that variance (Korn and Graubard 1998). An item is worth one vote at least, however much its raters
    agree: with items of different sizes that is Kish's number of items, (sum n)² / sum n².
    """
    votes, items = float(n.sum()), int((n > 0).sum())
    p, least = float(y.sum()) / votes, votes**2 / float((n**2).sum())
    if p in (0.0, 1.0):
        return least
    between = items / (items - 1) * float(((y - p * n) ** 2).sum())
    effect = max(1.0, between / (votes * p * (1 - p)))
    return max(least, votes / effect * (_Z / float(t.ppf(0.975, items - 1))) ** 2)


def _wilson(p: float, n: float) -> tuple[float, float]:
    """Wilson's interval for a share `p` of `n` votes; n need not be whole, as scipy's function requires."""
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)
