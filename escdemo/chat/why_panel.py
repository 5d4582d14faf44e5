"""The why panel: for one message of the seeker, how the reply of each side came about. Both models on the same turn.

`build` draws it, `fill` (pure) turns two replies into values for its components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from escdemo import texts
from escdemo.chat import explain
from escdemo.look import figures, render
from escdemo.look.figures import Sided


@dataclass(frozen=True)
class WhyPanel:
    """Components of the panel; `outputs` in the order of `fill`."""

    box: gr.Column
    turn: gr.Dropdown
    outputs: tuple[Any, ...]


def build() -> WhyPanel:
    """Draw the empty, hidden panel."""
    with gr.Column(visible=False, elem_id="why") as box:
        with gr.Row(equal_height=True):
            gr.HTML(f'<h2 class="esc-h2">{texts.WHY_TITLE}</h2>')
            turn = gr.Dropdown(
                [],
                label=texts.WHY_TURN,
                elem_id="why-turn",
                interactive=True,
                # After a restart the server no longer knows the choices of an open page.
                allow_custom_value=True,
                scale=0,
                min_width=180,
            )
        note = gr.HTML(elem_id="why-note")
        with gr.Tabs(elem_id="why-tabs"):
            with gr.Tab("Strategies", id="strategies"):
                gr.HTML(f'<p class="esc-hint">{texts.STRATEGY_HELP}</p>')
                strategies = _figure("why-strategies")
            with gr.Tab("Knowledge", id="knowledge"):
                gr.HTML(f'<p class="esc-hint">{texts.COMET_HELP}</p>')
                knowledge = [part for letter in "ab" for part in _knowledge(letter)]
            with gr.Tab("Emotion", id="emotion"):
                gr.HTML(f'<p class="esc-hint">{texts.EMOTION_HELP}</p>')
                emotion = _figure("why-emotion")
                no_emotion = gr.HTML()
            with gr.Tab("Details", id="settings"):
                settings = gr.HTML(elem_id="why-settings")
    return WhyPanel(box, turn, (note, *strategies, *knowledge, *emotion, no_emotion, settings))


def fill(sides: Sequence[Sided]) -> list[Any]:
    """Values for `WhyPanel.outputs`. `sides` holds the replies there are: none, one or two, A first."""
    if not sides:
        nothing = _knowledge_values(None, "")
        return [render.notice(texts.WHY_EMPTY), *_hidden(2), *nothing, *nothing, *_hidden(2), "", ""]
    strategies = _shown(figures.strategy_figure(sides), "why-strategies", "strategies", explain.strategy_csv(sides))
    knowledge = [
        value for at in range(2) for value in _knowledge_values(sides[at] if at < len(sides) else None, "ab"[at])
    ]
    read = next((side.trace for side in sides if side.trace.emotions), None)
    emotion = (
        _shown(figures.emotion_figure(read), "why-emotion", "emotion", explain.emotion_csv(read))
        if read
        else _hidden(2)
    )
    settings = "".join(explain.token_strip(side) for side in sides) + explain.settings_table(sides)
    settings += "".join(explain.extras(side) for side in sides)
    settings += render.save_bar("", "settings", explain.settings_csv(sides))
    no_emotion = "" if read else render.notice(texts.NO_EMOTIONS)
    return ["", *strategies, *knowledge, *emotion, no_emotion, settings]


def _figure(elem_id: str) -> tuple[gr.Plot, gr.HTML]:
    plot = gr.Plot(show_label=False, elem_id=elem_id, elem_classes="esc-fig", visible=False)
    return plot, gr.HTML(visible=False)


def _knowledge(letter: str) -> list[Any]:
    """Title and note of one side, below it bars and heat map side by side."""
    with gr.Column(elem_classes=f"esc-only-{letter}"):
        title = gr.HTML()
        with gr.Row():
            with gr.Column(min_width=320):
                bars = _figure(f"why-comet-{letter}")
            with gr.Column(min_width=320):
                heat = _figure(f"why-heat-{letter}")
    return [title, *bars, *heat]


def _knowledge_values(side: Sided | None, letter: str) -> list[Any]:
    if side is None:
        return ["", *_hidden(4)]
    title = f"<h3>{render.escape(side.label)}</h3>"
    if not side.trace.blocks:
        return [title + render.notice(texts.NO_BLOCKS), *_hidden(4)]
    bars = _shown(
        figures.comet_figure(side.trace), f"why-comet-{letter}", f"knowledge-{letter}", explain.blocks_csv(side.trace)
    )
    heat = _shown(
        figures.heat_figure(side.trace), f"why-heat-{letter}", f"attention-{letter}", explain.heat_csv(side.trace)
    )
    return [title, *bars, *heat]


def _shown(figure: Any, plot_id: str, name: str, csv: str) -> list[Any]:
    bar = render.save_bar(plot_id, name, csv)
    return [gr.update(value=figures.plot_value(figure, name), visible=True), gr.update(value=bar, visible=True)]


def _hidden(count: int) -> list[Any]:
    return [gr.update(value=None, visible=False)] * count
