"""What is on the screen, from stored rows and running jobs alone."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.talks.conversation import save_reply
from annotation.talks.encounters import EncounterSetup
from annotation.talks.views import EncounterView
from escdemo.chat import screen_state
from models.serving.job import Job, JobState
from tests.encounters import SYSTEMS, Story, answer


def jobs(view: EncounterView, **states: Job | JobState) -> dict[str, Job]:
    """Jobs behind the last turn: jobs(view, a=JobState.RUNNING)."""
    turn = view.turns[-1]
    found = {}
    for side, state in states.items():
        job_id = turn.side(side).slot.job_id()
        found[job_id] = state if isinstance(state, Job) else Job(job_id, state, ahead_text(state))
    return found


def ahead_text(state: JobState) -> str:
    return "I hear" if state is JobState.RUNNING else ""


@pytest.fixture
def demo(sessions: sessionmaker[Session]) -> Story:
    story = Story(sessions, EncounterSetup(SYSTEMS))
    story.post()
    return story


@pytest.fixture
def study(sessions: sessionmaker[Session]) -> Story:
    story = Story(sessions)
    story.post()
    return story


def keep_one_side(story: Story) -> str:
    """The first owed reply arrives; returns its side."""
    task = story.owed()[0]
    with story.sessions.begin() as session:
        save_reply(session=session, slot=task.slot, reply=answer(task))
    return str(task.slot.side)


def states(view: EncounterView, found: dict[str, Job]) -> list[str]:
    return [reply.state for reply in screen_state.exchanges(view, found)[-1].replies]


def test_in_the_demo_each_side_shows_its_own_pace(demo: Story) -> None:
    view = demo.view()
    found = jobs(
        view, a=JobState.RUNNING, b=Job(view.turns[-1].b.slot.job_id(), JobState.QUEUED, waiting=2, expected_s=9.0)
    )
    talk = screen_state.exchanges(view, found)
    assert [reply.state for reply in talk[-1].replies] == ["writing", "waiting"]
    assert talk[-1].replies[0].text == "I hear"
    assert (talk[-1].replies[1].ahead, talk[-1].replies[1].expected_s) == (2, 9.0)
    now = screen_state.controls(view, talk)
    assert (now.can_send, now.can_stop, now.can_finish, now.can_retry) == (False, True, False, (False, False))


def test_a_reply_that_nobody_makes_can_be_asked_for_again(demo: Story) -> None:
    view = demo.view()
    assert states(view, {}) == ["failed", "failed"]
    assert not screen_state.all_asked(view, {})
    assert screen_state.controls(view, screen_state.exchanges(view, {})).can_retry == (True, True)


def test_in_a_study_nothing_shows_before_both_are_there(study: Story) -> None:
    running = jobs(study.view(), a=JobState.RUNNING, b=JobState.RUNNING)
    assert states(study.view(), running) == ["held", "held"]
    side = keep_one_side(study)
    other = "b" if side == "a" else "a"
    view = study.view()
    assert states(view, jobs(view, **{side: JobState.DONE, other: JobState.RUNNING})) == ["held", "held"]
    assert "hear" not in str(screen_state.exchanges(view, jobs(view, **{side: JobState.DONE, other: JobState.RUNNING})))
    study.reply()
    view = study.view()
    assert states(view, {}) == ["done", "done"]
    assert all(reply.strategy is None for reply in screen_state.exchanges(view, {})[-1].replies)
    assert [reply.turn for reply in screen_state.exchanges(view, {})[-1].replies] == [None, None]


@pytest.mark.parametrize("first", [JobState.RUNNING, JobState.QUEUED])
def test_in_a_study_both_sides_wait_alike(study: Story, first: JobState) -> None:
    view = study.view()
    slot = view.turns[-1].a.slot.job_id()
    found = jobs(view, a=Job(slot, first, waiting=1, expected_s=3.0 if first is JobState.QUEUED else None))
    found |= jobs(view, b=Job(view.turns[-1].b.slot.job_id(), JobState.QUEUED, waiting=2, expected_s=6.0))
    one, other = screen_state.exchanges(view, found)[-1].replies
    assert one == other
    assert (one.state, one.ahead, one.expected_s) == ("waiting", 2, 6.0)


def test_in_a_study_both_sides_look_alike_when_one_failed(study: Story) -> None:
    first, second = study.owed()
    with study.sessions.begin() as session:
        save_reply(session=session, slot=first.slot, reply=answer(first))
        save_reply(session=session, slot=second.slot, reply=None, error="net-x broke")
    view = study.view()
    assert states(view, {}) == ["failed", "failed"]
    assert screen_state.controls(view, screen_state.exchanges(view, {})).can_retry == (True, True)


def test_after_the_reveal_everything_shows(sessions: sessionmaker[Session]) -> None:
    view = Story(sessions).told_until("revealed").view()
    assert screen_state.step_of(view) == "result"
    assert [reply.turn for reply in screen_state.exchanges(view, {})[-1].replies] == [0, 0]


def test_danger_is_found_in_the_latest_message_that_shows_it(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions, EncounterSetup(SYSTEMS, situation="My husband hits me."))
    assert screen_state.danger_of(story.view()) == ("abuse", -1)
    story.post("I want to die.")
    story.reply()
    story.post("It is a bit better now.", key="second")
    assert screen_state.danger_of(story.view()) == ("self", 0)
