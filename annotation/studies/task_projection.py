"""Rows of a study -> what a rater or reviewer may see. Only this module decides that, and only it knows the sides.

Answers are stored in terms of systems and shown in terms of places: `to_stored` and `to_shown` translate.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, StudyEventKind, StudyKind, StudyState
from annotation.rubric import Rubric
from annotation.store.study_events import ANSWER_KINDS
from annotation.store.study_schema import Answer, Claim, Context, Item, Member, Study, StudyEvent, SystemReply
from annotation.studies.live_projection import INTENSITY, talk_view, transcripts
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import AnswerView, Line, TaskView

PLACES = "abcdefghijklmnopqrstuvwxyz"
Question = tuple[str, str]
"""criterion, system; the system is empty when pairwise"""


def systems_of(item: Item) -> tuple[str, ...]:
    """The systems of the item in sorted order."""
    return tuple(json.loads(item.systems_json))


def questions(rubric: Rubric, pairwise: bool, systems: Sequence[str]) -> tuple[Question, ...]:
    """Everything that must be answered on one item, in the order in which it is stored."""
    return tuple((name, system) for name in rubric.names() for system in ([""] if pairwise else systems))


def to_stored(
    plan: StudyPlan, systems: Sequence[str], places: Sequence[int], shown: tuple[str, str | None, str]
) -> tuple[str, str, str]:
    """(criterion, place, value) as on the screen -> (criterion, system, value) as stored.

    Raises ValueError naming what is allowed for an unknown criterion, place or value.
    """
    criterion, place, value = shown
    if criterion not in plan.rubric.names():
        raise ValueError(f"unknown criterion {criterion!r}; allowed: {', '.join(plan.rubric.names())}")
    if value not in plan.rubric.answers():
        raise ValueError(f"{criterion} is {value!r}; allowed: {', '.join(plan.rubric.answers())}")
    if plan.pairwise():
        if place is not None:
            raise ValueError(f"{criterion} compares both replies; give no place")
        return criterion, "", value if value == "tie" or tuple(places) == (0, 1) else _other(value)
    allowed = PLACES[: len(systems)]
    if place is None or len(place) != 1 or place not in allowed:
        raise ValueError(f"{criterion} scores one reply: place is {place!r}; allowed: {', '.join(allowed)}")
    return criterion, systems[places[PLACES.index(place)]], value


def to_shown(
    systems: Sequence[str], places: Sequence[int], stored: tuple[str, str, str]
) -> tuple[str, str | None, str]:
    """The reverse of `to_stored`."""
    criterion, system, value = stored
    if not system:
        return criterion, None, value if value == "tie" or tuple(places) == (0, 1) else _other(value)
    return criterion, PLACES[list(places).index(list(systems).index(system))], value


def _other(value: str) -> str:
    return "b" if value == "a" else "a"


def answers_of(session: Session, claim_id: int) -> dict[Question, Answer]:
    """The current answers of a claim."""
    rows = session.scalars(select(Answer).where(Answer.claim_id == claim_id))
    return {(row.criterion, row.system): row for row in rows}


def missing_labels(plan: StudyPlan, item: Item, claim: Claim, given: Iterable[Question]) -> tuple[str, ...]:
    """The questions without an answer, as on the screen: "Empathy", or "Empathy (b)" for scores."""
    systems, have = systems_of(item), set(given)
    labels = []
    for name in plan.rubric.names():
        for number, place in enumerate(claim.places()):
            system = "" if plan.pairwise() else systems[place]
            if (name, system) not in have:
                labels.append(name if plan.pairwise() else f"{name} ({PLACES[number]})")
            if plan.pairwise():
                break
    return tuple(labels)


def open_questions(
    session: Session, plan: StudyPlan, item: Item, claim: Claim, given: Iterable[Question]
) -> tuple[str, ...]:
    """All that must still be answered before the item can be handed in, including the intensity after a live talk."""
    asked = plan.kind is StudyKind.LIVE and talk_view(session, plan, claim).intensity_after is None
    return missing_labels(plan, item, claim, given) + ((INTENSITY,) if asked else ())


def can_change(study: Study, item: Item, claim: Claim) -> bool:
    """Whether the rater may still answer or change answers."""
    held = claim.state is not ClaimState.RELEASED
    return held and item.closed_at is None and study.state in (StudyState.OPEN, StudyState.PAUSED)


def undo_stack(session: Session, claim: Claim) -> list[StudyEvent]:
    """The rater's changes of answers that can be undone, oldest first."""
    # SQLite may give the id of a deleted claim to a new one, so only events of this rater count.
    rater = session.get_one(Member, claim.member_id)
    here = (
        StudyEvent.study_id == rater.study_id,
        StudyEvent.claim_id == claim.id,
        StudyEvent.actor == rater.pseudonym(),
    )
    statement = select(StudyEvent).where(*here, StudyEvent.kind.in_(ANSWER_KINDS))
    stack: list[StudyEvent] = []
    for row in session.scalars(statement.order_by(StudyEvent.id)):
        if row.kind is StudyEventKind.ANSWERED:
            stack.append(row)
        else:
            stack.pop()
    return stack


def content(
    session: Session, item: Item, places: Sequence[int], claim: Claim | None = None
) -> tuple[str, tuple[Line, ...], tuple[tuple[Line, ...], ...]]:
    """Situation, context, and the replies in screen order; for a live item, those of this claim's talk, or of all."""
    context = session.get_one(Context, item.context_id)
    systems = systems_of(item)
    if session.get_one(Study, item.study_id).kind is StudyKind.LIVE:
        talks = transcripts(session, item, claim)
        return context.situation, (), tuple(talks[systems[place]] for place in places)
    rows = session.scalars(select(SystemReply).where(SystemReply.context_id == item.context_id))
    replies = {row.system: _lines(row.turns_json) for row in rows}
    return context.situation, _lines(context.turns_json), tuple(replies[systems[place]] for place in places)


def _lines(turns_json: str) -> tuple[Line, ...]:
    return tuple(Line(turn["speaker"], turn["text"]) for turn in json.loads(turns_json))


def task_view(session: Session, study: Study, member: Member, claim: Claim) -> TaskView:
    """The claim as its rater may see it."""
    item, plan = session.get_one(Item, claim.item_id), plan_of(study)
    systems, places = systems_of(item), claim.places()
    answers = answers_of(session, claim.id)
    situation, context, replies = content(session, item, places, claim)
    stack = undo_stack(session, claim)
    changeable = can_change(study, item, claim)
    return TaskView(
        claim_id=claim.id,
        ordinal=claim.ordinal,
        state=claim.state,
        situation=situation,
        context=context,
        replies=replies,
        answers=_answer_views(plan, systems, places, answers),
        note=claim.note,
        missing=open_questions(session, plan, item, claim, answers),
        can_change=changeable,
        can_undo=changeable and can_undo(claim, stack),
        saved_at=max((row.saved_at for row in answers.values()), default=None),
        lease_until=claim.lease_until,
        seconds=claim.seconds,
        on_break=member.break_since is not None,
        talk=talk_view(session, plan, claim) if plan.kind is StudyKind.LIVE else None,
    )


def can_undo(claim: Claim, stack: Sequence[StudyEvent]) -> bool:
    """Whether the last change can be undone; a handed-in item must stay complete."""
    return bool(stack) and (claim.state is ClaimState.ACTIVE or stack[-1].old_value is not None)


def _answer_views(
    plan: StudyPlan, systems: Sequence[str], places: Sequence[int], answers: dict[Question, Answer]
) -> tuple[AnswerView, ...]:
    """The answers in the order of the questions on the screen."""
    views = []
    for row in answers.values():
        shown = to_shown(systems, places, (row.criterion, row.system, row.value))
        views.append(AnswerView(*shown, saved_at=row.saved_at))
    names = plan.rubric.names()
    return tuple(sorted(views, key=lambda view: (names.index(view.criterion), view.place or "")))
