"""Results of ratings on a scale: means per system and criterion, and how far the raters agree (MISC, section 5.2).

Gold items, discarded items and duplicates do not count. For items that the reviewer corrected, the correction counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from annotation.choices import Decision
from annotation.statistics.agreement import Agreement, agreement, count_table
from annotation.statistics.intervals import RESAMPLES, Estimate, clustered_mean
from annotation.studies.study_views import Rating, Verdict


@dataclass(frozen=True)
class Mean:
    """Mean score of one system on one criterion, with its interval over items."""

    system: str
    criterion: str
    estimate: Estimate


@dataclass(frozen=True)
class ScaleAgreement:
    """How far the raters agree on one criterion, over all replies; kappa treats scores as names, alpha as a scale."""

    criterion: str
    agreement: Agreement


def counted_ratings(ratings: Iterable[Rating]) -> tuple[Rating, ...]:
    """The ratings that count as results: no gold, no duplicate, not discarded by the reviewer."""
    return tuple(
        rating
        for rating in ratings
        if not rating.is_gold and rating.is_duplicate_of is None and rating.discard_cause is None
    )


def reviewed(ratings: Iterable[Rating], verdicts: Iterable[Verdict]) -> tuple[Rating, ...]:
    """The ratings that count, after the reviewer's corrections.

    On a corrected item, each rating becomes the decided score, so that the item keeps its
    weight; where nothing was decided, and on confirmed items, the raters' own scores stand.
    """
    ruled = {(one.item_id, one.criterion, one.system): one for one in verdicts}
    found = []
    for rating in counted_ratings(ratings):
        verdict = ruled.get((rating.item_id, rating.criterion, rating.system))
        if verdict is None or verdict.decision != Decision.CORRECT or verdict.outcome is None:
            found.append(rating)
        else:
            found.append(replace(rating, score=int(verdict.outcome)))
    return tuple(found)


def means(ratings: Iterable[Rating], *, verdicts: Iterable[Verdict] = ()) -> tuple[Mean, ...]:
    """One mean per criterion and system; criteria in the order in which they first come, systems sorted."""
    groups: dict[tuple[str, str], dict[str, list[int]]] = {}
    criteria: dict[str, int] = {}
    for rating in reviewed(ratings, verdicts):
        criteria.setdefault(rating.criterion, len(criteria))
        items = groups.setdefault((rating.criterion, rating.system), {})
        items.setdefault(rating.item_id, []).append(rating.score)
    found = []
    for criterion, system in sorted(groups, key=lambda key: (criteria[key[0]], key[1])):
        scores = list(groups[criterion, system].values())
        estimate = clustered_mean([sum(one) for one in scores], [len(one) for one in scores], empty="No ratings.")
        found.append(Mean(system, criterion, estimate))
    return tuple(found)


def scale_agreements(
    ratings: Iterable[Rating], *, scale: Sequence[int] = (0, 1, 2), resamples: int = RESAMPLES, seed: int = 0
) -> tuple[ScaleAgreement, ...]:
    """How far raters agree on each criterion; every reply of every system is one item. `scale`: the allowed scores.

    Raises ValueError for a score outside `scale`.
    """
    groups: dict[str, list[Rating]] = {}
    for rating in counted_ratings(ratings):
        groups.setdefault(rating.criterion, []).append(rating)
    found = []
    for criterion, group in groups.items():
        table = count_table((((rating.item_id, rating.system), rating.score) for rating in group), scale)
        found.append(ScaleAgreement(criterion, agreement(table, level="ordinal", seed=seed, resamples=resamples)))
    return tuple(found)
