"""A study from its plan to its end: draft -> open <-> paused -> closed. All by the lead.

created = create_study(session=session, plan=plan)         # .invitation is the lead's own link
import_items(...)                                          # see item_import; in a live study add_scenes
open_study(session=session, access=lead)                   # plans the items, or says why that cannot work
invite(...)                                                # see members
close_study(session=session, access=lead)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from annotation.choices import Role, StudyEventKind, StudyKind, StudyState
from annotation.rubric import rubric_to_json
from annotation.store.schema import utc_now
from annotation.store.study_events import SERVER, record_study
from annotation.store.study_schema import Context, Item, Member, Study, SystemReply
from annotation.studies.item_plan import PlannedItem, item_id, plan_items
from annotation.studies.members import NotAllowed, add_member, require
from annotation.studies.study_plan import ContextKey, StudyPlan, plan_from_dict
from annotation.studies.study_views import Access, Brief, Invitation, StudyView


@dataclass(frozen=True)
class CreatedStudy:
    """A new study and its first lead's link."""

    study: StudyView
    access: Access
    invitation: Invitation


def create_study(*, session: Session, plan: StudyPlan) -> CreatedStudy:
    """Store a new study as a draft, with one lead. Who may do that is for the caller to decide.

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
        names = ", ".join(session.scalars(select(Study.name).order_by(Study.name))) or "none yet"
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
    plan, live = plan_of(study), study.kind is StudyKind.LIVE
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


def open_study(*, session: Session, access: Access) -> StudyView:
    """By a lead: plan the items from the seed and let raters in. Raises PlanError with every reason it cannot work."""
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state is not StudyState.DRAFT:
        raise NotAllowed(f"This study is {study.state.value}; only a draft can be opened.")
    rows = planned_rows(session, study)
    for duplicates in (False, True):  # originals first: duplicates point to them
        session.add_all(row for row in rows if (row.duplicate_of is not None) is duplicates)
        session.flush()
    study.state, study.opened_at = StudyState.OPEN, utc_now()
    record_study(session, study.id, StudyEventKind.OPENED, actor=lead.pseudonym())
    return study_view(session, study)


def context_keys(session: Session, study: Study) -> list[ContextKey]:
    """What planning needs to know of the study's contexts."""
    rows = session.scalars(select(Context).where(Context.study_id == study.id)).all()
    if study.kind is StudyKind.LIVE:  # every system is ready to talk about every scene
        return [ContextKey(row.key, row.dialogue, plan_of(study).systems, row.purpose) for row in rows]
    replies: dict[str, list[str]] = {}
    statement = select(SystemReply.context_id, SystemReply.system).join(Context).where(Context.study_id == study.id)
    for context_id, system in session.execute(statement.order_by(SystemReply.system)):
        replies.setdefault(context_id, []).append(system)
    return [ContextKey(row.key, row.dialogue, tuple(replies.get(row.id, ())), row.purpose) for row in rows]


def planned_rows(session: Session, study: Study) -> list[Item]:
    """The items that plan, contexts and seed give, as rows that are not (or not yet) in the store."""
    contexts = {row.key: row.id for row in session.scalars(select(Context).where(Context.study_id == study.id))}
    planned = plan_items(plan_of(study), context_keys(session, study))
    return [_item_row(study.id, item, contexts) for item in planned]


def _item_row(study_id: str, planned: PlannedItem, contexts: Mapping[str, str]) -> Item:
    return Item(
        id=item_id(study_id, planned.name),
        study_id=study_id,
        context_id=contexts[planned.context],
        position=planned.position,
        purpose=planned.purpose,
        systems_json=json.dumps(planned.systems, ensure_ascii=False),
        seats=planned.seats,
        duplicate_of=None if planned.duplicate_of is None else item_id(study_id, planned.duplicate_of),
        in_sample=planned.in_sample,
    )


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
    """By a lead: end the study. No answer changes any more; what was not handed in does not count."""
    study, lead = require(session, access, Role.LEAD, lock=True)
    if study.state in (StudyState.DRAFT, StudyState.CLOSED):
        raise NotAllowed(f"This study is {study.state.value}; only an open or paused one can be closed.")
    study.state, study.closed_at = StudyState.CLOSED, utc_now()
    session.execute(
        update(Item).where(Item.study_id == study.id, Item.closed_at.is_(None)).values(closed_at=study.closed_at)
    )
    record_study(session, study.id, StudyEventKind.CLOSED, actor=lead.pseudonym())
    return study_view(session, study)
