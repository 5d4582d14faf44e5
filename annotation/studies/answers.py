"""Answers: saved one by one as they are given, changed and taken back until the study closes the item.

    saved = save_answer(session=session, access=rater, claim_id=..., given=Given("Empathy", "a"))   # .saved_at to show
    undo(session=session, access=rater, claim_id=...)
    submit(session=session, access=rater, claim_id=..., note="...")

Values are as on the screen ("a" is the reply at place a), but stored in terms of systems. An answer counts once the
whole item is handed in; every change is an event with the old and the new value.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Role, StudyEventKind, StudyKind
from annotation.store.schema import utc_now
from annotation.store.study_events import record_study
from annotation.store.study_schema import Answer, Claim, Item, Member, Study
from annotation.store.texts import MAX_REASON_CHARS, accept_text
from annotation.studies.claims import own_claim, require_held, touch
from annotation.studies.live_projection import talk_view
from annotation.studies.members import NotAllowed, require
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, Saved, TaskView
from annotation.studies.task_projection import (
    Question,
    answers_of,
    can_change,
    can_undo,
    open_questions,
    systems_of,
    task_view,
    to_stored,
    undo_stack,
)


@dataclass(frozen=True)
class Given:
    """One answer as on the screen."""

    criterion: str
    value: str
    """"a", "tie" or "b"; or a score such as "2" """
    place: str | None = None
    """which reply is scored ("a", "b", ...); None when pairwise"""


def save_answer(*, session: Session, access: Access, claim_id: int, given: Given) -> Saved:
    """By a rater: store one answer, or change it. The same answer again changes nothing.

    Raises ValueError for an unknown criterion, value or place, NotAllowed when the item was released or is closed.
    """
    study, member, claim, item = _writable(session, access, claim_id)
    plan = plan_of(study)
    shown = (given.criterion, given.place, given.value)
    criterion, system, value = to_stored(plan, systems_of(item), claim.places(), shown)
    answers = answers_of(session, claim.id)
    before = answers.get((criterion, system))
    old = None if before is None else before.value
    if old != value:
        _put(session, claim, answers, (criterion, system), value)
        _record(session, (study, member, claim), StudyEventKind.ANSWERED, (criterion, system), (old, value))
    _touch_active(claim, study)
    return _saved(session, (plan, item, claim), answers, undoable=old is not None or claim.state is ClaimState.ACTIVE)


def undo(*, session: Session, access: Access, claim_id: int) -> TaskView:
    """By a rater: undo the last change of an answer on this item; may be repeated until it raises NotAllowed."""
    study, member, claim, _ = _writable(session, access, claim_id)
    stack = undo_stack(session, claim)
    if not can_undo(claim, stack):
        raise NotAllowed("There is nothing to undo here; an item that is handed in keeps an answer to each question.")
    last = stack[-1]
    question = (last.criterion or "", last.system or "")
    answers = answers_of(session, claim.id)
    now = answers[question].value
    if last.old_value is None:
        session.delete(answers[question])
    else:
        _put(session, claim, answers, question, last.old_value)
    _record(session, (study, member, claim), StudyEventKind.UNDONE, question, (now, last.old_value))
    _touch_active(claim, study)
    session.flush()
    return task_view(session, study, member, claim)


def save_note(*, session: Session, access: Access, claim_id: int, note: str) -> Saved:
    """By a rater: store the reason in their own words, empty to remove it. The event does not repeat it."""
    study, member, claim, item = _writable(session, access, claim_id)
    _set_note(session, study, member, claim, note)
    _touch_active(claim, study)
    undoable = can_undo(claim, undo_stack(session, claim))
    return _saved(session, (plan_of(study), item, claim), answers_of(session, claim.id), undoable)


def submit(*, session: Session, access: Access, claim_id: int, note: str | None = None) -> TaskView:
    """By a rater: hand the item in; if that was done before, only stores a changed `note`.

    Raises ValueError listing the questions without an answer.
    """
    study, member, claim, item = _writable(session, access, claim_id)
    if note is not None:
        _set_note(session, study, member, claim, note)
    if claim.state is ClaimState.ACTIVE:
        missing = open_questions(session, plan_of(study), item, claim, answers_of(session, claim.id))
        if missing:
            raise ValueError(f"Please answer {', '.join(missing)}; then hand it in.")
        _touch_active(claim, study)
        claim.state, claim.done_at, claim.seen_at = ClaimState.DONE, utc_now(), None
        _record(session, (study, member, claim), StudyEventKind.SUBMITTED)
    session.flush()
    return task_view(session, study, member, claim)


def _writable(session: Session, access: Access, claim_id: int) -> tuple[Study, Member, Claim, Item]:
    study, member = require(session, access, Role.RATER, share=True)
    claim = own_claim(session, member, claim_id, lock=True)
    require_held(claim)
    item = session.get_one(Item, claim.item_id)
    if not can_change(study, item, claim):
        raise NotAllowed("This item is closed; its answers are final.")
    plan = plan_of(study)
    if plan.kind is StudyKind.LIVE and not talk_view(session, plan, claim).ended():
        raise NotAllowed("Talk with the two supporters first and end the talk; then judge them.")
    return study, member, claim, item


def _put(session: Session, claim: Claim, answers: dict[Question, Answer], question: Question, value: str) -> None:
    row = answers.get(question)
    if row is None:
        row = Answer(claim_id=claim.id, criterion=question[0], system=question[1])
        session.add(row)
        answers[question] = row
    row.value, row.saved_at = value, utc_now()


def _touch_active(claim: Claim, study: Study) -> None:
    """A sign of life, but only for an active claim: work on a handed-in item changes neither time nor lease."""
    if claim.state is ClaimState.ACTIVE:
        touch(claim, plan_of(study))


def _set_note(session: Session, study: Study, member: Member, claim: Claim, note: str) -> None:
    accepted = accept_text(note, what="reason", limit=MAX_REASON_CHARS) or None
    if accepted != claim.note:
        claim.note = accepted
        _record(session, (study, member, claim), StudyEventKind.NOTED)


def _saved(
    session: Session, what: tuple[StudyPlan, Item, Claim], answers: dict[Question, Answer], undoable: bool
) -> Saved:
    session.flush()
    return Saved(utc_now(), open_questions(session, *what, answers), undoable)


def _record(
    session: Session,
    where: tuple[Study, Member, Claim],
    kind: StudyEventKind,
    question: Question | None = None,
    change: tuple[str | None, str | None] = (None, None),
) -> None:
    study, member, claim = where
    criterion, system = question or (None, None)
    record_study(
        session,
        study.id,
        kind,
        actor=member.pseudonym(),
        claim_id=claim.id,
        item_id=claim.item_id,
        criterion=criterion,
        system=system,
        old_value=change[0],
        new_value=change[1],
    )
