"""How far raters agree: percent agreement, Fleiss' kappa, Krippendorff's alpha, Cohen's kappa.

Every function takes a table (items, answers) that counts how many raters gave which answer to which item, and returns
an `Estimate`: where a figure cannot be computed, its `reason` says so in words. Uses statsmodels and krippendorff.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa

from annotation.statistics.intervals import NO_INTERVAL, RESAMPLES, Estimate, bootstrap, clustered_share, undefined

Table = NDArray[np.int64]  # (items, answers): raters who gave the answer to the item
Level = Literal["nominal", "ordinal", "interval"]
_LEAST_VARIANCE = 1e-12  # of kappa; below it is rounding
_ALONE = "No item has answers of two raters, so their agreement cannot be measured."


@dataclass(frozen=True)
class Agreement:
    """How far the raters of one set of items agree; each figure with its interval, or the reason why there is none."""

    percent: Estimate
    """percent of the pairs of raters of one item that gave the same answer"""
    fleiss: Estimate
    alpha: Estimate
    items: int
    """number of items with answers from at least two raters"""
    raters: tuple[int, int]
    """smallest and largest number of raters of one of these items; (0, 0) without any"""


def count_table(answers: Iterable[tuple[Hashable, Hashable]], categories: Sequence[Hashable]) -> Table:
    """(items, categories) from (item, answer) pairs, items in the order in which they first come.

    Raises ValueError for an answer that is not among `categories`.
    """
    place = {category: at for at, category in enumerate(categories)}
    rows: dict[Hashable, NDArray[np.int64]] = {}
    for item, answer in answers:
        if answer not in place:
            raise ValueError(f"answer {answer!r} is none of {', '.join(map(str, categories))}")
        rows.setdefault(item, np.zeros(len(categories), dtype=np.int64))[place[answer]] += 1
    return np.stack(list(rows.values())) if rows else np.zeros((0, len(categories)), dtype=np.int64)


def agreement(table: Table, *, level: Level = "nominal", seed: int = 0, resamples: int = RESAMPLES) -> Agreement:
    """All figures of one table; `level` says how alpha weights two different answers. `resamples` 0: no intervals."""
    rated = table[table.sum(axis=1) >= 2]
    counts = rated.sum(axis=1)
    return Agreement(
        percent=percent_agreement(table),
        fleiss=fleiss(table, seed=seed, resamples=resamples),
        alpha=alpha(table, level=level, seed=seed, resamples=resamples),
        items=len(rated),
        raters=(int(counts.min()), int(counts.max())) if len(rated) else (0, 0),
    )


def percent_agreement(table: Table) -> Estimate:
    """Percent of the pairs of raters of one item that gave the same answer; items with one rater are left out.

    With equally many raters on each item this is the mean observed agreement in Fleiss (1971). The interval takes the
    items as units, since pairs that share a rater are not independent.
    """
    raters = table.sum(axis=1)
    agreeing = (table * (table - 1)).sum(axis=1) // 2
    return clustered_share(agreeing.tolist(), (raters * (raters - 1) // 2).tolist(), empty=_ALONE)


def fleiss(table: Table, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Fleiss' kappa (1971) with a bootstrap interval over items.

    It needs the same number of raters for every item: the items with the most frequent number count, and `reason` says
    how many were left out.
    """
    rated = table[table.sum(axis=1) >= 2]
    if len(rated) == 0:
        return undefined(_ALONE)
    numbers, often = np.unique(rated.sum(axis=1), return_counts=True)
    usual = int(numbers[::-1][np.argmax(often[::-1])])  # the larger of equally frequent numbers
    used = rated[rated.sum(axis=1) == usual]
    one_answer = _one_answer(used)
    if one_answer:
        return undefined(one_answer, len(used))
    interval = bootstrap(lambda drawn: _fleiss(used[drawn]), len(used), seed=seed, resamples=resamples)
    notes = [] if interval or not resamples else [NO_INTERVAL]
    if len(used) < len(table):
        left_out = len(table) - len(used)
        notes.append(f"Of the {len(used)} items with {usual} raters; {left_out} with another number left out.")
    low, high = interval or (None, None)
    return Estimate(_fleiss(used), low, high, len(used), " ".join(notes))


def alpha(table: Table, *, level: Level = "nominal", seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Krippendorff's alpha with a bootstrap interval over items; allows any number of raters per item.

    `level`: "nominal" for answers without an order, "ordinal" or "interval" for a scale, whose points 0, 1, 2, ... are
    then the table's columns.
    """
    rated = table[table.sum(axis=1) >= 2]
    if len(rated) == 0:
        return undefined(_ALONE)
    one_answer = _one_answer(rated)
    if one_answer:
        return undefined(one_answer, len(rated))
    interval = bootstrap(lambda drawn: _alpha(rated[drawn], level), len(rated), seed=seed, resamples=resamples)
    low, high = interval or (None, None)
    return Estimate(_alpha(rated, level), low, high, len(rated), "" if interval or not resamples else NO_INTERVAL)


def cohen(pairs: Sequence[tuple[Hashable, Hashable]]) -> Estimate:
    """Cohen's kappa of two raters, given their (first, second) answers item by item; interval by Fleiss et al. 1969."""
    if not pairs:
        return undefined("The two raters have no item in common.")
    categories = sorted({str(answer) for pair in pairs for answer in pair})
    if len(categories) == 1:
        return undefined(f"Both gave the answer {categories[0]} to all {len(pairs)} items.", len(pairs))
    if 1 in (len({first for first, _ in pairs}), len({second for _, second in pairs})):
        return undefined("One of the two gave the same answer every time, so kappa says nothing.", len(pairs))
    place = {category: at for at, category in enumerate(categories)}
    table = np.zeros((len(categories), len(categories)))
    for first, second in pairs:
        table[place[str(first)], place[str(second)]] += 1
    found = cohens_kappa(table)
    kappa, low, high = float(found.kappa), max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp))
    if not found.var_kappa > _LEAST_VARIANCE:
        return Estimate(kappa, count=len(pairs), reason="The two always agree or never do, so no error is known.")
    return Estimate(kappa, low, high, len(pairs))


def _one_answer(table: Table) -> str:
    """Why chance-corrected agreement is undefined when everybody always answered the same; "" otherwise."""
    if (table.sum(axis=0) > 0).sum() > 1:
        return ""
    return (
        f"All {int(table.sum())} answers are the same. Percent agreement is 100 %, but nothing shows how far the "
        "raters would also agree by chance."
    )


def _fleiss(table: Table) -> float:
    return float("nan") if _one_answer(table) else float(fleiss_kappa(table))


def _alpha(table: Table, level: Level) -> float:
    if _one_answer(table):
        return float("nan")
    return float(krippendorff.alpha(value_counts=table, level_of_measurement=level))
