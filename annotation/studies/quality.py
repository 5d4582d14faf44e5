"""Signs of careless work while a study runs, for its lead: the flags of everything handed in so far."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Role
from annotation.statistics.flags import Work, flagged, measure
from annotation.store.study_schema import Answer, Claim, Item, Member
from annotation.studies.ballots import known_answers
from annotation.studies.members import require
from annotation.studies.studies import plan_of
from annotation.studies.study_views import Access, RaterQuality
from annotation.studies.task_projection import systems_of, to_shown


def rater_quality(*, session: Session, access: Access) -> tuple[RaterQuality, ...]:
    """By a lead: one row per rater, including raters without work."""
    study, _ = require(session, access, Role.LEAD)
    plan, known = plan_of(study), known_answers(session, study)
    raters = session.scalars(
        select(Member).where(Member.study_id == study.id, Member.role == Role.RATER).order_by(Member.number)
    )
    rows = [
        measure(
            rater.pseudonym(),
            works_of(session, rater),
            known,
            pairwise=plan.pairwise(),
            min_seconds=plan.min_seconds,
        )
        for rater in raters
    ]
    return flagged(rows, min_seconds=plan.min_seconds)


def works_of(session: Session, rater: Member) -> list[Work]:
    """What the rater handed in, in the rater's order."""
    done = (Claim.member_id == rater.id, Claim.state == ClaimState.DONE)
    answers: dict[int, list[Answer]] = {}
    for row in session.scalars(select(Answer).join(Claim).where(*done)):
        answers.setdefault(row.claim_id, []).append(row)
    works = []
    for claim, item in session.execute(select(Claim, Item).join(Item).where(*done).order_by(Claim.ordinal)):
        given = {(row.criterion, row.system): row.value for row in answers.get(claim.id, [])}
        systems, places = systems_of(item), claim.places()
        shown = [to_shown(systems, places, (*question, value))[2] for question, value in given.items()]
        works.append(Work(item.id, item.purpose, item.duplicate_of, claim.seconds, given, shown))
    return works
