"""Answers: saved one by one, changed, taken back, handed in; in terms of systems, whatever stood where."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import ClaimState, StudyEventKind
from annotation.rubric import find_rubric
from annotation.store.study_schema import Answer, StudyEvent
from annotation.studies.answers import Given, save_answer, save_note, submit, undo
from annotation.studies.ballots import ballots, ratings
from annotation.studies.claims import own_tasks
from annotation.studies.members import NotAllowed
from annotation.studies.studies import close_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_views import Saved, TaskView
from tests.studies import SYSTEMS, StudyRoom, item

STORES = ("sqlite", "postgresql")
CRITERIA = find_rubric("admisc-2024").names()


@pytest.fixture
def room(sessions: sessionmaker[Session]) -> StudyRoom:
    return StudyRoom(sessions, items=tuple(item(number) for number in range(3)), raters=3)


def _save(room: StudyRoom, task: TaskView, criterion: str, value: str, place: str | None = None) -> Saved:
    given = Given(criterion, value, place)
    return room.do(save_answer, room.people[0], claim_id=task.claim_id, given=given)


def _opened(room: StudyRoom) -> TaskView:
    task = room.open(room.people[0])
    assert task is not None
    return task


def test_each_answer_is_saved_by_itself_and_comes_back(room: StudyRoom) -> None:
    task = _opened(room)
    assert task.missing == CRITERIA
    saved = _save(room, task, "Empathy", "b")
    assert saved.missing == tuple(name for name in CRITERIA if name != "Empathy")
    again = _opened(room)
    assert [(answer.criterion, answer.value) for answer in again.answers] == [("Empathy", "b")]
    assert again.saved_at is not None


def test_an_incomplete_item_is_not_handed_in(room: StudyRoom) -> None:
    task = _opened(room)
    _save(room, task, "Empathy", "b")
    with pytest.raises(ValueError, match="Fluency, Accuracy, Suggestion, Overall"):
        room.do(submit, room.people[0], claim_id=task.claim_id)
    assert room.do(ballots, room.lead) == ()


def test_votes_follow_the_system_and_not_the_side(room: StudyRoom) -> None:
    """Everybody prefers the system that comes first in sorted order, on whichever side it stands."""

    def prefers_first(task: TaskView) -> str:
        return min("ab", key=lambda place: task.replies["ab".index(place)][0].text)

    room.finish(prefers_first)
    found = room.do(ballots, room.lead)
    assert len(found) == 3 * 3 * len(CRITERIA)
    assert {ballot.outcome for ballot in found} == {"a"}
    assert Counter(ballot.first_shown == ballot.system_a for ballot in found).keys() == {True, False}
    assert {ballot.rater for ballot in found} == {"r1", "r2", "r3"}
    one = found[0]
    places = {name: f"S{SYSTEMS.index(name)}" for name in SYSTEMS}
    assert (one.strategy_a, one.strategy_b) == (places[one.system_a], places[one.system_b])
    assert (one.strategy, one.problem_type, one.turn, one.study) == ("Question", "job crisis", 1, "pilot")


def test_changes_are_taken_back_one_by_one(room: StudyRoom) -> None:
    task = _opened(room)
    for criterion, value in (("Empathy", "a"), ("Empathy", "b"), ("Overall", "tie")):
        _save(room, task, criterion, value)
    _save(room, task, "Overall", "tie")  # no change: nothing to take back
    steps = [{"Empathy": "b"}, {"Empathy": "a"}, {}]
    for expected in steps:
        view = room.do(undo, room.people[0], claim_id=task.claim_id)
        assert {answer.criterion: answer.value for answer in view.answers} == expected
    assert not view.can_undo
    with pytest.raises(NotAllowed, match="nothing to undo"):
        room.do(undo, room.people[0], claim_id=task.claim_id)


def test_handed_in_answers_can_change_until_the_study_closes(room: StudyRoom) -> None:
    view = room.judge(room.people[0], "a")
    assert view is not None
    assert view.state is ClaimState.DONE
    assert not view.can_undo  # it would leave a question open
    assert _save(room, view, "Empathy", "tie").can_undo
    assert room.do(undo, room.people[0], claim_id=view.claim_id).can_change
    _save(room, view, "Empathy", "tie")
    assert [ballot.outcome for ballot in room.do(ballots, room.lead) if ballot.criterion == "Empathy"] == ["tie"]
    room.do(close_study, room.lead)
    with pytest.raises(NotAllowed, match="closed"):
        _save(room, view, "Empathy", "a")
    assert [line.can_change for line in room.do(own_tasks, room.people[0])] == [False]


def test_the_table_refuses_changes_of_a_closed_item(room: StudyRoom) -> None:
    room.judge(room.people[0])
    room.do(close_study, room.lead)
    with pytest.raises(DatabaseError, match="cannot be changed"), room.sessions.begin() as session:
        session.execute(update(Answer).values(value="b"))


def test_handing_in_twice_counts_once(room: StudyRoom) -> None:
    view = room.judge(room.people[0])
    assert view is not None
    room.do(submit, room.people[0], claim_id=view.claim_id, note="because")
    assert room.task(room.people[0], view.claim_id).note == "because"
    assert len(room.do(ballots, room.lead)) == len(CRITERIA)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Given("Warmth", "a"), "unknown criterion 'Warmth'.*Fluency"),
        (Given("Empathy", "2"), "allowed: a, tie, b"),
        (Given("Empathy", "a", "b"), "give no place"),
    ],
)
def test_odd_answers_are_refused(room: StudyRoom, given: Given, message: str) -> None:
    task = _opened(room)
    with pytest.raises(ValueError, match=message):
        room.do(save_answer, room.people[0], claim_id=task.claim_id, given=given)


def test_every_change_is_in_the_events_and_no_text_is(room: StudyRoom) -> None:
    task = _opened(room)
    _save(room, task, "Empathy", "a")
    _save(room, task, "Empathy", "tie")
    room.do(save_note, room.people[0], claim_id=task.claim_id, note="my secret")
    with room.sessions() as session:
        rows = session.scalars(select(StudyEvent).order_by(StudyEvent.id)).all()
    changes = [(row.criterion, row.old_value, row.new_value) for row in rows if row.kind is StudyEventKind.ANSWERED]
    stored = changes[0][2]
    assert changes == [("Empathy", None, stored), ("Empathy", stored, "tie")]
    assert stored in ("a", "b")
    assert rows[-1].kind is StudyEventKind.NOTED
    assert "secret" not in repr([vars(row) for row in rows])


BLANK = "UPDATE study_event SET old_value = NULL, new_value = NULL"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE study_event SET actor = 'me'",
        "DELETE FROM study_event",
        BLANK,  # of every kind
        f"{BLANK} WHERE kind = 'claimed'",
        f"{BLANK}, kind = 'answered' WHERE kind = 'claimed'",
        "UPDATE study_event SET old_value = NULL WHERE kind = 'undone'",
        "UPDATE study_event SET new_value = NULL WHERE kind = 'undone'",
        "UPDATE study_event SET new_value = 'b' WHERE kind = 'answered'",
    ],
)
def test_events_stay_as_they_are(room: StudyRoom, change: str) -> None:
    task = _opened(room)
    for value in ("a", "tie", "b"):
        _save(room, task, "Empathy", value)
    room.do(undo, room.people[0], claim_id=task.claim_id)
    with pytest.raises(DatabaseError, match="cannot be"), room.sessions.begin() as session:
        session.execute(text(change))


def test_of_an_event_only_the_answer_can_be_taken_out(room: StudyRoom) -> None:
    """That is what happens when a rater withdraws."""
    task = _opened(room)
    _save(room, task, "Empathy", "a")
    room.do(undo, room.people[0], claim_id=task.claim_id)
    columns = [name for name in StudyEvent.__table__.columns.keys() if name not in ("old_value", "new_value")]  # noqa: SIM118
    for name in columns:
        value = "id + 100" if name == "id" else "'2026-01-01 00:00:00'" if name == "at" else "NULL"
        with pytest.raises(DatabaseError, match="cannot be"), room.sessions.begin() as session:
            session.execute(text(f"{BLANK}, {name} = {value} WHERE kind = 'answered'"))
    with room.sessions.begin() as session:
        assert session.execute(text(f"{BLANK} WHERE kind IN ('answered', 'undone')")).rowcount == 2


def test_scores_go_to_the_reply_at_that_place(sessions: sessionmaker[Session]) -> None:
    plan = StudyPlan("scores", SYSTEMS, raters=3, rubric=find_rubric("misc-2022"))
    room = StudyRoom(sessions, plan, items=(item(0),), raters=3)
    for rater in room.people:
        task = room.open(rater)
        assert task is not None
        assert task.missing[:4] == ("Fluency (a)", "Fluency (b)", "Fluency (c)", "Knowledge (a)")
        with room.sessions.begin() as session:
            for criterion in plan.rubric.names():
                for place, lines in zip("abc", task.replies, strict=True):
                    score = lines[0].text[len("Reply r")]  # the place of the system in SYSTEMS
                    given = Given(criterion, score, place)
                    save_answer(session=session, access=rater, claim_id=task.claim_id, given=given)
        room.do(submit, rater, claim_id=task.claim_id)
    found = room.do(ratings, room.lead)
    assert len(found) == 3 * 3 * 3
    assert {(rating.system, rating.score) for rating in found} == {(name, place) for place, name in enumerate(SYSTEMS)}
    assert {rating.position for rating in found if rating.system == "net-x"} == {0, 1, 2}
    with pytest.raises(NotAllowed, match="pointwise"):
        room.do(ballots, room.lead)
    task_again = room.task(room.people[0], 1)
    for given, message in ((Given("Fluency", "3", "a"), "0, 1, 2"), (Given("Fluency", "1"), "allowed: a, b, c")):
        with pytest.raises(ValueError, match=message):
            room.do(save_answer, room.people[0], claim_id=task_again.claim_id, given=given)


def test_only_the_lead_reads_the_votes(room: StudyRoom) -> None:
    for access in (room.people[0], replace(room.people[0], role=room.lead.role), room.invited("reviewer")):
        with pytest.raises(NotAllowed, match="for a lead"):
            room.do(ballots, access)
