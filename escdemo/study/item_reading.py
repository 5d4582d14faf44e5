"""The handlers of the lead's tab for reading items, and for changing the items of a draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from annotation.choices import StudyKind, StudyState
from annotation.studies.drafts import drop_item, empty_draft
from annotation.studies.item_browser import ItemLine, browse, browse_item
from annotation.studies.studies import get_study
from annotation.studies.study_views import Access
from escdemo.look import render as page_render
from escdemo.study import reading_render, texts
from escdemo.study.item_making import ItemMaker
from escdemo.study.leads import Leads
from escdemo.study.member_session import REFUSED, Desk, sentence
from escdemo.study.parts import Shown, attempt

_KEPT: dict[str, Callable[[ItemLine], bool]] = {
    "all": lambda line: True,
    "split": lambda line: line.split_questions > 0,
    "open": lambda line: line.open_questions > 0,
    "reasons": lambda line: line.reasons > 0,
    "flagged": lambda line: line.flagged,
}
"""filter -> whether it shows an item; the labels are in `texts.READ_FILTERS`"""


LISTED = 500
"""most items in the list, around the chosen one, as a browser cannot handle 100,000"""


def _at(lines: Sequence[ItemLine], chosen: str | None) -> int:
    """Index of the chosen item, given by its id or its typed id from the import file; 0 when it is not there."""
    return next((at for at, line in enumerate(lines) if chosen in (line.id, line.key)), 0)


class Reading:
    """The handlers; they keep no state about a visitor."""

    def __init__(self, leads: Leads) -> None:
        self.leads = leads
        self.parts = leads.parts
        self.desk: Desk = leads.desk
        self.maker: ItemMaker = leads.maker

    def show(self, access: Access | None, only: str | None, chosen: str | None) -> Shown:
        """Show the items that the filter keeps, and the chosen one, or else the first."""
        return attempt(self.parts, lambda: self._shown(access, only, chosen, 0))

    def back(self, access: Access | None, only: str | None, chosen: str | None) -> Shown:
        """Show the previous item."""
        return attempt(self.parts, lambda: self._shown(access, only, chosen, -1))

    def forward(self, access: Access | None, only: str | None, chosen: str | None) -> Shown:
        """Show the next item."""
        return attempt(self.parts, lambda: self._shown(access, only, chosen, 1))

    def drop(self, access: Access | None, only: str | None, chosen: str | None) -> Shown:
        """Remove the chosen item from the draft, and show the one that takes its place."""

        def dropped() -> Shown:
            place = self._place(access, only, chosen)
            key = self.desk.do(drop_item, access, context_id=chosen or "")
            said = page_render.notice(texts.READ_DROPPED.format(key=key), "good")
            return self._changed(access, only, place, said)

        return self._act(dropped)

    def ask_empty(self) -> Shown:
        """Ask once more before all items are removed."""
        return {self.parts.lead.reading.ask: gr.update(visible=True)}

    def keep(self) -> Shown:
        """Cancel: the items stay."""
        return {self.parts.lead.reading.ask: gr.update(visible=False)}

    def empty(self, access: Access | None, only: str | None) -> Shown:
        """Remove all items from the draft."""

        def emptied() -> Shown:
            count = empty_draft(self.desk.as_member(access))
            return self._changed(access, only, 0, page_render.notice(texts.READ_EMPTIED.format(count=count), "good"))

        return self._act(emptied)

    def again(self, access: Access | None, only: str | None, chosen: str | None) -> Shown:
        """Have the nets of this server answer the context of the item again."""

        def begun() -> Shown:
            self.maker.start_again(access, self.desk.read(browse_item, access, item_id=chosen or ""))
            shown = self.leads.continue_(access) | self._shown(access, only, chosen, 0)
            return shown | {self.parts.lead.reading.note: page_render.notice(texts.READ_BEGUN)}

        return self._act(begun)

    def _act(self, act: Callable[[], Shown]) -> Shown:
        try:
            return act()
        except REFUSED as refusal:
            return {self.parts.lead.reading.note: page_render.notice(sentence(refusal), "problem")}

    def _place(self, access: Access | None, only: str | None, chosen: str | None) -> int:
        return _at(self._kept(access, only), chosen)

    def _kept(self, access: Access | None, only: str | None) -> list[ItemLine]:
        return [line for line in self.desk.read(browse, access) if _KEPT.get(only or "all", _KEPT["all"])(line)]

    def _changed(self, access: Access | None, only: str | None, place: int, said: str) -> Shown:
        """The page after the items have changed, at the lead's place in the list."""
        lines = self._kept(access, only)
        chosen = lines[min(place, len(lines) - 1)].id if lines else None
        shown = self.leads.continue_(access) | self._shown(access, only, chosen, 0)
        return shown | {self.parts.lead.reading.note: said}

    def _shown(self, access: Access | None, only: str | None, chosen: str | None, step: int) -> Shown:
        tab, lines = self.parts.lead.reading, self._kept(access, only)
        study = self.desk.read(get_study, access)
        draft = study.state is StudyState.DRAFT and study.kind is StudyKind.FROZEN
        shown: Shown = {
            self.parts.note: "",
            tab.note: "",
            tab.draft: gr.update(visible=draft and bool(lines)),
            tab.ask: gr.update(visible=False),
            tab.again: gr.update(interactive=not self.maker.missing(study.plan.systems)),
        }
        ids = [line.id for line in lines]
        place = min(max(0, _at(lines, chosen) + step), len(ids) - 1)
        begin = max(0, min(place - LISTED // 2, len(lines) - LISTED))
        choices = [(reading_render.label(line), line.id) for line in lines[begin : begin + LISTED]]
        listed: dict[str, Any] = {"choices": choices, "label": texts.READ_ITEM.format(count=len(lines))}
        if not lines:
            return shown | {tab.item: gr.update(value=None, **listed), tab.text: page_render.notice(texts.READ_NONE)}
        found = self.desk.read(browse_item, access, item_id=ids[place])
        return shown | {
            tab.item: gr.update(value=ids[place], **listed),
            tab.text: reading_render.item(found, study.state is StudyState.DRAFT),
        }
