"""The rater's handlers. Each calls the store, then returns what to show as {component: value}."""

from __future__ import annotations

import gradio as gr

from annotation.choices import ClaimState, StudyState
from annotation.store.texts import MAX_REASON_CHARS
from annotation.studies.answers import save_answer, save_note, submit, undo
from annotation.studies.claims import begin_break, end_break, get_task, give_back, keep_alive, open_task, own_tasks
from annotation.studies.members import NotAllowed
from annotation.studies.progress import own_progress
from annotation.studies.studies import get_brief
from annotation.studies.study_views import Access, Brief, TaskView
from escdemo import intake
from escdemo import texts as page_texts
from escdemo.chat import screen_state
from escdemo.look import render as page_render
from escdemo.replies import Replies
from escdemo.study import entry_panel, live_panel, question_form, render, texts
from escdemo.study.member_session import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, StudyParts, attempt
from escdemo.study.question_form import Known, Values


class Raters:
    """The handlers of raters; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk, replies: Replies) -> None:
        self.parts = parts
        self.desk = desk
        self.replies = replies

    # what is shown

    def continue_(self, access: Access | None) -> Shown:
        """Show where the rater stands: on a break, at an item, or at the end."""
        brief = self.desk.read(get_brief, access)
        own = self.desk.read(own_progress, access)
        if brief.state in (StudyState.CLOSED, StudyState.DRAFT):
            words = texts.END_CLOSED if brief.state is StudyState.CLOSED else texts.END_WAIT
            return self._end(words, own.done)
        if own.on_break:
            return self._only(rest=True)
        try:
            task = self.desk.do(open_task, access)
        except NotAllowed:
            if brief.state is StudyState.PAUSED:
                return self._end(texts.END_WAIT, own.done)
            raise
        return self._end(texts.END_DONE, own.done) if task is None else self.project(access, brief, task)

    def project(self, access: Access | None, brief: Brief, task: TaskView) -> Shown:
        """The whole page for one item."""
        parts, panel = self.parts, self.parts.rater
        own = self.desk.read(own_progress, access)
        asked = question_form.questions_of(brief, len(task.replies))
        values = question_form.values_of(asked, render.given(task.answers))
        done = task.state is ClaimState.DONE
        talking = task.talk is not None and not task.talk.ended()
        return {
            **self._only(item=True),
            parts.shown: task.claim_id,
            parts.known: Known(task.claim_id, values),
            parts.note: "",
            parts.item.progress: render.progress(task, own),
            parts.item.guide: render.guide_fold(brief),
            parts.item.item: "" if talking else render.item(task.situation, task.context, task.replies),
            **self._live(task),
            **question_form.update(parts.form, brief, asked, values, open_=task.can_change),
            parts.form.box: gr.update(visible=not talking),
            panel.reason: gr.update(value=task.note or "", interactive=task.can_change, visible=not talking),
            panel.saved: "" if talking else render.saved(task.saved_at, task.missing, closed=not task.can_change),
            panel.submit: gr.update(value=texts.FORWARD_BUTTON if done else texts.SUBMIT_BUTTON, visible=not talking),
            panel.back: gr.update(interactive=task.ordinal > 1),
            panel.undo: gr.update(interactive=task.can_undo, visible=not talking),
            panel.pause: gr.update(visible=not done),
            panel.skip: gr.update(visible=not done),
        }

    def _live(self, task: TaskView) -> Shown:
        """The talk of a live item. Owed replies that are not being made are requested again."""
        live = self.parts.live
        encounter = None if task.talk is None or task.talk.ended() else task.talk.encounter
        if encounter is None:
            return live_panel.update(live, task, {})
        asked = screen_state.all_asked(encounter, self.replies.jobs(encounter)) or self.replies.ask_missing(
            encounter.id
        )
        note = "" if asked else page_render.notice(page_texts.BUSY, "problem")
        return live_panel.update(live, task, self.replies.jobs(encounter)) | {live.chat.note: note}

    def _only(self, item: bool = False, rest: bool = False, end: bool = False) -> Shown:
        parts, panel = self.parts, self.parts.rater
        return {
            **entry_panel.show(parts.entry, ""),
            parts.steps: page_render.steps(3 if end else 2, texts.STEPS),
            parts.note: "",
            **live_panel.update(parts.live, None, {}),
            parts.item.box: gr.update(visible=item),
            parts.form.box: gr.update(visible=item),
            panel.controls: gr.update(visible=item),
            panel.rest: gr.update(visible=rest),
            panel.end: gr.update(visible=end),
        }

    def _end(self, words: str, done: int) -> Shown:
        count = "1 item" if done == 1 else f"{done} items"
        said = f'<div class="esc-text"><h2>{texts.END_TITLE}</h2><p>{words.format(done=count)}</p></div>'
        panel = self.parts.rater
        return {
            **self._only(end=True),
            self.parts.shown: 0,
            panel.end_text: said,
            panel.end_back: gr.update(visible=done > 0),
        }

    # working

    def save(self, access: Access | None, claim: int, known: Known, *values: str | None) -> Shown:
        """Store the answers given since the last save, one by one."""
        return attempt(self.parts, lambda: self._save(access, claim, known, values))

    def _save(self, access: Access | None, claim: int, known: Known, values: Values) -> Shown:
        panel = self.parts.rater
        task = self._store(access, claim, known, values)
        return {
            self.parts.known: Known(claim, tuple(values)),
            self.parts.note: "",
            panel.saved: render.saved(task.saved_at, task.missing),
            panel.undo: gr.update(interactive=task.can_undo),
        }

    def _store(self, access: Access | None, claim: int, known: Known, values: Values) -> TaskView:
        """Save the changed answers; returns the item after that."""
        brief = self.desk.read(get_brief, access)
        before = self.desk.read(get_task, access, claim_id=claim)
        asked = question_form.questions_of(brief, len(before.replies))
        new = question_form.changed(asked, values, claim, known)
        for given in new:
            self.desk.do(save_answer, access, claim_id=claim, given=given)
        return self.desk.read(get_task, access, claim_id=claim) if new else before

    def keep_reason(self, access: Access | None, claim: int, reason: str) -> Shown:
        """Store the reason when its field loses the focus."""

        def kept() -> Shown:
            stored = self.desk.do(save_note, access, claim_id=claim, note=intake.clean_within(reason, MAX_REASON_CHARS))
            return {self.parts.rater.saved: render.saved(stored.saved_at, stored.missing)}

        return attempt(self.parts, kept)

    def submit(self, access: Access | None, claim: int, known: Known, reason: str, *values: str | None) -> Shown:
        """Hand in the item and show the next one. On an earlier, closed item, only go forward."""

        def handed_in() -> Shown:
            task = self._store(access, claim, known, values)
            if task.can_change:
                self.desk.do(submit, access, claim_id=claim, note=intake.clean_within(reason, MAX_REASON_CHARS))
            return self._step(access, claim, forward=True)

        return attempt(self.parts, handed_in)

    def undo(self, access: Access | None, claim: int) -> Shown:
        """Take the last answer back."""

        def undone() -> Shown:
            task = self.desk.do(undo, access, claim_id=claim)
            return self.project(access, self.desk.read(get_brief, access), task)

        return attempt(self.parts, undone)

    def back(self, access: Access | None, claim: int) -> Shown:
        """Show the item before this one; from the end page, the last one."""
        return attempt(self.parts, lambda: self._step(access, claim, forward=False))

    def _step(self, access: Access | None, claim: int, forward: bool) -> Shown:
        """Show the rater's previous or next item; after the last one, the next item that the store hands out."""
        held = self.desk.read(own_tasks, access)
        at = next((place for place, line in enumerate(held) if line.claim_id == claim), len(held))
        to = at + 1 if forward else at - 1
        if to < 0:
            raise NotAllowed(texts.FIRST_ITEM)
        if to >= len(held) or held[to].state is ClaimState.ACTIVE:
            return self.continue_(access)
        task = self.desk.read(get_task, access, claim_id=held[to].claim_id)
        return self.project(access, self.desk.read(get_brief, access), task)

    def pause(self, access: Access | None) -> Shown:
        """Begin a break."""
        return attempt(self.parts, lambda: (self.desk.do(begin_break, access), self.continue_(access))[1])

    def go_on(self, access: Access | None) -> Shown:
        """End the break."""
        return attempt(self.parts, lambda: (self.desk.do(end_break, access), self.continue_(access))[1])

    def skip(self, access: Access | None, claim: int) -> Shown:
        """Give this item back; it does not return to this rater."""

        def skipped() -> Shown:
            self.desk.do(give_back, access, claim_id=claim)
            return self.continue_(access) | {self.parts.note: page_render.notice(texts.SKIPPED, "good")}

        return attempt(self.parts, skipped)

    def alive(self, access: Access | None, claim: int, active: bool) -> Shown:
        """Report activity on the page, so that the time counts and the rater keeps the item."""
        if access is not None and claim and active:
            try:
                self.desk.do(keep_alive, access, claim_id=claim)
            except REFUSED as refusal:
                return {self.parts.note: page_render.notice(sentence(refusal), "problem")}
        return {self.parts.note: gr.skip()}  # Gradio would show an empty dict as a value
