"""The components of a rater: the item, the controls below its questions, the break, the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo.study import texts


@dataclass(frozen=True)
class ItemPanel:
    """An item to read; the same for raters and reviewers."""

    box: gr.Column
    progress: gr.HTML
    guide: gr.HTML
    item: gr.HTML

    def outputs(self) -> list[Any]:
        """All components of the item."""
        return [self.box, self.progress, self.guide, self.item]


@dataclass(frozen=True)
class RaterPanel:
    """Controls, break and end."""

    controls: gr.Column
    reason: gr.Textbox
    saved: gr.HTML
    submit: gr.Button
    back: gr.Button
    undo: gr.Button
    pause: gr.Button
    skip: gr.Button
    rest: gr.Column
    go_on: gr.Button
    end: gr.Column
    end_text: gr.HTML
    end_back: gr.Button
    look: gr.Button

    def outputs(self) -> list[Any]:
        """All components that the handlers change."""
        moves = [self.submit, self.back, self.undo, self.pause, self.skip]
        ends = [self.rest, self.end, self.end_text, self.end_back]
        return [self.controls, self.reason, self.saved, *moves, *ends]


def build_item() -> ItemPanel:
    """Draw the hidden item."""
    with gr.Column(visible=False, elem_id="item-box") as box:
        progress = gr.HTML(elem_id="progress")
        guide = gr.HTML(elem_id="guide-fold")
        item = gr.HTML(elem_id="item")
    return ItemPanel(box, progress, guide, item)


def build() -> RaterPanel:
    """Draw the hidden controls, break and end."""
    with gr.Column(visible=False, elem_id="rater") as controls:
        reason = gr.Textbox(label=texts.REASON, placeholder=texts.REASON_PLACEHOLDER, lines=2, elem_id="item-reason")
        saved = gr.HTML(elem_id="saved")
        submit = gr.Button(texts.SUBMIT_BUTTON, variant="primary", elem_id="submit", elem_classes="esc-next")
        with gr.Row(elem_classes="esc-moves"):
            back, undo, pause, skip = (
                gr.Button(label, elem_id=name, size="sm", min_width=120)
                for label, name in (
                    (texts.BACK_BUTTON, "back"),
                    (texts.UNDO_BUTTON, "undo"),
                    (texts.PAUSE_BUTTON, "pause"),
                    (texts.SKIP_BUTTON, "skip"),
                )
            )
    with gr.Column(visible=False, elem_id="rest") as rest:
        gr.HTML(texts.BREAK_HTML)
        go_on = gr.Button(texts.GO_ON_BUTTON, variant="primary", elem_id="go-on")
    with gr.Column(visible=False, elem_id="end") as end:
        end_text = gr.HTML()
        with gr.Row():
            end_back = gr.Button(texts.END_BACK_BUTTON, elem_id="end-back")
            look = gr.Button(texts.LOOK_BUTTON, elem_id="look")
    moves = (submit, back, undo, pause, skip)
    return RaterPanel(controls, reason, saved, *moves, rest, go_on, end, end_text, end_back, look)
