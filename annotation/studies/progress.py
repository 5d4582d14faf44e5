"""The progress of a rater and of the whole study."""

from __future__ import annotations

from math import ceil

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Purpose, Role, StudyState
from annotation.store.schema import utc_now
from annotation.store.study_schema import Claim, Item, Member, Review, Study
from annotation.studies.members import require
from annotation.studies.review import waiting
from annotation.studies.studies import plan_of
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Access, OwnProgress, TeamProgress


def own_progress(*, session: Session, access: Access) -> OwnProgress:
    """By a rater: their own progress, nobody else's."""
    study, member = require(session, access, Role.RATER)
    by_state = select(Claim.state, func.count()).where(Claim.member_id == member.id).group_by(Claim.state)
    counts = {row[0]: row[1] for row in session.execute(by_state)}
    done, active = counts.get(ClaimState.DONE, 0), counts.get(ClaimState.ACTIVE, 0)
    expected = max(done + active, _fair_share(session, study, plan_of(study)))
    return OwnProgress(done, active, expected, member.break_since is not None)


def _fair_share(session: Session, study: Study, plan: StudyPlan) -> int:
    """Items per rater if all planned raters judge equally many, gold and onboarding included."""
    seats = session.scalar(select(func.sum(Item.seats)).where(Item.study_id == study.id)) or 0
    others = select(Item.purpose, func.count()).where(Item.study_id == study.id, Item.seats.is_(None))
    for_all = {row[0]: row[1] for row in session.execute(others.group_by(Item.purpose))}
    share: float = seats / plan.raters
    gold = min(for_all.get(Purpose.GOLD, 0), int(share * plan.gold_share / (1 - plan.gold_share)))
    return ceil(share) + gold + for_all.get(Purpose.ONBOARDING, 0)


def team_progress(*, session: Session, access: Access) -> TeamProgress:
    """By a lead: the progress of all raters and reviews."""
    study, _ = require(session, access, Role.LEAD)
    main = (Item.study_id == study.id, Item.purpose == Purpose.MAIN, Item.duplicate_of.is_(None))
    done = select(func.count()).where(Claim.item_id == Item.id, Claim.state == ClaimState.DONE).scalar_subquery()
    planned = study.state is not StudyState.DRAFT  # a draft that is being opened may have some items stored
    rows = session.execute(select(Item.seats, done).where(*main)).all() if planned else []
    active = select(func.count()).select_from(Claim).join(Item)
    held = (Item.study_id == study.id, Claim.state == ClaimState.ACTIVE, Claim.lease_until >= utc_now())
    decided = select(Review.decided_at).join(Item).where(Item.study_id == study.id)
    reviews = session.scalars(decided).all()
    finished = sum(at is not None for at in reviews)
    return TeamProgress(
        items=len(rows),
        complete=sum(count >= (seats or 0) for seats, count in rows),
        judgments_done=sum(count for _, count in rows),
        judgments_needed=sum(seats or 0 for seats, _ in rows),
        active=session.scalar(active.where(*held)) or 0,
        per_rater=_per_rater(session, study),
        reviewed=finished,
        to_review=len(reviews) - finished + len(waiting(session, study)),
    )


def _per_rater(session: Session, study: Study) -> tuple[tuple[str, int], ...]:
    done = select(func.count()).where(Claim.member_id == Member.id, Claim.state == ClaimState.DONE).scalar_subquery()
    raters = (Member.study_id == study.id, Member.role == Role.RATER)
    rows = session.execute(select(Member, done).where(*raters).order_by(Member.number))
    return tuple((member.pseudonym(), count) for member, count in rows)
