"""Rows of a live study -> what may be shown of its talks."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Side
from annotation.store.live_schema import StudyTalk, TurnPreference, TurnStar, continued_sides
from annotation.store.schema import Encounter
from annotation.store.study_schema import Claim, Context, Item
from annotation.studies.live_views import TalkView
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Line
from annotation.talks.projection import encounter_view

INTENSITY = "Intensity now"
"""name of the question after the talk in the list of open questions"""


def talk_view(session: Session, plan: StudyPlan, claim: Claim) -> TalkView:
    """The talk of a claim as its rater may see it, begun or not."""
    context = session.get_one(Context, session.get_one(Item, claim.item_id).context_id)
    opening: str = json.loads(context.turns_json)[0]["text"]
    scene = (opening, context.emotion_type or "", context.problem_type or "", plan.turn_preference, plan.min_turns)
    talk = session.get(StudyTalk, claim.id)
    if talk is None:
        return TalkView(*scene, encounter=None)
    chosen = select(TurnPreference).where(TurnPreference.encounter_id == talk.encounter_id)
    starred = select(TurnStar).where(TurnStar.encounter_id == talk.encounter_id)
    return TalkView(
        *scene,
        encounter=encounter_view(session, session.get_one(Encounter, talk.encounter_id)),
        preferences=tuple(
            (row.turn_index, row.picked) for row in session.scalars(chosen.order_by(TurnPreference.turn_index))
        ),
        continued=tuple(sorted(continued_sides(session, talk.encounter_id).items())),
        stars=tuple(
            (row.turn_index, row.side, row.stars)
            for row in session.scalars(starred.order_by(TurnStar.turn_index, TurnStar.side))
        ),
        intensity_after=talk.intensity_after,
    )


def transcripts(session: Session, item: Item, claim: Claim | None) -> dict[str, tuple[Line, ...]]:
    """System -> the lines of its talk: this claim's, or without a claim all that were handed in, one after the other.

    A line of the speaker "talk" separates two talks.
    """
    statement = select(Encounter).join(StudyTalk).join(Claim, Claim.id == StudyTalk.claim_id)
    if claim is not None:
        statement = statement.where(Claim.id == claim.id)
    else:
        statement = statement.where(Claim.item_id == item.id, Claim.state == ClaimState.DONE)
    found: dict[str, tuple[Line, ...]] = dict.fromkeys(json.loads(item.systems_json), ())
    for number, encounter in enumerate(session.scalars(statement.order_by(Claim.id)), start=1):
        for system, side in ((encounter.side_a, Side.A), (encounter.side_b(), Side.B)):
            heading = (Line("talk", f"Talk {number}"),) if number > 1 else ()
            found[system] += heading + said(session, encounter, side)
    return found


def said(session: Session, encounter: Encounter, side: Side) -> tuple[Line, ...]:
    """The seeker's messages and one side's replies, up to the first message that was not answered by both."""
    lines: list[Line] = []
    for turn in encounter_view(session, encounter).turns:
        if not turn.answered():
            break
        lines += [Line("seeker", turn.text), Line("supporter", turn.side(side).text or "")]
    return tuple(lines)
