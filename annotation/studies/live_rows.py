"""The talks of a live study as plain values for statistics and exports. Only for the lead.

Talks whose item was not handed in are left out. Values are in terms of systems.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Pick, Role, Side
from annotation.store.live_schema import StudyTalk, TurnPreference, TurnStar
from annotation.store.schema import Encounter
from annotation.store.study_schema import Claim, Context, Item, Member, Study
from annotation.studies.ballots import discard_causes
from annotation.studies.live_ballots import OUTCOMES
from annotation.studies.live_projection import said
from annotation.studies.live_views import StarRow, TalkRow, TurnVote
from annotation.studies.members import require
from annotation.studies.studies import plan_of
from annotation.studies.study_views import Access
from annotation.talks.held_back import held_back_count, held_back_turns
from annotation.talks.judgments import outcome_of


@dataclass(frozen=True)
class LiveRows:
    """All talks of a study, with the judgments on their turns."""

    talks: tuple[TalkRow, ...] = ()
    preferences: tuple[TurnVote, ...] = ()
    stars: tuple[StarRow, ...] = ()


def live_rows(*, session: Session, access: Access) -> LiveRows:
    """By a lead: the talks of all handed-in items, in the order of items and raters. Raises NotAllowed."""
    study, _ = require(session, access, Role.LEAD)
    talks: list[TalkRow] = []
    votes: list[TurnVote] = []
    stars: list[StarRow] = []
    changed, majority = held_back_turns(session), plan_of(study).rubric.majority.value
    for talk, encounter, card, shared in _handed_in(session, study):
        pair: dict[str, Any] = {"system_a": encounter.system_1, "system_b": encounter.system_2}
        held = changed.get(encounter.id, {})
        seen: dict[str, Any] = {
            "turns": len(said(session, encounter, Side.A)) // 2,
            "intensity_before": encounter.intensity_before or 0,
            "intensity_after": talk.intensity_after or 0,
            "held_back": held_back_count(held),
            "context": card,
        }
        talks.append(TalkRow(**shared, **pair, **seen))
        for vote in session.scalars(_of(TurnPreference, encounter)):
            columns = _vote_columns(vote, encounter, held.get(vote.turn_index, ()))
            votes.append(TurnVote(**shared, **pair, **columns, majority=majority))
        for star in session.scalars(_of(TurnStar, encounter)):
            system = encounter.system_on(star.side)
            stars.append(StarRow(**shared, turn=star.turn_index, system=system, stars=star.stars))
    return LiveRows(tuple(talks), tuple(votes), tuple(stars))


def _handed_in(session: Session, study: Study) -> Iterator[tuple[StudyTalk, Encounter, str, dict[str, Any]]]:
    """Each talk with its encounter, its role card and the columns that all its rows share."""
    causes = discard_causes(session)
    statement = (
        select(StudyTalk, Encounter, Item, Member, Context.key)
        .join(Encounter, Encounter.id == StudyTalk.encounter_id)
        .join(Claim, Claim.id == StudyTalk.claim_id)
        .join(Item, Item.id == Claim.item_id)
        .join(Context, Context.id == Item.context_id)
        .join(Member, Member.id == Claim.member_id)
        .where(Item.study_id == study.id, Claim.state == ClaimState.DONE)
        .order_by(Item.position, Member.number)
    )
    for talk, encounter, item, member, card in session.execute(statement):
        yield (
            talk,
            encounter,
            card,
            {
                "study": study.name,
                "item_id": item.id,
                "rater": member.pseudonym(),
                "talk": encounter.id,
                "first_shown": encounter.side_a,
                "problem_type": encounter.problem_type or None,
                "discard_cause": causes.get(item.id),
            },
        )


def _of(table: Any, encounter: Encounter) -> Any:
    """The rows of one of the tables of turns, in order."""
    return select(table).where(table.encounter_id == encounter.id).order_by(*table.__table__.primary_key.columns)


def _vote_columns(vote: TurnPreference, encounter: Encounter, held: Container[str]) -> dict[str, Any]:
    changed = [letter for letter, name in (("a", encounter.system_1), ("b", encounter.system_2)) if name in held]
    return {
        "held_back": "".join(changed) or None,
        "turn": vote.turn_index,
        "outcome": OUTCOMES[outcome_of(Pick(vote.picked), encounter.side_a == encounter.system_1)],
        "continued": None if vote.continues is None else encounter.system_on(vote.continues),
    }
