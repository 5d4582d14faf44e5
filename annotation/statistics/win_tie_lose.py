"""Win, tie and lose of the first of two systems: counts, shares with intervals over items, the sign test, the finding.

Used for open talks and for studies; in open talks every talk is an item with one vote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests

from annotation.statistics.intervals import Estimate, clustered_share

OUTCOMES = ("a", "tie", "b")


@dataclass(frozen=True)
class Counts:
    """How often the first system of the pair won, tied and lost; `none` counts items without a majority."""

    win: int
    tie: int
    lose: int
    none: int = 0

    def total(self) -> int:
        """The sum of all counts."""
        return self.win + self.tie + self.lose + self.none


def counts(outcomes: Iterable[str | None]) -> Counts:
    """Counts of outcomes in OUTCOMES, or None for an item without a majority."""
    at = Counter(outcomes)
    return Counts(at["a"], at["tie"], at["b"], at[None])


def outcome_shares(
    votes: Sequence[tuple[str, str | None]], empty: str
) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Percent that are won, tied, lost and without a majority, from (item, outcome) pairs, with intervals over items.

    `empty` is the reason given if there are none.
    """
    win, tie, lose, none = (
        share_over_items([(item, outcome == kind) for item, outcome in votes], empty) for kind in (*OUTCOMES, None)
    )
    return win, tie, lose, none


def share_over_items(hits: Iterable[tuple[str, bool]], empty: str) -> Estimate:
    """Percent of hits from (item, hit) pairs, with an interval over items; `empty` is the reason if there are none."""
    items: dict[str, list[bool]] = {}
    for item_id, hit in hits:
        items.setdefault(item_id, []).append(hit)
    return clustered_share([sum(one) for one in items.values()], [len(one) for one in items.values()], empty=empty)


def sign_test(win: int, lose: int) -> float | None:
    """p value of the two-sided sign test of wins against losses; None when there is neither."""
    return float(binomtest(win, win + lose).pvalue) if win + lose else None


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Each p value corrected for all of `p_values` (Holm 1979); a missing one (None) is no test and stays missing.

    With twenty true null hypotheses, one p value below 0.05 is to be expected, so every report corrects all p values
    that it prints and says how many there are.
    """
    known = [value for value in p_values if value is not None]
    if len(known) < 2:
        return tuple(p_values)
    corrected = iter(multipletests(known, method="holm")[1].tolist())
    return tuple(None if value is None else float(next(corrected)) for value in p_values)


def finding(systems: tuple[str, str], win: int, lose: int, corrected: float, tests: int) -> str:
    """A sentence on who is ahead and whether that may be chance; `corrected` is the p value corrected for `tests`."""
    if win == lose:
        return f"{systems[0]} and {systems[1]} won equally often."
    ahead, behind = systems if win > lose else (systems[1], systems[0])
    sure = "is unlikely to be chance" if corrected < 0.05 else "could be chance"
    p_value = f"p = {corrected:.3g}" + (f" after Holm's correction for {tests} tests" if tests > 1 else "")
    high, low = max(win, lose), min(win, lose)
    return f"{ahead} won {_times(high)}, {behind} {_times(low)}; the difference {sure} (sign test {p_value})."


def _times(count: int) -> str:
    return "once" if count == 1 else "never" if count == 0 else f"{count} times"
