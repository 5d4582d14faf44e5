"""A rater takes back everything they gave to a study: items, answers and reasons are deleted, the seats are free again.

    withdraw(session=session, access=rater)                      # for themselves
    withdraw(session=session, access=lead, pseudonym="r3")       # by the lead, for a rater who asked for it

Results are computed from the stored data, so they change at once. The member's row stays, without link, password and
consent, so that its number is not given to anybody else. The study's events stay too, without the answers: they record
what was handed out and done when, and nothing links the number to a person any more.
"""

from __future__ import annotations

import secrets

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from annotation.choices import ClaimState, Role, StudyEventKind
from annotation.store.erasure import mark_erasure
from annotation.store.schema import utc_now
from annotation.store.study_events import blank_answers, record_study
from annotation.store.study_schema import Claim, Member, Study
from annotation.studies.members import NotAllowed, find_member, require
from annotation.studies.study_views import Access


def withdraw(*, session: Session, access: Access, pseudonym: str | None = None) -> int:
    """Delete everything of one rater, whatever the state of the study; returns how many items they had handed in.

    Their link and password stop working. A seat is free again unless the item or the study is closed. Raises NotAllowed
    for somebody else's data (except by a lead) and members who are not raters, LookupError for an unknown pseudonym.
    """
    study, member = require(session, access, Role.RATER, Role.LEAD, lock=True)
    rater = _whose(session, study, member, pseudonym)
    done = select(func.count()).where(Claim.member_id == rater.id, Claim.state == ClaimState.DONE)
    items = session.scalar(done) or 0
    session.execute(delete(Claim).where(Claim.member_id == rater.id))  # foreign keys delete the answers
    blank_answers(session, study.id, rater.pseudonym())
    rater.token_hash, rater.password_hash = secrets.token_hex(32), None
    rater.consented_at = rater.break_since = None
    rater.revoked_at = rater.revoked_at or utc_now()
    # The number of deleted items distinguishes a withdrawal from a revoked link.
    gone, name = str(items), rater.pseudonym()
    record_study(session, study.id, StudyEventKind.REVOKED, actor=member.pseudonym(), old_value=gone, new_value=name)
    mark_erasure(session)
    return items


def _whose(session: Session, study: Study, member: Member, pseudonym: str | None) -> Member:
    if pseudonym is None or pseudonym == member.pseudonym():
        rater = member
    elif member.role is Role.LEAD:
        found = find_member(session, study.id, pseudonym)
        if found is None:
            raise LookupError(f"this study has no member {pseudonym!r}")
        rater = found
    else:
        raise NotAllowed("You can delete your own answers only.")
    if rater.role is not Role.RATER:
        raise NotAllowed(f"Only raters have answers to delete; {rater.pseudonym()} is a {rater.role.value}.")
    return rater
