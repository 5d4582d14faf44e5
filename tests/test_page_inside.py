"""The handlers of "Look inside" over a real store and service: what is shown to whom, what if, pasted dialogues."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import gradio as gr
import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.schema import Event, Reply
from escdemo import crisis_texts, texts
from escdemo.chat.build import build_app
from escdemo.chat.handlers import Page
from escdemo.inside import panel
from escdemo.inside.looking import Looking, Place
from escdemo.look.theme import page_css
from tests.fakes import ChangeableResponder, HarmfulResponder
from tests.visitor import TOKEN, Visitor

OTHER = "another browser's token"
PASTED = "seeker: I moved and know nobody.\nsupporter: What do you miss?\nseeker: My friends."
FORCED = json.dumps({"side": "a", "strategy": "Information"})


def looking_of(page: Page) -> Looking:
    """The tab alone, over the same talks."""
    with gr.Blocks():
        unseen = panel.build_unseen(Place())
        with gr.Tabs() as tabs:
            return Looking(panel.build(page.talks.settings, unseen, ()), tabs, page.talks)


def changeable(page_of: Any, **more: Any) -> Page:
    page: Page = page_of(**({name: ChangeableResponder(name, f"sha-{name}") for name in ("joint", "misc")} | more))
    return page


def all_of(stream: Any) -> list[dict[Any, Any]]:
    async def collect() -> list[dict[Any, Any]]:
        return [values async for values in stream]

    return asyncio.run(collect())


def ask(**what: Any) -> str:
    return json.dumps(what)


def test_a_message_of_the_talk_is_looked_into_and_another_chosen(make_page: Any) -> None:
    page = changeable(make_page)
    visitor = Visitor(page).start().say("I feel alone.").say("A zebra sang to me.")
    looking = looking_of(page)
    tab = looking.tab
    last = looking.show(TOKEN, visitor.talk, Place())
    assert "zebra" in last[tab.post]
    assert last[tab.messages].count("esc-turn") == 3  # the list and two buttons
    assert f"?talk={visitor.talk}&amp;turn=1" in last[tab.post]
    assert TOKEN not in str(last)
    assert "set out to" in last[tab.sides[0].card]
    assert set(last) <= {looking.tabs, *tab.of_message()}
    assert last[tab.sides[1].mixture]["visible"]
    assert "esc-mix" in last[tab.sides[0].form]
    first = looking.show(TOKEN, visitor.talk, last[tab.unseen.at], ask(turn=0))
    assert "I feel alone." in first[tab.post]
    assert first[tab.unseen.at].turn == 0
    assert looking.tabs not in first
    assert tab.messages not in first  # the page marks the message itself
    jumped = looking.show(TOKEN, visitor.talk, Place(pasted=PASTED), ask(jump=True, turn=1))
    assert jumped[looking.tabs]["selected"] == "inside"
    assert "zebra" in jumped[tab.post]


def test_a_look_touches_nothing_but_what_it_changes(make_page: Any) -> None:
    page = make_page()
    demo = build_app(page.talks.service, page.talks.sessions, page.talks.settings)
    events = {one.api_name: one for one in demo.fns.values()}
    for name in ("look_at_message", "look_again", "look_at_talk"):
        outputs = events[name].outputs
        # Gradio reads all that a container holds each time an event begins and ends: the tabs hold the whole page.
        assert not any(isinstance(one, gr.Tabs) for one in outputs), name
        assert len({one.elem_id for one in outputs if isinstance(one, gr.Plot)}) == 7, name  # in the same answer


def test_no_rule_makes_the_browser_look_at_every_button_after_each_change() -> None:
    # A rule on buttons below an element that `:has` something is tried anew on each of them, hundreds in a long talk.
    assert re.findall(r":has\([^{},]*\)[^{},)]*\bbutton\b", page_css()) == []


def test_of_a_long_talk_only_what_is_looked_into_is_loaded(make_page: Any) -> None:
    page = changeable(make_page)
    visitor = Visitor(page).start()
    for number in range(5):
        visitor.say(f"Message {number}.")
    looking = looking_of(page)
    whole, single = [], []

    def loaded(reply: Reply, _: Any) -> None:
        if "reply_json" in reply.__dict__:
            whole.append(reply)

    def asked(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT reply.reply_json"):
            single.append(statement)

    engine = page.talks.sessions.kw["bind"]
    listening = (Reply, "load", loaded), (engine, "before_cursor_execute", asked)
    for one in listening:
        event.listen(*one)
    try:
        shown = looking.show(TOKEN, visitor.talk, Place(), ask(turn=2))
        assert "Message 2." in shown[looking.tab.post]
        assert (len(whole), len(single)) == (0, 2)
        page.project(page.talks.find(TOKEN, visitor.talk))
        assert (len(whole), len(single)) == (0, 2)  # the talk itself needs none of them
    finally:
        for one in listening:
            event.remove(*one)


def test_attention_is_drawn_while_its_fold_is_open(make_page: Any) -> None:
    page = changeable(make_page)
    visitor = Visitor(page).start().say("I feel alone.").say("A zebra sang to me.")
    looking = looking_of(page)
    tab = looking.tab
    closed = looking.show(TOKEN, visitor.talk, Place())
    assert closed[tab.attention]["visible"]
    assert closed[tab.sides[0].heat]["value"] is closed[tab.sides[1].bars]["value"] is None
    opened = looking.unfold(TOKEN, visitor.talk, closed[tab.unseen.at])
    assert all(opened[plot]["visible"] for side in tab.sides for plot in (side.bars, side.heat))
    assert tab.sides[0].card not in opened
    other = looking.show(TOKEN, visitor.talk, opened[tab.unseen.at], ask(turn=0))
    assert other[tab.attention]["open"]
    assert other[tab.sides[0].heat]["value"] not in (None, opened[tab.sides[0].heat]["value"])
    folded = looking.show(TOKEN, visitor.talk, looking.fold(other[tab.unseen.at]), ask(turn=0))
    assert folded[tab.sides[0].heat]["value"] is None


def test_a_link_opens_for_the_owner_alone(make_page: Any) -> None:
    page = changeable(make_page)
    mine = Visitor(page).start().say("My secret.")
    looking = looking_of(page)
    link = ask(jump=True, talk=mine.talk, turn=0)
    assert "My secret." in str(looking.show(TOKEN, "", Place(), link))
    for thief in (OTHER, ""):
        told = looking.show(thief, "", Place(), link)
        assert "My secret." not in str(told)
        assert texts.INSIDE_LOST in told[looking.tab.note]
    Visitor(page, OTHER).start().say("Hello.")
    told = looking.show(OTHER, "", Place(), link)
    assert "My secret." not in str(told)
    assert texts.INSIDE_LOST in told[looking.tab.note]
    assert told[looking.tab.sides[0].mixture]["value"] is None  # no figures of another talk below that
    assert [one.id for one in page.talks.stored(OTHER)] != [mine.talk]


@pytest.mark.parametrize("turn", [-1, 1, 99])
def test_a_link_to_a_message_that_is_none_says_so(make_page: Any, turn: int) -> None:
    page = changeable(make_page)
    mine = Visitor(page).start().say("Hello there.")
    looking = looking_of(page)
    told = looking.show(TOKEN, "", Place(), ask(jump=True, talk=mine.talk, turn=turn))
    assert "Hello there." in told[looking.tab.post]
    assert texts.INSIDE_NO_TURN.format(count=1, shown=1) in told[looking.tab.note]
    opened = looking.show(TOKEN, "", told[looking.tab.unseen.at])  # the tab opens, and asks again
    assert opened[looking.tab.note] == told[looking.tab.note]
    chosen = looking.show(TOKEN, "", told[looking.tab.unseen.at], ask(turn=0))
    assert not chosen[looking.tab.unseen.at].missed
    fewer = looking.show(TOKEN, "", Place(mine.talk, turn))  # not by a link: a new talk has fewer messages
    assert fewer[looking.tab.note] == ""


@pytest.mark.parametrize("odd", ["", "x", "[]", "{", '{"turn": "1"}', '{"turn": 99}', '{"turn": null, "jump": 1}'])
def test_odd_questions_show_the_last_message(make_page: Any, odd: str) -> None:
    page = changeable(make_page)
    visitor = Visitor(page).start().say("Hello there.")
    looking = looking_of(page)
    assert "Hello there." in looking.show(TOKEN, visitor.talk, Place(), odd)[looking.tab.post]


def test_earlier_talks_are_offered_and_an_empty_tab_says_what_will_come(make_page: Any) -> None:
    page = changeable(make_page)
    looking = looking_of(page)
    assert texts.WHY_EMPTY in looking.show(TOKEN, "", Place())[looking.tab.note]
    first = Visitor(page).start().say("The first talk.")
    second = Visitor(page).start().say("The second talk.")
    now = looking.show(TOKEN, second.talk, Place())
    assert [value for _, value in now[looking.tab.talk]["choices"]] == [second.talk, first.talk]
    assert "The first talk." in looking.choose(TOKEN, second.talk, Place(), first.talk)[looking.tab.post]


def test_a_blind_talk_has_no_reasons_and_no_names_before_the_vote_and_no_what_if_after(make_page: Any) -> None:
    page = changeable(lambda **nets: make_page(study="pilot", **nets))
    visitor = Visitor(page).start().say("I feel alone.")
    looking = looking_of(page)
    before = looking.show(TOKEN, visitor.talk, Place())
    told = str(list(before.values()))
    assert texts.INSIDE_BLIND in before[looking.tab.note]
    assert "Supporter A" in before[looking.tab.sides[0].card]
    for secret in ("joint", "BlenderBot", "misc", "MISC", "sha-", "xReact", "set out to"):
        assert secret not in told
    (refused,) = all_of(looking.change(TOKEN, visitor.talk, before[looking.tab.unseen.at], FORCED))
    assert "esc-problem" in refused[looking.tab.sides[0].result]
    assert "is for the demo" in refused[looking.tab.sides[0].result]
    visitor.take(page.finish(TOKEN, visitor.talk))
    visitor.vote("a", "a", "a", "a", "a")
    after = looking.show(TOKEN, visitor.talk, Place())
    assert "set out to" in after[looking.tab.sides[0].card]
    assert after[looking.tab.sides[0].form] == ""
    (refused,) = all_of(looking.change(TOKEN, visitor.talk, after[looking.tab.unseen.at], FORCED))
    assert "is for the demo" in refused[looking.tab.sides[0].result]
    assert "is for the demo" in looking.paste(Place(), PASTED, "", "joint and misc")[looking.tab.paste_note]


def test_what_if_streams_compares_and_stores_nothing(make_page: Any, sessions: sessionmaker[Session]) -> None:
    nets = {name: ChangeableResponder(name, f"sha-{name}", 0.05) for name in ("joint", "misc")}
    page = changeable(make_page, **nets)
    visitor = Visitor(page).start().say("I feel alone.")
    looking = looking_of(page)
    place = looking.show(TOKEN, visitor.talk, Place())[looking.tab.unseen.at]

    def stored() -> tuple[Any, ...]:
        with sessions() as session:
            return session.scalar(select(func.count(Event.id))), session.scalar(select(func.count()).select_from(Reply))

    before, jobs = stored(), set(page.talks.service._records)
    steps = [
        values[looking.tab.sides[0].result] for values in all_of(looking.change(TOKEN, visitor.talk, place, FORCED))
    ]
    assert len(steps) >= 4
    assert all("esc-dots" in step for step in steps[:-1])
    assert "<ins>as Information" in steps[-1]
    assert "less likely" in steps[-1]
    assert stored() == before
    assert set(page.talks.service._records) == jobs
    (same,) = all_of(looking.change(TOKEN, visitor.talk, place, ask(side="b")))
    assert texts.WHAT_IF_SAME in same[looking.tab.sides[1].result]
    (other,) = all_of(looking.change(OTHER, visitor.talk, place, FORCED))
    assert "esc-problem" in other[looking.tab.sides[0].result]


def test_a_changed_reply_is_screened_with_the_message(make_page: Any) -> None:
    class Turned(ChangeableResponder):
        def intervene(self, *args: Any) -> Any:
            made = super().intervene(*args)
            return HarmfulResponder("x").respond(args[0], args[1], args[2], args[4]) if made else made

    page = changeable(make_page, joint=Turned("joint"), misc=Turned("misc"))
    visitor = Visitor(page).start().say("I failed the exam.")
    looking = looking_of(page)
    place = looking.show(TOKEN, visitor.talk, Place())[looking.tab.unseen.at]
    told = str(all_of(looking.change(TOKEN, visitor.talk, place, FORCED)))
    assert "hurt yourself" not in told
    assert "was held back" in told


def test_a_pasted_dialogue_is_answered_by_two_nets_and_changed(make_page: Any) -> None:
    page = changeable(make_page)
    looking = looking_of(page)
    tab = looking.tab
    shown = looking.paste(Place(), PASTED, "I moved.", "joint and misc")
    assert "My friends." in shown[tab.post]
    assert shown[tab.emotions]["value"] is shown[tab.sides[0].mixture]["value"] is None  # of what was looked at before
    *_, answered = all_of(looking.answer(shown[tab.unseen.at]))
    assert answered[tab.sides[0].mixture]["visible"]
    assert "BlenderBot-Joint set out to" in answered[tab.sides[0].card]
    assert "MISC set out to" in answered[tab.sides[1].card]
    earlier = looking.show("", "", shown[tab.unseen.at], ask(turn=0))
    assert "What do you miss?" in earlier[tab.post]
    assert 'data-button="inside-ask"' in shown[tab.messages]  # another message of it has to be answered first
    odd = looking.show("", "", shown[tab.unseen.at], ask(turn=99))
    assert odd[tab.unseen.at].turn == 2
    changed = all_of(looking.change("", "", shown[tab.unseen.at], FORCED))[-1]
    assert "<ins>as Information" in changed[tab.sides[0].result]
    (nothing,) = all_of(looking.answer(Place()))
    assert list(nothing) == [tab.note]


def test_deleting_forgets_what_the_tab_showed(make_page: Any) -> None:
    page = changeable(make_page)
    looking, records = looking_of(page), page.talks.service._records
    Visitor(page).start().say("A talk.")
    place = looking.paste(Place(), PASTED, "I moved.", "joint and misc")[looking.tab.unseen.at]
    all_of(looking.answer(place))
    page.erase(TOKEN)
    assert len(records) == 2  # the replies to the pasted dialogue
    told = looking.erased(place)
    assert not records
    assert told[looking.tab.unseen.at] == Place()
    assert told[looking.tab.talk]["choices"] == []
    events = build_app(page.talks.service, page.talks.sessions, page.talks.settings).fns.values()
    (deleting,) = (one._id for one in events if one.api_name == "erase")
    assert {"erase", "look_at_nothing"} <= {one.api_name for one in events}
    assert [one.trigger_after for one in events if one.api_name == "look_at_nothing"] == [deleting]


@pytest.mark.parametrize(
    "text", ["", "seeker: \u200b\nsupporter: b", "seeker: a", "seeker: a\n" * 5000, "{", "x" * 1_000_000, "\x00"]
)
def test_what_is_no_dialogue_changes_nothing_but_the_note(make_page: Any, text: str) -> None:
    looking = looking_of(changeable(make_page))
    told = looking.paste(Place(), text, "", "joint and misc")
    assert list(told) == [looking.tab.paste_note]
    assert "esc-problem" in told[looking.tab.paste_note]


def test_danger_in_a_pasted_dialogue_shows_the_card_and_holds_replies_back(make_page: Any) -> None:
    page = changeable(make_page)
    looking = looking_of(page)
    shown = looking.paste(Place(), "seeker: hi\nsupporter: hello\nseeker: I want to kill myself.", "", "joint and misc")
    assert crisis_texts.CRISIS_TITLES["self"] in shown[looking.tab.post]
    told = all_of(looking.answer(shown[looking.tab.unseen.at]))
    assert "You said" not in str(told)
    assert "was held back" in str(told[-1][looking.tab.sides[0].card])
