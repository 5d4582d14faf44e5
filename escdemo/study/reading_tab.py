"""The lead's tab for reading items: a filter, one item at a time, and buttons to change the items of a draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo.study import texts


@dataclass(frozen=True)
class ReadingTab:
    """The list, the item, and buttons that show only for a draft."""

    tab: gr.Tab
    only: gr.Dropdown
    item: gr.Dropdown
    back: gr.Button
    forward: gr.Button
    note: gr.HTML
    text: gr.HTML
    draft: gr.Column
    drop: gr.Button
    again: gr.Button
    empty: gr.Button
    ask: gr.Row
    sure: gr.Button
    cancel: gr.Button

    def outputs(self) -> list[Any]:
        """All components that the handlers change."""
        return [self.only, self.item, self.note, self.text, self.draft, self.again, self.ask]


def build() -> ReadingTab:
    """Draw the tab."""
    with gr.Tab(texts.READ_TAB, id="reading", elem_id="reading-tab") as tab:
        with gr.Row(equal_height=True):
            only = gr.Dropdown(
                list(texts.READ_FILTERS), value="all", label=texts.READ_FILTER, elem_id="read-only", min_width=200
            )
            # Custom values, as a restarted server knows no choices; the store checks the ids.
            item = gr.Dropdown(
                [],
                allow_custom_value=True,
                label=texts.READ_ITEM.format(count=0),
                elem_id="read-item",
                scale=2,
                min_width=240,
            )
            back = gr.Button(texts.BACK_BUTTON, elem_id="read-back", min_width=90)
            forward = gr.Button(texts.FORWARD_BUTTON, elem_id="read-forward", min_width=90)
        note = gr.HTML(elem_id="read-note")
        text = gr.HTML(elem_id="read-text")
        with gr.Column(visible=False, elem_id="read-draft") as draft:
            gr.HTML(f'<p class="esc-hint">{texts.READ_DRAFT}</p>')
            with gr.Row():
                again = gr.Button(texts.READ_AGAIN, elem_id="read-again", min_width=200)
                drop = gr.Button(texts.READ_DROP, variant="stop", elem_id="read-drop", min_width=160)
                empty = gr.Button(texts.READ_EMPTY, variant="stop", elem_id="read-empty", min_width=160)
        with gr.Row(visible=False, elem_id="read-empty-ask") as ask:
            gr.HTML(f'<p class="esc-notice esc-problem">{texts.READ_EMPTY_ASK}</p>')
            sure = gr.Button(texts.READ_EMPTY_SURE, variant="stop", elem_id="read-empty-sure")
            cancel = gr.Button(texts.WITHDRAW_STAY, elem_id="read-empty-cancel")
    return ReadingTab(tab, only, item, back, forward, note, text, draft, drop, again, empty, ask, sure, cancel)
