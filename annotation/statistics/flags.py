"""Flags on a rater's work: missed known answers, duplicates answered differently, haste, always one side or answer.

    rows = [measure(name, works, known, pairwise=True, min_seconds=5.0) for name, works in ...]
    flagged(rows, min_seconds=5.0)                       # the same rows with sentences where something is unusual

Pure, and the only place that holds the limits: the lead's page (`quality`) and the report (`raters`) both get their
flags here. Flags are for the lead to look at; nothing is blocked, and no vote is left out because of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from scipy.stats import binomtest

from annotation.choices import Purpose
from annotation.studies.study_views import RaterQuality

Question = tuple[str, str]
"""criterion, system; the system is empty when pairwise"""
Known = Mapping[Any, Mapping[Question, str]]
"""item, as in `Work` -> the known answers, in terms of systems"""


@dataclass(frozen=True)
class FlagLimits:
    """The limits beyond which a rater gets a flag."""

    fast_share: float = 0.2
    """flag from this share of items handed in faster than the plan's min_seconds"""
    fast_items: int = 2
    """no flag with fewer such items"""
    fast_median: float = 1 / 3
    """flag if the median time is below this part of the median rater's"""
    usual_seconds: float = 5.0
    """no such comparison if the median rater's time is shorter"""
    min_items: int = 8
    """no flag for one side or one answer with fewer items"""
    one_side: float = 0.01
    """flag if the p value of preferring one side is below this limit divided by the number of raters"""
    same_share: float = 0.9
    """flag from this share of answers that are all the same"""
    gold: float = 0.7
    """flag below this share of right answers to items with known answers"""
    min_gold: int = 3
    """no flag with fewer known answers"""
    duplicates: float = 0.5
    """flag below this share of answers to swapped duplicates that stayed the same"""
    min_duplicates: int = 5
    """no flag with fewer answers to swapped duplicates"""
    kappa: float = 1 / 3
    """flag if agreement with the others' majority is below this part of their median, its interval below the median"""


LIMITS = FlagLimits()


@dataclass(frozen=True)
class Work:
    """One item that a rater handed in."""

    item: Hashable
    """the item's id, or anything else that tells it from all others"""
    purpose: Purpose
    duplicate_of: Hashable | None
    """`item` of the original"""
    seconds: float
    answers: Mapping[Question, str]
    """in terms of systems"""
    shown: Sequence[str]
    """the same answers as on the screen: "a" is for the reply shown first"""


def measure(rater: str, works: Sequence[Work], known: Known, *, pairwise: bool, min_seconds: float) -> RaterQuality:
    """The figures of one rater, without flags."""
    gold, onboarding = (_right(works, known, purpose) for purpose in (Purpose.GOLD, Purpose.ONBOARDING))
    pairs = _duplicates(works)
    given = Counter(value for work in works for value in work.shown)
    picks = given if pairwise else Counter[str]()
    # When pairwise, only ties are checked: sides have their own flag.
    same = ("tie", given["tie"]) if pairwise else next(iter(given.most_common(1)), ("", 0))
    sides = Counter(_side(work) for work in works) if pairwise else Counter[str]()
    return RaterQuality(
        rater=rater,
        items=len(works),
        median_seconds=median(work.seconds for work in works) if works else None,
        too_fast=sum(work.seconds < min_seconds for work in works),
        gold_right=gold[0],
        gold_answers=gold[1],
        onboarding_right=onboarding[0],
        onboarding_answers=onboarding[1],
        same_on_duplicates=sum(again == before for again, before in pairs),
        duplicate_answers=len(pairs),
        first_picked=picks["a"],
        decided=picks["a"] + picks["b"],
        side_items=(sides["a"], sides["b"]),
        same_answer=same[0],
        same_answers=same[1],
        answers=given.total(),
    )


def flagged(
    rows: Sequence[RaterQuality], *, min_seconds: float, limits: FlagLimits = LIMITS
) -> tuple[RaterQuality, ...]:
    """The rows of all raters of a study, each with one sentence for everything unusual about it."""
    times = [row.median_seconds for row in rows if row.median_seconds is not None]
    usual = median(times) if len(times) > 1 else 0.0
    found = []
    for row in rows:
        signs = (
            *_fast(row, min_seconds, usual, limits),
            *_known(row, limits),
            *_unsteady(row, limits),
            *_one_sided(row, len(times), limits),
            *_same(row, limits),
        )
        found.append(replace(row, flags=signs))
    return tuple(found)


def _fast(row: RaterQuality, min_seconds: float, usual: float, limits: FlagLimits) -> list[str]:
    found = []
    if row.items and row.too_fast >= max(limits.fast_items, limits.fast_share * row.items):
        found.append(f"too fast: {row.too_fast} of {row.items} items in under {min_seconds:g} s")
    own = row.median_seconds
    if own is not None and usual >= limits.usual_seconds and own < limits.fast_median * usual:
        found.append(f"fast: {own:.0f} s per item, the median rater {usual:.0f} s")
    return found


def _known(row: RaterQuality, limits: FlagLimits) -> list[str]:
    """Gold and onboarding items together: rows from files do not distinguish them, and flags must be the same."""
    right, asked = row.gold_right + row.onboarding_right, row.gold_answers + row.onboarding_answers
    if asked < limits.min_gold or right >= limits.gold * asked:
        return []
    return [f"known answers: {right} of {asked} right"]


def _unsteady(row: RaterQuality, limits: FlagLimits) -> list[str]:
    same, asked = row.same_on_duplicates, row.duplicate_answers
    if asked < limits.min_duplicates or same >= limits.duplicates * asked:
        return []
    return [f"alike when swapped: {same} of {asked} answers"]


def _one_sided(row: RaterQuality, raters: int, limits: FlagLimits) -> list[str]:
    """Sign test over items, since the answers to one item are not independent of each other."""
    first, second = row.side_items
    total = first + second
    if row.items < limits.min_items or not total:
        return []
    if binomtest(first, total).pvalue >= limits.one_side / max(1, raters):
        return []
    side = "first" if first > second else "second"
    return [f"one side: the {side} one in {max(first, second)} of {total} items"]


def _same(row: RaterQuality, limits: FlagLimits) -> list[str]:
    if row.items < limits.min_items or row.same_answers < limits.same_share * row.answers:
        return []
    return [f"always the same answer: {row.same_answers} of {row.answers} are {row.same_answer}"]


def _side(work: Work) -> str:
    """The side that got more of the item's answers; "" if neither did."""
    lean = Counter(work.shown)
    return "" if lean["a"] == lean["b"] else max("ab", key=lambda side: lean[side])


def _duplicates(works: Sequence[Work]) -> list[tuple[str, str | None]]:
    """(answer to a duplicate, answer to the original) for all that the rater judged twice."""
    by_id = {work.item: work for work in works}
    return [
        (work.answers[question], by_id[work.duplicate_of].answers.get(question))
        for work in works
        if work.duplicate_of in by_id
        for question in work.answers
    ]


def _right(works: Sequence[Work], known: Known, purpose: Purpose) -> tuple[int, int]:
    """(answers that agree with the known one, answers with a known one)."""
    checks = [
        work.answers.get(question) == value
        for work in works
        if work.purpose is purpose
        for question, value in known.get(work.item, {}).items()
    ]
    return sum(checks), len(checks)
