"""The rater's handlers in a live talk. Each calls the store, then shows the item as it is now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import gradio as gr

from annotation.choices import ReplyState
from annotation.studies.claims import get_task
from annotation.studies.live_talks import end_talk, keep_intensity, prefer, rate_side, retry_side, send_post, start_talk
from annotation.studies.studies import get_brief
from annotation.studies.study_views import Access, TaskView
from annotation.talks.views import EncounterView
from escdemo import intake, sent_away
from escdemo import texts as page_texts
from escdemo.chat import screen_state
from escdemo.intake import Refusal
from escdemo.look import render as page_render
from escdemo.settings import Settings
from escdemo.study import render
from escdemo.study.member_session import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, StudyParts, attempt
from escdemo.study.raters import Raters


class Talking:
    """The handlers of live talks; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk, raters: Raters, settings: Settings) -> None:
        self.parts = parts
        self.desk = desk
        self.raters = raters
        self.settings = settings
        self.consent_version = sent_away.consent_version(raters.replies.service.sends_to, study=True)

    def start(self, access: Access | None, claim: int, intensity: int | None) -> Shown:
        """Begin the talk, with the card's first message in the box, to send or to change."""

        def started() -> Shown:
            given = {"intensity": intensity, "consent_version": self.consent_version}
            talk = self.desk.do(start_talk, access, claim_id=claim, **given)
            return self._item(access, claim) | {self.parts.live.chat.post: talk.opening}

        return attempt(self.parts, started)

    def send(self, access: Access | None, claim: int, seen: float, text: str) -> Shown:
        """Store a message and ask both systems. If it is refused, the page puts the text back into the box."""
        seen = int(seen or 0)
        chat = self.parts.live.chat
        try:
            post = intake.check_length(text, self.settings.max_post_chars, page_texts.POST_NAME)
            if seen >= self.settings.max_posts:
                raise Refusal(page_texts.TOO_MANY_POSTS.format(limit=self.settings.max_posts))
            # The same text, sent again before the page has seen it arrive, counts as the same message.
            key = hashlib.sha256(f"{seen}:{post}".encode()).hexdigest()
            given = {"text": post, "key": key, "consent_version": self.consent_version}
            self.desk.do(send_post, access, claim_id=claim, **given)
        except REFUSED as refusal:
            return {chat.note: page_render.notice(f"{sentence(refusal)} Your text is kept.", "problem")}
        values = self._item(access, claim)
        if not intake.looks_english(post) and not values[chat.note]:
            values[chat.note] = page_render.notice(page_texts.NOT_ENGLISH)
        return values

    def look(self, access: Access | None, claim: int) -> Shown:
        """Show the replies once both have ended; until then, change nothing."""

        def looked() -> Shown:
            task = self._task(access, claim)
            encounter = _open(task)
            if encounter is not None:
                settled, jobs = self.raters.replies.settled(encounter, lambda: _open(self._task(access, claim)))
                if settled is not None and screen_state.is_open(screen_state.exchanges(settled, jobs)):
                    return {self.parts.live.watch: gr.skip()}
            return self._item(access, claim)

        if access is None:  # the rater withdrew or signed out, and the page says so already
            return {self.parts.live.watch: gr.update(active=False)}
        # If it is refused (say, because the item was given back), the page stops watching.
        return {self.parts.live.watch: gr.update(active=False)} | attempt(self.parts, looked)

    def stop(self, access: Access | None, claim: int) -> Shown:
        """Stop the replies that are being made."""

        def stopped() -> Shown:
            encounter = _open(self._task(access, claim))
            if encounter is not None:
                self.raters.replies.cut_off(encounter)
            return self._item(access, claim)

        return attempt(self.parts, stopped)

    def retry(self, access: Access | None, claim: int) -> Shown:
        """Request every failed reply to the last message again, on both sides, as they look the same on the page."""

        def asked() -> Shown:
            encounter = _open(self._task(access, claim))
            last = encounter.turns[-1:] if encounter is not None else ()
            for side in [one for turn in last for one in "ab" if turn.side(one).state is ReplyState.FAILED]:
                self.desk.do(retry_side, access, claim_id=claim, side=side)
            return self._item(access, claim)

        return attempt(self.parts, asked)

    def prefer(self, access: Access | None, claim: int, seen: float, picked: str | None) -> Shown:
        """Store which of the last two replies is better. The stars stay untouched, as one may be on its way."""
        values = self._act(access, claim, prefer, turn_index=int(seen) - 1, picked=picked)
        return {part: value for part, value in values.items() if part not in self.parts.live.turn.stars}

    def star(self, access: Access | None, claim: int, side: str, stars: int | None) -> Shown:
        """Store how helpful one side is; nothing else on the page changes."""
        note = self.parts.live.chat.note
        try:
            self.desk.do(rate_side, access, claim_id=claim, side=side, stars=stars)
        except REFUSED as refusal:
            return {note: page_render.notice(sentence(refusal), "problem")}
        return {note: ""}

    def end(self, access: Access | None, claim: int) -> Shown:
        """End the talk and open the questions."""
        return self._act(access, claim, end_talk)

    def keep_after(self, access: Access | None, claim: int, intensity: int | None) -> Shown:
        """Store how strong the emotion is after the talk."""

        def kept() -> Shown:
            self.desk.do(keep_intensity, access, claim_id=claim, intensity=intensity)
            task = self._task(access, claim)
            return {self.parts.note: "", self.parts.rater.saved: render.saved(task.saved_at, task.missing)}

        return attempt(self.parts, kept)

    def _act(self, access: Access | None, claim: int, action: Callable[..., Any], **arguments: Any) -> Shown:
        """Do one thing and show the item. If it is refused, say why beside the talk and show the item unchanged."""
        try:
            self.desk.do(action, access, claim_id=claim, **arguments)
            return self._item(access, claim)
        except REFUSED as refusal:
            note = {self.parts.live.chat.note: page_render.notice(sentence(refusal), "problem")}
        try:
            return self._item(access, claim) | note
        except REFUSED:
            return note

    def _task(self, access: Access | None, claim: int) -> TaskView:
        return self.desk.read(get_task, access, claim_id=claim)

    def _item(self, access: Access | None, claim: int) -> Shown:
        return self.raters.project(access, self.desk.read(get_brief, access), self._task(access, claim))


def _open(task: TaskView) -> EncounterView | None:
    """The talk while it lasts."""
    return None if task.talk is None or task.talk.ended() else task.talk.encounter
