"""What a lead does: the handlers. Only here do the names of systems reach a page, and the store asks for the role."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from annotation.choices import Role, StudyKind, StudyState
from annotation.item_files import read_items
from annotation.item_import import Imported, import_encounters, import_items
from annotation.members import invite, members, revoke
from annotation.progress import team_progress
from annotation.quality import rater_quality
from annotation.studies import close_study, get_brief, get_study, open_study, pause_study, resume_study
from annotation.study_plan import StudyPlan
from annotation.study_source import stored_data
from annotation.study_views import Access, Invitation
from escdemo import render as page_render
from escdemo.study import account_panel, create_panel, entry_panel, lead_render, render, results, texts
from escdemo.study.desk import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, StudyParts, attempt


class Leads:
    """The handlers of leads; they hold no state of a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk) -> None:
        self.parts = parts
        self.desk = desk

    # what is shown

    def continue_(self, access: Access | None) -> Shown:
        """The lead's tabs as the study stands."""
        parts, lead = self.parts, self.parts.lead
        study = self.desk.read(get_study, access)
        people = self.desk.read(members, access)
        text = lead_render.overview(
            study, self.desk.read(team_progress, access), people, self.desk.read(rater_quality, access)
        )
        draft, running = study.state is StudyState.DRAFT, study.state is StudyState.OPEN
        paused, live = study.state is StudyState.PAUSED, study.kind is StudyKind.LIVE
        counted = texts.ITEMS_COUNT.format(contexts=study.contexts, items=study.items)
        names = [one.pseudonym for one in people if one.revoked_at is None and one.role is not Role.LEAD]
        return {
            **entry_panel.show(parts.entry, ""),
            parts.note: "",
            parts.steps: "",
            lead.box: gr.update(visible=True),
            lead.overview.open: gr.update(visible=draft),
            lead.overview.pause: gr.update(visible=running),
            lead.overview.resume: gr.update(visible=paused),
            lead.overview.close: gr.update(visible=running or paused),
            lead.overview.ask: gr.update(visible=False),
            lead.overview.text: text,
            lead.items.count: page_render.notice(counted + (f" {texts.LIVE_HINT}" if live else "")),
            lead.items.live: gr.update(visible=live),
            lead.people.member: gr.update(choices=names, value=None),
        }

    def look(self, access: Access | None) -> Shown:
        """The same once more."""
        return attempt(self.parts, lambda: self.continue_(access))

    # making a study

    def create(self, key: str, *fields: Any) -> Shown:
        """A draft out of the form."""
        return attempt(self.parts, lambda: self._created(key, create_panel.read_plan(*fields)))

    def create_from_file(self, key: str, path: str) -> Shown:
        """A draft out of a plan file, which is deleted once it is read."""
        return attempt(self.parts, lambda: self._created(key, _take(path, create_panel.plan_from_file)))

    def _created(self, key: str, plan: StudyPlan) -> Shown:
        created = self.desk.create(key, plan)
        parts = self.parts
        brief = self.desk.read(get_brief, created.access)
        return {
            **self.continue_(created.access),
            **account_panel.show(parts.account, created.access, brief),
            parts.access: created.access,
            parts.create.box: gr.update(visible=False),
            parts.header: page_render.banner(created.study.name, texts.ROLES["lead"], ""),
            parts.lead.link: _links([created.invitation], texts.CREATED),
        }

    # running it

    def open(self, access: Access | None) -> Shown:
        """Plan the items and let raters in."""
        return self._move(access, open_study)

    def pause(self, access: Access | None) -> Shown:
        """Hand out nothing new."""
        return self._move(access, pause_study)

    def resume(self, access: Access | None) -> Shown:
        """Hand out items again."""
        return self._move(access, resume_study)

    def ask_close(self) -> Shown:
        """One more question before the end."""
        return {self.parts.lead.overview.ask: gr.update(visible=True)}

    def keep_open(self) -> Shown:
        """No end yet."""
        return {self.parts.lead.overview.ask: gr.update(visible=False)}

    def close(self, access: Access | None) -> Shown:
        """End the study."""
        return self._move(access, close_study)

    def _move(self, access: Access | None, action: Callable[..., Any]) -> Shown:
        return attempt(self.parts, lambda: (self.desk.do(action, access), self.continue_(access))[1])

    # items

    def upload(self, access: Access | None, path: str) -> Shown:
        """Import a file, which is deleted once it is read; bad rows are listed and nothing is imported."""
        return self._import(access, lambda: self.desk.do(import_items, access, items=_take(path, _items_of)))

    def import_live(self, access: Access | None) -> Shown:
        """Import the finished live talks of this study."""
        return self._import(access, lambda: self.desk.do(import_encounters, access))

    def _import(self, access: Access | None, act: Callable[[], Imported]) -> Shown:
        note = self.parts.lead.items.note
        try:
            found = act()
            return self.continue_(access) | {note: lead_render.imported(found)}
        except REFUSED as refusal:
            return {note: lead_render.refused(sentence(refusal))}

    # people

    def invite(self, access: Access | None, role: str, count: float | None) -> Shown:
        """Make links, shown this once."""

        def invited() -> Shown:
            wanted = int(count or 0)
            if not 1 <= wanted <= 100:
                raise ValueError(f"{texts.INVITE_COUNT}: {wanted}; allowed: 1 to 100")
            made = [self.desk.do(invite, access, role=role) for _ in range(wanted)]
            return self.continue_(access) | {self.parts.lead.people.links: _links(made, texts.INVITED)}

        return attempt(self.parts, invited)

    def revoke(self, access: Access | None, name: str | None) -> Shown:
        """Stop a link from working."""

        def revoked() -> Shown:
            if not name:
                raise ValueError(texts.REVOKE_MISSING)
            self.desk.do(revoke, access, pseudonym=name)
            done = page_render.notice(texts.REVOKED.format(name=name), "good")
            return self.continue_(access) | {self.parts.note: done}

        return attempt(self.parts, revoked)

    # results

    def results(self, access: Access | None, pair: str | None) -> Shown:
        """What the votes say so far."""
        outputs = self.parts.lead.results.outputs
        return attempt(
            self.parts, lambda: dict(zip(outputs, results.fill(self.desk.read(stored_data, access), pair), strict=True))
        )

    def export(self, access: Access | None, form: str) -> Shown:
        """Links to the files."""

        def made() -> Shown:
            name = self.desk.read(get_study, access).name
            plain = "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in name)
            return {self.parts.lead.export.files: results.files(self.desk.read(stored_data, access), plain, form)}

        return attempt(self.parts, made)


def _items_of(path: str) -> Any:
    return read_items(Path(path))


def _take(path: str, read: Callable[[str], Any]) -> Any:
    """Read an uploaded file and leave no copy of it on the server."""
    try:
        return read(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _links(made: list[Invitation], note: str) -> str:
    return render.links([(one.pseudonym, texts.ROLES[one.role], one.token) for one in made], note)
