"""Claims: who works on which item. Each item gets exactly as many raters as planned, whatever happens at the same time.

    task = open_task(session=session, access=rater)      # the item in work, or the next one; None: nothing (left) to do
    keep_alive(...)                                      # now and then while the page is open
    begin_break(...), end_break(...)                     # the clock stands still
    give_back(...)                                       # this item is not for me

A claim holds one of the item's seats until its lease ends without a sign of life; then the seat is free for others. If
it is still free when the rater returns, they get the item again, with their drafts. Claims are made under a lock on the
study, and the tables would refuse a seat too many (UNIQUE, CHECK) even if that lock failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Purpose, Role, StudyEventKind, StudyState
from annotation.store.schema import utc_now
from annotation.store.study_events import SERVER, record_study
from annotation.store.study_schema import Claim, Context, Item, Member, Study
from annotation.studies.assignment import WINDOW, Choice, Open, Past, Rater, Rules, choose
from annotation.studies.members import NotAllowed, require, require_consent
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, TaskLine, TaskView
from annotation.studies.task_projection import can_change, systems_of, task_view

IDLE_S = 120.0
"""longest time between two signs of life that counts as work, in seconds"""


def open_task(*, session: Session, access: Access) -> TaskView | None:
    """By a rater: the item they are working on, else the next one, now claimed for them; None when none is left.

    Raises NotAllowed before consent, during a break, and while the study hands out nothing.
    """
    study, member = require(session, access, Role.RATER, lock=True)
    plan = plan_of(study)
    _check_ready(session, study, member)
    _release_expired(session, study)
    claim = session.scalar(select(Claim).where(Claim.member_id == member.id, Claim.state == ClaimState.ACTIVE))
    if claim is None:
        if study.state is not StudyState.OPEN:
            raise NotAllowed(f"This study is {study.state.value}: no new items are handed out at the moment.")
        claim = _returning(session, study, member) or _next(session, study, member)
        if claim is None:
            return None
    touch(claim, plan)
    session.flush()
    return task_view(session, study, member, claim)


def get_task(*, session: Session, access: Access, claim_id: int) -> TaskView:
    """By a rater: one of their own items, to read or change it. Raises LookupError."""
    study, member = require(session, access, Role.RATER)
    return task_view(session, study, member, own_claim(session, member, claim_id))


def own_tasks(*, session: Session, access: Access) -> tuple[TaskLine, ...]:
    """By a rater: all items that they hold or have handed in, in the order in which they got them."""
    study, member = require(session, access, Role.RATER)
    held = (Claim.member_id == member.id, Claim.state != ClaimState.RELEASED)
    rows = session.execute(select(Claim, Item).join(Item).where(*held).order_by(Claim.ordinal))
    return tuple(
        TaskLine(claim.id, claim.ordinal, claim.state, claim.done_at, can_change(study, item, claim))
        for claim, item in rows
    )


def keep_alive(*, session: Session, access: Access, claim_id: int) -> datetime:
    """By a rater: still working on it; returns the end of the renewed lease. Raises NotAllowed if it was released."""
    study, member = require(session, access, Role.RATER, share=True)
    claim = own_claim(session, member, claim_id, lock=True)
    require_held(claim)
    if claim.state is ClaimState.ACTIVE and member.break_since is None:
        touch(claim, plan_of(study))
    return claim.lease_until


def give_back(*, session: Session, access: Access, claim_id: int) -> None:
    """By a rater: decline this item. The seat is free for others, and this rater does not get the item again.

    Raises NotAllowed for an item that was handed in or released before.
    """
    study, member = require(session, access, Role.RATER, lock=True)
    claim = own_claim(session, member, claim_id, lock=True)
    require_held(claim)
    if claim.state is ClaimState.DONE:
        raise NotAllowed("This item is handed in; you can still change your answers.")
    claim.declined = True
    _release(session, study, claim, member.pseudonym())


def begin_break(*, session: Session, access: Access) -> None:
    """By a rater: stop the clock of the item in work; its lease starts anew. Does nothing the second time."""
    study, member = require(session, access, Role.RATER, lock=True)
    if member.break_since is not None:
        return
    for claim in _active(session, member):
        touch(claim, plan_of(study))
        claim.seen_at = None
    member.break_since = utc_now()
    record_study(session, study.id, StudyEventKind.BREAK_BEGUN, actor=member.pseudonym())


def end_break(*, session: Session, access: Access) -> None:
    """By a rater: continue work. Does nothing when there is no break."""
    study, member = require(session, access, Role.RATER, lock=True)
    if member.break_since is None:
        return
    member.break_since = None
    for claim in _active(session, member):
        touch(claim, plan_of(study))
    record_study(session, study.id, StudyEventKind.BREAK_ENDED, actor=member.pseudonym())


def own_claim(session: Session, member: Member, claim_id: int, lock: bool = False) -> Claim:
    """The row. Raises LookupError, with the same message whether it does not exist or is someone else's."""
    claim = session.get(Claim, claim_id, with_for_update=lock, populate_existing=lock)
    if claim is None or claim.member_id != member.id:
        raise LookupError("This item is not (or no longer) yours; open the next one.")
    return claim


def require_held(claim: Claim) -> None:
    """Raise NotAllowed when the claim was released."""
    if claim.state is ClaimState.RELEASED:
        raise NotAllowed(
            "This item went back to the pool: you skipped it, or were inactive for a long time; open the next one."
        )


def touch(claim: Claim, plan: StudyPlan) -> None:
    """A sign of life: count the time since the last one (at most IDLE_S) and renew the lease."""
    now = utc_now()
    if claim.seen_at is not None:
        claim.seconds += min(max((now - claim.seen_at).total_seconds(), 0.0), IDLE_S)
    claim.seen_at = now
    claim.lease_until = now + timedelta(minutes=plan.lease_minutes)


def _check_ready(session: Session, study: Study, member: Member) -> None:
    if study.state in (StudyState.DRAFT, StudyState.CLOSED):
        raise NotAllowed(f"This study is {study.state.value}; there is nothing to judge.")
    require_consent(session, member)
    if member.break_since is not None:
        raise NotAllowed("You are on a break; end it to continue.")


def _active(session: Session, member: Member) -> list[Claim]:
    statement = select(Claim).where(Claim.member_id == member.id, Claim.state == ClaimState.ACTIVE)
    return list(session.scalars(statement.with_for_update().execution_options(populate_existing=True)))


def _release_expired(session: Session, study: Study) -> None:
    statement = (
        select(Claim)
        .join(Item)
        .where(Item.study_id == study.id, Claim.state == ClaimState.ACTIVE, Claim.lease_until < utc_now())
        .with_for_update(of=Claim)
        .execution_options(populate_existing=True)
    )
    for claim in session.scalars(statement).all():
        _release(session, study, claim, SERVER)
    session.flush()


def _release(session: Session, study: Study, claim: Claim, actor: str) -> None:
    claim.state, claim.seat, claim.seen_at = ClaimState.RELEASED, None, None
    record_study(session, study.id, StudyEventKind.RELEASED, actor=actor, claim_id=claim.id, item_id=claim.item_id)


def _returning(session: Session, study: Study, member: Member) -> Claim | None:
    """A claim that was released while the rater was away and whose item is still free; they get it as they left it."""
    statement = (
        select(Claim)
        .join(Item)
        .where(Claim.member_id == member.id, Claim.state == ClaimState.RELEASED, Claim.declined.is_(False), _free())
        .order_by(Claim.ordinal)
    )
    claim = session.scalars(statement).first()
    if claim is not None:
        claim.seat, claim.state = _free_seat(session, claim.item_id), ClaimState.ACTIVE
        _record_claim(session, study, member, claim)
    return claim


def _next(session: Session, study: Study, member: Member) -> Claim | None:
    past, seen = _past(session, member)
    items = _open_items(session, study, member, {entry.item_id for entry in past})
    plan = plan_of(study)
    rules = Rules(study.seed, plan.gold_share, plan.duplicate_spacing)
    choice = choose(Rater(member.id, past), items, rules)
    return None if choice is None else _store(session, study, member, choice, ordinal=seen + 1)


def _store(session: Session, study: Study, member: Member, choice: Choice, ordinal: int) -> Claim:
    now = utc_now()
    item = session.get_one(Item, choice.item_id)
    claim = Claim(
        item_id=item.id,
        member_id=member.id,
        ordinal=ordinal,
        state=ClaimState.ACTIVE,
        seat=_free_seat(session, item.id),
        seats=item.seats,
        arrangement=",".join(str(place) for place in choice.arrangement),
        claimed_at=now,
        lease_until=now,
        seconds=0.0,
        declined=False,
    )
    session.add(claim)
    session.flush()
    _record_claim(session, study, member, claim)
    return claim


def _record_claim(session: Session, study: Study, member: Member, claim: Claim) -> None:
    record_study(
        session,
        study.id,
        StudyEventKind.CLAIMED,
        actor=member.pseudonym(),
        claim_id=claim.id,
        item_id=claim.item_id,
        new_value=claim.arrangement,
    )


def _past(session: Session, member: Member) -> tuple[tuple[Past, ...], int]:
    """The items that the rater holds or has handed in, and how many they ever got."""
    rows = session.execute(select(Claim, Item).join(Item).where(Claim.member_id == member.id)).all()
    past = tuple(
        Past(item.id, claim.ordinal, item.purpose, systems_of(item), claim.places(), item.duplicate_of is not None)
        for claim, item in rows
        if claim.state is not ClaimState.RELEASED
    )
    return past, max((claim.ordinal for claim, _ in rows), default=0)


def _open_items(session: Session, study: Study, member: Member, held: set[str]) -> list[Open]:
    """The items that the rater may get; of the main items only the first few."""
    had = select(Claim.item_id).where(Claim.member_id == member.id)
    dialogues = select(Context.dialogue).join(Item).join(Claim).where(Claim.member_id == member.id)
    base = (
        select(Item)
        .join(Context)
        .where(Item.study_id == study.id, _free(), Item.id.not_in(had))
        .order_by(Item.position)
    )
    new = Context.dialogue.not_in(dialogues)
    original = Item.duplicate_of.is_(None)
    main = base.where(new, original, Item.purpose == Purpose.MAIN).limit(WINDOW)
    for_all = base.where(new, original, Item.purpose != Purpose.MAIN)
    rows = [*session.scalars(main), *session.scalars(for_all)]
    if held:
        rows += session.scalars(base.where(Item.duplicate_of.in_(held)))
    used: dict[str, list[tuple[int, ...]]] = {row.id: [] for row in rows}
    seated = select(Claim).where(Claim.item_id.in_(list(used)), Claim.seat.is_not(None))
    for claim in session.scalars(seated):
        used[claim.item_id].append(claim.places())
    return [
        Open(row.id, row.position, row.purpose, systems_of(row), tuple(used[row.id]), row.duplicate_of) for row in rows
    ]


def _free() -> ColumnElement[bool]:
    """Condition on an Item: it is not closed, and a seat is free."""
    other = Claim.__table__.alias("seated")
    taken = select(func.count()).where(and_(other.c.item_id == Item.id, other.c.seat.is_not(None))).scalar_subquery()
    return and_(Item.closed_at.is_(None), or_(Item.seats.is_(None), Item.seats > taken))


def _free_seat(session: Session, item_id: str) -> int:
    """The lowest seat that nobody holds."""
    statement = select(Claim.seat).where(Claim.item_id == item_id, Claim.seat.is_not(None))
    taken = set(session.scalars(statement))
    return next(seat for seat in range(len(taken) + 1) if seat not in taken)
