"""The page's handlers over a real store and a real service with fake nets: no browser, no server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from annotation.talks.open_talks import tallies
from annotation.talks.stages import Stage
from escdemo import crisis_texts, texts
from escdemo.chat import judge_panel
from escdemo.chat.handlers import SETUP
from escdemo.role_cards import load_role_cards
from tests.fakes import EchoResponder, FailingResponder, SlowResponder
from tests.visitor import OWN, TOKEN, Visitor

CARDS = load_role_cards()


def test_consent_is_asked_before_a_talk_and_cannot_be_skipped(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page)
    assert visitor.visible(page.parts.setup.box)
    visitor.take(page.start(TOKEN, False, *OWN))
    assert visitor.visible(page.parts.consent.box)
    visitor.take(page.agree(TOKEN, False, *OWN))
    assert texts.CONSENT_MISSING in visitor.of(page.parts.note)
    assert page.talks.find(TOKEN) is None
    visitor.take(page.agree(TOKEN, True, *OWN))
    assert not visitor.visible(page.parts.consent.box)
    assert page.talks.find(TOKEN) is not None


def test_no_talk_without_consent_or_a_loaded_page(make_page: Any) -> None:
    page = make_page()
    assert page.start(TOKEN, False, *OWN)[page.parts.consent.box]["visible"]
    assert "not finished loading" in page.start("", True, *OWN)[page.parts.note]
    assert page.talks.find(TOKEN) is None
    Visitor(page).start()
    assert page.talks.find(TOKEN) is not None
    assert page.parts.chat.box in page.start(TOKEN, False, *OWN)  # agreed before, in a page since reloaded


def test_a_new_browser_gets_a_token_and_nothing_else_is_kept_there(make_page: Any) -> None:
    page = make_page()
    token = page.restore("")[page.parts.token]
    assert isinstance(token, str)
    assert len(token) >= 24


def test_tabs_opened_at_once_are_one_visitor(make_page: Any) -> None:
    """They bring the same number; one that could be guessed is not taken."""
    page = make_page()
    number = "ab" * 24
    tokens = {page.restore("", number)[page.parts.token] for _ in range(2)}
    assert tokens == {number}
    assert page.parts.token not in page.restore(TOKEN, number)
    for odd in ("", "1", "x" * 1000):
        assert page.restore("", odd)[page.parts.token] != odd


def test_a_judgment_that_was_begun_survives_a_reload(make_page: Any) -> None:
    page = make_page()
    judge, draft = page.parts.judge, page.parts.draft
    visitor = Visitor(page).start().say("Hello there.")
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.take(page.keep_draft(visitor.talk, 3, "half a reason", "a", None, "tie", None, None))
    kept = visitor.shown[draft]
    assert not any(name in str(kept) for name in ("joint", "misc"))
    again = page.restore(TOKEN, "", kept)
    assert [again.get(radio) for radio in judge.picks] == ["a", None, "tie", None, None]
    assert (again[judge.intensity], again[judge.reason]) == (3, "half a reason")
    for odd in (None, "x", {"talk": visitor.talk}, kept | {"talk": "another"}, kept | {"picks": ["c"] * 5}):
        assert not any(page.restore(TOKEN, "", odd).get(radio) for radio in judge.picks)
    visitor.vote("a", "a", "a", "a", "a")
    assert visitor.shown[draft] == judge_panel.NO_DRAFT
    assert page.restore(TOKEN, "", kept)[judge.reason] == ""  # the talk is judged


def test_a_whole_talk_in_demo_mode(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("I feel alone at night.")
    parts = page.parts
    assert "I feel alone at night." in visitor.of(parts.chat.sides[0])
    names = [name for name in ("BlenderBot-Joint", "MISC") if f">{name}</button></h3>" in visitor.everything()]
    assert names == ["BlenderBot-Joint", "MISC"]
    assert visitor.of(parts.chat.post) == ""
    assert 'class="esc-why"' in visitor.of(parts.chat.sides[0])  # reasons at once
    visitor.take(page.finish(TOKEN, visitor.talk))
    assert visitor.visible(parts.judge.form)
    visitor.vote("a", "tie", "b", "a", "a")
    assert visitor.visible(parts.judge.result)
    assert "Your judgment is saved" in visitor.of(parts.judge.reveal)
    with sessions() as session:
        counted = tallies(session=session)
    assert sum(tally.total() for tally in counted) == 5


def test_what_is_refused_is_said_and_the_text_kept(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    for text, sentence in (("", "still empty"), ("   \n", "still empty"), ("x" * 10_000, "limit is 2,000")):
        values = page.send(TOKEN, visitor.talk, 0, text)
        assert sentence in values[page.parts.chat.note]
        assert page.parts.chat.post not in values  # so the box keeps what was typed
    assert page.talks.find(TOKEN).turns == ()


def test_the_same_message_sent_twice_is_stored_once(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("Hello there.", seen=0).say("Hello there.", seen=0)
    assert len(page.talks.find(TOKEN).turns) == 1
    visitor.say("Hello there.")  # but the page has seen the first one now, so this is a new one
    assert len(page.talks.find(TOKEN).turns) == 2


def test_a_vote_before_a_reply_and_a_second_vote_are_refused(make_page: Any, sessions: sessionmaker[Session]) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    visitor.take(page.finish(TOKEN, visitor.talk))
    assert "esc-problem" in visitor.of(page.parts.chat.note)
    visitor.vote("a", "a", "a", "a", "a")
    assert "esc-problem" in visitor.of(page.parts.judge.note)
    visitor.say("Hello there.")
    visitor.vote("a", "a", "a", "a", "a")
    assert "still going on" in visitor.of(page.parts.judge.note)
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote("a", "a", None, "a", "a")
    assert "missing: Empathy" in visitor.of(page.parts.judge.note)
    visitor.vote("a", "a", "a", "a", "a").vote("b", "b", "b", "b", "b")
    assert texts.ALREADY_JUDGED in visitor.of(page.parts.note)
    with sessions() as session:
        assert [(tally.win + tally.lose, tally.tie) for tally in tallies(session=session)] == [(1, 0)] * 5


def test_nothing_typed_becomes_markup(make_page: Any) -> None:
    page = make_page()
    evil = "<img src=x onerror=alert(1)> **bold** <script>alert(2)</script> \"'`${7*7}{{7*7}}"
    visitor = Visitor(page).start(("", evil, *OWN[2:])).say(evil)
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.take(page.vote(TOKEN, visitor.talk, 0.0, 3, evil, "a", "a", "a", "a", "a"))
    for component, value in visitor.shown.items():
        if type(component).__name__ == "HTML":
            text = value.get("value") if isinstance(value, dict) else value
            assert "<img" not in (text or "")
            assert "<script" not in (text or "")
    assert "&lt;img src=x onerror=alert(1)&gt; **bold**" in visitor.of(page.parts.chat.sides[0])


def test_a_reload_shows_the_same_page(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("I feel alone at night.")
    again = Visitor(page)
    for component in (*page.parts.chat.sides, page.parts.chat.situation, page.parts.steps):
        assert again.of(component) == visitor.of(component)
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote("a", "tie", "b", "a", "a")
    assert Visitor(page).of(page.parts.judge.reveal) == visitor.of(page.parts.judge.reveal)


def test_a_reply_lost_with_the_server_is_made_again_from_its_seed(make_page: Any) -> None:
    slow = make_page(joint=SlowResponder("joint", "sha-joint", 0.05), misc=SlowResponder("misc", "sha-misc", 0.05))
    visitor = Visitor(slow).start()
    slow.send(TOKEN, visitor.talk, 0, "I feel alone at night.")
    slow.talks.service.close()  # as a killed server does: nothing is saved
    fresh = make_page()
    back = Visitor(fresh)
    assert "I feel alone at night." in back.of(fresh.parts.chat.sides[0])
    back.follow()
    turn = fresh.talks.find(TOKEN).turns[0]
    assert turn.answered()
    assert turn.a.slot.attempt == 0


def test_a_failed_side_can_be_tried_again_alone(make_page: Any) -> None:
    page = make_page(misc=FailingResponder("misc"))
    visitor = Visitor(page).start().say("Hello there.")
    side = page.talks.find(TOKEN).systems.index("misc")
    assert texts.FAILED in visitor.of(page.parts.chat.sides[side])
    assert visitor.visible(page.parts.chat.retry[side])
    refused = page.send(TOKEN, visitor.talk, 1, "And now?")
    assert "missing" in refused[page.parts.chat.note]
    kept = page.talks.find(TOKEN).turns[0].side("ab"[1 - side]).text
    page.talks.service._responders["misc"] = EchoResponder("misc")
    visitor.take(page.retry(TOKEN, visitor.talk, "ab"[side]))
    visitor.follow()
    turn = page.talks.find(TOKEN).turns[0]
    assert turn.answered()
    assert turn.side("ab"[1 - side]).text == kept


def test_with_room_for_one_side_only_neither_is_asked(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    page.talks.service._workers, page.talks.service._max_waiting = 0, 1
    values = page.send(TOKEN, visitor.talk, 0, "Hello there.")
    assert texts.BUSY in values[page.parts.chat.note]
    assert page.talks.jobs(page.talks.find(TOKEN)) == {}


def test_a_full_server_keeps_the_message_and_says_so(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    page.talks.service._workers = page.talks.service._max_waiting = 0
    values = page.send(TOKEN, visitor.talk, 0, "Hello there.")
    assert texts.BUSY in values[page.parts.chat.note]
    page.talks.service._workers, page.talks.service._max_waiting = 2, 64
    visitor.take(values)
    for side in "ab":
        visitor.take(page.retry(TOKEN, visitor.talk, side))
    visitor.follow()
    assert [turn.answered() for turn in page.talks.find(TOKEN).turns] == [True]


def test_a_database_that_does_not_answer_is_told_without_details(
    make_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = make_page()
    visitor = Visitor(page).start()

    def locked(*_: Any) -> None:
        raise OperationalError("INSERT ...", {"text": "My secret."}, Exception("database is locked"))

    monkeypatch.setattr(page.talks, "send", locked)
    values = page.send(TOKEN, visitor.talk, 0, "My secret.")
    assert texts.STORE_DOWN in values[page.parts.chat.note]
    assert "secret" not in values[page.parts.chat.note]
    assert page.parts.chat.post not in values


def test_stop_cuts_both_replies_off(make_page: Any) -> None:
    page = make_page(joint=SlowResponder("joint", delay_s=0.2), misc=SlowResponder("misc", delay_s=0.2))
    visitor = Visitor(page).start()
    visitor.take(page.send(TOKEN, visitor.talk, 0, "Hello there."))
    visitor.take(page.stop(TOKEN, visitor.talk))
    assert all(texts.STOPPED in visitor.of(side) for side in page.parts.chat.sides)


@pytest.mark.parametrize("text", ["I don't want to be here anymore.", "My husband hits me."])
def test_signs_of_danger_show_the_card_before_the_reply_and_the_talk_goes_on(make_page: Any, text: str) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    values = page.send(TOKEN, visitor.talk, 0, text)
    assert crisis_texts.CRISIS_LEAD in values[page.parts.chat.crisis]
    visitor.take(values)
    visitor.follow()
    assert page.talks.find(TOKEN).turns[0].answered()
    calm = Visitor(page, "another browser").start().say("I am dying to know what she said.")
    assert calm.of(page.parts.chat.crisis) == ""


def test_another_language_is_answered_with_a_word_of_warning(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("Ich bin so allein und weiß nicht, was ich tun soll.")
    assert "English" in visitor.of(page.parts.chat.note)
    assert page.talks.find(TOKEN).turns[0].answered()


def test_a_role_card_fills_the_form_and_the_first_message(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page)
    card = CARDS[3]
    visitor.take(page.show_card(card.id))
    setup = page.parts.setup
    fields = (card.id, visitor.of(setup.situation), visitor.of(setup.emotion), visitor.of(setup.problem))
    visitor.start((*fields, visitor.of(setup.intensity), None, False))
    assert visitor.of(page.parts.chat.post) == card.opening
    assert page.talks.find(TOKEN).role_card == card.id
    changed = Visitor(page, "another browser").start((card.id, "My own story.", *OWN[2:]))
    assert page.talks.find("another browser").role_card is None
    assert changed.of(page.parts.chat.post) == ""


def test_a_start_with_gaps_is_refused(make_page: Any) -> None:
    page = make_page()
    for fields in (
        ("", "", *OWN[2:]),
        (*OWN[:2], None, *OWN[3:]),
        (*OWN[:4], 9, None, False),
        ("", "x" * 1001, *OWN[2:]),
    ):
        assert "esc-problem" in page.start(TOKEN, True, *fields)[page.parts.note]
    assert page.talks.find(TOKEN) is None


def test_with_more_nets_the_pair_is_chosen_in_the_demo_and_drawn_in_a_study(make_page: Any) -> None:
    page = make_page(third=EchoResponder("third"))
    Visitor(page).start((*OWN[:5], "misc and third", False))
    assert set(page.talks.find(TOKEN).systems) == {"misc", "third"}
    assert page.parts.setup.systems.visible
    assert ("MISC (misc) and third", "misc and third") in page.parts.setup.systems.choices
    study = make_page(study="pilot", third=EchoResponder("third"))
    assert not study.parts.setup.systems.visible
    assert study.parts.setup.systems.choices == []


def test_delete_my_data_takes_everything_and_the_token(make_page: Any) -> None:
    page = make_page()
    visitor = Visitor(page).start().say("Hello there.")
    other = Visitor(page, "another browser").start().say("Mine stays.")
    values = page.erase(TOKEN)
    assert texts.ERASED["none"] in values[page.parts.about.note]
    assert values[page.parts.token] not in ("", TOKEN)
    assert page.talks.find(TOKEN) is None
    assert page.talks.find("another browser", other.talk) is not None
    assert texts.NOTHING_TO_ERASE in page.erase(TOKEN)[page.parts.about.note]
    assert "esc-problem" in page.send(TOKEN, visitor.talk, 1, "Hello?")[page.parts.note]


def test_nobody_reaches_the_talk_of_another_browser(make_page: Any) -> None:
    page = make_page()
    mine = Visitor(page).start().say("My secret.")
    thief = Visitor(page, "another browser")
    for values in (
        page.send("another browser", mine.talk, 0, "Hi"),
        page.finish("another browser", mine.talk),
    ):
        thief.take(values)
    assert "My secret." not in thief.everything()
    assert page.talks.find(TOKEN).stage is Stage.CHATTING


def test_two_hundred_turns_stay_whole_and_one_more_is_refused_clearly(make_page: Any) -> None:
    page = make_page()
    page.talks.settings = replace(page.talks.settings, max_posts=5)
    visitor = Visitor(page).start()
    for number in range(5):
        visitor.say(f"Message {number}.")
    refused = page.send(TOKEN, visitor.talk, 5, "One more.")
    assert "limit of 5 messages" in refused[page.parts.chat.note]
    assert len(page.talks.find(TOKEN).turns) == 5
    visitor.take(page.again())
    assert visitor.talk == SETUP
