"""All data of a study for its analysis, as frozen values: what raters and reviewer said, and the known answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from annotation.rubric import DEFAULT_RUBRIC, Rubric, find_rubric
from annotation.statistics.explanations import ReplyFeature
from annotation.statistics.raters import Gold
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_views import Ballot, Rating, Verdict


@dataclass(frozen=True)
class GoldAnswer:
    """The known answer to one gold item on one criterion, "a", "tie" or "b" in terms of systems as in Ballot."""

    item_id: str
    criterion: str
    outcome: str


@dataclass(frozen=True)
class StudyData:
    """All data of one study; what a study does not have is empty."""

    ballots: tuple[Ballot, ...] = ()
    ratings: tuple[Rating, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    gold: tuple[GoldAnswer, ...] = ()
    talks: tuple[TalkRow, ...] = ()
    preferences: tuple[TurnVote, ...] = ()
    stars: tuple[StarRow, ...] = ()
    features: tuple[ReplyFeature, ...] = ()
    """numbers from the traces of the judged replies"""
    rubric: Rubric = field(default_factory=lambda: find_rubric(DEFAULT_RUBRIC))
    """defines when an item has a majority, and the scores of a pointwise study"""

    def known_answers(self) -> Gold:
        """The gold answers by (item_id, criterion)."""
        return {(one.item_id, one.criterion): one.outcome for one in self.gold}

    def scale(self) -> tuple[int, ...]:
        """The scores that a rating may have."""
        return tuple(range(self.rubric.low, self.rubric.high + 1))
