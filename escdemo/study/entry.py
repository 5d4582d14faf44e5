"""The handlers of arrival: who came, and what they see first."""

from __future__ import annotations

from typing import Protocol

import gradio as gr

from annotation.choices import Role
from annotation.studies.members import consent, consent_given
from annotation.studies.progress import own_progress
from annotation.studies.studies import get_brief
from annotation.studies.study_views import Access, Brief
from escdemo import sent_away
from escdemo.look import render as page_render
from escdemo.study import account_panel, entry_panel, render, texts
from escdemo.study.leads import Leads
from escdemo.study.member_session import Desk
from escdemo.study.parts import Shown, StudyParts, attempt
from escdemo.study.raters import Raters
from escdemo.study.reviewers import Reviewers


class Work(Protocol):
    """The handlers of one role."""

    def continue_(self, access: Access | None) -> Shown:
        """Show where the member stands."""


class Arrival:
    """The handlers; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk, raters: Raters, reviewers: Reviewers, leads: Leads) -> None:
        self.parts = parts
        self.desk = desk
        self.hosted, self.sends_to = leads.maker.service.names, leads.maker.service.sends_to
        self.work: dict[Role, Work] = {Role.LEAD: leads, Role.RATER: raters, Role.REVIEWER: reviewers}

    def enter(self, link: str, key: str) -> Shown:
        """Sign in by `link`, an invitation or the browser's ticket, and show where this member stands.

        Without it, a right `key` opens the form for new studies; anybody else is a stranger.
        """
        if link:
            return attempt(self.parts, lambda: self._sign_in(link))
        if key and self.desk.may_create(key):
            shown: Shown = {self.parts.founder: key, self.parts.create.box: gr.update(visible=True)}
            shown |= self.parts.create.offer(self.hosted) | {self.parts.upload_pass: self.desk.upload_pass()}
            return self._header(texts.TITLE, "") | shown
        wrong = page_render.notice(texts.CREATE_KEY_WRONG, "problem") if key else ""
        return self._stranger(wrong)

    def _sign_in(self, link: str) -> Shown:
        entered = self.desk.enter(link)
        if entered.access is None:
            return self._stranger(page_render.notice(entered.refusal or "", "problem"))
        return self.welcome(entered.access)

    def welcome(self, access: Access) -> Shown:
        """Show the page of a member who has just come in."""
        brief = self.desk.read(get_brief, access)
        badge = f"{texts.ROLES[access.role]} {access.pseudonym}" if access.role is Role.RATER else access.pseudonym
        shown = self._header(brief.name, badge)
        corner = account_panel.show(self.parts.account, access, brief)
        return shown | {self.parts.access: access, self.parts.note: ""} | corner | self._first(access)

    def _first(self, access: Access) -> Shown:
        """Show consent or instructions, or go straight back to work."""
        if access.role is Role.LEAD:
            may_upload = {self.parts.upload_pass: self.desk.upload_pass(access)}
            kept: Shown = {self.parts.lead.link: render.own_link(), **may_upload}
            return self.work[Role.LEAD].continue_(access) | kept
        brief = self.desk.read(get_brief, access)
        if self.desk.read(consent_given, access) != self._version(brief):
            steps = page_render.steps(0, texts.STEPS)
            return entry_panel.show(self.parts.entry, "consent", brief, self.sends_to) | {self.parts.steps: steps}
        if access.role is Role.RATER:
            own = self.desk.read(own_progress, access)
            if not own.done + own.active and not own.on_break:
                return self._guide(access)
        return attempt(self.parts, lambda: self.work[access.role].continue_(access))

    def agree(self, access: Access | None, agreed: bool) -> Shown:
        """Store the consent; without it, say why nothing happens."""
        if not agreed:
            return {self.parts.note: page_render.notice(texts.CONSENT_MISSING, "problem")}

        def stored() -> Shown:
            brief = self.desk.read(get_brief, access)
            self.desk.do(consent, access, version=self._version(brief))
            return self._guide(access)

        return attempt(self.parts, stored)

    def _version(self, brief: Brief) -> str:
        """The consent that is needed now. Only talks are sent away."""
        return sent_away.consent_version(self.sends_to if brief.live else (), study=True)

    def _guide(self, access: Access | None) -> Shown:
        brief = self.desk.read(get_brief, access)
        steps = page_render.steps(1, texts.STEPS)
        return entry_panel.show(self.parts.entry, "guide", brief) | {self.parts.steps: steps, self.parts.note: ""}

    def begin(self, access: Access | None) -> Shown:
        """Show the first item, or one that has come since there was none left."""
        role = Role.RATER if access is None else access.role
        return attempt(self.parts, lambda: self.work[role].continue_(access))

    def _stranger(self, note: str) -> Shown:
        shown = entry_panel.show(self.parts.entry, "stranger")
        return shown | self._header(texts.TITLE, "") | {self.parts.note: note}

    def _header(self, title: str, badge: str) -> Shown:
        subtitle = texts.SUBTITLE if badge and not badge.startswith(texts.ROLES[Role.LEAD]) else ""
        return {self.parts.header: page_render.banner(title, badge, subtitle)}
