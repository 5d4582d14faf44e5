"""A study from draft to closed, and who may do what in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Role
from annotation.store.database import for_reading
from annotation.store.schema import utc_now
from annotation.store.study_schema import Member
from annotation.studies.item_import import import_encounters, import_items
from annotation.studies.members import (
    NotAllowed,
    consent,
    invite,
    members,
    revoke,
    set_password,
    sign_in,
    ticket_of,
    whose_link,
    whose_password,
    whose_ticket,
)
from annotation.studies.passwords import check_password
from annotation.studies.replay import replay
from annotation.studies.studies import close_study, get_brief, get_study, lead_access, open_study, pause_study
from annotation.studies.study_plan import PlanError, plan_from_dict
from annotation.studies.study_views import Access
from annotation.studies.tickets import LIFE, is_genuine, is_ticket, make_ticket
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
        asked = tuple(one.to_onlooker() for one in PLAN.rubric.criteria)
        assert room.do(get_brief, access).criteria == asked
    with pytest.raises(NotAllowed, match="not valid"):
        room.do(action, replace(room.lead, member_id="nobody"))


def _whose(room: StudyRoom, token: str) -> Access | None:
    with for_reading(room.sessions)() as session:
        return whose_link(session=session, token=token)


def test_a_link_opens_until_it_is_revoked(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=0)
    invitation = room.do(invite, room.lead, role="rater")
    access = _whose(room, invitation.token)
    assert access is not None
    assert access.pseudonym == "r1"
    room.do(consent, access)
    assert room.open(access) is not None
    room.do(revoke, room.lead, pseudonym="r1")
    assert _whose(room, invitation.token) is None
    with pytest.raises(NotAllowed, match="not valid"):
        room.do(sign_in, access)
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


def test_a_password_opens_too(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=1)

    def enter(password: str, study: str = "pilot", who: str = "r1") -> Access | None:
        with for_reading(room.sessions)() as session:
            return whose_password(session=session, password=password, study=study, pseudonym=who)

    assert enter("a long password") is None
    room.do(set_password, room.people[0], password="a long password")
    assert enter("a long password") == room.people[0]
    assert enter("another password") is None
    assert enter("a long password", study="other") is None
    for odd in ("", "r2", "r01", "lead1", "rater1", "r1; --"):
        assert enter("a long password", who=odd) is None
    assert enter("a long password", study=" pilot ", who=" R1 ") == room.people[0]  # as phones write it
    room.do(set_password, room.people[0], password="caf\u00e9 au lait")
    assert enter("cafe\u0301 au lait") == room.people[0]  # the same letter from another keyboard
    room.do(set_password, room.people[0], password="a long password")
    with sessions() as session:
        assert "a long password" not in repr([vars(row) for row in session.scalars(select(Member))])
    with pytest.raises(ValueError, match="10 to 200"):
        room.do(set_password, room.people[0], password="short")


def _found(room: StudyRoom) -> set[Access | None]:
    """What three kinds of mistakes find, and a revoked member with the right password."""
    room.do(set_password, room.people[0], password="a long password")
    room.do(set_password, room.people[2], password="a long password")
    room.do(revoke, room.lead, pseudonym="r3")
    tries = (
        ("r1", "a wrong password"),
        ("r2", "a long password"),
        ("r9", "a long password"),
        ("r3", "a long password"),
    )
    with for_reading(room.sessions)() as session:
        return {
            whose_password(session=session, study="pilot", pseudonym=who, password=password) for who, password in tries
        }


def test_no_refusal_tells_what_was_wrong(sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each also costs one hash, so that the time does not tell it either."""
    room = StudyRoom(sessions, raters=3)
    checked: list[object] = []
    monkeypatch.setattr(
        "annotation.studies.members.check_password", lambda *one: checked.append(one) or check_password(*one)
    )
    assert _found(room) == {None}
    assert len(checked) == 4


def test_a_plan_may_have_no_passwords(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, replace(PLAN, passwords=False), raters=1)
    assert not room.do(get_brief, room.people[0]).passwords
    with pytest.raises(NotAllowed, match="by their link only"):
        room.do(set_password, room.people[0], password="a long password")
    with pytest.raises(PlanError, match="passwords is 'no'; true or false"):
        plan_from_dict({"name": "s", "systems": ["x", "y"], "raters": 3, "passwords": "no"})


def test_a_ticket_brings_a_browser_back_until_the_password_changes(sessions: sessionmaker[Session]) -> None:
    room = StudyRoom(sessions, raters=1)
    rater, key = room.people[0], b"key of this run"

    def back(ticket: str, key: bytes = key) -> Access | None:
        with for_reading(room.sessions)() as session:
            return whose_ticket(session=session, ticket=ticket, key=key)

    with pytest.raises(NotAllowed, match="sign in again"):
        room.do(ticket_of, rater, key=key)
    room.do(set_password, rater, password="a long password")
    ticket = room.do(ticket_of, rater, key=key)
    assert is_ticket(ticket)
    assert not is_ticket(room.lead_token)
    assert back(ticket) == rater
    assert back(ticket, b"key of the next run") is None
    assert back(ticket.replace(rater.member_id, room.lead.member_id)) is None
    room.do(set_password, rater, password="another password")
    assert back(ticket) is None
    new = room.do(ticket_of, rater, key=key)
    room.do(revoke, room.lead, pseudonym="r1")
    assert back(new) is None


def test_a_ticket_ends() -> None:
    now = utc_now()
    ticket = make_ticket("m", "hash", b"key", now)
    assert is_genuine(ticket, "hash", b"key", now + LIFE - timedelta(minutes=1))
    assert not is_genuine(ticket, "hash", b"key", now + LIFE)
    claim, _, proof = ticket.rpartition(".")
    later = f"{claim[:-1]}{9 - int(claim[-1])}.{proof}"
    assert not is_genuine(later, "hash", b"key", now)
