"""All data of a study for its analysis, as frozen values: what raters and reviewer said, and the known answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from annotation.choices import Decision
from annotation.rubric import DEFAULT_RUBRIC, Rubric, find_rubric
from annotation.statistics.explanations import ReplyFeature
from annotation.statistics.raters import Gold
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.study_views import Ballot, Rating, Verdict

Row = TypeVar("Row", Ballot, Rating)


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

    def discarding(self) -> StudyData:
        """The same data; answers that a verdict discards say so themselves, as those out of the database do already.

        A duplicate of a discarded item is discarded too.
        """
        causes = {
            (one.item_id, one.criterion, one.system): one.cause or "discarded"
            for one in self.verdicts
            if one.decision == Decision.DISCARD
        }
        return replace(self, ballots=_marked(self.ballots, causes), ratings=_marked(self.ratings, causes))

    def scale(self) -> tuple[int, ...]:
        """The scores that a rating may have."""
        return tuple(range(self.rubric.low, self.rubric.high + 1))


def _marked(rows: Iterable[Row], causes: dict[tuple[str, str, str | None], str]) -> tuple[Row, ...]:
    found = []
    for row in rows:
        system = row.system if isinstance(row, Rating) else None
        cause = causes.get((row.is_duplicate_of or row.item_id, row.criterion, system))
        found.append(row if cause is None or row.discard_cause else replace(row, discard_cause=cause))
    return tuple(found)
