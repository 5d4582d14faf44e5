"""A draft can be changed in every way, an open study in none; the lead reads every item with what was said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.choices import Mode
from annotation.files.study_files import study_rows
from annotation.rubric import find_rubric
from annotation.statistics.report_tables import report_tables
from annotation.statistics.study_report import analyse
from annotation.store.study_schema import Context, Study, StudyEvent, SystemReply
from annotation.studies.answers import submit
from annotation.studies.drafts import change_plan, delete_draft, drop_item, empty_draft
from annotation.studies.item_browser import browse, browse_item
from annotation.studies.members import NotAllowed
from annotation.studies.studies import create_study, get_study
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_source import stored_data
from annotation.talks.encounters import EncounterSetup
from tests.encounters import Story
from tests.studies import StudyRoom, item

PAIR = ("net-x", "net-y")
PLAN = StudyPlan("pilot", PAIR, raters=3, seed=7, review_share=0.0)


def room_of(sessions: sessionmaker[Session], count: int = 3, **changes: object) -> StudyRoom:
    items = tuple(item(number, systems=PAIR) for number in range(count))
    return StudyRoom(sessions, PLAN, items=items, raters=3, **changes)  # type: ignore[arg-type]


def test_a_draft_is_emptied_item_by_item_or_at_once(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, opened=False)
    lines = room.do(browse, room.lead)
    assert [(line.key, line.systems) for line in lines] == [(f"main-{number}", PAIR) for number in range(3)]
    assert room.do(drop_item, room.lead, context_id=lines[1].id) == "main-1"
    with pytest.raises(LookupError, match="not in the draft"):
        room.do(drop_item, room.lead, context_id=lines[1].id)
    assert [line.key for line in room.do(browse, room.lead)] == ["main-0", "main-2"]
    assert empty_draft(room.as_member(room.lead)) == 2
    with sessions() as session:
        assert session.scalars(select(SystemReply)).all() == []


def test_the_plan_of_a_draft_changes_as_far_as_its_items_allow(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, opened=False)
    assert room.do(change_plan, room.lead, plan=replace(PLAN, name="second", raters=9)).plan.raters == 9
    with pytest.raises(ValueError, match="systems cannot change while the draft has 3 items"):
        room.do(change_plan, room.lead, plan=replace(PLAN, systems=("net-x", "net-z")))
    with pytest.raises(ValueError, match="rubric cannot change while"):
        room.do(change_plan, room.lead, plan=replace(PLAN, rubric=find_rubric("esconv-2021")))
    empty_draft(room.as_member(room.lead))
    changed = replace(PLAN, systems=("net-x", "net-z"), seed=8)
    assert room.do(change_plan, room.lead, plan=changed).plan == changed
    assert room.do(get_study, room.lead).plan == changed
    with sessions.begin() as session:
        create_study(session=session, plan=replace(PLAN, name="taken"))
    with pytest.raises(ValueError, match="'taken' already"):
        room.do(change_plan, room.lead, plan=replace(changed, name="taken"))


def test_a_deleted_draft_leaves_nothing_and_frees_its_name(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, opened=False)
    assert delete_draft(room.as_member(room.lead)) == "pilot"
    with sessions() as session:
        assert [session.scalars(select(table)).all() for table in (Study, Context, StudyEvent)] == [[], [], []]
    with pytest.raises(ValueError, match=r"."):
        room.do(get_study, room.lead)
    room_of(sessions, opened=False)


def test_no_draft_takes_the_name_of_talks_that_others_held(sessions: sessionmaker[Session]) -> None:
    """Its lead could import them, and would see their results."""
    room = room_of(sessions, opened=False)
    Story(sessions, EncounterSetup(PAIR, Mode.STUDY, study="another")).told_until("frozen")
    with pytest.raises(ValueError, match="'another' is the name under which people talk"):
        room.do(change_plan, room.lead, plan=replace(PLAN, name="another"))
    with pytest.raises(ValueError, match="--study later"):  # before the first talk
        room.do(change_plan, room.lead, plan=replace(PLAN, name="later"), talks_now="later")
    assert room.do(get_study, room.lead).name == "pilot"
    assert room.do(change_plan, room.lead, plan=replace(PLAN, name="free"), talks_now="later").name == "free"
    with sessions.begin() as session:  # whoever may make studies may give them this name
        create_study(session=session, plan=replace(PLAN, name="another"))


def test_a_name_with_talks_is_not_given_up(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, opened=False)
    Story(sessions).told_until("frozen")
    with pytest.raises(NotAllowed, match="keeps its name"):
        delete_draft(room.as_member(room.lead))
    with pytest.raises(NotAllowed, match="keeps its name"):
        room.do(change_plan, room.lead, plan=replace(PLAN, name="second"))
    assert room.do(get_study, room.lead).contexts == 3
    assert room.do(change_plan, room.lead, plan=replace(PLAN, raters=9), talks_now="pilot").plan.raters == 9


@pytest.mark.parametrize(
    ("action", "values"),
    [(change_plan, {"plan": PLAN}), (drop_item, {"context_id": "x"})],
)
def test_an_open_study_stays_as_it_is(
    action: Callable[..., object], values: dict[str, object], sessions: sessionmaker[Session]
) -> None:
    room = room_of(sessions)
    with pytest.raises(NotAllowed, match="This study is open; only a draft can be changed"):
        room.do(action, room.lead, **values)
    with pytest.raises(NotAllowed):
        room.do(action, room.people[0], **values)
    for whole in (empty_draft, delete_draft):
        with pytest.raises(NotAllowed, match="This study is open; only a draft can be changed"):
            whole(room.as_member(room.lead))
        with pytest.raises(NotAllowed):
            whole(room.as_member(room.people[0]))


def _judged(room: StudyRoom, answers: str, reasons: dict[int, str]) -> None:
    """Each rater hands in their first item, the same for all, with one answer in terms of systems."""
    for number, value in enumerate(answers):
        task = room.open(room.people[number])
        assert task is not None
        room.answer(room.people[number], task, value)
        room.do(submit, room.people[number], claim_id=task.claim_id, note=reasons.get(number))


def test_the_lead_reads_votes_and_reasons_beside_the_texts(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, count=1)
    _judged(room, "ab", {1: "Mail me: ann@example.org"})
    (line,) = room.do(browse, room.lead)
    found = room.do(browse_item, room.lead, item_id=line.id)
    assert (line.votes, line.reasons) == (2, 1)
    assert [turn.text for turn in found.context] == ["Post 0."]
    assert [(reply.system, reply.turns[0].text) for reply in found.replies] == [
        ("net-x", "Reply r0 to 0."),
        ("net-y", "Reply r1 to 0."),
    ]
    assert [vote.reason for vote in found.votes] == [None, "Mail me: ann@example.org"]
    votes = {row.rater: row.outcome for row in room.do(stored_data, room.lead).ballots if row.criterion == "Overall"}
    named = {vote.rater: dict(vote.answers)["Overall"] for vote in found.votes}
    assert named == {rater: dict(zip("ab", PAIR, strict=True))[outcome] for rater, outcome in votes.items()}
    assert line.split_questions == (5 if len(set(votes.values())) == 2 else 0)
    with pytest.raises(NotAllowed):
        room.do(browse, room.people[0])
    with pytest.raises(LookupError):
        room.do(browse_item, room.lead, item_id="x")
    assert found.line == line


def test_reasons_and_the_key_of_the_texts_are_in_results_and_exports(sessions: sessionmaker[Session]) -> None:
    room = room_of(sessions, count=1)
    _judged(room, "ab", {1: "Mail me: ann@example.org"})
    data = room.do(stored_data, room.lead)
    rows = study_rows(data, "ballots")
    assert {row["context"] for row in rows} == {"main-0"}
    assert {(row["rater"], row["reason"]) for row in rows} == {("r1", None), ("r2", "Mail me: [email]")}
    (table,) = (one for one in report_tables(analyse(data, resamples=0)) if one.title == "Reasons of the raters")
    ((key, rater, systems, answers, reason),) = table.rows
    assert (key, rater, systems, reason) == ("main-0", "r2", "net-x vs. net-y", "Mail me: [email]")
    assert "Overall: net-" in answers


def test_the_commands(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"name": "draft", "systems": ["x", "y"], "raters": 3}')
    database = ["--database", database_url]
    assert main(["study", "create", *database, "--file", str(plan)]) == 0
    plan.write_text('{"name": "renamed", "systems": ["x", "z"], "raters": 3}')
    assert main(["study", "change", *database, "--study", "draft", "--file", str(plan)]) == 0
    assert main(["study", "empty", *database, "--study", "renamed"]) == 0
    assert main(["study", "delete", *database, "--study", "renamed"]) == 0
    assert "the draft 'renamed' is deleted" in capsys.readouterr().out
    assert main(["study", "status", *database, "--study", "renamed"]) == 2
