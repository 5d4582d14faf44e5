"""A study from draft to closed, and who may do what in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Role
from annotation.item_import import import_encounters, import_items
from annotation.members import (
    MAX_FAILURES,
    WINDOW,
    NotAllowed,
    invite,
    members,
    revoke,
    set_password,
    sign_in,
    sign_in_with_password,
)
from annotation.replay import replay
from annotation.studies import close_study, get_brief, get_study, lead_access, open_study, pause_study
from annotation.study_schema import FailedSignIn, Member
from annotation.study_views import Access, SignIn
from tests.studies import PLAN, StudyRoom, item

STORES = ("sqlite", "postgresql")


def test_a_study_name_is_taken_once(sessions: sessionmaker[Session]) -> None:
    StudyRoom(sessions)
    with pytest.raises(ValueError, match="named 'pilot' already"):
        StudyRoom(sessions)
    with sessions() as session, pytest.raises(LookupError, match="studies: pilot"):
        lead_access(session=session, name="other")


def test_steps_come_in_order(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, opened=False)
    for action, message in ((close_study, "only an open"), (pause_study, "must be open"), (replay, "draft")):
        with pytest.raises(NotAllowed, match=message):
            room.do(action, room.lead)
    with pytest.raises(NotAllowed, match="Open it first"):
        room.do(invite, room.lead, role="rater")
    room.do(open_study, room.lead)
    with pytest.raises(NotAllowed, match="only a draft"):
        room.do(open_study, room.lead)
    with pytest.raises(NotAllowed, match="into a draft"):
        room.do(import_items, room.lead, items=(item(9),))


@pytest.mark.parametrize("action", [get_study, open_study, close_study, members, replay, import_encounters])
def test_only_leads_lead(sessions: sessionmaker[Session], action: Callable[..., object]) -> None:
    room = StudyRoom(sessions, raters=1)
    for access in (room.people[0], room.invited("reviewer"), replace(room.people[0], role=Role.LEAD)):
        with pytest.raises(NotAllowed, match="for a lead"):
            room.do(action, access)
        assert room.do(get_brief, access).criteria == PLAN.rubric.criteria
    with pytest.raises(NotAllowed, match="not valid"):
        room.do(action, replace(room.lead, member_id="nobody"))


def _sign_in(room: StudyRoom, token: str, origin: str = "1.2.3.4") -> SignIn:
    with room.sessions.begin() as session:
        return sign_in(session=session, token=token, origin=origin)


def test_a_link_opens_until_it_is_revoked(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    invitation = room.do(invite, room.lead, role="rater")
    access = _sign_in(room, invitation.token).access
    assert access is not None
    assert access.pseudonym == "r1"
    assert room.open(access) is not None
    room.do(revoke, room.lead, pseudonym="r1")
    assert "not valid" in (_sign_in(room, invitation.token).refusal or "")
    with pytest.raises(NotAllowed, match="not valid"):
        room.open(access)
    with pytest.raises(NotAllowed, match="own link"):
        room.do(revoke, room.lead, pseudonym="lead1")
    with pytest.raises(LookupError):
        room.do(revoke, room.lead, pseudonym="r7")
    assert [row.pseudonym for row in room.do(members, room.lead)] == ["lead1", "r1"]


def test_no_token_is_stored(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    with sessions() as session:
        stored = repr([vars(row) for row in session.scalars(select(Member))])
        tables = [row[0] for row in session.execute(text("SELECT token_hash FROM study_member"))]
    assert room.lead_token not in stored
    assert all(len(value) == 64 for value in tables)


def test_guessing_is_slowed_down(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    for number in range(MAX_FAILURES):
        assert _sign_in(room, f"guess {number}").refusal
    assert "Too many" in (_sign_in(room, room.lead_token).refusal or "")
    assert _sign_in(room, room.lead_token, origin="elsewhere").access is not None
    with sessions.begin() as session:
        session.execute(update(FailedSignIn).values(at=FailedSignIn.at))
        for row in session.scalars(select(FailedSignIn)):
            row.at -= WINDOW
    assert _sign_in(room, room.lead_token).access is not None


def test_a_password_opens_too(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=1)

    def enter(password: str, study: str = "pilot", origin: str = "here") -> Access | None:
        with room.sessions.begin() as session:
            name = {"study": study, "pseudonym": "r1"}
            return sign_in_with_password(session=session, password=password, origin=origin, **name).access

    assert enter("a long password") is None
    room.do(set_password, room.people[0], password="a long password")
    assert enter("a long password") == room.people[0]
    assert enter("another password") is None
    assert enter("a long password", study="other") is None
    with sessions() as session:
        assert "a long password" not in repr([vars(row) for row in session.scalars(select(Member))])
    with pytest.raises(ValueError, match="10 to 200"):
        room.do(set_password, room.people[0], password="short")
    for number in range(MAX_FAILURES):  # one account, many origins
        enter("another password", origin=str(number))
    assert enter("a long password", origin="new") is None
