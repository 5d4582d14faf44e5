"""Who takes part in a study: invitation links, passwords, roles, breaks.

    invitation = invite(session=session, access=lead, role="rater")  # .token goes into the link, once
    access = whose_link(session=session, token=token)                # None: revoked, or never given out
    require(session, access, Role.RATER)                             # first line of every store function

A token is 32 random bytes; only its sha256 is stored, so a stolen database gives no access. The store checks an
`Access` again on every call, so that a revoked link stops working at once.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from annotation.choices import Role, StudyEventKind, StudyState
from annotation.store.schema import utc_now
from annotation.store.study_events import record_study
from annotation.store.study_schema import Member, Study, StudyEvent
from annotation.studies.passwords import check_password, hash_password
from annotation.studies.study_plan import plan_from_dict
from annotation.studies.study_views import Access, Invitation, MemberView
from annotation.studies.tickets import holder_of, is_genuine, make_ticket

WRONG = "This link or password is not valid (any more). Ask the study's lead for a new one."
CONSENT = "study"
"""version of the consent to the text that the study's page showed, where nothing is sent to other servers"""
LONGEST_PAUSE_S = 0.1
"""SQLite tries again at the latest after this time"""
T = TypeVar("T")
AGAIN = "Please sign in again."


class Do(Protocol):
    """Runs one function of the store for one member, in its own transaction."""

    def __call__(self, action: Callable[..., T], **arguments: Any) -> T:
        """Call `action(session=..., access=..., **arguments)` and return its result."""


def with_pauses(do: Do) -> Do:
    """`do` for a series of batches: after each it pauses for as long as the batch took, 0.1 s at most.

    Threads of one process take turns in order (`write_queue`), but other processes only check now and then whether
    SQLite's lock is free: without a pause they waited more than a second, though no batch took a tenth of that.
    """

    def done(action: Callable[..., T], **arguments: Any) -> T:
        begun = time.monotonic()
        found = do(action, **arguments)
        time.sleep(min(time.monotonic() - begun, LONGEST_PAUSE_S))
        return found

    return done


class NotAllowed(ValueError):  # noqa: N818  (reads as the sentence it is)
    """The member may not do this. The message is written for the user; nothing was stored."""


def require(
    session: Session, access: Access, *roles: Role, lock: bool = False, share: bool = False
) -> tuple[Study, Member]:
    """The study and the member behind `access`, when the link is valid and the role is one of `roles`.

    Until commit, `lock` keeps other writers of this study out, and `share` keeps out only those who ask for `lock`
    (SQLite has one writer at a time anyway). Raises NotAllowed.
    """
    how = {"read": True} if share else lock
    study = session.get(Study, access.study_id, with_for_update=how, populate_existing=lock or share)
    member = session.get(Member, access.member_id)
    if study is None or member is None or member.study_id != study.id or member.revoked_at is not None:
        raise NotAllowed(WRONG)
    if member.role not in roles:
        allowed = " or a ".join(role.value for role in roles)
        raise NotAllowed(f"This is for a {allowed} of the study; your link is a {member.role.value}'s.")
    return study, member


def add_member(session: Session, study: Study, role: Role, actor: str) -> Invitation:
    """Store a new member and return the token; the caller has checked who asks."""
    taken = select(func.max(Member.number)).where(Member.study_id == study.id, Member.role == role)
    token = secrets.token_urlsafe(32)
    member = Member(
        id=secrets.token_hex(16),
        study_id=study.id,
        role=role,
        number=(session.scalar(taken) or 0) + 1,
        token_hash=_hash(token),
        invited_at=utc_now(),
    )
    session.add(member)
    session.flush()
    record_study(session, study.id, StudyEventKind.INVITED, actor=actor, new_value=member.pseudonym())
    return Invitation(pseudonym=member.pseudonym(), role=role, token=token)


def invite(*, session: Session, access: Access, role: Role | str) -> Invitation:
    """By a lead: a new member and the token of the link, which is shown only once and cannot be looked up later.

    Raises NotAllowed for raters of a study that is not open: its plan is not yet known to work, or it is over.
    """
    study, lead = require(session, access, Role.LEAD, lock=True)
    if Role(role) is Role.RATER and study.state not in (StudyState.OPEN, StudyState.PAUSED):
        raise NotAllowed(f"Raters are invited to an open study; this one is {study.state.value}. Open it first.")
    return add_member(session, study, Role(role), lead.pseudonym())


def revoke(*, session: Session, access: Access, pseudonym: str) -> None:
    """By a lead: disable this member's link and password; what they handed in stays. Raises LookupError."""
    study, lead = require(session, access, Role.LEAD, lock=True)
    member = find_member(session, study.id, pseudonym)
    if member is None:
        raise LookupError(f"this study has no member {pseudonym!r}")
    if member.id == lead.id:
        raise NotAllowed("You cannot revoke your own link; another lead can.")
    if member.revoked_at is None:
        member.revoked_at = utc_now()
        record_study(session, study.id, StudyEventKind.REVOKED, actor=lead.pseudonym(), new_value=pseudonym)


def members(*, session: Session, access: Access) -> tuple[MemberView, ...]:
    """By a lead: everybody in the study, in the order in which they were invited."""
    study, _ = require(session, access, Role.LEAD)
    rows = session.scalars(
        select(Member).where(Member.study_id == study.id).order_by(Member.invited_at, Member.role, Member.number)
    )
    withdrew = _withdrawals(session, study)
    return tuple(
        MemberView(
            pseudonym=row.pseudonym(),
            role=row.role,
            invited_at=row.invited_at,
            consented_at=row.consented_at,
            revoked_at=row.revoked_at,
            break_since=row.break_since,
            withdrew=withdrew.get(row.pseudonym()),
        )
        for row in rows
    )


def _withdrawals(session: Session, study: Study) -> dict[str, int]:
    """Pseudonym -> number of deleted items, for raters who withdrew (see `withdrawal`)."""
    kind = (StudyEvent.study_id == study.id, StudyEvent.kind == StudyEventKind.REVOKED)
    rows = session.execute(
        select(StudyEvent.new_value, StudyEvent.old_value).where(*kind, StudyEvent.old_value.is_not(None))
    )
    return {str(row[0]): int(str(row[1])) for row in rows}


def whose_link(*, session: Session, token: str) -> Access | None:
    """The member whose invitation this is. Only reads: 256 bits cannot be guessed, so attempts are not counted."""
    return _access(session.scalar(select(Member).where(Member.token_hash == _hash(token))))


def whose_password(*, session: Session, study: str, pseudonym: str, password: str) -> Access | None:
    """The member with this pseudonym and password in that study. Only reads; `pace` slows down guessing.

    A wrong name, a wrong password and a member without a password take equally long and get the same answer.
    """
    member = session.scalar(_named(pseudonym.strip().lower()).join(Study).where(Study.name == study.strip()))
    found = check_password(password, None if member is None else member.password_hash)
    return _access(member) if found else None


def whose_ticket(*, session: Session, ticket: str, key: bytes) -> Access | None:
    """The member who returns with a ticket from this run of the server. Only reads."""
    member = session.get(Member, holder_of(ticket))
    if member is None or member.password_hash is None:
        return None
    return _access(member) if is_genuine(ticket, member.password_hash, key, utc_now()) else None


def is_lead(*, session: Session, member_id: str) -> bool:
    """Whether this is the lead of a study, and not revoked."""
    access = _access(session.get(Member, member_id))
    return access is not None and access.role is Role.LEAD


def sign_in(*, session: Session, access: Access) -> Access:
    """Record that this member signed in. Raises NotAllowed."""
    study, member = require(session, access, *Role)
    record_study(session, study.id, StudyEventKind.SIGNED_IN, actor=member.pseudonym())
    return access


def _access(member: Member | None) -> Access | None:
    if member is None or member.revoked_at is not None:
        return None
    return Access(member.study_id, member.id, member.role, member.pseudonym())


def set_password(*, session: Session, access: Access, password: str) -> None:
    """By any member: set their password. Raises NotAllowed if the plan has no passwords, ValueError for a bad one."""
    study, member = require(session, access, *Role)
    if not plan_from_dict(json.loads(study.plan_json)).passwords:
        raise NotAllowed("In this study members come in by their link only.")
    member.password_hash = hash_password(password, names=(study.name, member.pseudonym()))


def ticket_of(*, session: Session, access: Access, key: bytes) -> str:
    """By any member with a password: the ticket with which their browser returns; `key` belongs to the server."""
    _, member = require(session, access, *Role)
    if member.password_hash is None:
        raise NotAllowed(AGAIN)
    return make_ticket(member.id, member.password_hash, key, utc_now())


def find_member(session: Session, study_id: str, pseudonym: str) -> Member | None:
    """The member with this pseudonym, or None. The caller has checked who asks."""
    return session.scalar(_named(pseudonym).where(Member.study_id == study_id))


def consent(*, session: Session, access: Access, version: str = CONSENT) -> None:
    """By a rater or reviewer: agree to the study's consent text; does nothing the second time.

    `version` names the servers that talks are sent to, if any; to agree to others is a new consent.
    """
    study, member = require(session, access, Role.RATER, Role.REVIEWER)
    if _agreed_to(session, member) != version:
        member.consented_at = utc_now()
        record_study(session, study.id, StudyEventKind.CONSENTED, actor=member.pseudonym(), new_value=version)


def consent_given(*, session: Session, access: Access) -> str | None:
    """By any member: the version of their latest consent; None without one."""
    _, member = require(session, access, *Role)
    return _agreed_to(session, member)


def require_consent(session: Session, member: Member, version: str | None = None) -> None:
    """Raise NotAllowed before consent, or when the latest consent is not to this `version`.

    In every study the page shows a text to agree to, its own or the general one.
    """
    if member.consented_at is None:
        raise NotAllowed("Please read the information about this study and agree to it first.")
    if version is not None and _agreed_to(session, member) != version:
        raise NotAllowed(
            "Your messages may now be sent to other servers than those you agreed to. Reload the page to read where"
            " they go; you can go on once you agree."
        )


def _agreed_to(session: Session, member: Member) -> str | None:
    if member.consented_at is None:
        return None
    own = (StudyEvent.study_id == member.study_id, StudyEvent.actor == member.pseudonym())
    latest = select(StudyEvent.new_value).where(*own, StudyEvent.kind == StudyEventKind.CONSENTED)
    return session.scalar(latest.order_by(StudyEvent.id.desc()).limit(1)) or CONSENT  # older events name no version


def _named(pseudonym: str) -> Select[Member]:
    """Query for members with this pseudonym; it finds nobody if the text is not a pseudonym."""
    parts = re.fullmatch(r"(r|lead|reviewer)([1-9]\d{0,8})", pseudonym)
    role = {"r": Role.RATER, "lead": Role.LEAD, "reviewer": Role.REVIEWER}[parts[1]] if parts else Role.RATER
    return select(Member).where(Member.role == role, Member.number == (int(parts[2]) if parts else 0))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
