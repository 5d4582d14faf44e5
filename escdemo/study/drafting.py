"""Handlers for a whole draft: the lead changes its plan, in the form for new studies, or deletes it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from annotation.studies.drafts import change_plan, delete_draft
from annotation.studies.studies import get_study
from annotation.studies.study_views import Access
from escdemo.look import render as page_render
from escdemo.study import create_panel, entry_panel, texts
from escdemo.study.leads import Leads
from escdemo.study.parts import Shown, attempt


class Drafting:
    """The handlers; they keep no state about a visitor."""

    def __init__(self, leads: Leads, talks_now: str | None = None) -> None:
        """`talks_now`: the study that talks on the first page belong to; None: to no study."""
        self.leads = leads
        self.talks_now = talks_now
        self.parts = leads.parts

    def edit(self, access: Access | None) -> Shown:
        """Show the form with the draft's plan in it."""

        def shown() -> Shown:
            form = self.parts.create
            plan, hosted = self.leads.desk.read(get_study, access).plan, self.leads.maker.service.names
            return {
                self.parts.note: "",
                form.box: gr.update(visible=True),
                form.title: create_panel.heading(texts.EDIT_TITLE, texts.EDIT_HINT),
                **dict(zip(form.inputs, create_panel.form_values(plan, hosted), strict=True)),
                form.go: gr.update(visible=False),
                form.file: gr.update(visible=False),
                form.save: gr.update(visible=True),
                form.leave: gr.update(visible=True),
            }

        return attempt(self.parts, shown)

    def save(self, access: Access | None, *fields: Any) -> Shown:
        """Replace the draft's plan with the plan in the form."""

        def saved() -> Shown:
            desk = self.leads.desk
            plan = create_panel.read_plan(*fields, before=desk.read(get_study, access).plan)
            self.leads.check_hosted(plan)
            study = desk.do(change_plan, access, plan=plan, talks_now=self.talks_now)
            said = page_render.notice(texts.PLAN_SAVED, "good")
            header = {self.parts.header: page_render.banner(study.name, texts.ROLES["lead"], "")}
            return self.leads.continue_(access) | self.leave() | header | {self.parts.note: said}

        return attempt(self.parts, saved)

    def leave(self) -> Shown:
        """Close the form; the plan stays unchanged."""
        return {self.parts.create.box: gr.update(visible=False)}

    def ask_delete(self) -> Shown:
        """Ask once more before the draft is deleted."""
        return {self.parts.lead.overview.ask_delete: gr.update(visible=True)}

    def keep(self) -> Shown:
        """Cancel: the draft stays."""
        return {self.parts.lead.overview.ask_delete: gr.update(visible=False)}

    def delete(self, access: Access | None) -> Shown:
        """Delete the draft; the page then shows what strangers see."""

        def deleted() -> Shown:
            name = delete_draft(self.leads.desk.as_member(access))
            parts = self.parts
            return {
                **entry_panel.show(parts.entry, "stranger"),
                parts.access: None,
                parts.header: page_render.banner(texts.TITLE, "", ""),
                parts.lead.box: gr.update(visible=False),
                parts.create.box: gr.update(visible=False),
                parts.account.box: gr.update(visible=False),
                parts.note: page_render.notice(texts.DELETED.format(name=name), "good"),
            }

        return attempt(self.parts, deleted)
