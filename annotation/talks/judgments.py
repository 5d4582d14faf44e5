"""The vote: all questions of the rubric answered at once, by the encounter's visitor, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import annotation
from annotation.choices import EventKind, Outcome, Pick, ReplyState, Side
from annotation.rubric import Rubric, find_rubric
from annotation.store.events import record
from annotation.store.schema import Ballot, Encounter, Judgment, Reply, utc_now
from annotation.store.texts import MAX_REASON_CHARS, accept_text
from annotation.talks.encounters import check_intensity, find_open_talk
from annotation.talks.projection import encounter_view
from annotation.talks.stages import Stage, require_step
from annotation.talks.views import EncounterView


@dataclass(frozen=True)
class Vote:
    """What a rater hands in. Checked on creation, except the criteria, which depend on the encounter's rubric."""

    picks: Mapping[str, str]
    """criterion -> "a" (A better), "tie" (about the same) or "b" (B better)"""
    reason: str | None = None
    intensity_after: int | None = None
    """how strong the emotion is after the talk, 1 to 5"""
    seconds: float = 0.0
    """time between the opening of the form and the vote"""
    shown_first: Side = Side.A
    """which side the page showed on the left, or on top"""

    def __post_init__(self) -> None:
        for criterion, pick in self.picks.items():
            if pick not in tuple(Pick):
                raise ValueError(f"{criterion} is {pick!r}; allowed: a (A better), tie (about the same), b (B better)")
        if self.reason is not None:
            reason = accept_text(self.reason, what="reason", limit=MAX_REASON_CHARS)
            object.__setattr__(self, "reason", reason or None)
        object.__setattr__(self, "shown_first", Side(self.shown_first))
        check_intensity("intensity_after", self.intensity_after)
        if not self.seconds >= 0:
            raise ValueError(f"seconds is {self.seconds}; allowed: 0 or more")


def judge(*, session: Session, encounter_id: str, visitor: str, vote: Vote) -> EncounterView:
    """Store the vote and close it.

    Raises StageError before the conversation is finished and after a vote, ValueError when a criterion is missing
    or unknown, LookupError for somebody else's talk or that of a live study, which has its own questions.
    """
    encounter = find_open_talk(session, encounter_id, visitor)
    require_step("judge", encounter.stage)
    rubric = find_rubric(encounter.rubric)
    _check_criteria(vote, rubric)
    ballot = Ballot(
        encounter_id=encounter_id,
        rater=visitor,
        reason=vote.reason,
        intensity_after=vote.intensity_after,
        seconds=vote.seconds,
        created_at=utc_now(),
    )
    session.add(ballot)
    session.flush()  # gives the ballot its id
    shared = _shared_columns(session, encounter, ballot, vote)
    for criterion in rubric.names():
        picked = Pick(vote.picks[criterion])
        outcome = outcome_of(picked, encounter.side_a == encounter.system_1)
        session.add(Judgment(**shared, criterion=criterion, picked=picked, outcome=outcome))
        record(session, encounter, EventKind.JUDGED, criterion=criterion, new_value=picked)
    encounter.stage = Stage.JUDGED
    session.flush()
    return encounter_view(session, encounter)


def outcome_of(picked: Pick, a_is_first: bool) -> Outcome:
    """The pick from the view of the first system in sorted order, which is on side a if `a_is_first`."""
    if picked is Pick.TIE:
        return Outcome.TIE
    return Outcome.WIN if (picked is Pick.A) == a_is_first else Outcome.LOSE


def _check_criteria(vote: Vote, rubric: Rubric) -> None:
    problems = {
        "not answered": [name for name in rubric.names() if name not in vote.picks],
        "unknown": [name for name in vote.picks if name not in rubric.names()],
    }
    found = "; ".join(f"{problem}: {', '.join(names)}" for problem, names in problems.items() if names)
    if found:
        raise ValueError(f"{found}. Answer each of {', '.join(rubric.names())} once.")


def _shared_columns(session: Session, encounter: Encounter, ballot: Ballot, vote: Vote) -> dict[str, Any]:
    """The columns that all judgments of one ballot have in common."""
    a_is_first = encounter.side_a == encounter.system_1
    side_1, side_2 = (Side.A, Side.B) if a_is_first else (Side.B, Side.A)
    return {
        "ballot_id": ballot.id,
        "encounter_id": encounter.id,
        "system_1": encounter.system_1,
        "system_2": encounter.system_2,
        "side_a": encounter.side_a,
        "shown_first": vote.shown_first,
        "checkpoint_1": _checkpoints(session, encounter, side_1),
        "checkpoint_2": _checkpoints(session, encounter, side_2),
        "rubric": encounter.rubric,
        "rubric_version": find_rubric(encounter.rubric).version,
        "seconds": ballot.seconds,
        "app_version": annotation.__version__,
        "created_at": ballot.created_at,
    }


def _checkpoints(session: Session, encounter: Encounter, side: Side) -> str:
    """Checkpoints that made this side's replies; more than one, comma-separated, if weights changed in between."""
    here = (Reply.encounter_id == encounter.id, Reply.side == side, Reply.state == ReplyState.DONE)
    rows = session.scalars(select(Reply.checkpoint).where(*here).order_by(Reply.turn_index))
    return ",".join(dict.fromkeys(row for row in rows if row))
