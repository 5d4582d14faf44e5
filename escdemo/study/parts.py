"""All components of the study page, and what the handlers share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo.look import render
from escdemo.study.account_panel import AccountPanel
from escdemo.study.create_panel import CreatePanel
from escdemo.study.entry_panel import EntryPanel
from escdemo.study.lead_panel import LeadPanel
from escdemo.study.live_panel import LivePanel
from escdemo.study.member_session import REFUSED, sentence
from escdemo.study.question_form import QuestionForm
from escdemo.study.rater_panel import ItemPanel, RaterPanel
from escdemo.study.review_panel import ReviewPanel

Shown = dict[Any, Any]
"""component -> value; components left out stay as they are"""


@dataclass(frozen=True)
class StudyParts:
    """All components, as `build.py` laid them out."""

    link: gr.Textbox
    """never shown: carries the invitation from the page's address, or the ticket that the tab keeps"""
    key: gr.Textbox
    """never shown: the same for the key that allows creating studies"""
    founder: gr.State
    """that key, kept by the server"""
    upload_pass: gr.Textbox
    """never shown: carries the upload pass to the browser, which keeps it as a cookie"""
    access: gr.State
    """the member who uses this page; never sent to the browser"""
    shown: gr.Number
    """id of the item (rater: claim, reviewer: review) on this page, 0 for none. Never shown, but the browser keeps it
    with the answers, so that a late save cannot reach the next item; the store checks whose it is."""
    known: gr.State
    """`Known`: the answers that this page last received from the store"""
    withdrawn: gr.State
    """how many items the rater who withdrew on this page had handed in"""
    header: gr.HTML
    steps: gr.HTML
    note: gr.HTML
    entry: EntryPanel
    item: ItemPanel
    live: LivePanel
    form: QuestionForm
    rater: RaterPanel
    review: ReviewPanel
    create: CreatePanel
    lead: LeadPanel
    account: AccountPanel

    def working(self) -> list[Any]:
        """All components that the handlers of raters and reviewers change."""
        own = [self.shown, self.known, self.steps, self.note, *self.item.outputs(), *self.form.outputs()]
        own += self.live.outputs()
        return [*own, *self.entry.outputs(), *self.rater.outputs(), *self.review.outputs()]

    def everything(self) -> list[Any]:
        """All components that an arrival may change."""
        start = [self.founder, self.upload_pass, self.access, self.withdrawn, self.header, self.create.box]
        start += self.create.offer(())
        return [*start, *self.working(), *self.lead.outputs(), *self.account.outputs()]


def attempt(parts: StudyParts, act: Callable[[], Shown]) -> Shown:
    """What `act` shows; if it is refused, only a note that says why."""
    try:
        return act()
    except REFUSED as refusal:
        return {parts.note: render.notice(sentence(refusal), "problem")}
