"""The frozen values of studies that leave this package: what statistics count, and what pages may show.

The first part (`Ballot`, `Rating`, `Verdict`) is for the analysis and names systems: only a study's lead gets it. The
second part is for raters and reviewers: it holds no system's name, no strategy, no gold answer and no seed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ballot:
    """One submitted pairwise answer: one rater, one item, one criterion. Sides are already translated to systems."""

    study: str
    """name of the study"""
    item_id: str
    """the same for all raters of an item; a duplicate has an id of its own"""
    rater: str
    """pseudonym within the study: r1, r2, ... in the order in which they were invited"""
    criterion: str
    system_a: str
    """the first of the two systems in sorted order, wherever it stood on the screen"""
    system_b: str
    outcome: str
    """"a" (system_a is better), "tie" or "b": in terms of systems, not of sides"""
    first_shown: str
    """the system this rater saw on the left, or on top: system_a or system_b"""
    seconds: float
    """time this rater spent on the whole item, pauses left out; the same on all criteria of the item"""
    is_duplicate_of: str | None = None
    """item_id of the original, when this rater judged the item a second time with sides swapped"""
    is_gold: bool = False
    """a gold or onboarding item with a known answer: for checks on raters, never for results"""
    problem_type: str | None = None
    strategy: str | None = None
    """the support strategy annotated for this turn in the source (the human supporter's), where known"""
    strategy_a: str | None = None
    """the strategy with which system_a replied, where known"""
    strategy_b: str | None = None
    turn: int | None = None
    """how many turns of the dialogue come before the replies, where known"""
    discard_cause: str | None = None
    """why the reviewer discarded the item (ambiguous, guideline gap, slip, ...); None: it counts"""


@dataclass(frozen=True)
class Rating:
    """One submitted pointwise answer: one rater, one item, one criterion, one system, one number."""

    study: str
    item_id: str
    """the context; all systems' replies to it are rated under the same id"""
    rater: str
    criterion: str
    system: str
    score: int
    """on the scale of the rubric, 0 to 2 in misc-2022"""
    position: int
    """where this rater saw the reply: 0 is the first"""
    seconds: float
    """time this rater spent on the whole item, pauses left out"""
    is_duplicate_of: str | None = None
    is_gold: bool = False
    problem_type: str | None = None
    strategy: str | None = None
    """annotated for this turn in the source, where known"""
    system_strategy: str | None = None
    """with which the system replied, where known"""
    turn: int | None = None
    discard_cause: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What the reviewer decided on one item and criterion; one per (item_id, criterion) at most."""

    study: str
    item_id: str
    criterion: str
    decision: str
    """"confirm" (the majority stands), "correct" (`outcome` replaces it) or "discard" (the item does not count)"""
    blind_outcome: str
    """the reviewer's own answer before seeing the votes: "a", "tie" or "b" as in Ballot"""
    outcome: str | None
    """what counts now: "a", "tie", "b"; None when discarded, or confirmed without a majority"""
    cause: str | None
