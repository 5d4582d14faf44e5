"""Figures: what one or two nets choose and how well, drawn as in the papers, and what was chosen in the current talk.

Empty until the tab is opened. `build` draws it; `fill` turns a choice of nets into values for its components.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from annotation.talks.views import EncounterView
from escdemo import texts
from escdemo.chat.talks import names_of
from escdemo.hosted import UNUSABLE, HostedNets
from escdemo.look import analysis_figures as draw
from escdemo.look import analysis_words as say
from escdemo.look import figures, render
from escdemo.look.analysis_figures import Analysed
from escdemo.look.talk_figures import SideStrategies, timeline_csv, timeline_figure, timeline_says
from escdemo.net_texts import choices_of, title_of

TALK = "talk"
"""name of the section about the current talk"""
NOBODY = ""
"""value of the second list when no second net is chosen"""
SECTIONS = {
    "stages": ("gold", "a", "b", "difference-a", "difference-b"),
    "top-k": ("all",),
    "distribution": ("all",),
    "confusion": ("a", "b"),
    "interference": ("a", "b"),
}
"""section -> its figures: the annotators (gold), the first net (a), the second (b), or all together"""

Drawn = tuple[go.Figure, str]
"""a figure, and its data as CSV"""


@dataclass(frozen=True)
class FiguresTab:
    """Components of the tab; `outputs` are in the order of `fill`, `talk` in that of `fill_talk`."""

    tab: gr.Tab
    first: gr.Dropdown
    second: gr.Dropdown
    outputs: tuple[Any, ...]
    talk: tuple[Any, ...]


def build() -> FiguresTab:
    """Draw the empty tab; it names no net until it is opened."""
    with gr.Tab(texts.FIGURES_TAB, id="figures", elem_id="figures-tab") as tab:
        gr.HTML(f'<h2 class="esc-h2">{texts.FIGURES_TITLE}</h2><p class="esc-hint">{texts.FIGURES_HINT}</p>')
        talk = _section(TALK, ("all",), texts.TALK_FIGURE)
        with gr.Row():
            # Custom values are allowed: a restarted server no longer knows the choices that an open page shows.
            lists = [
                gr.Dropdown([], label=label, elem_id=elem_id, interactive=True, allow_custom_value=True, min_width=280)
                for label, elem_id in ((texts.FIRST_NET, "figures-first"), (texts.SECOND_NET, "figures-second"))
            ]
        note = gr.HTML(f'<p class="esc-hint">{texts.LOADING}</p>', elem_id="figures-note")
        with gr.Column(visible=False, elem_id="figures-body") as body:
            parts = [part for name, places in SECTIONS.items() for part in _section(name, places, texts.FIGURES[name])]
    return FiguresTab(tab, lists[0], lists[1], (*lists, note, body, *parts), tuple(talk))


def _section(name: str, places: Sequence[str], words: tuple[str, str]) -> list[Any]:
    """A question, the answer in words, and a place for each figure with its save buttons."""
    question, hint = words
    gr.HTML(f'<h3 class="esc-question">{question}</h3><p class="esc-hint">{hint}</p>')
    found: list[Any] = [gr.HTML(elem_id=f"figures-{name}-says")]
    with gr.Row():
        for place in places:
            with gr.Column(min_width=320, visible=False) as column:
                plot = gr.Plot(show_label=False, elem_id=_plot_id(name, place), elem_classes="esc-fig")
                found += [column, plot, gr.HTML()]
    return found


def fill_talk(view: EncounterView | None) -> list[Any]:
    """Values for `FiguresTab.talk`: the strategies of both replies to each message of a talk."""
    turns = view.turns if view is not None else ()
    hidden = view is not None and view.hidden()
    if view is None or hidden or not any(turn.a.strategy or turn.b.strategy for turn in turns):
        told = texts.BLIND_TALK_FIGURE if hidden else texts.NO_TALK_FIGURE
        return [render.notice(told), *_shown(_plot_id(TALK, "all"), None)]
    names = [f"{title_of(name)} ({letter})" for letter, name in zip("AB", names_of(view), strict=True)]
    chosen = [tuple(reply.strategy for reply in side) for side in zip(*((one.a, one.b) for one in turns), strict=True)]
    sides = [SideStrategies(name, strategies) for name, strategies in zip(names, chosen, strict=True)]
    drawn = timeline_figure(sides), timeline_csv(sides)
    return [f"<p>{render.escape(timeline_says(sides))}</p>", *_shown(_plot_id(TALK, "all"), drawn)]


def closed(note: str) -> list[Any]:
    """Values for `FiguresTab.outputs` while nothing may be shown."""
    nothing = gr.update(choices=[], value=None)
    return [nothing, nothing, render.notice(note), gr.update(visible=False), *_unchanged()]


def fill(hosted: HostedNets, first: str | None, second: str | None) -> list[Any]:
    """Values for `FiguresTab.outputs`. A notice reports a net without a usable analysis; the other is still shown."""
    chosen = first if first in hosted.names else hosted.names[0]
    other = second if second in hosted.names and second != chosen else NOBODY
    nets, problems = [], []
    for net in filter(None, (chosen, other)):
        try:
            nets.append(Analysed(title_of(net), hosted.analysis(net)))
        except UNUSABLE as problem:
            problems.append(f"{texts.NO_FIGURES} {problem}")
    if len({(one.analysis.source.data, one.analysis.source.measured_on, one.analysis.turns) for one in nets}) > 1:
        problems.append(texts.OTHER_TURNS)
    choices = choices_of(hosted.names)
    return [
        gr.update(choices=choices, value=chosen),
        gr.update(choices=[(texts.NO_SECOND, NOBODY), *choices], value=other),
        "".join(render.notice(problem, "problem") for problem in problems),
        gr.update(visible=bool(nets)),
        *(_sections(nets) if nets else _unchanged()),
    ]


def _unchanged() -> list[Any]:
    """Values that leave every section as it is."""
    return [gr.skip()] * sum(1 + 3 * len(places) for places in SECTIONS.values())


def _sections(nets: Sequence[Analysed]) -> list[Any]:
    """Values for every section, in the order of `SECTIONS`."""
    placed = list(zip("ab", nets, strict=False))
    stages = say.stages_csv(nets)
    drawn: dict[str, tuple[Callable[[Analysed], str], dict[str, Drawn]]] = {
        "stages": (
            say.stages_say,
            {"gold": (draw.stage_figure(nets[:1], "gold"), stages)}
            | {at: (draw.stage_figure([net], "predicted"), stages) for at, net in placed}
            | {f"difference-{at}": (draw.difference_figure(net), stages) for at, net in placed},
        ),
        "top-k": (say.top_k_says, {"all": (draw.top_k_figure(nets), say.top_k_csv(nets))}),
        "distribution": (say.distribution_says, {"all": (draw.distribution_figure(nets), say.distribution_csv(nets))}),
        "confusion": (
            say.confusion_says,
            {at: (draw.confusion_figure(net), say.confusion_csv(net)) for at, net in placed},
        ),
        "interference": (
            say.interference_says,
            {
                at: (figure, say.interference_csv(net))
                for at, net in placed
                if (figure := draw.interference_figure(net)) is not None
            },
        ),
    }
    values: list[Any] = []
    for name, places in SECTIONS.items():
        sentence, found = drawn[name]
        values.append("".join(f"<p>{render.escape(sentence(net))}</p>" for net in nets))
        for place in places:
            values += _shown(_plot_id(name, place), found.get(place))
    return values


def _shown(plot_id: str, found: Drawn | None) -> list[Any]:
    """Values for the column, plot and save buttons of one figure; hidden when there is none."""
    if found is None:
        return [gr.update(visible=False), gr.update(value=None), ""]
    figure, data = found
    bar = render.save_bar(plot_id, plot_id, data)
    return [gr.update(visible=True), gr.update(value=figures.plot_value(figure, plot_id)), bar]


def _plot_id(section: str, place: str) -> str:
    return f"figures-{section}-{place}"
