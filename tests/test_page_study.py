"""The page's handlers in study mode: names, reasons and speed stay hidden until the vote."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from annotation.studies.members import invite
from annotation.studies.studies import close_study
from escdemo import texts
from escdemo.net_texts import title_of
from escdemo.role_cards import load_role_cards
from tests.fakes import EchoResponder, FailingResponder, SlowResponder
from tests.studies import PLAN, StudyRoom
from tests.visitor import TOKEN, Visitor

KEY = "the key of this run"
CARDS = load_role_cards()


def test_study_mode_shows_no_name_no_reason_and_no_trace_before_the_vote(make_page: Any) -> None:
    page = make_page(study="pilot")
    visitor = Visitor(page).start().say("I feel alone at night.")
    visitor.take(page.show_results())
    before = visitor.everything()
    for secret in ("joint", "misc", "sha-", "Reflection of feelings", "xReact"):
        assert secret not in before
    assert "Supporter A" in before
    assert "esc-why" not in visitor.of(page.parts.chat.sides[0])
    visitor.take(page.finish(TOKEN, visitor.talk))
    assert "misc" not in visitor.everything()
    visitor.vote("a", "a", "a", "a", "tie")
    assert "misc" in visitor.of(page.parts.judge.reveal)
    assert "esc-why" in visitor.of(page.parts.chat.sides[0])


def test_study_mode_holds_the_fast_reply_until_the_slow_one_is_there(make_page: Any) -> None:
    page = make_page(study="pilot", misc=SlowResponder("misc", delay_s=0.03))
    visitor = Visitor(page).start()
    visitor.take(page.send(TOKEN, visitor.talk, 0, "I feel alone."))
    sides: list[tuple[bool, bool]] = []

    async def look_on() -> None:
        async for values in page.follow(TOKEN, visitor.talk):
            visitor.take(values)
            sides.append(tuple("You said" in values[side] for side in page.parts.chat.sides))

    asyncio.run(look_on())
    assert sides[0] == (False, False)
    assert set(sides) == {(False, False), (True, True)}


def test_in_a_study_either_button_brings_the_missing_reply(make_page: Any) -> None:
    page = make_page(study="pilot", misc=FailingResponder("misc"))
    visitor = Visitor(page).start().say("Hello there.")
    before = page.talks.find(TOKEN).turns[0]
    good = next(side for side in "ab" if before.side(side).state != "failed")
    page.talks.service._responders["misc"] = EchoResponder("misc")
    visitor.take(page.retry(TOKEN, visitor.talk, good))
    visitor.follow()
    after = page.talks.find(TOKEN).turns[0]
    assert after.answered()
    assert [after.side(side).slot.attempt for side in sorted("ab", key=lambda side: side != good)] == [0, 1]


def test_in_a_study_models_and_figures_show_after_the_vote_and_then_the_two_of_the_talk(make_page: Any) -> None:
    page = make_page(study="pilot", star=EchoResponder("star", "sha-star"))
    visitor, figures = Visitor(page), page.parts.figures

    def told() -> tuple[str, str]:
        drawn = page.show_figures(TOKEN, visitor.talk, "star", "misc")
        return str([drawn[part] for part in figures.outputs]), str(page.show_models(TOKEN, visitor.talk).values())

    finish = (lambda: visitor.say("Hello there."), lambda: visitor.take(page.finish(TOKEN, visitor.talk)))
    for step in (visitor.follow, visitor.start, *finish):
        step()
        for shown in told():
            assert texts.NETS_HIDDEN in shown
            assert not any(title_of(name) in shown for name in ("joint", "misc", "star"))
    visitor.vote(*"aaaaa")
    drawn, listed = page.show_figures(TOKEN, visitor.talk), page.show_models(TOKEN, visitor.talk)
    assert {name for _, name in drawn[figures.first]["choices"]} == set(page.talks.find(TOKEN).systems)
    assert listed[page.parts.models.outputs[1]].count("<article") == 2
    visitor.take(page.again())
    assert all(texts.NETS_HIDDEN in shown for shown in told())


def test_a_study_shows_its_own_votes_only(make_page: Any) -> None:
    for study in (None, "pilot"):
        page = make_page(study=study)
        visitor = Visitor(page, f"browser {study}").start().say("Hello there.")
        visitor.take(page.finish(visitor.token, visitor.talk))
        visitor.take(page.vote(visitor.token, visitor.talk, 0.0, None, "", *["a"] * 5))
    own = make_page("pilot", create_key=KEY)
    assert ">1</td>" in own.show_results(None, KEY)[own.parts.results.outputs[3]]
    assert ">2</td>" not in own.show_results(None, KEY)[own.parts.results.outputs[3]]


def test_the_demo_tells_nobody_the_votes_of_a_study(make_page: Any) -> None:
    """Also when it is served from the study's database later on."""
    visitor = Visitor(make_page(study="pilot")).start().say("Hello there.")
    visitor.take(visitor.page.finish(TOKEN, visitor.talk))
    visitor.vote(*"aaaaa")
    demo = make_page()
    shown = demo.show_results()
    assert texts.RESULTS_EMPTY in str(shown.values())
    assert "misc" not in str(shown.values())


def test_results_of_a_study_are_for_its_lead(make_page: Any, sessions: sessionmaker[Session]) -> None:
    """Neither somebody without a talk, nor who has judged, nor the lead of another study sees them."""
    page = make_page(study="pilot", create_key=KEY)
    visitor = Visitor(page).start().say("Hello there.")
    visitor.take(page.finish(visitor.token, visitor.talk))
    visitor.vote("a", "a", "a", "a", "a")
    room, other = StudyRoom(sessions), StudyRoom(sessions, replace(PLAN, name="other"), raters=0)
    rater = room.do(invite, room.lead, role="rater")

    def shown(link: str) -> str:
        return str(page.show_results(None, link)[page.parts.results.outputs[3]])

    for link in ("", "x", "http://host/study/?invite=", rater.token, other.lead_token):
        assert shown(link) == ""
        assert "misc" not in str(page.show_results(None, link).values())
    for link in (room.lead_token, f"http://127.0.0.1/study/?invite={room.lead_token} ", f"/study/?create={KEY}"):
        assert "MISC better" in shown(link) or "BlenderBot-Joint better" in shown(link)
    room.do(close_study, room.lead)
    assert shown(room.lead_token) != ""
    assert page.parts.results.link.visible
    assert not make_page().parts.results.link.visible
    keyless = make_page(study="pilot")
    assert keyless.show_results(None, "")[keyless.parts.results.outputs[3]] == ""
