"""A study from its plan to its end: draft -> open <-> paused -> closed. All of this is done by the lead.

created = create_study(session=session, plan=plan)         # .invitation is the lead's own link
import_items(...)                                          # see item_import; in a live study add_scenes
open_study(session=session, access=lead)                   # plans the items, or says why that cannot work; many items:
open_in_batches(do, plan_opening(session=reading, ...))    # other writers wait for one batch at most
invite(...)                                                # see members
close_study(session=session, access=lead)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.orm import Session

from annotation.choices import Role, StudyEventKind, StudyKind, StudyState
from annotation.rubric import rubric_to_json
from annotation.store.schema import utc_now
from annotation.store.study_events import SERVER, record_study
from annotation.store.study_schema import Context, Item, Member, Study, StudyEvent, SystemReply
from annotation.studies.item_plan import PlannedItem, item_id, plan_items
from annotation.studies.members import Do, NotAllowed, add_member, require, with_pauses
from annotation.studies.study_plan import ContextKey, StudyPlan, plan_from_dict
from annotation.studies.study_views import Access, Brief, Invitation, StudyView

BATCH = 500
"""number of items that one transaction stores when a study is opened"""
_CHANGES = (StudyEventKind.CREATED, StudyEventKind.IMPORTED)
"""the events that changes of a draft record"""
_CHANGED = "The draft was changed or opened by somebody else meanwhile; look at it and open it again."


@dataclass(frozen=True)
class CreatedStudy:
    """A new study and its first lead's link."""

    study: StudyView
    access: Access
    invitation: Invitation


def create_study(*, session: Session, plan: StudyPlan) -> CreatedStudy:
    """Store a new study as a draft, with one lead. The caller decides who may do that.

    Raises ValueError when the name is taken.
    """
    if session.scalar(select(Study.id).where(Study.name == plan.name)) is not None:
        raise ValueError(f"there is a study named {plan.name!r} already; choose another name")
    study = Study(
        id=secrets.token_hex(16),
        name=plan.name,
        kind=plan.kind,
        state=StudyState.DRAFT,
        seed=plan.seed,
        plan_json=plan.to_json(),
        rubric_json=rubric_to_json(plan.rubric),
        created_at=utc_now(),
    )
    session.add(study)
    session.flush()
    record_study(session, study.id, StudyEventKind.CREATED)
    invitation = add_member(session, study, Role.LEAD, SERVER)
    return CreatedStudy(study_view(session, study), lead_access(session=session, name=plan.name), invitation)


def lead_access(*, session: Session, name: str) -> Access:
    """The first valid lead of the study `name`, for commands on the server itself. Raises LookupError."""
    statement = (
        select(Member).join(Study).where(Study.name == name, Member.role == Role.LEAD, Member.revoked_at.is_(None))
    )
    lead = session.scalars(statement.order_by(Member.number)).first()
    if lead is None:
        known = select(Study.name).where(Study.gathers_for.is_(None)).order_by(Study.name)
        names = ", ".join(session.scalars(known)) or "none yet"
        raise LookupError(f"there is no study {name!r} with a lead; studies: {names}")
    return Access(lead.study_id, lead.id, lead.role, lead.pseudonym())


def plan_of(study: Study) -> StudyPlan:
    """The plan of a stored study."""
    return plan_from_dict(json.loads(study.plan_json))


def get_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: the study with its plan."""
    study, _ = require(session, access, Role.LEAD)
    return study_view(session, study)


def study_view(session: Session, study: Study) -> StudyView:
    """The row as its lead sees it."""
    contexts, items = (
        session.scalar(select(func.count()).select_from(table).where(table.study_id == study.id)) or 0
        for table in (Context, Item)
    )
    if study.state is StudyState.DRAFT:
        items = 0  # some may be stored while it is being opened
    return StudyView(
        id=study.id,
        name=study.name,
        kind=study.kind,
        state=study.state,
        plan=plan_of(study),
        contexts=contexts,
        items=items,
        created_at=study.created_at,
        opened_at=study.opened_at,
        closed_at=study.closed_at,
    )


def get_brief(*, session: Session, access: Access) -> Brief:
    """By any member: what to read before the first item."""
    study, member = require(session, access, *Role)
    plan = plan_of(study)
    # A reviewer only reads talks, and so gets the questions and notes for readers.
    live = study.kind is StudyKind.LIVE and member.role is Role.RATER
    asked = plan.rubric.criteria if live else tuple(one.to_onlooker() for one in plan.rubric.criteria)
    return Brief(
        name=study.name,
        state=study.state,
        instructions=plan.instructions,
        consent=plan.consent,
        consented=member.consented_at is not None,
        pairwise=plan.pairwise(),
        criteria=asked,
        answers=plan.rubric.answers(),
        live=live,
        min_turns=plan.min_turns,
        turn_preference=plan.turn_preference,
        passwords=plan.passwords,
    )


@dataclass(frozen=True)
class Opening:
    """The items with which a draft would open, planned while others write; invalid once the draft has changed."""

    rows: tuple[dict[str, Any], ...]
    draft: tuple[int | None, int]
    """the draft's last change and how many contexts it had"""


def plan_opening(*, session: Session, access: Access) -> Opening:
    """By a lead, only reading: plan the items, the slowest part of opening. Raises as `open_study` does."""
    study, _ = require(session, access, Role.LEAD)
    _check_draft(study)
    return Opening(tuple(planned_rows(session, study)), _draft_now(session, study))


def open_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: plan the items from the seed and let raters in, in one transaction: for few items.

    Raises PlanError with all reasons why the plan cannot work.
    """
    study, lead = require(session, access, Role.LEAD, lock=True)
    _check_draft(study)
    session.execute(delete(Item).where(Item.study_id == study.id))
    _store_items(session, planned_rows(session, study))
    return _opened(session, study, lead)


def open_in_batches(do: Do, opening: Opening) -> StudyView:
    """The same for many items: other writers get their turn after each batch.

    Nothing shows or hands out the items of a draft, so only the last step opens it; remains of an interrupted attempt
    are deleted first. Raises NotAllowed when others change or open the draft meanwhile.
    """
    do = with_pauses(do)
    while do(_clear_items, draft=opening.draft):
        pass
    for at in range(0, len(opening.rows), BATCH):
        do(_add_items, draft=opening.draft, rows=opening.rows[at : at + BATCH])
    return do(_open_with, opening=opening)


def _clear_items(*, session: Session, access: Access, draft: tuple[int | None, int]) -> bool:
    """Delete one batch of items; returns whether more may be left."""
    study, _ = _same_draft(session, access, draft)
    some = list(session.scalars(select(Item.id).where(Item.study_id == study.id).limit(BATCH)))
    session.execute(delete(Item).where(Item.id.in_(some)))
    return len(some) == BATCH


def _add_items(
    *, session: Session, access: Access, draft: tuple[int | None, int], rows: Sequence[dict[str, Any]]
) -> None:
    _same_draft(session, access, draft)
    # Somebody who opens the same draft at the same time stores the same items.
    there = set(session.scalars(select(Item.id).where(Item.id.in_([row["id"] for row in rows]))))
    _store_items(session, [row for row in rows if row["id"] not in there])


def _open_with(*, session: Session, access: Access, opening: Opening) -> StudyView:
    study, lead = _same_draft(session, access, opening.draft)
    stored = session.scalar(select(func.count()).where(Item.study_id == study.id))
    if stored != len(opening.rows):
        raise NotAllowed(_CHANGED)
    return _opened(session, study, lead)


def _same_draft(session: Session, access: Access, draft: tuple[int | None, int]) -> tuple[Study, Member]:
    study, lead = require(session, access, Role.LEAD, lock=True)
    _check_draft(study)
    if _draft_now(session, study) != draft:
        raise NotAllowed(_CHANGED)
    return study, lead


def _store_items(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:  # bypasses the ORM, which takes five times as long
        session.connection().execute(insert(cast(Table, Item.__table__)), rows)


def _opened(session: Session, study: Study, lead: Member) -> StudyView:
    study.state, study.opened_at = StudyState.OPEN, utc_now()
    record_study(session, study.id, StudyEventKind.OPENED, actor=lead.pseudonym())
    session.flush()
    return study_view(session, study)


def _check_draft(study: Study) -> None:
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"This study is {study.state.value}; only a draft can be opened.")


def draft_mark(*, session: Session, access: Access) -> tuple[int | None, int]:
    """By a lead: a value that differs after every change of a draft, to check whether earlier findings still hold."""
    study, _ = require(session, access, Role.LEAD)
    return _draft_now(session, study)


def _draft_now(session: Session, study: Study) -> tuple[int | None, int]:
    """See `draft_mark`. Every change records an event, except that of erased talks, which remove contexts."""
    changes = (StudyEvent.study_id == study.id, StudyEvent.kind.in_(_CHANGES))
    last = session.scalar(select(func.max(StudyEvent.id)).where(*changes))
    return last, session.scalar(select(func.count()).where(Context.study_id == study.id)) or 0


def context_keys(session: Session, study: Study) -> list[ContextKey]:
    """What planning needs to know about the study's contexts."""
    columns = (Context.id, Context.key, Context.dialogue, Context.purpose)
    rows = session.execute(select(*columns).where(Context.study_id == study.id)).all()
    if study.kind is StudyKind.LIVE:  # every system can talk about every scene
        return [ContextKey(row.key, row.dialogue, plan_of(study).systems, row.purpose) for row in rows]
    replies: dict[str, list[str]] = {}
    statement = select(SystemReply.context_id, SystemReply.system).join(Context).where(Context.study_id == study.id)
    for context_id, system in session.execute(statement.order_by(SystemReply.system)):
        replies.setdefault(context_id, []).append(system)
    return [ContextKey(row.key, row.dialogue, tuple(replies.get(row.id, ())), row.purpose) for row in rows]


def planned_rows(session: Session, study: Study) -> list[dict[str, Any]]:
    """The items that follow from plan, contexts and seed, as rows that are not (yet) in the store."""
    found = session.execute(select(Context.key, Context.id).where(Context.study_id == study.id))
    contexts = {row.key: row.id for row in found}
    planned = plan_items(plan_of(study), context_keys(session, study))
    rows = [_item_row(study.id, item, contexts) for item in planned]
    return sorted(rows, key=lambda row: row["duplicate_of"] is not None)  # originals first: duplicates refer to them


def _item_row(study_id: str, planned: PlannedItem, contexts: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": item_id(study_id, planned.name),
        "study_id": study_id,
        "context_id": contexts[planned.context],
        "position": planned.position,
        "purpose": planned.purpose,
        "systems_json": json.dumps(planned.systems, ensure_ascii=False),
        "seats": planned.seats,
        "duplicate_of": None if planned.duplicate_of is None else item_id(study_id, planned.duplicate_of),
        "in_sample": planned.in_sample,
        "closed_at": None,
    }


def pause_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: hand out no new items; items that raters have begun can be finished."""
    return _move(session, access, (StudyState.OPEN, StudyState.PAUSED, StudyEventKind.PAUSED))


def resume_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: hand out items again."""
    return _move(session, access, (StudyState.PAUSED, StudyState.OPEN, StudyEventKind.RESUMED))


def _move(session: Session, access: Access, step: tuple[StudyState, StudyState, StudyEventKind]) -> StudyView:
    before, after, kind = step
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state is not before:
        raise NotAllowed(f"This study is {study.state.value}; it must be {before.value} for that.")
    study.state = after
    record_study(session, study.id, kind, actor=lead.pseudonym())
    return study_view(session, study)


def close_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: end the study. Answers cannot change any more; what was not handed in does not count."""
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state in (StudyState.DRAFT, StudyState.CLOSED):
        raise NotAllowed(f"This study is {study.state.value}; only an open or paused one can be closed.")
    study.state, study.closed_at = StudyState.CLOSED, utc_now()
    session.execute(
        update(Item).where(Item.study_id == study.id, Item.closed_at.is_(None)).values(closed_at=study.closed_at)
    )
    record_study(session, study.id, StudyEventKind.CLOSED, actor=lead.pseudonym())
    return study_view(session, study)
