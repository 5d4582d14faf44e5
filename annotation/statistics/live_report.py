"""Statistics of a live study's talks besides the answers: preferences per turn, helpfulness, strength of the emotion.

Pure. The talk is the unit: the turns of one talk are not independent, so intervals are over talks. Talks whose item the
reviewer discarded do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from annotation.statistics.intervals import Estimate, clustered_mean
from annotation.statistics.pairwise import PairResult, first_position, pair_results
from annotation.statistics.pointwise import Mean, means
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_views import Ballot, Rating

PREFERENCE, HELPFULNESS = "Preference per turn", "Helpfulness"
ALL_PAIRS = "all"
Row = TypeVar("Row", StarRow, TalkRow, TurnVote)


@dataclass(frozen=True)
class Intensity:
    """Mean intensity of the emotion before and after the talks with one pair of systems, 1 to 5."""

    pair: str
    before: Estimate
    after: Estimate
    change: Estimate
    """after minus before: negative if the emotion got weaker"""


@dataclass(frozen=True)
class LiveReport:
    """All these statistics; parts without data are empty."""

    preferences: tuple[PairResult, ...]
    """by turns (`votes`, `win`, ...) and by talks, each the majority of its turns (`items`, `item_win`, ...)"""
    first_preferred: Estimate
    """percent of the decided turns in which the reply on the first side was preferred"""
    helpfulness: tuple[Mean, ...]
    intensities: tuple[Intensity, ...]
    """all pairs together, then pair by pair if there are several"""


def live_report(
    talks: Iterable[TalkRow],
    preferences: Iterable[TurnVote],
    stars: Iterable[StarRow],
    *,
    rule: Callable[..., str | None],
) -> LiveReport:
    """The report; `rule` is the majority rule of the study's rubric."""
    turns = [_as_ballot(vote) for vote in _kept(preferences)]
    helpful = means(_as_rating(star) for star in _kept(stars))
    return LiveReport(pair_results(turns, rule=rule), first_position(turns), helpful, tuple(_intensities(_kept(talks))))


def _kept(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.discard_cause is None]


def _as_ballot(vote: TurnVote) -> Ballot:
    """A choice as a vote whose item is the talk."""
    return Ballot(
        study=vote.study,
        item_id=vote.talk,
        rater=vote.rater,
        criterion=PREFERENCE,
        system_a=vote.system_a,
        system_b=vote.system_b,
        outcome=vote.outcome,
        first_shown=vote.first_shown,
        seconds=0.0,
        turn=vote.turn,
    )


def _as_rating(star: StarRow) -> Rating:
    """Stars as a score whose item is the talk."""
    position = 0 if star.system == star.first_shown else 1
    return Rating(star.study, star.talk, star.rater, HELPFULNESS, star.system, star.stars, position, 0.0)


def _intensities(talks: Sequence[TalkRow]) -> Iterable[Intensity]:
    groups: dict[str, list[TalkRow]] = {}
    for talk in talks:
        groups.setdefault(f"{talk.system_a} vs. {talk.system_b}", []).append(talk)
    if talks:
        yield _intensity(ALL_PAIRS, talks)
    if len(groups) > 1:
        yield from (_intensity(pair, groups[pair]) for pair in sorted(groups))


def _intensity(pair: str, talks: Sequence[TalkRow]) -> Intensity:
    return Intensity(
        pair,
        _mean([talk.intensity_before for talk in talks]),
        _mean([talk.intensity_after for talk in talks]),
        _mean([talk.intensity_after - talk.intensity_before for talk in talks]),
    )


def _mean(values: Sequence[int]) -> Estimate:
    return clustered_mean(values, [1] * len(values), empty="No talk.")
