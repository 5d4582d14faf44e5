"""The lead's tabs: overview, items, people, results and export. `reading_tab` has one more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo.chat.setup_panel import card_choices
from escdemo.role_cards import RoleCard
from escdemo.study import reading_tab, texts
from escdemo.study.reading_tab import ReadingTab
from models.data.esconv_labels import PROBLEM_TYPES

MAKING_EVERY_S = 2.0
"""how often the page asks for the progress of the items"""


@dataclass(frozen=True)
class OverviewTab:
    """State of the study, progress, and what stands out."""

    refresh: gr.Button
    open: gr.Button
    pause: gr.Button
    resume: gr.Button
    close: gr.Button
    ask: gr.Row
    sure: gr.Button
    cancel: gr.Button
    text: gr.HTML
    edit: gr.Button
    delete: gr.Button
    ask_delete: gr.Row
    sure_delete: gr.Button
    cancel_delete: gr.Button

    def outputs(self) -> list[Any]:
        """All components that a refresh changes."""
        moves = [self.open, self.pause, self.resume, self.close, self.ask, self.text]
        return [*moves, self.edit, self.delete, self.ask_delete]


@dataclass(frozen=True)
class MakingBox:
    """Making items with the nets of this server."""

    box: gr.Column
    hosted: gr.HTML
    contexts: gr.Number
    cards: gr.Button
    esconv: gr.UploadButton
    stop: gr.Button
    timer: gr.Timer

    def outputs(self) -> list[Any]:
        """The components that show the progress."""
        return [self.box, self.hosted, self.cards, self.esconv, self.stop, self.timer]


@dataclass(frozen=True)
class ItemsTab:
    """Importing items or, for live talks, adding role cards."""

    files: gr.Column
    upload: gr.UploadButton
    live: gr.Button
    cards: gr.Column
    problems: gr.Dropdown
    ids: gr.Dropdown
    add: gr.Button
    count: gr.HTML
    note: gr.HTML
    making: MakingBox


@dataclass(frozen=True)
class PeopleTab:
    """Inviting members and revoking links."""

    role: gr.Dropdown
    count: gr.Number
    invite: gr.Button
    links: gr.HTML
    member: gr.Dropdown
    revoke: gr.Button


@dataclass(frozen=True)
class ResultsTab:
    """Figures and tables; `outputs` are in the order of `results.fill`."""

    tab: gr.Tab
    refresh: gr.Button
    pair: gr.Dropdown
    outputs: tuple[Any, ...]


@dataclass(frozen=True)
class ExportTab:
    """Files to save."""

    form: gr.Dropdown
    go: gr.Button
    files: gr.HTML


@dataclass(frozen=True)
class LeadPanel:
    """All tabs, in a box."""

    box: gr.Column
    link: gr.HTML
    overview: OverviewTab
    items: ItemsTab
    reading: ReadingTab
    people: PeopleTab
    results: ResultsTab
    export: ExportTab

    def outputs(self) -> list[Any]:
        """All components that the lead's handlers change, except those of results and export."""
        own = [self.box, self.link, *self.overview.outputs()]
        items = self.items
        shown = [items.count, items.files, items.cards, items.note, *items.making.outputs()]
        return [*own, *shown, *self.reading.outputs(), self.people.member, self.people.links]


def build(cards: Sequence[RoleCard]) -> LeadPanel:
    """Draw the hidden tabs."""
    with gr.Column(visible=False, elem_id="lead") as box:
        link = gr.HTML(elem_id="lead-link")
        with gr.Tabs(elem_id="lead-tabs"):
            overview = _build_overview()
            items = _build_items(cards)
            reading = reading_tab.build()
            people = _build_people()
            results = _build_results()
            export = _build_export()
    return LeadPanel(box, link, overview, items, reading, people, results, export)


def _build_overview() -> OverviewTab:
    with gr.Tab(texts.OVERVIEW_TAB, id="overview"):
        with gr.Row():
            open_ = gr.Button(texts.OPEN_BUTTON, variant="primary", elem_id="study-open", visible=False)
            pause = gr.Button(texts.PAUSE_STUDY_BUTTON, elem_id="study-pause", visible=False)
            resume = gr.Button(texts.RESUME_BUTTON, variant="primary", elem_id="study-resume", visible=False)
            close = gr.Button(texts.CLOSE_BUTTON, variant="stop", elem_id="study-close", visible=False)
            edit = gr.Button(texts.EDIT_BUTTON, elem_id="study-edit", visible=False)
            delete = gr.Button(texts.DELETE_BUTTON, variant="stop", elem_id="study-delete", visible=False)
            refresh = gr.Button(texts.REFRESH_BUTTON, elem_id="study-refresh")
        with gr.Row(visible=False, elem_id="study-close-ask") as ask:
            gr.HTML(f'<p class="esc-notice esc-problem">{texts.CLOSE_ASK}</p>')
            sure = gr.Button(texts.CLOSE_SURE, variant="stop", elem_id="study-close-sure")
            cancel = gr.Button(texts.CLOSE_CANCEL, elem_id="study-close-cancel")
        with gr.Row(visible=False, elem_id="study-delete-ask") as ask_delete:
            gr.HTML(f'<p class="esc-notice esc-problem">{texts.DELETE_ASK}</p>')
            sure_delete = gr.Button(texts.DELETE_SURE, variant="stop", elem_id="study-delete-sure")
            cancel_delete = gr.Button(texts.DELETE_CANCEL, elem_id="study-delete-cancel")
        text = gr.HTML(elem_id="overview-text")
    draft = (edit, delete, ask_delete, sure_delete, cancel_delete)
    return OverviewTab(refresh, open_, pause, resume, close, ask, sure, cancel, text, *draft)


def _build_items(cards: Sequence[RoleCard]) -> ItemsTab:
    with gr.Tab(texts.ITEMS_TAB, id="items"):
        count = gr.HTML(elem_id="items-count")
        with gr.Column(visible=False, elem_id="items-files") as files:
            gr.HTML(texts.ITEMS_HINT_HTML + f'<p class="esc-hint">{texts.LIVE_HINT}</p>')
            with gr.Row():
                upload = gr.UploadButton(
                    texts.ITEMS_BUTTON, file_types=[".jsonl", ".csv"], variant="primary", elem_id="items-upload"
                )
                live = gr.Button(texts.LIVE_BUTTON, elem_id="items-live")
        making = _build_making()
        with gr.Column(visible=False, elem_id="items-played") as chosen:
            gr.HTML(f'<p class="esc-hint">{texts.CARDS_HINT}</p>')
            with gr.Row():
                problems = gr.Dropdown(
                    list(PROBLEM_TYPES), multiselect=True, label=texts.CARDS_PROBLEMS, elem_id="cards-problems"
                )
                ids = gr.Dropdown(card_choices(cards)[1:], multiselect=True, label=texts.CARDS_IDS, elem_id="cards-ids")
            add = gr.Button(texts.CARDS_BUTTON, variant="primary", elem_id="cards-add")
        note = gr.HTML(elem_id="items-note")
    return ItemsTab(files, upload, live, chosen, problems, ids, add, count, note, making)


def _build_making() -> MakingBox:
    with gr.Column(visible=False, elem_id="items-making") as box:
        hosted = gr.HTML(elem_id="items-hosted")
        with gr.Row(equal_height=True):
            count = gr.Number(value=60, label=texts.MAKE_COUNT, precision=0, elem_id="items-contexts", min_width=140)
            cards = gr.Button(texts.MAKE_CARDS, elem_id="items-cards", min_width=200)
            esconv = gr.UploadButton(
                texts.MAKE_ESCONV, file_types=[".json", ".jsonl", ".gz"], elem_id="items-esconv", min_width=200
            )
            stop = gr.Button(texts.MAKE_STOP, variant="stop", visible=False, elem_id="items-stop", min_width=140)
    return MakingBox(box, hosted, count, cards, esconv, stop, gr.Timer(MAKING_EVERY_S, active=False))


def _build_people() -> PeopleTab:
    with gr.Tab(texts.PEOPLE_TAB, id="people"):
        with gr.Row(equal_height=True):
            role = gr.Dropdown(
                list(texts.ROLES), value="rater", label=texts.INVITE_ROLE, elem_id="invite-role", min_width=140
            )
            count = gr.Number(value=1, label=texts.INVITE_COUNT, precision=0, elem_id="invite-count", min_width=120)
            invite = gr.Button(texts.INVITE_BUTTON, variant="primary", elem_id="invite", min_width=140)
        links = gr.HTML(elem_id="invite-links")
        with gr.Row(equal_height=True):
            member = gr.Dropdown([], label=texts.REVOKE_NAME, elem_id="revoke-name", min_width=140)
            revoke = gr.Button(texts.REVOKE_BUTTON, variant="stop", elem_id="revoke", min_width=140)
    return PeopleTab(role, count, invite, links, member, revoke)


def _build_results() -> ResultsTab:
    with gr.Tab(texts.RESULTS_TAB, id="study-results", elem_id="study-results-tab") as tab:
        with gr.Row(equal_height=True):
            pair = gr.Dropdown([], label=texts.PAIR, visible=False, elem_id="study-pair", interactive=True)
            refresh = gr.Button(texts.REFRESH_BUTTON, elem_id="study-results-refresh", scale=0, min_width=120)
        note = gr.HTML(elem_id="study-results-note")
        plots = [
            part
            for name in ("study-outcomes", "study-strengths", "study-relations")
            for part in (
                gr.Plot(show_label=False, visible=False, elem_id=name, elem_classes="esc-fig"),
                gr.HTML(elem_id=f"{name}-save"),
            )
        ]
        tables = gr.HTML(elem_id="study-tables")
    return ResultsTab(tab, refresh, pair, (pair, note, *plots, tables))


def _build_export() -> ExportTab:
    with gr.Tab(texts.EXPORT_TAB, id="study-export"):
        gr.HTML(f'<p class="esc-hint">{texts.EXPORT_HINT}</p>')
        with gr.Row(equal_height=True):
            form = gr.Dropdown(
                list(texts.EXPORT_FORMS), value="csv", label=texts.EXPORT_FORM, elem_id="export-form", min_width=140
            )
            go = gr.Button(texts.EXPORT_BUTTON, variant="primary", elem_id="export-go", min_width=140)
        files = gr.HTML(elem_id="export-files")
    return ExportTab(form, go, files)
