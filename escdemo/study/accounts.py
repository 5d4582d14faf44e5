"""The handlers for a membership: signing in and out, choosing a password, withdrawing."""

from __future__ import annotations

import asyncio

import gradio as gr
from sqlalchemy.exc import SQLAlchemyError

from annotation.store.erasure import Remains
from annotation.studies.members import set_password
from annotation.studies.studies import get_brief
from annotation.studies.study_views import Access
from annotation.studies.withdrawal import withdraw
from escdemo import texts as page_texts
from escdemo.look import render as page_render
from escdemo.study import account_panel, entry_panel, live_panel, question_form, texts
from escdemo.study.entry import Arrival
from escdemo.study.member_session import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, StudyParts


class Accounts:
    """The handlers; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk, arrival: Arrival) -> None:
        self.parts = parts
        self.desk = desk
        self.arrival = arrival

    async def sign_in(self, study: str, name: str, password: str, request: gr.Request) -> Shown:
        """Let in whoever knows study, name and password; the password field is emptied in any case."""
        address = request.client.host if request.client is not None else "unknown"
        parts, empty = self.parts, {self.parts.entry.sign_in.password: ""}
        try:
            entered = await self.desk.enter_with_password(study or "", name or "", password or "", address)
            if entered.access is None:
                return {parts.note: page_render.notice(entered.refusal or "", "problem")} | empty
            return await asyncio.to_thread(self._entered, entered.access) | empty
        except REFUSED as refusal:
            return {parts.note: page_render.notice(sentence(refusal), "problem")} | empty

    def _entered(self, access: Access) -> Shown:
        return self.arrival.welcome(access) | {self.parts.account.ticket: self.desk.ticket(access)}

    def choose_password(self, access: Access | None, new: str, again: str) -> Shown:
        """Store the password that the member chose."""
        panel = self.parts.account
        try:
            if (new or "") != (again or ""):
                raise ValueError(texts.PASSWORDS_DIFFER)
            self.desk.do(set_password, access, password=new or "")
            brief = self.desk.read(get_brief, access)
            ticket = self.desk.ticket(access)
        except REFUSED as refusal:
            return {panel.note: page_render.notice(sentence(refusal), "problem")}
        name = "" if access is None else access.pseudonym
        done = page_render.notice(texts.PASSWORD_SET.format(study=brief.name, name=name), "good")
        return {panel.note: done, panel.ticket: ticket, panel.new: "", panel.again: ""}

    def sign_out(self) -> Shown:
        """Forget the member of this page; the script then opens the page without its link."""
        return {self.parts.access: None}

    def ask_withdraw(self) -> Shown:
        """Ask once more before everything is deleted."""
        return account_panel.ask(self.parts.account, True)

    def stay(self) -> Shown:
        """Cancel: nothing is deleted."""
        return account_panel.ask(self.parts.account, False)

    def withdraw(self, access: Access | None) -> Shown:
        """Delete everything that this rater gave to the study, and forget the member of this page."""
        parts = self.parts
        try:
            items = self.desk.do(withdraw, access)
        except REFUSED as refusal:
            failed = page_texts.ERASE_FAILED if isinstance(refusal, SQLAlchemyError) else sentence(refusal)
            return {parts.account.note: page_render.notice(failed, "problem")}
        closed = (parts.item.box, parts.rater.controls, parts.rater.rest, parts.rater.end, parts.account.box)
        return {
            **dict.fromkeys(closed, gr.update(visible=False)),
            **entry_panel.show(parts.entry, ""),
            **question_form.hide(parts.form),
            **live_panel.update(parts.live, None, {}),
            parts.live.chat.post: "",
            parts.access: None,
            parts.shown: 0,
            parts.item.item: "",
            parts.rater.reason: gr.update(value=""),
            parts.header: page_render.banner(texts.TITLE, "", ""),
            parts.steps: "",
            **self.withdrawn(items),
        }

    def withdrawn(self, items: int) -> Shown:
        """Say what was deleted and whether it is gone from all files; checked again until it is."""
        try:
            left = self.desk.remains()
        except SQLAlchemyError:
            left = Remains.FILES
        told = {
            Remains.NONE: texts.WITHDRAWN_ALL,
            Remains.FILES: texts.WITHDRAWN_FILES,
            Remains.SERVER: texts.WITHDRAWN_SERVER,
        }[left]
        done = texts.WITHDRAWN.format(items="1 item" if items == 1 else f"{items} items")
        pending = left is Remains.FILES
        return {
            self.parts.note: page_render.notice(f"{done} {told}", "info" if pending else "good"),
            self.parts.account.look: gr.Timer(active=pending),
            self.parts.withdrawn: items,
        }
