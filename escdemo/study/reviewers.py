"""The reviewer's handlers. The reviewer's own verdict comes first; only then do the votes reach the page."""

from __future__ import annotations

from typing import Any

import gradio as gr

from annotation.choices import Decision
from annotation.studies.review import Ruling, decide, get_review, give_verdict, open_review
from annotation.studies.studies import get_brief
from annotation.studies.study_views import Access, Brief, ReviewView
from escdemo.look import render as page_render
from escdemo.study import entry_panel, question_form, render, texts
from escdemo.study.member_session import Desk
from escdemo.study.parts import Shown, StudyParts, attempt
from escdemo.study.question_form import Known


class Reviewers:
    """The handlers of reviewers; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk) -> None:
        self.parts = parts
        self.desk = desk

    def continue_(self, access: Access | None) -> Shown:
        """Show the current review, else the next one, or say that none is waiting."""
        brief = self.desk.read(get_brief, access)
        view = self.desk.do(open_review, access)
        if view is None:
            return self._nothing()
        return self.project(brief, view)

    def project(self, brief: Brief, view: ReviewView) -> Shown:
        """The whole page for one review: the questions, or the votes and the ruling."""
        parts, panel = self.parts, self.parts.review
        asked = question_form.questions_of(brief, len(view.replies))
        blind = not view.own
        held = render.given(view.own) if blind else _majority(view)
        values = question_form.values_of(asked, held)
        shown = {
            **entry_panel.show(parts.entry, ""),
            parts.steps: page_render.steps(2, texts.STEPS),
            parts.note: "",
            parts.shown: view.review_id,
            parts.known: Known(view.review_id, values),
            parts.item.box: gr.update(visible=True),
            parts.item.progress: f'<h2 class="esc-h2">{texts.REVIEW_TITLE}</h2>',
            parts.item.guide: render.guide_fold(brief),
            parts.item.item: render.item(view.situation, view.context, view.replies),
            panel.hint: page_render.notice(texts.REVIEW_OWN if blind else texts.REVIEW_DECIDE),
            panel.ruling: gr.update(visible=not blind),
            panel.votes: "" if blind else render.votes(view, brief),
            panel.decision: gr.update(value=None, choices=list(render.decisions(view))),
            panel.controls: gr.update(visible=True),
            panel.cause: gr.update(value=None, visible=False),
            panel.verdict: gr.update(visible=blind),
            panel.decide: gr.update(visible=not blind),
        }
        return {**shown, **question_form.update(parts.form, brief, asked, values, open_=True)} | (
            {} if blind else question_form.hide(parts.form)
        )

    def verdict(self, access: Access | None, review: int, *values: str | None) -> Shown:
        """Store the reviewer's own verdict, then show the votes."""

        def given() -> Shown:
            brief, view = self._both(access, review)
            asked = question_form.questions_of(brief, len(view.replies))
            answers = question_form.changed(asked, values)
            view = self.desk.do(give_verdict, access, review_id=review, verdict=answers)
            return self.project(brief, view)

        return attempt(self.parts, given)

    def choose(self, decision: str | None) -> Shown:
        """Show what a decision needs: the answers to correct, or the cause."""
        hint = texts.CORRECT_HINT if decision == Decision.CORRECT else texts.REVIEW_DECIDE
        return {
            self.parts.review.hint: page_render.notice(hint),
            self.parts.form.box: gr.update(visible=decision == Decision.CORRECT),
            self.parts.review.cause: gr.update(visible=decision in (Decision.CORRECT, Decision.DISCARD)),
        }

    def decide(
        self, access: Access | None, review: int, known: Known, decision: Any, cause: Any, *values: Any
    ) -> Shown:
        """Store the decision, and show the next item."""

        def decided() -> Shown:
            if decision not in list(Decision):
                raise ValueError(texts.DECISION_MISSING)
            brief, view = self._both(access, review)
            asked = question_form.questions_of(brief, len(view.replies))
            new = question_form.changed(asked, values, review, known) if decision == Decision.CORRECT else []
            if decision == Decision.CORRECT and not new:
                raise ValueError(texts.NOTHING_CORRECTED)
            why = cause if decision != Decision.CONFIRM else None
            self.desk.do(decide, access, review_id=review, ruling=Ruling(decision, why, tuple(new)))
            note = page_render.notice(texts.DECIDED.format(decision=decision), "good")
            return self.continue_(access) | {self.parts.note: note}

        return attempt(self.parts, decided)

    def _both(self, access: Access | None, review: int) -> tuple[Brief, ReviewView]:
        return self.desk.read(get_brief, access), self.desk.read(get_review, access, review_id=review)

    def _nothing(self) -> Shown:
        parts, panel = self.parts, self.parts.review
        said = f'<div class="esc-text"><h2>{texts.REVIEW_TITLE}</h2><p>{texts.REVIEW_NONE}</p></div>'
        return {
            **entry_panel.show(parts.entry, ""),
            parts.steps: page_render.steps(3, texts.STEPS),
            parts.shown: 0,
            parts.note: "",
            parts.item.box: gr.update(visible=False),
            panel.hint: "",
            panel.ruling: gr.update(visible=False),
            panel.controls: gr.update(visible=False),
            **question_form.hide(parts.form),
            parts.rater.end: gr.update(visible=True),
            parts.rater.end_text: said,
            parts.rater.end_back: gr.update(visible=False),
        }


def _majority(view: ReviewView) -> dict[question_form.Question, str]:
    """The answers that count so far."""
    return {(count.criterion, count.place): count.majority for count in view.votes if count.majority is not None}
