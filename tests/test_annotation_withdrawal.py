"""A rater takes everything back: rows and texts are gone, seats are free again, results follow, one event stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.choices import EventKind, StudyEventKind
from annotation.store.schema import Event
from annotation.store.study_events import ANSWER_KINDS
from annotation.store.study_schema import Answer, Claim, StudyEvent
from annotation.studies.answers import Given, save_answer, save_note, undo
from annotation.studies.ballots import ballots
from annotation.studies.live_talks import rate_side
from annotation.studies.members import NotAllowed, consent, invite, members, set_password, whose_link, whose_password
from annotation.studies.progress import team_progress
from annotation.studies.replay import replay
from annotation.studies.studies import close_study
from annotation.studies.study_views import Access
from annotation.studies.withdrawal import withdraw
from tests.live import LiveRoom
from tests.studies import PLAN, StudyRoom, item

STORES = ("sqlite", "postgresql")
SECRET = "my neighbour Zebedee Quillfeather"


@pytest.fixture
def room(sessions: sessionmaker[Session]) -> StudyRoom:
    return StudyRoom(sessions, items=tuple(item(number) for number in range(3)), raters=3)


def _count(room: StudyRoom, table: type[Claim] | type[Answer]) -> int:
    with room.sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_all_that_a_rater_gave_is_deleted_and_asked_of_others(room: StudyRoom) -> None:
    room.finish()
    assert {ballot.rater for ballot in room.do(ballots, room.lead)} == {"r1", "r2", "r3"}
    assert room.do(withdraw, room.people[2]) == 3
    assert {ballot.rater for ballot in room.do(ballots, room.lead)} == {"r1", "r2"}
    assert (_count(room, Claim), _count(room, Answer)) == (6, 6 * len(PLAN.rubric.criteria))
    progress = room.do(team_progress, room.lead)
    assert (progress.complete, progress.judgments_done, progress.judgments_needed) == (0, 6, 9)
    fourth = room.invited("rater")
    assert fourth.pseudonym == "r4"  # the number is not given again
    while room.judge(fourth) is not None:
        pass
    assert room.do(team_progress, room.lead).complete == 3


def test_link_and_password_end_and_the_lead_sees_it(room: StudyRoom) -> None:
    invitation = room.do(invite, room.lead, role="rater")
    with room.sessions.begin() as session:
        rater = whose_link(session=session, token=invitation.token)
    assert rater is not None
    room.do(consent, rater)
    room.do(set_password, rater, password="a long password")
    room.judge(rater)
    assert room.do(withdraw, rater) == 1
    name = {"study": "pilot", "pseudonym": "r4"}
    with room.sessions.begin() as session:
        assert whose_link(session=session, token=invitation.token) is None
        assert whose_password(session=session, password="a long password", **name) is None
    with pytest.raises(NotAllowed, match="not valid"):
        room.open(rater)
    found = {row.pseudonym: row.withdrew for row in room.do(members, room.lead)}
    assert found == {"lead1": None, "r1": None, "r2": None, "r3": None, "r4": 1}


def test_one_event_stays_that_says_nothing_of_the_person(room: StudyRoom) -> None:
    task = room.open(room.people[0])
    assert task is not None
    room.do(save_note, room.people[0], claim_id=task.claim_id, note=SECRET)
    room.do(withdraw, room.people[0])
    with room.sessions() as session:
        last = session.scalars(select(StudyEvent).order_by(StudyEvent.id.desc())).first()
    assert last is not None
    assert (last.kind, last.actor, last.old_value, last.new_value) == (StudyEventKind.REVOKED, "r1", "0", "r1")
    assert (last.claim_id, last.item_id, last.criterion) == (None, None, None)


def _change_an_answer(room: StudyRoom, rater: Access, claim: int) -> None:
    """Twice, and take the second change back."""
    for value in ("tie", "b"):
        room.do(save_answer, rater, claim_id=claim, given=Given("Empathy", value))
    room.do(undo, rater, claim_id=claim)


def _events(room: StudyRoom) -> list[dict[str, object]]:
    with room.sessions() as session:
        return [dict(row) for row in session.execute(select(*StudyEvent.__table__.columns).order_by("id")).mappings()]


def _withdraw_from_the_events(room: StudyRoom, rater: Access) -> None:
    """The values of the rater's answers go, all else stays, and the replay finds nothing amiss."""
    before = _events(room)
    where = (rater.study_id, rater.pseudonym)
    own = [row for row in before if (row["study_id"], row["actor"]) == where and row["kind"] in ANSWER_KINDS]
    assert {row["kind"] for row in own if row["old_value"] and row["new_value"]} == set(ANSWER_KINDS)
    room.do(withdraw, rater)
    *after, last = _events(room)
    assert after == [row | {"old_value": None, "new_value": None} if row in own else row for row in before]
    assert last["kind"] is StudyEventKind.REVOKED
    assert room.do(replay, room.lead).differences == ()


def test_the_events_lose_the_answers_of_this_rater_and_study_only(room: StudyRoom) -> None:
    other = StudyRoom(room.sessions, replace(PLAN, name="other"), raters=3)
    for study in (room, other):
        for rater in study.people:
            task = study.judge(rater)
            assert task is not None
            _change_an_answer(study, rater, task.claim_id)
    _withdraw_from_the_events(room, room.people[1])


def test_of_a_live_study_the_preferences_and_stars_go_too(sessions: sessionmaker[Session]) -> None:
    room = LiveRoom(sessions, turn_preference="own")
    for rater in room.people:
        claim = room.begin(rater).claim_id
        for _ in range(room.plan.min_turns):
            room.say(rater, claim, picked="a")
        room.do(rate_side, rater, claim_id=claim, side="a", stars=3)
        room.finish_open(rater, claim)
        _change_an_answer(room, rater, claim)
    said = select(Event.actor, Event.criterion, Event.new_value).where(Event.kind == EventKind.JUDGED)
    with sessions() as session:
        both = set(session.execute(said).all())
    assert len(both) == 2 * 3  # preference, helpfulness and intensity of each rater
    _withdraw_from_the_events(room, room.people[1])
    with sessions() as session:
        left = set(session.execute(said).all())
    assert len(left) == 3
    assert left < both


def test_no_byte_of_a_reason_is_left_in_the_file(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    if sessions.kw["bind"].dialect.name != "sqlite":
        pytest.skip("reads SQLite's own files")
    room = StudyRoom(sessions)
    task = room.open(room.people[0])
    assert task is not None
    room.do(save_note, room.people[0], claim_id=task.claim_id, note=f"{SECRET}. " * 40)
    assert SECRET.encode() in b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))
    room.do(withdraw, room.people[0])
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))


def test_a_closed_study_can_be_left_too_and_hands_nothing_out(room: StudyRoom) -> None:
    room.finish()
    room.do(close_study, room.lead)
    assert room.do(withdraw, room.people[0]) == 3
    assert {ballot.rater for ballot in room.do(ballots, room.lead)} == {"r2", "r3"}
    with pytest.raises(NotAllowed, match="closed"):
        room.open(room.people[1])


def test_who_gets_the_row_of_a_deleted_item_cannot_undo_its_answers(sessions: sessionmaker[Session]) -> None:
    """SQLite gives a number that was deleted to the next row."""
    room = StudyRoom(sessions, replace(PLAN, raters_per_item=1), items=(item(0),), raters=2)
    ann, ben = room.people
    task = room.open(ann)
    assert task is not None
    room.answer(ann, task)
    room.do(withdraw, ann)
    taken = room.open(ben)
    assert taken is not None
    assert not taken.can_undo
    with pytest.raises(NotAllowed, match="nothing to undo"):
        room.do(undo, ben, claim_id=taken.claim_id)


def test_nor_can_a_rater_of_another_study_with_the_same_number(sessions: sessionmaker[Session]) -> None:
    one = StudyRoom(sessions, replace(PLAN, raters_per_item=1), items=(item(0),), raters=1)
    task = one.open(one.people[0])
    assert task is not None
    one.answer(one.people[0], task)
    one.do(withdraw, one.people[0])
    two = StudyRoom(sessions, replace(PLAN, name="two", raters_per_item=1), items=(item(0),), raters=1)
    taken = two.open(two.people[0])
    assert taken is not None
    assert (taken.can_undo, two.people[0].pseudonym) == (False, one.people[0].pseudonym)
    with pytest.raises(NotAllowed, match="nothing to undo"):
        two.do(undo, two.people[0], claim_id=taken.claim_id)


def test_everybody_deletes_their_own_and_the_lead_on_request(room: StudyRoom) -> None:
    room.finish()
    with pytest.raises(NotAllowed, match="your own"):
        room.do(withdraw, room.people[0], pseudonym="r2")
    with pytest.raises(NotAllowed, match="for a rater or a lead"):
        room.do(withdraw, room.invited("reviewer"))
    with pytest.raises(NotAllowed, match="lead1 is a lead"):
        room.do(withdraw, room.lead)
    with pytest.raises(LookupError, match="no member 'r9'"):
        room.do(withdraw, room.lead, pseudonym="r9")
    assert room.do(withdraw, room.lead, pseudonym="r2") == 3
    assert {ballot.rater for ballot in room.do(ballots, room.lead)} == {"r1", "r3"}


def test_the_command(sessions: sessionmaker[Session], database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    if sessions.kw["bind"].dialect.name != "sqlite":
        pytest.skip("the command is tried on the test's own file")
    room = StudyRoom(sessions)
    room.judge(room.people[2])
    where = ("--database", database_url, "--study", "pilot")
    assert main(["study", "withdraw", *where, "--member", "r3"]) == 0
    assert main(["study", "status", *where]) == 0
    told = capsys.readouterr().out
    assert "r3 withdrew: 1 items deleted" in told
    assert "r3          withdrew, 1 items deleted" in told
    assert main(["study", "withdraw", *where, "--member", "r9"]) == 2
