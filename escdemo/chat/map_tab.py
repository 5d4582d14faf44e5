"""The Map tab: maps of the decoder states of two nets side by side, with the current talk as a path.

`build` draws it; `fill` (pure) turns maps and paths into values for its components. The page's script (`map.js`) marks
the same turns on both maps and lists them in a drawer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from escdemo import texts
from escdemo.look import figures, render
from escdemo.look.map_figures import COLOURS, PLANES, SHAPES, PathStep, Told, colours_of, map_figure, map_rows, where
from escdemo.net_texts import choices_of, title_of
from models.analysis.state_map import StateMap
from models.data.strategies import STRATEGIES

LOOK_EVERY_S = 1.0
MARK_NOTHING = "nothing"
BUTTONS = ("lasso2d", "select2d", "zoom2d", "pan2d", "resetScale2d", "toImage")


@dataclass(frozen=True)
class MapTab:
    """Components of the tab; `outputs` are in the order of `fill`."""

    tab: gr.Tab
    refresh: gr.Button
    source: gr.Radio
    nets: tuple[gr.Dropdown, gr.Dropdown]
    plane: gr.Radio
    colour: gr.Dropdown
    shape: gr.Radio
    mark: gr.Dropdown
    make: gr.Button
    progress: gr.HTML
    again: gr.Timer
    """runs while replies are being placed or maps made"""
    outputs: tuple[Any, ...]

    def inputs(self) -> list[Any]:
        """The controls whose values a handler needs."""
        return [self.source, *self.nets, self.plane, self.colour, self.shape]


@dataclass(frozen=True)
class Choices:
    """What is chosen on the tab."""

    source: str
    nets: tuple[str, str]
    """"" for none"""
    plane: str
    colour: str
    shape: str


@dataclass(frozen=True)
class NetMap:
    """What the page shows of one net."""

    net: str
    found: StateMap | None
    note: str = ""
    """what is wrong or missing"""
    path: tuple[PathStep, ...] = ()
    side: str = ""
    """label of the path"""
    texts: Mapping[tuple[int, int], Told] = field(default_factory=dict)


def build() -> MapTab:
    """Draw the tab; it is filled when opened."""
    with gr.Tab(texts.MAP_TAB, id="map", elem_id="map-tab") as tab:
        with gr.Row(equal_height=True):
            gr.HTML(f'<h2 class="esc-h2">{texts.MAP_TITLE}</h2>')
            refresh = gr.Button(texts.REFRESH_BUTTON, elem_id="map-refresh", scale=0, min_width=120)
        gr.HTML(f'<p class="esc-hint">{texts.MAP_HELP}</p>')
        note = gr.HTML(elem_id="map-note")
        with gr.Column(visible=False, elem_id="map-box") as box:
            with gr.Row():
                first = _choice("First net", "map-first")
                second = _choice("Second net", "map-second")
                colour = _choice("Colour", "map-colour", [(words, name) for name, words in COLOURS.items()], "gold")
                marks = [(MARK_NOTHING, ""), *((name, name) for name in STRATEGIES)]
                mark = _choice("Mark all turns of a strategy", "map-mark", marks, "")
            with gr.Row():
                sources = [(words, name) for name, words in texts.MAP_SOURCES.items()]
                source = gr.Radio(sources, value="esconv", label="Turns of", elem_id="map-source")
                planes = [(words, name) for name, words in PLANES.items()]
                plane = gr.Radio(planes, value="tsne", label="Plane", elem_id="map-plane")
                shapes = [(words, name) for name, words in SHAPES.items()]
                shape = gr.Radio(shapes, value="strategy", label="Shape", elem_id="map-shape")
            with gr.Row():
                plots = [part for letter in "ab" for part in _plot(letter)]
            table = gr.HTML(elem_id="map-table")
            make = gr.Button(visible=False, elem_id="map-make", scale=0)
        progress = gr.HTML(elem_id="map-progress")
        again = gr.Timer(LOOK_EVERY_S, active=False)
    shown = (note, box, first, second, colour, *plots, table, make, progress, again)
    return MapTab(tab, refresh, source, (first, second), plane, colour, shape, mark, make, progress, again, shown)


def _choice(label: str, elem_id: str, choices: Sequence[tuple[str, str]] = (), value: str | None = None) -> gr.Dropdown:
    # Custom values are allowed: a restarted server no longer knows the choices that an open page shows.
    return gr.Dropdown(
        list(choices),
        value=value,
        label=label,
        elem_id=elem_id,
        interactive=True,
        allow_custom_value=True,
        min_width=170,
    )


def _plot(letter: str) -> list[Any]:
    with gr.Column(min_width=320):
        note = gr.HTML(elem_id=f"map-note-{letter}")
        plot = gr.Plot(show_label=False, elem_id=f"map-plot-{letter}", elem_classes="esc-fig esc-map", visible=False)
        return [note, plot, gr.HTML(visible=False)]


def closed(note: str) -> list[Any]:
    """Values for `MapTab.outputs` while nothing may be shown."""
    nothing = gr.update(choices=[], value=None)
    plots = ["", *[gr.update(value=None, visible=False)] * 2] * 2
    hidden = gr.update(visible=False)
    return [render.notice(note), hidden, nothing, nothing, gr.update(), *plots, "", hidden, "", gr.Timer(active=False)]


def fill(names: Sequence[str], chosen: Choices, maps: Sequence[NetMap], note: str, *, may_make: bool) -> list[Any]:
    """Values for `MapTab.outputs` except the last two (progress, timer). `maps` holds one or two, in order."""
    found = [one.found for one in maps if one.found is not None]
    useful = colours_of(found)
    colour = chosen.colour if chosen.colour in useful else useful[0]
    looks = {"plane": chosen.plane, "colour": colour, "shape": chosen.shape}
    plots = [value for place in range(2) for value in _plot_values(maps[place : place + 1], looks, place)]
    first, second = chosen.nets
    differ = len({one.about.data for one in found}) > 1
    notes = " ".join(filter(None, (note, texts.MAP_OTHER_TURNS if differ else "")))
    return [
        render.notice(notes),
        gr.update(visible=True),
        gr.update(choices=choices_of(tuple(names)), value=first),
        gr.update(
            choices=[(texts.NO_SECOND, ""), *choices_of(tuple(name for name in names if name != first))], value=second
        ),
        gr.update(choices=[(words, name) for name, words in COLOURS.items() if name in useful], value=colour),
        *plots,
        _table(found) if found else "",
        gr.update(value=texts.MAP_MAKE[chosen.source], visible=may_make),
    ]


def _plot_values(shown: Sequence[NetMap], looks: Mapping[str, str], place: int) -> list[Any]:
    hidden = gr.update(value=None, visible=False)
    if not shown:
        return ["", hidden, hidden]
    one = shown[0]
    note = render.notice(one.note, "info" if one.found is not None else "problem")
    if one.found is None:
        return [note, hidden, hidden]
    figure = map_figure(one.found, {**looks, "place": str(place)}, one.path, one.side, one.texts)
    name = f"map-{one.net}-{looks['plane']}"
    csv = render.csv_text(*map_rows(one.found, one.path, looks["plane"]))
    bar = render.save_bar(f"map-plot-{'ab'[place]}", name, csv)
    plot = gr.update(value=figures.plot_value(figure, name, BUTTONS), visible=True)
    return [note, plot, gr.update(value=bar, visible=True)]


def _table(found: Sequence[StateMap]) -> str:
    """A table of how well the strategies separate."""
    head = ["Net", "Turns", "Silhouette, strategies", "Silhouette, clusters", "NMI", "ARI", "Source", "Weights"]
    rows = [
        [title_of(one.about.net), str(one.figures.turns)]
        + [f"{value:.3f}" for value in (one.figures.silhouette_gold, one.figures.silhouette_clusters)]
        + [f"{one.figures.nmi:.3f}", f"{one.figures.ari:.3f}", where(one), one.about.checkpoint]
        for one in found
    ]
    words = f'<p class="esc-hint">{render.escape(texts.MAP_FIGURES_HELP)}</p>'
    return words + render.table(head, rows, "How the strategies separate")


def progress_bar(done: int, total: int, words: str) -> str:
    """A progress bar with words; without `total` the bar shows no amount."""
    bar = f'<progress max="{total}" value="{done}"></progress>' if total else "<progress></progress>"
    return f'<div class="esc-progress" role="status">{bar}<span>{render.escape(words)}</span></div>'
