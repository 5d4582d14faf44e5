"""The lead's handlers. On this page only leads, and those who may create studies, see the names of systems; the store
checks the role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from annotation.choices import Role, StudyKind, StudyState
from annotation.files.item_files import read_uploaded
from annotation.studies.item_checks import draft_warnings
from annotation.studies.item_import import Imported, drafted_dialogues, import_encounters, import_in_batches
from annotation.studies.live_items import Scene, add_scenes, choose_scenes
from annotation.studies.members import invite, members, revoke
from annotation.studies.progress import team_progress
from annotation.studies.quality import rater_quality
from annotation.studies.studies import (
    close_study,
    draft_mark,
    get_brief,
    get_study,
    open_in_batches,
    pause_study,
    plan_opening,
    resume_study,
)
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_source import stored_data
from annotation.studies.study_views import Access, Invitation, StudyView
from escdemo.look import render as page_render
from escdemo.role_cards import CARDS_PATH, RoleCard
from escdemo.study import account_panel, create_panel, entry_panel, lead_render, render, results, texts
from escdemo.study.item_making import ItemMaker
from escdemo.study.member_session import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, StudyParts, attempt
from escdemo.study.uploaded import read_plan_file, read_turns, take
from models.data.contexts import Context, card_contexts, draw_contexts
from models.files.lru import Lru

_WARNED = 8
"""how many drafts' warnings are kept in memory"""


class Leads:
    """The handlers of leads; they keep no state about a visitor."""

    def __init__(self, parts: StudyParts, desk: Desk, maker: ItemMaker, cards: Sequence[RoleCard] = ()) -> None:
        self.parts = parts
        self.desk = desk
        self.maker = maker
        self.cards = tuple(cards)
        self._warned: Lru[tuple[str, tuple[int | None, int]], tuple[str, ...]] = Lru(_WARNED)

    # what is shown

    def continue_(self, access: Access | None) -> Shown:
        """Show the lead's tabs for the study as it is now."""
        parts, lead = self.parts, self.parts.lead
        study = self.desk.read(get_study, access)
        people = self.desk.read(members, access)
        text = lead_render.overview(
            study, self.desk.read(team_progress, access), people, self.desk.read(rater_quality, access)
        )
        warned = lead_render.warnings(self._warnings(access))
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
            lead.overview.edit: gr.update(visible=draft),
            lead.overview.delete: gr.update(visible=draft),
            lead.overview.ask_delete: gr.update(visible=False),
            lead.overview.text: page_render.notice(self._not_hosted(study.plan), "problem") + warned + text,
            lead.items.count: page_render.notice(counted),
            lead.items.files: gr.update(visible=not live),
            lead.items.cards: gr.update(visible=live),
            lead.people.member: gr.update(choices=names, value=None),
            **self._making(access, study),
        }

    def _making(self, access: Access | None, study: StudyView) -> Shown:
        """The form for items made by the nets of this server, and their progress."""
        items, far = self.parts.lead.items, self.maker.look(access)
        systems, missing = study.plan.systems, self.maker.missing(study.plan.systems)
        running = far is not None and far.running()
        shown: Shown = {
            items.making.box: gr.update(visible=study.state is StudyState.DRAFT and study.kind is StudyKind.FROZEN),
            items.making.hosted: lead_render.making_hint(systems, missing, self.maker.service.names),
            items.making.cards: gr.update(interactive=not running and not missing),
            items.making.esconv: gr.update(interactive=not running and not missing),
            items.making.stop: gr.update(visible=running),
            items.making.timer: gr.update(active=running),
        }
        return shown if far is None else shown | {items.note: lead_render.making(far)}

    def _warnings(self, access: Access | None) -> tuple[str, ...]:
        """What the checks find in a draft. They are slow with many items, so they run once after each change."""
        mark = self.desk.read(draft_mark, access)
        assert access is not None  # draft_mark has checked it
        found = self._warned.get((access.study_id, mark))
        if found is None:
            found = self.desk.read(draft_warnings, access)
            self._warned.put((access.study_id, mark), found)
        return found

    def look(self, access: Access | None) -> Shown:
        """Refresh the tabs."""
        return attempt(self.parts, lambda: self.continue_(access))

    # making a study

    def create(self, key: str, *fields: Any) -> Shown:
        """Create a draft from the form."""
        return attempt(self.parts, lambda: self._created(key, create_panel.read_plan(*fields)))

    def create_from_file(self, key: str, path: str) -> Shown:
        """Create a draft from a plan file, for those who may create studies; the file is deleted in any case."""

        def made() -> Shown:
            return self._created(key, take(path, lambda: self.desk.check_key(key), read_plan_file))

        return attempt(self.parts, made)

    def _created(self, key: str, plan: StudyPlan) -> Shown:
        self.desk.check_key(key)  # before a refusal names the server's nets
        self.check_hosted(plan)
        created = self.desk.create(key, plan)
        parts = self.parts
        brief = self.desk.read(get_brief, created.access)
        return {
            **self.continue_(created.access),
            **account_panel.show(parts.account, created.access, brief),
            parts.access: created.access,
            parts.upload_pass: self.desk.upload_pass(created.access),
            parts.create.box: gr.update(visible=False),
            parts.header: page_render.banner(created.study.name, texts.ROLES["lead"], ""),
            parts.lead.link: _links([created.invitation], texts.CREATED),
        }

    # running it

    def open(self, access: Access | None) -> Shown:
        """Plan the items and let raters in. Refused for live talks with a system that this server does not run."""

        def opened() -> Shown:
            self.check_hosted(self.desk.read(get_study, access).plan)
            opening = self.desk.read(plan_opening, access)
            open_in_batches(self.desk.as_member(access), opening)
            return self.continue_(access)

        return attempt(self.parts, opened)

    def check_hosted(self, plan: StudyPlan) -> None:
        """Raise ValueError for a live study with a system that this server does not run."""
        why = self._not_hosted(plan)
        if why:
            raise ValueError(why)

    def _not_hosted(self, plan: StudyPlan) -> str:
        """Why raters of a live study cannot talk on this server; "" when they can or it is not live."""
        missing = self.maker.missing(plan.systems)
        if plan.kind is not StudyKind.LIVE or not missing:
            return ""
        return texts.NO_TALKS.format(
            missing=", ".join(missing),
            hosted=", ".join(self.maker.service.names) or "none",
            nets=",".join(plan.systems),
        )

    def pause(self, access: Access | None) -> Shown:
        """Hand out nothing new."""
        return self._move(access, pause_study)

    def resume(self, access: Access | None) -> Shown:
        """Hand out items again."""
        return self._move(access, resume_study)

    def ask_close(self) -> Shown:
        """Ask once more before the study is closed."""
        return {self.parts.lead.overview.ask: gr.update(visible=True)}

    def keep_open(self) -> Shown:
        """Cancel: the study stays open."""
        return {self.parts.lead.overview.ask: gr.update(visible=False)}

    def close(self, access: Access | None) -> Shown:
        """End the study."""
        return self._move(access, close_study)

    def _move(self, access: Access | None, action: Callable[..., Any]) -> Shown:
        return attempt(self.parts, lambda: (self.desk.do(action, access), self.continue_(access))[1])

    # items

    def upload(self, access: Access | None, path: str) -> Shown:
        """Import a file, for leads; it is deleted in any case. Bad rows are listed, and then nothing is imported."""

        def imported() -> Imported:
            items = take(path, lambda: self.desk.read(get_study, access), read_uploaded)
            return import_in_batches(self.desk.as_member(access), items, Path(path).name)

        return self._import(access, imported)

    def import_live(self, access: Access | None) -> Shown:
        """Import the finished live talks of this study."""
        return self._import(access, lambda: self.desk.do(import_encounters, access))

    def add_cards(self, access: Access | None, problems: list[str] | None, ids: list[str] | None) -> Shown:
        """Add the shipped role cards with these problem types or ids; without both, all of them."""

        def added() -> Shown:
            scenes = [
                Scene(one.id, one.situation, one.emotion_type, one.problem_type, one.opening) for one in self.cards
            ]
            chosen = choose_scenes(scenes, problems=problems or (), ids=ids or ())
            count = self.desk.do(add_scenes, access, scenes=chosen)
            said = texts.CARDS_ADDED.format(count=count) if count else texts.CARDS_NONE
            return self.continue_(access) | {self.parts.lead.items.note: page_render.notice(said, "good")}

        return attempt(self.parts, added)

    def _import(self, access: Access | None, act: Callable[[], Imported]) -> Shown:
        note = self.parts.lead.items.note
        try:
            found = act()
            return self.continue_(access) | {note: lead_render.imported(found)}
        except REFUSED as refusal:
            return {note: lead_render.refused(sentence(refusal))}

    def make_from_cards(self, access: Access | None, count: float | None) -> Shown:
        """Have the plan's systems answer role cards."""
        return self._start(access, count, lambda: card_contexts(CARDS_PATH))

    def make_from_esconv(self, access: Access | None, count: float | None, path: str) -> Shown:
        """Have the plan's systems answer turns of an uploaded ESConv file, for leads; it is deleted in any case."""
        return self._start(access, count, lambda: take(path, lambda: self.desk.read(get_study, access), read_turns))

    def _start(self, access: Access | None, count: float | None, read: Callable[[], Sequence[Context]]) -> Shown:
        note = self.parts.lead.items.note
        try:
            contexts = read()
            study = self.desk.read(get_study, access)
            known = self.desk.read(drafted_dialogues, access)
            new = [context for context in contexts if context.dialogue.id not in known]
            self.maker.start(access, draw_contexts(new, int(count or 0), study.plan.seed))
            return self.continue_(access)
        except (*REFUSED, FileNotFoundError) as refusal:
            return {note: lead_render.refused(sentence(refusal))}

    def stop_making(self, access: Access | None) -> Shown:
        """Make no more items."""

        def stopped() -> Shown:
            self.maker.stop(access)
            return self.continue_(access)

        return attempt(self.parts, stopped)

    def made(self, access: Access | None) -> Shown:
        """Show the progress of the items; when it has ended, the whole study."""

        def looked() -> Shown:
            far = self.maker.look(access)
            if far is not None and far.running():
                return {self.parts.lead.items.note: lead_render.making(far)}
            return self.continue_(access)

        return attempt(self.parts, looked)

    # people

    def invite(self, access: Access | None, role: str, count: float | None) -> Shown:
        """Make invitation links; they are shown only this once."""

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
        """Show the results so far."""
        outputs = self.parts.lead.results.outputs
        return attempt(
            self.parts, lambda: dict(zip(outputs, results.fill(self.desk.read(stored_data, access), pair), strict=True))
        )

    def export(self, access: Access | None, form: str) -> Shown:
        """Show links to the files."""

        def made() -> Shown:
            name = self.desk.read(get_study, access).name
            plain = "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in name)
            return {self.parts.lead.export.files: results.files(self.desk.read(stored_data, access), plain, form)}

        return attempt(self.parts, made)


def _links(made: list[Invitation], note: str) -> str:
    return render.links([(one.pseudonym, texts.ROLES[one.role], one.token) for one in made], note)
