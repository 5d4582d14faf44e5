"""What happens when: the handlers behind the controls. They call `Talks` or a pure function, then say what to show.

Every handler reads the stored talk again and shows what it finds, so two tabs, a reload or a restart cannot disagree
with the store for longer than one click. Each returns {component: value}; a component that is left out stays as it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from sqlalchemy.exc import SQLAlchemyError

from annotation.store.erasure import Remains
from annotation.talks.encounters import is_token
from annotation.talks.open_talks import tallies
from annotation.talks.views import EncounterView
from escdemo import intake, texts
from escdemo.chat import chat_panel, figures_tab, judge_panel, models_tab, results_tab, screen_state, setup_panel
from escdemo.chat.about_tab import AboutTab
from escdemo.chat.chat_panel import ChatPanel
from escdemo.chat.example_talk import example_html
from escdemo.chat.figures_tab import FiguresTab
from escdemo.chat.judge_panel import JudgePanel
from escdemo.chat.models_tab import ModelsTab
from escdemo.chat.results_tab import ResultsTab
from escdemo.chat.screen_state import Step
from escdemo.chat.setup_panel import ConsentPanel, SetupPanel
from escdemo.chat.talks import Talks
from escdemo.hosted import HostedNets
from escdemo.intake import Refusal
from escdemo.look import render
from escdemo.role_cards import RoleCard

LOOK_EVERY_S = 0.12
"""pause between two looks at replies in the making"""
SETUP = "setup"
"""value of the talk's state while a visitor is choosing the next one"""

REFUSED = (ValueError, LookupError, SQLAlchemyError)
"""what an action may raise: not allowed now, not this browser's talk, or the database did not answer"""

Shown = dict[Any, Any]


@dataclass(frozen=True)
class Parts:
    """All components, as `build.py` laid them out."""

    token: gr.BrowserState
    """the browser's secret, by which it is known again"""
    fresh: gr.Textbox
    """never shown: a number for a browser without a token, the same for all tabs that open at once"""
    draft: gr.BrowserState
    """a judgment that was begun and not saved yet; kept by the browser, as `judge_panel.draft_of` makes it"""
    talk: gr.State
    """id of the talk on this page, "" for the browser's latest, SETUP while choosing"""
    seen: gr.Number
    """never shown: messages of the talk that this page knows of"""
    opened: gr.State
    """when the judgment form was opened, seconds since the epoch"""
    steps: gr.HTML
    note: gr.HTML
    consent: ConsentPanel
    setup: SetupPanel
    chat: ChatPanel
    judge: JudgePanel
    figures: FiguresTab
    models: ModelsTab
    results: ResultsTab
    about: AboutTab

    def all_outputs(self) -> list[Any]:
        """Everything that `Page.project` may touch."""
        own = [self.talk, self.seen, self.opened, self.steps, self.note, self.consent.box, self.setup.box]
        setup = [self.setup.card, *self.setup.story(), self.setup.shown, self.setup.note]
        setup += [self.setup.example, self.setup.example_button]
        return [*own, *setup, *self.chat.outputs(), *self.judge.outputs()]


class Page:
    """The handlers. They hold no state of a visitor."""

    def __init__(self, parts: Parts, talks: Talks, cards: tuple[RoleCard, ...], hosted: HostedNets) -> None:
        self.parts = parts
        self.talks = talks
        self.cards = cards
        self.hosted = hosted

    # what is shown

    def project(self, view: EncounterView | None, step: Step | None = None) -> Shown:
        """The whole page for a stored talk, or for a `step` before the next one."""
        parts = self.parts
        now = step or (screen_state.step_of(view) if view is not None else "setup")
        talking = view is not None and step is None
        values: Shown = {
            parts.talk: view.id if view is not None and talking else SETUP if now == "setup" else "",
            parts.seen: len(view.turns) if view is not None and talking else 0,
            parts.opened: time.time() if now == "judge" else 0.0,
            parts.steps: render.steps(screen_state.STEP_NUMBERS[now], back=screen_state.ways_back(now, view)),
            parts.setup.note: "",
            parts.note: "",
            parts.consent.box: gr.update(visible=now == "consent"),
            parts.setup.box: gr.update(visible=now == "setup"),
            parts.chat.box: gr.update(visible=talking),
            parts.chat.note: "",
            **judge_panel.update(parts.judge, now, view),
        }
        if view is not None and talking:
            values |= chat_panel.update(parts.chat, view, self.talks.jobs(view))
        return values

    # arriving

    def restore(self, token: str, fresh: str = "", draft: Any = None) -> Shown:
        """Show the browser's latest talk where it stands; replies lost with the server are asked for again.

        A browser that comes for the first time gets its token from its own number `fresh`.
        """
        new = {} if is_token(token) else {self.parts.token: _new_token(fresh or "")}
        view = self.talks.find(new.get(self.parts.token, token))
        if view is not None and screen_state.step_of(view) == "chat" and not self.talks.ask_missing(view.id):
            return self.project(view) | new | {self.parts.chat.note: render.notice(texts.BUSY, "problem")}
        if view is None:
            return (
                self._choose(None) | self.show_example(texts.EXAMPLE_BUTTON) | new
            )  # who is new here sees a talk first
        return self._shown(view, draft) | new

    def again(self, problem: str = texts.ANY_PROBLEM) -> Shown:
        """Choose the next talk."""
        return self._choose(None, problem)

    def go(self, token: str, talk: str, draft: Any, problem: str, asked: str) -> Shown:
        """Back to the choice of a talk, or from there to the talk that was left; nothing of it is lost."""
        view = self.talks.find(token, talk)
        if view is None:
            return self._choose(None, problem)
        if (asked or "").strip('"') == "talk":  # as JSON
            self.talks.ask_missing(view.id)
            return self._shown(view, draft)
        if screen_state.step_of(view) == "chat":
            self.talks.leave(view)
        return self._choose(view, problem)

    def _shown(self, view: EncounterView, draft: Any) -> Shown:
        return self.project(view) | judge_panel.begun(self.parts.judge, view, draft)

    def _choose(self, left: EncounterView | None, problem: str = texts.ANY_PROBLEM) -> Shown:
        """A card drawn by chance, to be played with one click; `left`: the talk that can be gone back to."""
        setup = self.parts.setup
        note = ""
        if left is not None:
            step = texts.STEPS[screen_state.STEP_NUMBERS[screen_state.step_of(left)]]
            note = render.notice(texts.SETUP_KEPT.format(step=step))
        return self.project(left, "setup") | self.draw_card(problem, "") | {setup.note: note, setup.example: ""}

    # choosing

    def filter_cards(self, problem: str) -> Shown:
        """Only the cards of one problem type."""
        return {self.parts.setup.card: gr.update(choices=setup_panel.card_choices(self.cards, problem), value="")}

    def draw_card(self, problem: str, current: str) -> Shown:
        """A card by chance, with its story."""
        card_id = setup_panel.draw_card(self.cards, problem, current)
        return {self.parts.setup.card: card_id} | self.show_card(card_id)

    def show_card(self, card_id: str) -> Shown:
        """The story of a card, to be played or changed."""
        card = setup_panel.find_card(self.cards, card_id)
        setup, story = self.parts.setup, setup_panel.story_of(card)
        return dict(zip(setup.story(), story, strict=True)) | {setup.shown: setup_panel.story_html(*story)}

    def show_example(self, opened: str) -> Shown:
        """An example talk, or none when it is open already."""
        setup = self.parts.setup
        closing = opened == texts.EXAMPLE_HIDE
        label = texts.EXAMPLE_BUTTON if closing else texts.EXAMPLE_HIDE
        return {setup.example: "" if closing else example_html(), setup.example_button: gr.update(value=label)}

    def start(self, token: str, agreed: bool, *fields: Any) -> Shown:
        """Begin the talk, or ask for consent first; a role card puts its first message into the box, to be changed."""
        setup = self.parts.setup
        try:
            start = setup_panel.read_start(self.cards, self.talks.settings, *fields)
            if not agreed and self.talks.find(token) is None:  # who has talked before has agreed before
                return self.project(None, "consent")
            view = self.talks.start(token, start)
        except REFUSED as refusal:
            # Beside the button that was pressed: of the first step, or of the consent that followed it.
            told = render.notice(_sentence(refusal), "problem")
            return {setup.note: told, self.parts.note: told if agreed else ""}
        card = setup_panel.find_card(self.cards, start.role_card)
        return self.project(view) | {self.parts.chat.post: card.opening if card is not None else ""}

    def agree(self, token: str, agreed: bool, *fields: Any) -> Shown:
        """Begin with consent, or a word on why nothing happens without it."""
        if not agreed:
            return {self.parts.note: render.notice(texts.CONSENT_MISSING, "problem")}
        return self.start(token, agreed, *fields)

    # talking

    def send(self, token: str, talk: str, seen: float, text: str) -> Shown:
        """Store a message. The page has emptied its box by then, for what is typed next; refused, it puts it back."""
        chat, settings = self.parts.chat, self.talks.settings
        view = self.talks.find(token, talk)
        if view is None:
            return self._lost()
        try:
            post = intake.check_length(text, settings.max_post_chars, texts.POST_NAME)
            if len(view.turns) >= settings.max_posts:
                raise Refusal(texts.TOO_MANY_POSTS.format(limit=settings.max_posts))
            # The same text sent again before this page has seen it arrive is the same message.
            key = hashlib.sha256(f"{int(seen or 0)}:{post}".encode()).hexdigest()
            view = self.talks.send(token, view.id, post, key)
        except REFUSED as refusal:
            note = f"{_sentence(refusal)} Your text is kept."
            return {chat.note: render.notice(note, "problem")}
        jobs = self.talks.jobs(view)
        note = render.notice("" if intake.looks_english(post) else texts.NOT_ENGLISH)
        if not screen_state.all_asked(view, jobs):
            note = render.notice(texts.BUSY, "problem")
        return chat_panel.update(chat, view, jobs) | {chat.note: note, self.parts.seen: len(view.turns)}

    async def follow(self, token: str, talk: str) -> AsyncIterator[Shown]:
        """Look on while replies come in, until nothing changes by itself any more. Stopping it stops no reply."""
        view = await asyncio.to_thread(self.talks.find, token, talk)
        last: Any = None
        while view is not None:
            # All of it in a thread: a long talk takes longer to draw than the event loop may stand still.
            view, now, shown = await asyncio.to_thread(self._look, token, view, last)
            if shown is not None:
                last = now[-1:]
                yield shown
            if view is None or not screen_state.is_open(now):
                break
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, token: str, view: EncounterView, last: Any) -> tuple[EncounterView | None, Any, Shown | None]:
        """The talk now, its exchanges, and what the page shows of it, None when its end still looks like `last`."""
        found, jobs = self.talks.look(token, view)
        if found is None:
            return None, (), None
        now = screen_state.exchanges(found, jobs)
        return found, now, None if now[-1:] == last else chat_panel.live(self.parts.chat, found, jobs)

    def stop(self, token: str, talk: str) -> Shown:
        """Cut off the replies in the making."""
        return self._act(token, talk, lambda view: self.talks.stop(token, view.id))

    def retry(self, token: str, talk: str, side: str) -> Shown:
        """One side once more."""
        values = self._act(token, talk, lambda view: self.talks.retry(token, view.id, side))
        view = self.talks.find(token, talk)
        if view is not None and not screen_state.all_asked(view, self.talks.jobs(view)):
            values[self.parts.chat.note] = render.notice(texts.BUSY, "problem")
        return values

    # judging

    def finish(self, token: str, talk: str) -> Shown:
        """Close the talk and open the form."""
        return self._act(token, talk, lambda view: self.talks.finish(token, view.id))

    def keep_draft(self, talk: str, intensity: Any, reason: str, *picks: Any) -> Shown:
        """What is answered so far, for the browser to keep until the judgment is saved."""
        return {self.parts.draft: judge_panel.draft_of(talk, intensity, reason, picks)}

    def vote(self, token: str, talk: str, opened: float, intensity: Any, reason: str, *picks: Any) -> Shown:
        """Store the vote and show the names; a second vote changes nothing and says so."""
        view = self.talks.find(token, talk)
        if view is None:
            return self._lost()
        if view.judgments:
            told = {self.parts.note: render.notice(texts.ALREADY_JUDGED, "problem")}
            return self.project(view) | told | {self.parts.draft: judge_panel.NO_DRAFT}
        try:
            seconds = time.time() - opened if opened else 0.0
            vote = judge_panel.read_vote(intensity, reason, picks, seconds)
            return self.project(self.talks.vote(token, view.id, vote)) | {self.parts.draft: judge_panel.NO_DRAFT}
        except REFUSED as refusal:
            return {self.parts.judge.note: render.notice(_sentence(refusal), "problem")}

    def show_results(self, pair: str | None = None, link: str = "") -> Shown:
        """What the votes say so far, to those who may see it."""
        allowed = self.talks.may_see_results(link)
        with self.talks.reading() as session:
            # A study counts its own votes only; the demo counts all there are.
            rows = tallies(session=session, study=self.talks.settings.study) if allowed else ()
        return dict(zip(self.parts.results.outputs, results_tab.fill(rows, allowed, pair), strict=True))

    # the nets

    def show_figures(self, token: str, talk: str, first: str | None = None, second: str | None = None) -> Shown:
        """What one net or two choose, and how well, and what both chose in the talk."""
        figures = self.parts.figures
        shown = dict(zip(figures.outputs, figures_tab.fill(self.hosted, first, second), strict=True))
        return shown | dict(zip(figures.talk, figures_tab.fill_talk(self.talks.find(token, talk)), strict=True))

    def show_models(self) -> Shown:
        """Who answers here."""
        return dict(zip(self.parts.models.outputs, models_tab.fill(self.hosted), strict=True))

    # deleting

    def ask_erase(self) -> Shown:
        """One more question before everything goes."""
        about = self.parts.about
        return {about.erase: gr.update(visible=False), about.confirm: gr.update(visible=True), about.note: ""}

    def keep(self) -> Shown:
        """Nothing is deleted."""
        about = self.parts.about
        return {about.erase: gr.update(value=texts.ERASE_BUTTON, visible=True), about.confirm: gr.update(visible=False)}

    def erase(self, token: str) -> Shown:
        """Delete all that this browser left, and forget the browser; refused, nothing is changed."""
        about = self.parts.about
        try:
            gone = self.talks.erase(token)
        except REFUSED as refusal:
            failed = texts.ERASE_FAILED if isinstance(refusal, SQLAlchemyError) else _sentence(refusal)
            return {about.note: render.notice(failed, "problem")}
        told = self.erased() if gone.encounters else {about.note: render.notice(texts.NOTHING_TO_ERASE, "good")}
        done = self.keep() | told
        anew = {self.parts.token: _new_token(), self.parts.draft: judge_panel.NO_DRAFT, self.parts.chat.post: ""}
        return self.project(None) | done | anew

    def erased(self) -> Shown:
        """Whether what was deleted is out of all files by now; looked at again until it is."""
        about = self.parts.about
        try:
            left = self.talks.remains()
        except SQLAlchemyError:
            left = Remains.FILES
        pending = left is Remains.FILES
        return {
            about.note: render.notice(texts.ERASED[left], "info" if pending else "good"),
            about.again: gr.Timer(active=pending),
        }

    def _act(self, token: str, talk: str, action: Callable[[EncounterView], EncounterView]) -> Shown:
        """Do one thing to the talk and show it; refused, show the talk as it is and why."""
        view = self.talks.find(token, talk)
        if view is None:
            return self._lost()
        try:
            return self.project(action(view))
        except REFUSED as refusal:
            return self.project(view) | {self.parts.chat.note: render.notice(_sentence(refusal), "problem")}

    def _lost(self) -> Shown:
        return {self.parts.note: render.notice(texts.NO_TALK, "problem")}


def _new_token(fresh: str = "") -> str:
    """The browser's own number where it is long enough not to be guessed, else one of the server's."""
    return fresh if 32 <= len(fresh) <= 128 else secrets.token_urlsafe(24)


def _sentence(refusal: Exception) -> str:
    """The part of a refusal that is meant for the visitor."""
    if isinstance(refusal, SQLAlchemyError):
        return texts.STORE_DOWN
    return str(refusal).split(" (step:")[0]
