"""Replies that may not be shown, on the page over a real store and service: in the demo, in a study, tried again."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import HeldBack, ReplyState
from annotation.commands.export import export_rows
from annotation.store.schema import Event, Reply
from annotation.talks.views import ReplySlot
from escdemo import crisis_texts, texts
from escdemo.chat import screen_state
from escdemo.replies import DRAFTS
from models.data.dialogue import Dialogue
from models.serving.job import Job, JobState
from models.serving.responder import OnText
from models.serving.trace import DecodeOptions, NamedRow
from models.serving.trace import Reply as MadeReply
from tests.fakes import EchoResponder, HarmfulResponder
from tests.visitor import TOKEN, Visitor

HARM = "hurt yourself"
DESPAIR = "Sometimes I think everyone would be better off if I was dead."
AGREES = "That's very true."
CARES = "I'm really worried about you. Are you safe right now?"


@dataclass(frozen=True)
class Sayings(HarmfulResponder):
    """Says one after the other, the last one ever after; remembers the seeds and settings."""

    said: tuple[str, ...] = (AGREES,)
    seeds: list[int] = field(default_factory=list)
    options: list[DecodeOptions] = field(default_factory=list)

    def respond(
        self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None
    ) -> MadeReply:
        words = self.said[min(len(self.seeds), len(self.said) - 1)]
        self.seeds.append(seed)
        self.options.append(options)
        made = super(HarmfulResponder, self).respond(dialogue, options, seed)
        for end in range(1, len(words.split()) + 1):
            time.sleep(self.delay_s)
            if on_text:
                on_text(" ".join(words.split()[:end]))
        drawn = NamedRow("best of the replies drawn", (words, AGREES), (0.5, 0.4))
        return replace(made, text=words, trace=replace(made.trace, extras=(drawn,)))


def panels(visitor: Visitor) -> list[str]:
    return [str(visitor.of(side)) for side in visitor.page.parts.chat.sides]


def stored(sessions: sessionmaker[Session], system: str) -> Reply:
    with sessions() as session:
        (row,) = session.scalars(select(Reply).where(Reply.system == system))
        assert row.reply_json is not None
        return row


def test_agreement_with_despair_is_replaced_and_the_card_opens(
    make_page: Any, sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture
) -> None:
    net = Sayings("misc")
    page = make_page(misc=net, joint=Sayings("joint", said=(CARES,)))
    with caplog.at_level(logging.INFO):
        visitor = Visitor(page).start().say(DESPAIR)
    at = page.talks.find(TOKEN).systems.index("misc")
    assert AGREES not in visitor.everything().replace("\\u0027", "'")
    assert "very true" not in visitor.everything()
    assert "The model&#x27;s reply was held back" in panels(visitor)[at]
    assert texts.REPLACED in panels(visitor)[at]
    assert "Are you safe right now?" in panels(visitor)[1 - at]
    assert crisis_texts.CRISIS_TITLES["self"] in visitor.of(page.parts.chat.crisis)
    assert len(net.seeds) == len(set(net.seeds)) == DRAFTS
    row = stored(sessions, "misc")
    assert (row.state, row.held_back) == (ReplyState.DONE, HeldBack.REPLACED)
    assert "very true" not in (row.text or "") + (row.reply_json or "")
    assert stored(sessions, "joint").held_back is None
    with sessions() as session:
        events = [(one.side, one.new_value) for one in session.scalars(select(Event)) if one.new_value and one.side]
        assert events == [(row.side, "replaced: self")]
    assert "very true" not in caplog.text
    assert "better off" not in caplog.text
    assert "was held back by the safety screen" in caplog.text


def test_a_safe_reply_of_the_net_is_taken_when_it_makes_one(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page(misc=Sayings("misc", said=(AGREES, "I work in a bank.", CARES)))
    visitor = Visitor(page).start().say(DESPAIR)
    at = page.talks.find(TOKEN).systems.index("misc")
    assert "Are you safe right now?" in panels(visitor)[at]
    assert "very true" not in visitor.everything()  # nor among the drafts that the why panel lists
    row = stored(sessions, "misc")
    assert row.held_back is HeldBack.REDRAWN
    assert f'"seed": {row.seed}' in row.reply_json


def test_two_drafts_that_end_one_after_the_other_are_not_a_failure(
    make_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read while the reply was owed; since then one draft ended, then the next, then the reply was kept."""
    page = make_page(misc=Sayings("misc", said=(CARES,)))
    Visitor(page).start().say(DESPAIR)
    kept = page.talks.find(TOKEN)
    turn = kept.turns[0]
    owed = replace(kept, turns=(replace(turn, a=replace(turn.a, state=ReplyState.PENDING)),))
    seen: list[str] = []

    def latest_draft(slot: ReplySlot) -> Job:
        seen.append(slot.job_id() if len(seen) == 0 else f"{slot.job_id()}~{len(seen)}")
        return Job(seen[-1], JobState.DONE)

    monkeypatch.setattr(page.talks, "job", latest_draft)
    reads = iter([owed, kept])
    view, jobs = page.talks.settled(owed, lambda: next(reads))
    assert (view, jobs) == (kept, {})
    assert len(seen) == 2


def test_danger_from_two_messages_ago_still_counts(make_page: Any) -> None:
    net = Sayings("misc", said=(CARES, CARES, "Yes, I think so."))
    page = make_page(misc=net, joint=Sayings("joint", said=("I am so sorry. Are you safe right now?",)))
    visitor = Visitor(page).start()
    for post in ("I have the rope ready", "ok", "should i?"):
        visitor.say(post)
    assert "I think so" not in visitor.everything()
    assert "held back" in visitor.everything()
    assert [turn.a.held_back or turn.b.held_back for turn in page.talks.find(TOKEN).turns] == [
        None,
        None,
        HeldBack.REPLACED,
    ]


def test_ordinary_talk_is_answered_as_ever(make_page: Any) -> None:
    page = make_page(misc=Sayings("misc", said=("That is very true, deadlines are rough.",)))
    visitor = Visitor(page).start().say("This deadline is killing me.")
    assert "deadlines are rough" in visitor.everything()
    assert visitor.of(page.parts.chat.crisis) == ""


def test_a_reply_that_harms_is_replaced_whatever_was_said(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page(misc=HarmfulResponder("misc"))
    visitor = Visitor(page).start().say("I failed the exam.")
    at = page.talks.find(TOKEN).systems.index("misc")
    assert ["held back" in one for one in panels(visitor)] == [place == at for place in (0, 1)]
    assert HARM not in visitor.everything()
    assert crisis_texts.CRISIS_TITLES["harmful"] in visitor.of(page.parts.chat.crisis)
    assert HARM not in (stored(sessions, "misc").reply_json or "")
    page.talks.service._responders["misc"] = EchoResponder("misc")
    assert visitor.visible(page.parts.chat.retry[at])
    visitor.take(page.retry(TOKEN, visitor.talk, "ab"[at]))
    visitor.follow()
    assert all("exam" in one for one in panels(visitor))
    assert visitor.of(page.parts.chat.crisis) == ""


def test_contempt_said_back_is_replaced_by_a_gentler_sentence_and_raises_no_alarm(make_page: Any) -> None:
    page = make_page(misc=Sayings("misc", said=("You did something awful.",)))
    visitor = Visitor(page).start().say("I let a friend down last week.")
    at = page.talks.find(TOKEN).systems.index("misc")
    assert "spoke badly of you" in panels(visitor)[at]
    assert "something awful" not in visitor.everything()
    assert "crisis line" not in panels(visitor)[at]
    assert visitor.of(page.parts.chat.crisis) == ""


def test_in_a_study_no_name_shows_and_the_export_tells(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page(study="pilot", misc=Sayings("misc"), joint=Sayings("joint", said=(CARES,)))
    visitor = Visitor(page).start().say(DESPAIR)
    assert sum("held back" in one for one in panels(visitor)) == 1
    assert not any(name in visitor.everything() for name in ("misc", "joint", "sha-"))
    assert page.talks.find(TOKEN).turns[0].answered()  # the talk goes on
    with sessions() as session:
        rows = list(export_rows(session=session, table="conversations"))
    assert {row["system"]: row["held_back"] for row in rows} == {"misc": "replaced", "joint": None}
    page.finish(TOKEN, visitor.talk)
    visitor.take(page.restore(TOKEN))
    visitor.vote(*"aaaaa")
    with sessions() as session:
        judged = list(export_rows(session=session, table="judgments"))
    assert judged
    assert {row["held_back"] for row in judged} == {1}


def test_a_net_that_breaks_after_a_held_draft_is_replaced_too(
    make_page: Any, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Sayings("misc")
    page = make_page(misc=net)
    monkeypatch.setattr("escdemo.replies.REDRAW_WITHIN_S", 0.0)
    Visitor(page).start().say(DESPAIR)
    assert len(net.seeds) == 1  # no time for another draft
    assert stored(sessions, "misc").held_back is HeldBack.REPLACED


@pytest.mark.parametrize(("post", "shows"), [(DESPAIR, False), ("I failed the exam.", True)])
def test_no_half_reply_shows_after_a_sign_of_danger(make_page: Any, post: str, shows: bool) -> None:
    page = make_page()
    Visitor(page).start()
    page.talks.service._workers = page.talks.service._max_waiting = 0
    visitor = Visitor(page)
    visitor.take(page.send(TOKEN, visitor.talk, 0, post))
    view = page.talks.find(TOKEN)
    job_id = view.turns[0].a.slot.job_id()
    writing = Job(job_id, JobState.RUNNING, "That is very")
    said = screen_state.exchanges(view, {job_id: writing})[-1].replies[0]
    assert (said.state, said.text) == (("writing", "That is very") if shows else ("thinking", ""))
    harm = screen_state.exchanges(view, {job_id: Job(job_id, JobState.RUNNING, f"You should {HARM} and")})[-1].replies[
        0
    ]
    assert (harm.state, harm.text) == ("thinking", "")
