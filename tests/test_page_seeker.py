"""What a seeker can do beside talking: look first, talk blind, leave and come back; and what the page says to them."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.commands.export import export_rows
from escdemo import texts
from escdemo.chat.example_talk import example_html
from escdemo.chat.handlers import SETUP
from escdemo.chat.screen_state import alike
from escdemo.look import render
from models.data.dialogue import Dialogue
from models.data.esconv_labels import PROBLEM_TYPES
from models.serving.job import ServiceBusy
from models.serving.responder import OnText
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder, FailingResponder
from tests.running import running
from tests.visitor import OWN, TOKEN, Visitor

BLIND = (*OWN[:-1], True)


@dataclass(frozen=True)
class WaitingResponder(EchoResponder):
    """Answers when it is let go."""

    go: threading.Event = field(default_factory=threading.Event, hash=False, compare=False)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0), hash=False, compare=False)

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        self.begun.release()
        assert self.go.wait(60)
        return super().respond(dialogue, options, seed, on_text)


@dataclass(frozen=True)
class ParrotResponder(EchoResponder):
    """Says the same whatever its name, but for one letter."""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        reply = super().respond(dialogue, options, seed, on_text)
        return replace(reply, text=f"I hear you, that is a lot to carry on your own for so very long {self.name[0]}.")


def test_who_is_new_sees_a_card_and_an_example(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page)
    setup = page.parts.setup
    assert visitor.of(setup.situation)
    assert render.escape(visitor.of(setup.situation)) in visitor.of(setup.shown)
    assert "esc-seeker" in visitor.of(setup.example)
    visitor.take(page.show_example(texts.EXAMPLE_HIDE))
    assert visitor.of(setup.example) == ""
    visitor.start()
    visitor.take(page.again())
    assert visitor.of(setup.example) == ""  # who has talked knows how it looks


def test_only_what_a_visitor_does_draws_the_card_anew(database_url: str) -> None:
    """The fields that a card fills change one after the other: the last card's would stand beside the new situation."""
    nets = {name: EchoResponder(name) for name in ("joint", "misc")}
    with running(database_url, nets) as site, urllib.request.urlopen(f"{site.url}/config", timeout=60) as answer:
        calls = json.load(answer)["dependencies"]
    (drawn,) = (one["targets"] for one in calls if one["api_name"] == "show_story")
    assert {event for _, event in drawn} == {"input", "blur"}


def test_the_example_is_whole_and_opens_nothing() -> None:
    page = example_html()
    assert page.count("esc-supporter") == page.count("esc-seeker") == 6
    assert "data-turn" not in page  # nothing to look into


def test_a_blind_talk_of_the_demo_hides_names_and_reasons_until_the_vote(
    make_page: Any, sessions: sessionmaker[Session]
) -> None:
    page = make_page()
    visitor = Visitor(page).start(BLIND).say("I feel alone.")
    for secret in ("joint", "misc", "sha-", "xReact"):
        assert secret not in visitor.everything()
    assert page.talks.find(TOKEN).turns[0].a.strategy is None
    assert not visitor.visible(page.parts.chat.retry[0])
    refused = page.retry(TOKEN, visitor.talk, "a")
    assert "a reply is made once" in refused[page.parts.chat.note]
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote(*"aaaaa")
    assert "joint" in visitor.of(page.parts.judge.reveal)
    with sessions() as session:
        assert {row["blind"] for row in export_rows(session=session, table="judgments")} == {True}


def test_an_open_talk_is_not_blind(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page()
    assert page.talks.find(Visitor(page).start().say("I feel alone.").token).systems != (None, None)
    with sessions() as session:
        assert [row["blind"] for row in export_rows(session=session, table="conversations")] == [False, False]


def test_equal_replies_are_pointed_out(make_page: Any) -> None:
    page = make_page(joint=ParrotResponder("joint", "sha-joint"), misc=ParrotResponder("misc", "sha-misc"))
    assert "(almost) the same" in Visitor(page).start().say("I feel alone.").of(page.parts.chat.status)
    visitor = Visitor(page, "another browser").start(BLIND).say("I feel alone.")
    assert texts.ALIKE_BLIND in visitor.of(page.parts.chat.status)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("I hear you.", "i hear you", True),
        ("How long has it been so hard for you at work?", "How long has it been so hard for you at home?", True),
        ("I hear you. What would help?", "That sounds hard. You are not alone.", False),
        ("Yes.", "No.", False),
    ],
)
def test_when_two_replies_are_alike(first: str, second: str, same: bool) -> None:
    assert alike(first, second) is same


def test_one_or_both_missing_replies_are_called_so(make_page: Any) -> None:
    page = make_page(misc=FailingResponder("misc", "sha-misc"))
    assert texts.ONE_MISSING in Visitor(page).start().say("I feel alone.").of(page.parts.chat.status)
    page = make_page(joint=FailingResponder("joint", "sha-joint"), misc=FailingResponder("misc", "sha-misc"))
    visitor = Visitor(page, "another browser").start().say("I feel alone.")
    assert texts.BOTH_MISSING in visitor.of(page.parts.chat.status)


def test_a_retry_for_which_there_is_no_room_says_so(make_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("I feel alone.")

    def full(_: Any) -> None:
        raise ServiceBusy("no room")

    monkeypatch.setattr(page.talks.service, "submit_together", full)
    assert texts.BUSY in page.retry(TOKEN, visitor.talk, "a")[page.parts.chat.note]


@pytest.mark.parametrize("blind", [True, False])
def test_asking_again_does_not_tell_which_side_is_ready(make_page: Any, blind: bool) -> None:
    """While one reply is ready and the other is being made, both buttons do the same."""
    waiting = WaitingResponder("misc", "sha-misc")
    page = make_page(study=None if blind else "pilot", misc=waiting)
    visitor = Visitor(page).start(BLIND if blind else OWN)
    visitor.take(page.send(TOKEN, visitor.talk, 0, "I feel alone."))
    assert waiting.begun.acquire(timeout=60)
    deadline = time.monotonic() + 60
    while len(page.talks.service._running) != 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    told = [page.retry(TOKEN, visitor.talk, side)[page.parts.chat.note] for side in "ab"]
    waiting.go.set()
    assert told == ["", ""]
    turn = page.talks.find(TOKEN).turns[0]
    assert (turn.a.slot.attempt, turn.b.slot.attempt) == (0, 0)


def test_a_talk_that_is_left_gives_up_its_places_and_can_be_gone_back_to(make_page: Any) -> None:
    waiting = WaitingResponder("joint", "sha-joint")
    page = make_page(joint=waiting)
    visitor = Visitor(page).start()
    visitor.take(page.send(TOKEN, visitor.talk, 0, "I feel alone."))
    assert waiting.begun.acquire(timeout=60)
    talk = visitor.talk
    visitor.take(page.go(TOKEN, talk, None, texts.ANY_PROBLEM, json.dumps("setup")))
    assert visitor.talk == SETUP
    assert visitor.visible(page.parts.setup.box)
    assert "“Chat”" in visitor.of(page.parts.setup.note)
    assert 'data-go="talk">Chat' in visitor.of(page.parts.steps)
    assert not page.talks.service.busy
    waiting.go.set()
    visitor.take(page.go(TOKEN, SETUP, None, texts.ANY_PROBLEM, json.dumps("talk")))
    assert visitor.talk == talk
    visitor.follow()
    assert page.talks.find(TOKEN).turns[0].answered()


def test_the_judgment_of_a_talk_that_was_left_is_still_there(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("I feel alone.")
    visitor.take(page.finish(TOKEN, visitor.talk))
    draft = {"talk": visitor.talk, "intensity": 2, "reason": "because", "picks": ["a", "b", None, None, None]}
    visitor.take(page.go(TOKEN, visitor.talk, draft, texts.ANY_PROBLEM, json.dumps("setup")))
    assert 'data-go="talk">Judge' in visitor.of(page.parts.steps)
    visitor.take(page.go(TOKEN, SETUP, draft, texts.ANY_PROBLEM, json.dumps("talk")))
    assert visitor.visible(page.parts.judge.form)
    assert visitor.of(page.parts.judge.picks[1]) == "b"
    assert visitor.of(page.parts.judge.reason) == "because"


def test_problem_types_are_spelled_one_way() -> None:
    named = [render.problem_name(label) for label in PROBLEM_TYPES]
    assert named[:2] == ["Ongoing depression", "Job crisis"]
    assert "Sleep problems" in named
    assert all(name[1:] == name[1:].lower() for name in named)


def test_a_time_is_written_out_by_the_script(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    saved = page.talks.find(TOKEN).saved_at
    assert f'datetime="{saved:%Y-%m-%dT%H:%M:%SZ}"' in visitor.of(page.parts.chat.status)
