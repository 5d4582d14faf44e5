"""The handlers of the tab. They read the stored talk again each time and keep no state about a visitor.

Nothing made here is stored. Replies to a pasted dialogue and changed replies stay in the memory of the generation
service, changed ones only until they have been shown.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from sqlalchemy.exc import SQLAlchemyError

from annotation.choices import HeldBack, ReplyState
from annotation.talks.views import EncounterView, ReplyView, StoredTalk, TurnView
from escdemo import intake, texts
from escdemo.chat import screen_state
from escdemo.chat.setup_panel import pair_of
from escdemo.chat.talks import Talks, names_of
from escdemo.crisis_texts import HELD_BACK
from escdemo.inside import cards, panel, requests, what_if
from escdemo.inside.cards import Message
from escdemo.inside.panel import InsideTab
from escdemo.intake import Refusal
from escdemo.look import render
from escdemo.look.figures import Sided
from escdemo.net_texts import title_of
from escdemo.screening.answer_screen import held_for, may_answer
from escdemo.screening.message_screen import Danger, danger_now, last_sign
from escdemo.screening.reply_screen import must_not_show
from models.data.dialogue import Dialogue, Speaker
from models.data.pasted import read_pasted
from models.serving.job import Job, JobState, ReplyRequest, ServiceBusy, Wanted
from models.serving.trace import Reply

LOOK_EVERY_S = 0.05
"""pause between two looks at a reply that is being made"""
MAX_PASTED_CHARS = 150_000
MAX_SITUATION_CHARS = 1_000
REFUSED = (ValueError, LookupError, SQLAlchemyError, ServiceBusy)

Shown = dict[Any, Any]


@dataclass(frozen=True)
class Place:
    """What the tab shows: a stored talk or a pasted dialogue, and the message in it."""

    talk: str = ""
    """id of a stored talk; "": the one on the page"""
    turn: int | None = None
    """index of the message; None: the last answered one"""
    pasted: str = ""
    situation: str = ""
    pair: tuple[str, ...] = ()
    """the nets that answer the pasted dialogue"""
    attention: bool = False
    """whether the fold with the attention figures is open; only then are they made"""
    missed: bool = False
    """whether the link that led here named a message that this talk does not have"""


class Looking:
    """The handlers."""

    def __init__(self, tab: InsideTab, tabs: gr.Tabs, talks: Talks) -> None:
        self.tab, self.tabs, self.talks = tab, tabs, talks
        self.may_change = talks.settings.mode == "demo"

    # looking

    def show(self, token: str, talk: str, place: Place, asked: str = "") -> Shown:
        """Show the requested message: chosen in the list, by a chat bubble or by a link."""
        wanted = _asked(asked)
        turn = wanted.get("turn")
        turn = turn if isinstance(turn, int) else None
        if wanted.get("jump"):
            place = Place(str(wanted.get("talk") or ""), turn, attention=place.attention)
        elif turn is not None:
            place = replace(place, turn=turn, missed=False)
        values = self._at(token, talk, place, linked=bool(wanted.get("jump")))
        found = values.get(self.tab.messages) and values[self.tab.unseen.at] == place
        if found and turn is not None and not wanted.get("jump"):
            # Chosen in the list: the list stays, and the page's script marks the message in it.
            values = {part: value for part, value in values.items() if part not in self.tab.of_talk()}
        return values | {self.tabs: gr.update(selected="inside")} if wanted.get("jump") else values

    def choose(self, token: str, talk: str, place: Place, chosen: str) -> Shown:
        """Show another stored talk, at its last message."""
        return self._at(token, talk, Place(str(chosen or ""), attention=place.attention))

    def unfold(self, token: str, talk: str, place: Place) -> Shown:
        """Make the attention figures, when their fold is opened."""
        place = replace(place, attention=True)
        values = panel.draw_attention(self.tab, self._sides(token, talk, place))
        return values | {self.tab.unseen.at: place}

    def fold(self, place: Place) -> Place:
        """The fold was closed: stop making its figures."""
        return replace(place, attention=False)

    def paste(self, place: Place, text: str, situation: str, pair: str) -> Shown:
        """Show a pasted dialogue, at its last message. If it is refused, the tab and the text in the box stay."""
        try:
            if not self.may_change:
                raise Refusal(texts.WHAT_IF_OFF)
            nets = pair_of(self.talks.settings, pair)
            dialogue = _dialogue(text, situation)
        except ValueError as refusal:
            return {self.tab.paste_note: render.notice(str(refusal), "problem")}
        place = Place("", requests.answered_at(dialogue)[-1], text, situation, nets, place.attention)
        return self._pasted(place, dialogue) | {self.tab.paste_note: ""}

    async def answer(self, place: Place) -> AsyncIterator[Shown]:
        """Have both nets answer the chosen message of a pasted dialogue, and show the replies as they come in."""
        if not place.pasted or place.turn is None:
            yield {self.tab.note: gr.skip()}  # for a stream without a value, Gradio 6.31 empties all outputs
            return
        dialogue = _dialogue(place.pasted, place.situation)
        asked = requests.of_pasted(dialogue, place.turn, place.pair, self.talks.settings.options)
        danger = _danger(asked[0].dialogue)
        try:
            self.talks.service.submit_together([Wanted(requests.job_name(one), one) for one in asked])
            last: Any = None
            while True:
                jobs = [self.talks.service.get(requests.job_name(request)) for request in asked]
                now = [(job.state, job.text) for job in jobs]
                if all(job.state.ended for job in jobs):
                    break
                if now != last:
                    last = now
                    yield {
                        side.card: cards.text_card(letter, request.net, _so_far(job, danger), texts.THINKING)
                        for side, letter, request, job in zip(self.tab.sides, "ab", asked, jobs, strict=True)
                    }
                await asyncio.sleep(LOOK_EVERY_S)
            made = [_made(job, danger) for job in jobs]
            sides = [
                cards.text_card(letter, name, "", one)
                if isinstance(one, str)
                else Sided(title_of(name), one.trace, danger)
                for letter, name, one in zip("ab", place.pair, made, strict=True)
            ]
            yield self._filled(sides, place.pair, place)
        except (*REFUSED, KeyError):
            yield {self.tab.note: render.notice(texts.INSIDE_BUSY, "problem")}

    def erased(self, place: Place) -> Shown:
        """Show nothing, after everything was deleted: what the tab listed and what was pasted is forgotten."""
        if place.pasted:
            dialogue = _dialogue(place.pasted, place.situation)
            for turn in requests.answered_at(dialogue):
                for request in requests.of_pasted(dialogue, turn, place.pair, self.talks.settings.options):
                    self.talks.service.forget(requests.job_name(request))
        gone = {self.tab.talk: gr.update(choices=[], value=None, visible=False)}
        return self._empty(texts.WHY_EMPTY, Place()) | gone

    # what if

    async def change(self, token: str, talk: str, place: Place, asked: str) -> AsyncIterator[Shown]:
        """Make one reply again with the change that a form asks for, shown as it is written. It is not kept."""
        wanted = _asked(asked)
        side = 1 if wanted.get("side") == "b" else 0
        box = self.tab.sides[side].result
        name = f"what-if:{secrets.token_hex(8)}"
        try:
            if not self.may_change:
                raise Refusal(texts.WHAT_IF_OFF)
            request, original = await asyncio.to_thread(self._original, token, talk, place, side)
            change = what_if.read_change(wanted, original.trace, original.text)
            danger = _danger(request.dialogue)
            owner = request.dialogue.id  # it goes with its talk when that is deleted
            self.talks.service.submit_together([Wanted(name, replace(request, change=change), owner=owner)])
            last = None
            while not (job := self.talks.service.get(name)).state.ended:
                text = _so_far(job, danger)
                if text != last:
                    last = text
                    yield {box: what_if.making(text)}
                await asyncio.sleep(LOOK_EVERY_S)
            made = _made(job, danger)
            if isinstance(made, str):
                yield {box: render.notice(made, "problem")}
            else:
                yield {box: what_if.result(original.text, original.trace, made.text, made.trace)}
        except REFUSED as refusal:
            yield {box: render.notice(_sentence(refusal), "problem")}
        finally:
            self.talks.service.forget(name)

    def _original(self, token: str, talk: str, place: Place, side: int) -> tuple[ReplyRequest, Reply]:
        """The request for the reply on this side, and the reply. Raises Refusal when there is none to change."""
        if place.pasted and place.turn is not None:
            dialogue = _dialogue(place.pasted, place.situation)
            request = requests.of_pasted(dialogue, place.turn, place.pair, self.talks.settings.options)[side]
            made = self._of_pasted(request)
            if made is None:
                raise Refusal(texts.WHAT_IF_ODD)
            return request, made
        view = self.talks.find(token, self._id(talk, place))
        turn = _turn(view, place.turn)
        original = None if turn is None else self.talks.replies_to(token, turn)[side]
        if view is None or turn is None or original is None:
            raise Refusal(texts.WHAT_IF_ODD)
        return requests.again(view, turn.index, side, original.trace), original

    def _of_pasted(self, request: ReplyRequest) -> Reply | None:
        """The reply to a pasted dialogue, if the service still has it and it may be shown."""
        try:
            made = self.talks.service.get(requests.job_name(request)).reply
        except KeyError:
            return None
        return made if made is not None and may_answer(made.text, _danger(request.dialogue)) else None

    # what is shown

    def _sides(self, token: str, talk: str, place: Place) -> list[Sided | None]:
        """The traces of the chosen message; None where there is none to show."""
        if place.pasted and place.turn is not None:
            dialogue = _dialogue(place.pasted, place.situation)
            asked = requests.of_pasted(dialogue, place.turn, place.pair, self.talks.settings.options)
            names, made = place.pair, [self._of_pasted(request) for request in asked]
            danger = _danger(asked[0].dialogue)
        else:
            try:
                view = self.talks.find(token, self._id(talk, place))
                turn = _turn(view, place.turn)
                if view is None or turn is None or (place.talk and view.id != place.talk):
                    return [None, None]
                names, made = names_of(view), list(self.talks.replies_to(token, turn))
                danger = screen_state.danger_before(view, turn.index)
            except (SQLAlchemyError, LookupError):  # the next click reports it
                return [None, None]
        return [
            None if one is None else Sided(title_of(name), one.trace, danger)
            for name, one in zip(names, made, strict=True)
        ]

    def _at(self, token: str, talk: str, place: Place, *, linked: bool = False) -> Shown:
        if place.pasted:
            return self._pasted(place, _dialogue(place.pasted, place.situation))
        try:
            view = self.talks.find(token, self._id(talk, place))
            turn = _turn(view, place.turn)
            made = (None, None) if turn is None else self.talks.replies_to(token, turn)
            stored = self.talks.stored(token) if view is not None else ()
        except SQLAlchemyError:
            return {self.tab.note: render.notice(texts.STORE_DOWN, "problem")}
        except LookupError:  # deleted between two readings
            return self._empty(texts.INSIDE_LOST, place)
        if place.talk and (view is None or view.id != place.talk):
            return self._empty(texts.INSIDE_LOST, place)
        if view is None or turn is None:
            return self._empty(texts.WHY_EMPTY, place)
        # When the tab opens it asks once more, so the place remembers that the link named no message.
        missed = place.missed or (linked and place.turn not in (None, turn.index))
        place = replace(place, turn=turn.index, missed=missed)
        listed = [
            Message(one.index, one.text, tuple(reply.strategy or "" for reply in (one.a, one.b))) for one in view.turns
        ]
        choices = [(_talk_name(one), one.id) for one in stored]
        names, danger = names_of(view), screen_state.danger_before(view, turn.index)
        sides = [
            Sided(title_of(name), one.trace, danger)
            if one is not None
            else _instead(letter, name, reply, view.hidden())
            for letter, name, reply, one in zip("ab", names, (turn.a, turn.b), made, strict=True)
        ]
        nets = view.systems if self.may_change else (None, None)
        note = texts.INSIDE_BLIND if view.hidden() else "" if self.may_change else texts.WHAT_IF_OFF
        if missed:
            note = f"{texts.INSIDE_NO_TURN.format(count=len(view.turns), shown=turn.index + 1)} {note}".strip()
        return {
            self.tab.unseen.at: place,
            self.tab.talk: gr.update(choices=choices, value=view.id, visible=len(choices) > 1),
            self.tab.messages: cards.message_list(listed, turn.index),
            self.tab.note: render.notice(note),
            self.tab.post: cards.post_card(turn.text, f"?talk={view.id}&turn={turn.index}"),
            self.tab.switch: render.side_switch(names),
            **self._filled(sides, nets, place),
        }

    def _pasted(self, place: Place, dialogue: Dialogue) -> Shown:
        answered = requests.answered_at(dialogue)
        turn = answered[-1] if place.turn is None or place.turn not in answered else place.turn
        listed = [Message(at, dialogue.turns[at].text) for at in answered]
        said = requests.reference(dialogue, turn)
        upto = [one.text for one in dialogue.turns[: turn + 1] if one.speaker is Speaker.SEEKER]
        sign = last_sign(dialogue.situation, upto)
        crisis = render.crisis_card((sign.kind, sign.place) if sign else None)
        waiting = [
            cards.text_card(letter, name, "", texts.THINKING) for letter, name in zip("ab", place.pair, strict=True)
        ]
        return {
            self.tab.unseen.at: replace(place, turn=turn),
            self.tab.messages: cards.message_list(listed, turn, "inside-ask"),
            self.tab.note: render.notice(texts.INSIDE_PASTED),
            self.tab.post: crisis + cards.post_card(dialogue.turns[turn].text, "", said),
            self.tab.switch: render.side_switch((place.pair[0], place.pair[1])),
            **self._filled(waiting, (None, None), place),
        }

    def _empty(self, sentence: str, place: Place) -> Shown:
        blank = dict.fromkeys((self.tab.messages, self.tab.post, self.tab.switch), "")
        filled = panel.fill(self.tab, ("", ""), ("", ""), attention=False)
        return filled | blank | {self.tab.note: render.notice(sentence), self.tab.unseen.at: place}

    def _filled(self, sides: Sequence[Sided | str], nets: Sequence[str | None], place: Place) -> Shown:
        """Values for both sides, each given as its trace or as HTML; a net is None where nothing may be changed."""
        forms = [
            self._form(letter, side, net) if isinstance(side, Sided) and net is not None else ""
            for letter, side, net in zip("ab", sides, nets, strict=True)
        ]
        return panel.fill(self.tab, sides, forms, attention=place.attention)

    def _form(self, letter: str, side: Sided, net: str) -> str:
        if net not in self.talks.service.names:
            return render.notice(texts.WHAT_IF_ABSENT.format(name=net))
        return what_if.form(letter, side, self.talks.service.levers(net))

    @staticmethod
    def _id(talk: str, place: Place) -> str:
        return place.talk or talk


def _asked(text: str) -> dict[str, Any]:
    """What the page's script sent, as a dict; {} for anything that is not a JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _dialogue(text: str, situation: str) -> Dialogue:
    """The pasted dialogue. Raises ValueError with a message for the visitor."""
    dialogue = read_pasted(intake.clean_within(text, MAX_PASTED_CHARS))
    if not requests.answered_at(dialogue):
        raise Refusal(texts.PASTE_NOTHING)
    situation = intake.clean_within(situation, MAX_SITUATION_CHARS)
    return replace(dialogue, situation=situation or dialogue.situation)


def _turn(view: EncounterView | None, wanted: int | None) -> TurnView | None:
    """The wanted message, else the last answered one, else the last one."""
    if view is None or not view.turns:
        return None
    answered = [one for one in view.turns if ReplyState.DONE in (one.a.state, one.b.state)]
    return next((one for one in view.turns if one.index == wanted), (answered or view.turns)[-1])


def _instead(letter: str, name: str, reply: ReplyView, blind: bool) -> str:
    """The card of a side that has no reasons to show."""
    replaced = reply.held_back is HeldBack.REPLACED
    note = texts.INSIDE_REPLACED if replaced else "" if blind and reply.text else texts.INSIDE_PENDING
    return cards.text_card(letter, name, reply.text or "", note)


def _danger(dialogue: Dialogue) -> Danger | None:
    return danger_now(dialogue.situation, dialogue.seeker_posts())


def _so_far(job: Job, danger: Danger | None) -> str:
    """What may be shown of an unfinished reply: nothing after a sign of danger."""
    return "" if danger or must_not_show(job.text) else job.text


def _made(job: Job, danger: Danger | None) -> Reply | str:
    """The reply, screened together with the message, or a sentence in its place."""
    if job.state is not JobState.DONE or job.reply is None:
        return texts.WHAT_IF_FAILED
    text = job.reply.text
    return job.reply if may_answer(text, danger) else HELD_BACK[held_for(text, danger)]


def _talk_name(one: StoredTalk) -> str:
    names = " and ".join(title_of(name) for name in one.systems if name) or texts.INSIDE_UNKNOWN
    begin = " ".join(one.situation.split())[:40]
    return f"{one.created_at:%d %b %H:%M} UTC · {names} · {begin}"


def _sentence(refusal: Exception) -> str:
    if isinstance(refusal, ServiceBusy):
        return texts.INSIDE_BUSY
    return str(refusal) if isinstance(refusal, Refusal) else texts.WHAT_IF_ODD
