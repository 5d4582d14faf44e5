"""Before the first item: the page without a link (with the sign-in form), consent, instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from annotation.studies.study_views import Brief
from escdemo.study import account_panel, render, texts
from escdemo.study.account_panel import SignInForm


@dataclass(frozen=True)
class EntryPanel:
    """Three boxes, of which at most one shows."""

    stranger: gr.Column
    sign_in: SignInForm
    consent: gr.Column
    consent_text: gr.HTML
    agreed: gr.Checkbox
    go: gr.Button
    guide: gr.Column
    guide_text: gr.HTML
    start: gr.Button

    def outputs(self) -> list[Any]:
        """All components that `show` changes."""
        return [self.stranger, self.consent, self.consent_text, self.guide, self.guide_text]


def build() -> EntryPanel:
    """Draw the boxes, all hidden until the page knows who came."""
    with gr.Column(visible=False, elem_id="stranger") as stranger:
        gr.HTML(f'<div class="esc-text">{texts.NO_LINK_HTML}</div>')
        sign_in = account_panel.build_sign_in()
    with gr.Column(visible=False, elem_id="study-consent") as consent:
        consent_text = gr.HTML()
        agreed = gr.Checkbox(label=texts.CONSENT_BOX, elem_id="study-consent-box", container=False)
        go = gr.Button(texts.CONSENT_BUTTON, variant="primary", elem_id="study-consent-go")
    with gr.Column(visible=False, elem_id="guide") as guide:
        guide_text = gr.HTML()
        start = gr.Button(texts.START_BUTTON, variant="primary", elem_id="guide-start")
    return EntryPanel(stranger, sign_in, consent, consent_text, agreed, go, guide, guide_text, start)


def show(panel: EntryPanel, step: str, brief: Brief | None = None, hosts: Sequence[str] = ()) -> dict[Any, Any]:
    """Show the box of `step` ("stranger", "consent", "guide"; "": none). `hosts`: where live talks may be sent."""
    return {
        panel.stranger: gr.update(visible=step == "stranger"),
        panel.consent: gr.update(visible=step == "consent"),
        panel.consent_text: render.consent(brief, hosts) if brief is not None and step == "consent" else "",
        panel.guide: gr.update(visible=step == "guide"),
        panel.guide_text: render.guide_box(brief) if brief is not None and step == "guide" else "",
    }
