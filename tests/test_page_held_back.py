"""Replies that must not be shown, on the page over a real store and service: in the demo, in a study, tried again."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import EventKind, ReplyState
from annotation.store.schema import Event, Reply
from annotation.talks.projection import HELD_BACK
from escdemo import texts
from escdemo.chat import screen_state
from models.serving.service import Job, JobState
from tests.fakes import EchoResponder, HarmfulResponder
from tests.visitor import TOKEN, Visitor

HARM = "hurt yourself"


def panels(visitor: Visitor) -> list[str]:
    return [str(visitor.of(side)) for side in visitor.page.parts.chat.sides]


def test_in_the_demo_one_side_is_held_back_and_can_be_tried_again(
    make_page: Any, sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(misc=HarmfulResponder("misc"))
    with caplog.at_level(logging.INFO):
        visitor = Visitor(page).start().say("I failed the exam.")
    at = page.talks.find(TOKEN).systems.index("misc")
    assert [texts.WITHHELD in one for one in panels(visitor)] == [place == at for place in (0, 1)]
    assert HARM not in visitor.everything()
    assert "held back" in visitor.of(page.parts.chat.crisis)
    assert texts.CRISIS_LEAD in visitor.of(page.parts.chat.crisis)
    assert visitor.visible(page.parts.chat.retry[at])
    assert HARM not in caplog.text
    assert "held back by the safety screen" in caplog.text
    with sessions() as session:
        (row,) = session.scalars(select(Reply).where(Reply.state == ReplyState.FAILED))
        assert (row.error, row.text, row.reply_json) == (HELD_BACK, None, None)
        assert EventKind.REPLY_FAILED in list(session.scalars(select(Event.kind)))
    visitor.take(page.retry(TOKEN, visitor.talk, "ab"[at]))
    visitor.follow()
    assert HARM not in visitor.everything()  # a net that says it again is held back again
    page.talks.service._responders["misc"] = EchoResponder("misc")
    visitor.take(page.retry(TOKEN, visitor.talk, "ab"[at]))
    visitor.follow()
    assert page.talks.find(TOKEN).turns[0].answered()
    assert all("exam" in one for one in panels(visitor))
    assert visitor.of(page.parts.chat.crisis) == ""


def test_in_a_study_both_sides_look_alike_and_no_name_shows(make_page: Any) -> None:
    page = make_page(study="pilot", misc=HarmfulResponder("misc"))
    visitor = Visitor(page).start().say("I failed the exam.")
    assert all(texts.WITHHELD in one for one in panels(visitor))
    assert HARM not in visitor.everything()
    assert not any(name in visitor.everything() for name in ("misc", "joint", "sha-"))
    assert "held back" in visitor.of(page.parts.chat.crisis)
    page.talks.service._responders["misc"] = EchoResponder("misc")
    visitor.take(page.retry(TOKEN, visitor.talk, "a"))  # whichever side it was
    visitor.follow()
    assert page.talks.find(TOKEN).turns[0].answered()
    assert all("exam" in one for one in panels(visitor))


def test_nothing_of_it_shows_while_it_is_being_written(make_page: Any) -> None:
    page = make_page()
    Visitor(page).start()
    page.talks.service._max_waiting = 0
    visitor = Visitor(page)
    visitor.take(page.send(TOKEN, visitor.talk, 0, "I failed the exam."))
    view = page.talks.find(TOKEN)
    job_id = view.turns[0].a.slot.job_id()
    said = {
        state: screen_state.exchanges(view, {job_id: Job(job_id, state, f"You should {HARM} and")})[-1].replies[0]
        for state in (JobState.RUNNING, JobState.DONE)
    }
    assert [(one.state, one.text) for one in said.values()] == [("thinking", ""), ("withheld", "")]
    calm = screen_state.exchanges(view, {job_id: Job(job_id, JobState.RUNNING, "You should rest")})[-1].replies[0]
    assert (calm.state, calm.text) == ("writing", "You should rest")
