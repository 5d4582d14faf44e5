"""Everything that the results page and `python -m annotation results` show about a study, as one value.

The analysis is a pure function of `StudyData`, so the same data from a database or from exported files give equal
reports.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotation.statistics.agreement import Agreement
from annotation.statistics.explanations import Relation, explained_votes
from annotation.statistics.intervals import RESAMPLES, Estimate
from annotation.statistics.live_report import LiveReport, live_report
from annotation.statistics.pairwise import (
    PairResult,
    Slice,
    corrected_together,
    first_position,
    order_consistency,
    pair_agreements,
    pair_results,
    slices,
    turn_band,
)
from annotation.statistics.pointwise import Mean, ScaleAgreement, means, scale_agreements
from annotation.statistics.raters import DropRow, Quartiles, RaterRow, rater_table, time_per_item, without_rater
from annotation.statistics.reasons import Reason, reasons
from annotation.statistics.strength import Ranking, rankings
from annotation.statistics.study_data import StudyData


@dataclass(frozen=True)
class Report:
    """All statistics of one study; parts without data are empty."""

    pairs: tuple[PairResult, ...]
    agreements: tuple[tuple[str, str, str, Agreement], ...]
    """(system_a, system_b, criterion, agreement) in the order of `pairs`"""
    rankings: tuple[Ranking, ...]
    first_position: Estimate
    order_consistency: Estimate
    raters: tuple[RaterRow, ...]
    drops: tuple[DropRow, ...]
    time: Quartiles | None
    splits: tuple[tuple[str, tuple[Slice, ...]], ...]
    """("problem type" | "strategy" | "turn", its slices); a split with only one part is left out"""
    means: tuple[Mean, ...]
    scale_agreements: tuple[ScaleAgreement, ...]
    relations: tuple[Relation, ...]
    live: LiveReport
    """what raters said during live talks"""
    reasons: tuple[Reason, ...] = ()
    """what raters wrote about single items"""


def analyse(data: StudyData, *, resamples: int = RESAMPLES, seed: int = 0) -> Report:
    """All statistics of `data`; features from traces, if there are any, are compared with the votes."""
    data = data.discarding()
    votes, rule = data.ballots, data.rubric.agreed
    parts = {"problem type": lambda b: b.problem_type, "strategy": lambda b: b.strategy, "turn": turn_band}
    splits = [(name, slices(votes, value, rule=rule, verdicts=data.verdicts)) for name, value in parts.items()]
    return Report(
        pairs=corrected_together(pair_results(votes, rule=rule, verdicts=data.verdicts)),
        agreements=pair_agreements(votes, resamples=resamples, seed=seed),
        rankings=rankings(votes),
        first_position=first_position(votes),
        order_consistency=order_consistency(votes),
        raters=rater_table(votes, gold=data.known_answers(), rule=rule),
        drops=without_rater(votes, rule=rule, verdicts=data.verdicts),
        time=time_per_item(votes),
        splits=tuple((name, found) for name, found in splits if len(found) > 1),
        means=means(data.ratings, verdicts=data.verdicts),
        scale_agreements=scale_agreements(data.ratings, scale=data.scale(), resamples=resamples, seed=seed),
        relations=explained_votes(votes, data.features, resamples=resamples, seed=seed),
        live=live_report(data.talks, data.preferences, data.stars, rule=rule),
        reasons=reasons(votes, data.ratings),
    )
