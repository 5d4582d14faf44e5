"""About and privacy: what this is, its limits, what is stored, and the button that deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from escdemo import sent_away, texts

LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class AboutTab:
    """The interactive components of the tab."""

    erase: gr.Button
    confirm: gr.Row
    sure: gr.Button
    cancel: gr.Button
    note: gr.HTML
    again: gr.Timer
    """runs while copies of deleted data may remain"""


def build(hosts: Sequence[str]) -> AboutTab:
    """Draw the tab. `hosts`: the servers that talks are sent to."""
    with gr.Tab(texts.ABOUT_TAB, id="about", elem_id="about-tab"):
        gr.HTML(f'<div class="esc-text">{texts.ABOUT_HTML}{sent_away.data_text(hosts)}</div>')
        gr.HTML(f'<h2 class="esc-h2">{texts.ERASE_TITLE}</h2><p class="esc-hint">{texts.ERASE_TEXT}</p>')
        erase = gr.Button(texts.ERASE_BUTTON, variant="stop", elem_id="erase")
        with gr.Row(visible=False, elem_id="erase-confirm") as confirm:
            sure = gr.Button(texts.ERASE_SURE, variant="stop", elem_id="erase-sure")
            cancel = gr.Button(texts.ERASE_CANCEL, elem_id="erase-cancel")
        note = gr.HTML(elem_id="erase-note")
        again = gr.Timer(LOOK_EVERY_S, active=False)
    return AboutTab(erase, confirm, sure, cancel, note, again)
