"""The handlers behind the controls. They call `Talks` or a pure function, then return what to show.

Every handler reads the stored talk again and shows what it finds, so another tab, a reload or a restart cannot differ
from the store for longer than one click. Each returns {component: value}; components left out stay as they are.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from sqlalchemy.exc import SQLAlchemyError

from annotation.choices import Mode
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
"""pause between two looks at replies that are being made"""
SETUP = "setup"
"""value of the talk's state while a visitor is choosing the next one"""

REFUSED = (ValueError, LookupError, SQLAlchemyError)
"""what an action may raise: not allowed now, not this browser's talk, or no answer from the database"""

Shown = dict[Any, Any]


@dataclass(frozen=True)
class Parts:
    """All components, as `build.py` laid them out."""

    token: gr.BrowserState
    """the secret by which the server recognises the browser"""
    fresh: gr.Textbox
    """never shown: a random number for a browser without a token; tabs opened at the same time share it"""
    draft: gr.BrowserState
    """an unfinished judgment, made by `judge_panel.draft_of` and kept by the browser"""
    talk: gr.State
    """id of the talk on this page; "" for the browser's latest; SETUP while choosing"""
    seen: gr.Number
    """never shown: how many messages of the talk this page knows of"""
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
        """All components that `Page.project` may change."""
        own = [self.talk, self.seen, self.opened, self.steps, self.note, self.consent.box, self.setup.box]
        setup = [self.setup.card, *self.setup.story(), self.setup.shown, self.setup.note]
        setup += [self.setup.example, self.setup.example_button]
        return [*own, *setup, *self.chat.outputs(), *self.judge.outputs()]


class Page:
    """The handlers. They keep no state about a visitor."""

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
        """Show the browser's latest talk where it stands; replies lost in a restart are requested again.

        A browser that comes for the first time gets its token from `fresh`.
        """
        new = {} if is_token(token) else {self.parts.token: _new_token(fresh or "")}
        view = self.talks.find(new.get(self.parts.token, token))
        if view is not None and screen_state.step_of(view) == "chat" and not self.talks.ask_missing(view.id):
            return self.project(view) | new | {self.parts.chat.note: render.notice(texts.BUSY, "problem")}
        if view is None:
            return (
                self._choose(None) | self.show_example(texts.EXAMPLE_BUTTON) | new
            )  # new visitors see an example first
        return self._shown(view, draft) | new

    def again(self, problem: str = texts.ANY_PROBLEM) -> Shown:
        """Choose the next talk."""
        return self._choose(None, problem)

    def go(self, token: str, talk: str, draft: Any, problem: str, asked: str) -> Shown:
        """Go back to choosing a talk, or from there back to the talk that was left. Nothing of it is lost."""
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
        """Show the choice with a random card, ready to play. `left`: the talk that the visitor can return to."""
        setup = self.parts.setup
        note = ""
        if left is not None:
            step = texts.STEPS[screen_state.STEP_NUMBERS[screen_state.step_of(left)]]
            note = render.notice(texts.SETUP_KEPT.format(step=step))
        return self.project(left, "setup") | self.draw_card(problem, "") | {setup.note: note, setup.example: ""}

    # choosing

    def filter_cards(self, problem: str) -> Shown:
        """List only the cards of one problem type."""
        return {self.parts.setup.card: gr.update(choices=setup_panel.card_choices(self.cards, problem), value="")}

    def draw_card(self, problem: str, current: str) -> Shown:
        """Show a random card with its story."""
        card_id = setup_panel.draw_card(self.cards, problem, current)
        return {self.parts.setup.card: card_id} | self.show_card(card_id)

    def show_card(self, card_id: str) -> Shown:
        """Show the story of a card, to play or to change."""
        card = setup_panel.find_card(self.cards, card_id)
        setup, story = self.parts.setup, setup_panel.story_of(card)
        return dict(zip(setup.story(), story, strict=True)) | {setup.shown: setup_panel.story_html(*story)}

    def show_example(self, opened: str) -> Shown:
        """Show the example talk, or close it when it is open."""
        setup = self.parts.setup
        closing = opened == texts.EXAMPLE_HIDE
        label = texts.EXAMPLE_BUTTON if closing else texts.EXAMPLE_HIDE
        return {setup.example: "" if closing else example_html(), setup.example_button: gr.update(value=label)}

    def start(self, token: str, agreed: bool, *fields: Any) -> Shown:
        """Begin the talk, or ask for consent first. A role card puts its first message into the box."""
        setup = self.parts.setup
        try:
            start = setup_panel.read_start(self.cards, self.talks.settings, *fields)
            if not agreed and self.talks.find(token) is None:  # whoever has talked before has agreed before
                return self.project(None, "consent")
            view = self.talks.start(token, start)
        except REFUSED as refusal:
            # Shown beside the button that was pressed: in the first step or in the consent step.
            told = render.notice(_sentence(refusal), "problem")
            return {setup.note: told, self.parts.note: told if agreed else ""}
        card = setup_panel.find_card(self.cards, start.role_card)
        return self.project(view) | {self.parts.chat.post: card.opening if card is not None else ""}

    def agree(self, token: str, agreed: bool, *fields: Any) -> Shown:
        """Begin the talk after consent; without it, say why nothing happens."""
        if not agreed:
            return {self.parts.note: render.notice(texts.CONSENT_MISSING, "problem")}
        return self.start(token, agreed, *fields)

    # talking

    def send(self, token: str, talk: str, seen: float, text: str) -> Shown:
        """Store a message. The page has already emptied its box; if the message is refused, it puts the text back."""
        chat, settings = self.parts.chat, self.talks.settings
        view = self.talks.find(token, talk)
        if view is None:
            return self._lost()
        try:
            post = intake.check_length(text, settings.max_post_chars, texts.POST_NAME)
            if len(view.turns) >= settings.max_posts:
                raise Refusal(texts.TOO_MANY_POSTS.format(limit=settings.max_posts))
            # The same text, sent again before the page has seen it arrive, counts as the same message.
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
        """Watch replies come in until nothing more will change by itself. Ending this stops no reply."""
        view = await asyncio.to_thread(self.talks.find, token, talk)
        last: Any = None
        while view is not None:
            # In a thread, because drawing a long talk would block the event loop for too long.
            view, now, shown = await asyncio.to_thread(self._look, token, view, last)
            if shown is not None:
                last = now[-1:]
                yield shown
            if view is None or not screen_state.is_open(now):
                break
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, token: str, view: EncounterView, last: Any) -> tuple[EncounterView | None, Any, Shown | None]:
        """The talk, its exchanges, and what to show; None to show when the last exchange still equals `last`."""
        found, jobs = self.talks.look(token, view)
        if found is None:
            return None, (), None
        now = screen_state.exchanges(found, jobs)
        return found, now, None if now[-1:] == last else chat_panel.live(self.parts.chat, found, jobs)

    def stop(self, token: str, talk: str) -> Shown:
        """Stop the replies that are being made."""
        return self._act(token, talk, lambda view: self.talks.stop(token, view.id))

    def retry(self, token: str, talk: str, side: str) -> Shown:
        """Have one side answer once more."""
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
        """Give the browser the answers so far, to keep until the judgment is saved."""
        return {self.parts.draft: judge_panel.draft_of(talk, intensity, reason, picks)}

    def vote(self, token: str, talk: str, opened: float, intensity: Any, reason: str, *picks: Any) -> Shown:
        """Store the vote and show the names. A second vote changes nothing; the page says so."""
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
        """Show the votes so far to those who may see them."""
        allowed, settings = self.talks.may_see_results(link), self.talks.settings
        with self.talks.reading() as session:
            # A study counts its own votes, and the demo its own: it tells everybody, and studies are for their leads.
            mode = Mode(settings.mode)
            rows = tallies(session=session, study=settings.study, mode=mode) if allowed else ()
        return dict(zip(self.parts.results.outputs, results_tab.fill(rows, allowed, pair), strict=True))

    # the nets

    def show_figures(self, token: str, talk: str, first: str | None = None, second: str | None = None) -> Shown:
        """Show what one or two nets choose, and how well, and what both sides chose in the talk."""
        figures, view = self.parts.figures, self.talks.find(token, talk)
        hosted = self._shown_nets(view, talk)
        values = figures_tab.fill(hosted, first, second) if hosted.names else figures_tab.closed(texts.NETS_HIDDEN)
        shown = dict(zip(figures.outputs, values, strict=True))
        return shown | dict(zip(figures.talk, figures_tab.fill_talk(view), strict=True))

    def show_models(self, token: str, talk: str) -> Shown:
        """Show which models answer."""
        try:
            hosted = self._shown_nets(self.talks.find(token, talk), talk)
            values = models_tab.fill(hosted) if hosted.names else models_tab.closed(texts.NETS_HIDDEN)
        except SQLAlchemyError:
            values = models_tab.closed(texts.STORE_DOWN)
        return dict(zip(self.parts.models.outputs, values, strict=True))

    def _shown_nets(self, view: EncounterView | None, talk: str) -> HostedNets:
        """What is known of the nets that the visitor may see now; before the vote of a study, of none."""
        return replace(self.hosted, names=self.talks.shown_nets(None if talk == SETUP else view))

    # deleting

    def ask_erase(self) -> Shown:
        """Ask once more before everything is deleted."""
        about = self.parts.about
        return {about.erase: gr.update(visible=False), about.confirm: gr.update(visible=True), about.note: ""}

    def keep(self) -> Shown:
        """Cancel: nothing is deleted."""
        about = self.parts.about
        return {about.erase: gr.update(value=texts.ERASE_BUTTON, visible=True), about.confirm: gr.update(visible=False)}

    def erase(self, token: str) -> Shown:
        """Delete everything from this browser and forget it. If that is refused, nothing changes."""
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
        """Say whether the deleted data is gone from all files; checked again until it is."""
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
        """Do one thing to the talk and show it. If it is refused, show the talk unchanged and the reason."""
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
    """`fresh` when it is long enough to be unguessable, else a new secret from the server."""
    return fresh if 32 <= len(fresh) <= 128 else secrets.token_urlsafe(24)


def _sentence(refusal: Exception) -> str:
    """The part of a refusal that is meant for the visitor."""
    if isinstance(refusal, SQLAlchemyError):
        return texts.STORE_DOWN
    return str(refusal).split(" (step:")[0]
