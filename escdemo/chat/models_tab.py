"""Models: which models answer, in plain words, and the papers' tables with these nets added. Filled when opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo import texts
from escdemo.hosted import UNUSABLE, HostedNets, NoCard
from escdemo.look import net_cards, render
from escdemo.look.net_cards import NetShown


@dataclass(frozen=True)
class ModelsTab:
    """Components of the tab; `outputs` are in the order of `fill`."""

    tab: gr.Tab
    outputs: tuple[Any, ...]


def build() -> ModelsTab:
    """Draw the empty tab; it names no net until it is opened."""
    with gr.Tab(texts.MODELS_TAB, id="models", elem_id="models-tab") as tab:
        gr.HTML(f'<h2 class="esc-h2">{texts.MODELS_TITLE}</h2><p class="esc-hint">{texts.MODELS_HINT}</p>')
        note = gr.HTML(elem_id="models-note")
        cards = gr.HTML(f'<p class="esc-hint">{texts.LOADING}</p>', elem_id="models-cards")
        gr.HTML(f'<h2 class="esc-h2">{texts.TABLES_TITLE}</h2><p class="esc-hint">{texts.TABLES_HINT}</p>')
        tables = gr.HTML(elem_id="models-tables")
    return ModelsTab(tab, (note, cards, tables))


def closed(note: str) -> list[Any]:
    """Values for `ModelsTab.outputs` while nothing may be shown."""
    return [render.notice(note), "", ""]


def fill(hosted: HostedNets) -> list[Any]:
    """Values for `ModelsTab.outputs`. A notice reports each unusable card or analysis; the rest is shown."""
    shown, problems = [], []
    for net in hosted.names:
        card, analysis = None, None
        try:
            card = hosted.card(net)
            analysis = hosted.analysis(net)
        except UNUSABLE as problem:
            problems.append(str(problem) if isinstance(problem, NoCard) else f"{texts.NO_FIGURES} {problem}")
        shown.append(NetShown(net, card, analysis))
    note = "".join(render.notice(problem, "problem") for problem in problems)
    return [note, net_cards.cards(shown, hosted.runs_on()), net_cards.paper_tables(shown)]
