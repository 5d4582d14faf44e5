"""The components of a reviewer, around the item and its questions: the votes, the ruling, its cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.studies.review import CAUSES
from escdemo.study import texts


@dataclass(frozen=True)
class ReviewPanel:
    """Votes and ruling above the questions, cause and buttons below; each is hidden until it is needed."""

    hint: gr.HTML
    ruling: gr.Column
    votes: gr.HTML
    decision: gr.Radio
    controls: gr.Column
    cause: gr.Dropdown
    verdict: gr.Button
    decide: gr.Button

    def outputs(self) -> list[Any]:
        """All components that the handlers change."""
        return [
            self.hint,
            self.ruling,
            self.votes,
            self.decision,
            self.controls,
            self.cause,
            self.verdict,
            self.decide,
        ]


def build_ruling() -> tuple[gr.HTML, gr.Column, gr.HTML, gr.Radio]:
    """Draw the components above the questions."""
    hint = gr.HTML(elem_id="review-hint")
    with gr.Column(visible=False, elem_id="ruling") as ruling:
        votes = gr.HTML(elem_id="votes")
        decision = gr.Radio(list(texts.DECISIONS), label=texts.DECISION, elem_id="decision")
    return hint, ruling, votes, decision


def build(above: tuple[gr.HTML, gr.Column, gr.HTML, gr.Radio]) -> ReviewPanel:
    """Draw the components below the questions."""
    with gr.Column(visible=False, elem_id="reviewer") as controls:
        cause = gr.Dropdown(list(CAUSES), value=None, label=texts.CAUSE, allow_custom_value=True, elem_id="cause")
        verdict = gr.Button(texts.VERDICT_BUTTON, variant="primary", elem_id="verdict", elem_classes="esc-next")
        decide = gr.Button(texts.DECIDE_BUTTON, variant="primary", elem_id="decide", elem_classes="esc-next")
    return ReviewPanel(*above, controls, cause, verdict, decide)
