"""A map of decoder states as a figure, with a talk as a path over it: pure functions from plain values.

Every point carries what the page's script needs to mark the same turn on the other map and to list it in the drawer
(see `point_of`). `kind` in a trace's `meta` separates the turns of the map from replies in the visitor's own talk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from escdemo.look.figures import escaped, styled
from escdemo.look.strategy_looks import LOOKS
from escdemo.net_texts import title_of
from models.analysis.state_map import VERDICTS, StateMap
from models.data.esconv_labels import EMOTION_TYPES_BY_COUNT
from models.data.strategies import STRATEGIES

PLANES = {"tsne": "t-SNE", "pca": "PCA"}
COLOURS = {
    "gold": "strategy of the reply given",
    "predicted": "strategy predicted by the net",
    "cluster": "K-means cluster",
    "emotion": "emotion of the dialogue",
    "verdict": "verdict of the talk",
}
"""field of a point -> what the page calls it"""
SHAPES = {"strategy": "strategy of the reply given", "net": "net"}
NET_SYMBOLS = ("circle", "diamond")
NONE = "not known"
PATH_COLOUR = "#B0146A"
CLUSTERS = tuple(f"cluster {number}" for number in range(1, len(STRATEGIES) + 1))
SVG_LIMIT = 3000
"""most points drawn as SVG, which works everywhere and saves as vectors; with more, WebGL"""
HEIGHT = 580

# Tol's muted scheme, with its darkest colour made lighter so that it is visible on black.
_TOL = ("#5566C8", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#AA4499", "#882255", "#BBBBBB")
_VERDICT = dict(zip(VERDICTS, (("#0072B2", "circle"), ("#8C959F", "square"), ("#D55E00", "diamond")), strict=True))


@dataclass(frozen=True)
class PathStep:
    """One reply in a visitor's own talk, with its texts and its place on a map."""

    number: int
    """number of the message that it answers, from 1"""
    post: str
    reply: str
    strategy: str
    """the net's choice; "" for nets that predict none"""
    x: float
    y: float
    verdict: str = ""


@dataclass(frozen=True)
class Told:
    """The texts of a turn in a visitor's own talk."""

    post: str
    reply: str


def map_figure(
    found: StateMap,
    look: Mapping[str, str],
    path: Sequence[PathStep] = (),
    side: str = "",
    texts: Mapping[tuple[int, int], Told] | None = None,
) -> go.Figure:
    """A map with the path of a talk.

    `look` holds "plane", "colour", "shape" (keys of PLANES, COLOURS, SHAPES) and "place" ("0" for the first map of a
    page, "1" for the one beside it). `side` is the label of the path. `texts`: (dialogue, turn) -> the texts of that
    turn, for maps of the visitor's own talks.
    """
    places = found.plane if look["plane"] == "tsne" else found.coordinates[:, :2]
    categories = [category_of(found, at, look["colour"]) for at in range(len(found.turns))]
    kind = go.Scatter if len(found.turns) <= SVG_LIMIT else go.Scattergl
    figure = go.Figure()
    for name, colour, symbol in _legend(look["colour"], categories):
        rows = [at for at, category in enumerate(categories) if category == name]
        symbols = [
            LOOKS[found.turns[at].gold].symbol if look["shape"] == "strategy" else NET_SYMBOLS[int(look["place"])]
            for at in rows
        ]
        shown = symbol if look["shape"] == "strategy" and symbol and len(set(symbols)) == 1 else None
        figure.add_trace(
            kind(
                name=f"{escaped(name)} ({len(rows)})",
                x=[round(float(places[at, 0]), 3) for at in rows],
                y=[round(float(places[at, 1]), 3) for at in rows],
                mode="markers",
                marker={"color": colour, "symbol": shown or symbols, "size": 7, "line": {"width": 0}},
                opacity=0.85,
                customdata=[point_of(found, at, texts or {}) for at in rows],
                hovertemplate=_HOVER,
                meta={"kind": "turns"},
                selected={"marker": {"size": 10, "opacity": 1}},
                unselected={"marker": {"opacity": 0.15}},
            )
        )
    if path:
        figure.add_trace(_path(path, side))
    return _laid_out(figure, found, look, path)


def point_of(found: StateMap, at: int, texts: Mapping[tuple[int, int], Told]) -> list[str]:
    """The data of a point: key, dialogue, turn, gold, predicted, cluster, emotion, verdict, post, reply."""
    turn = found.turns[at]
    told = texts.get((turn.dialogue, turn.turn), Told("", ""))
    labels = (turn.gold, turn.predicted, CLUSTERS[int(found.clusters[at])], turn.emotion or NONE, turn.verdict)
    return [f"{turn.dialogue}:{turn.turn}", f"{turn.dialogue}", f"{turn.turn}", *labels, told.post, told.reply]


_HOVER = (
    "dialogue %{customdata[1]}, turn %{customdata[2]}<br>given: %{customdata[3]}<br>predicted: %{customdata[4]}"
    "<br>%{customdata[5]}<br>emotion: %{customdata[6]}<extra></extra>"
)


def category_of(found: StateMap, at: int, colour: str) -> str:
    """The category of a turn for a key of COLOURS."""
    if colour == "cluster":
        return CLUSTERS[int(found.clusters[at])]
    return str(getattr(found.turns[at], colour)) or NONE


def colours_of(found: Sequence[StateMap]) -> list[str]:
    """The keys of COLOURS for which all these maps have values."""
    return [name for name in COLOURS if name == "cluster" or all(any(getattr(t, name) for t in m.turns) for m in found)]


def _legend(colour: str, categories: Sequence[str]) -> list[tuple[str, str, str]]:
    """(category, colour, symbol) of what occurs, in a fixed order; symbol "" if shapes mean another thing."""
    if colour in ("gold", "predicted"):
        known = [(name, LOOKS[name].colour, LOOKS[name].symbol if colour == "gold" else "") for name in STRATEGIES]
    elif colour == "verdict":
        known = [(name, shade, "") for name, (shade, _) in _VERDICT.items()]
    else:
        names = CLUSTERS if colour == "cluster" else EMOTION_TYPES_BY_COUNT
        known = [(name, _TOL[at % len(_TOL)], "") for at, name in enumerate(names)]
    return [entry for entry in (*known, (NONE, "#8C959F", "")) if entry[0] in set(categories)]


def _path(path: Sequence[PathStep], side: str) -> go.Scatter:
    """The replies in order, numbered; the latest is the largest."""
    sizes = [18] * (len(path) - 1) + [24]
    return go.Scatter(
        name=escaped(side),
        x=[step.x for step in path],
        y=[step.y for step in path],
        mode="lines+markers+text",
        line={"color": PATH_COLOUR, "width": 2, "dash": "dot"},
        marker={
            "color": PATH_COLOUR,
            "size": sizes,
            "symbol": "circle",
            "opacity": 1,  # the default for mixed sizes is lower, and the turns below would show through
            "line": {"color": "#FFFFFF", "width": 1.5},
        },
        text=[str(step.number) for step in path],
        textfont={"color": "#FFFFFF", "size": 11},
        textposition="middle center",
        cliponaxis=False,
        customdata=[
            [f"talk:{s.number}", "", f"{s.number}", s.strategy, s.strategy, "", "", s.verdict, s.post, s.reply]
            for s in path
        ],
        # The texts are in the drawer, as a hover label would cut long messages.
        hovertemplate="your talk, reply %{customdata[2]}<br>%{customdata[3]}<extra></extra>",
        meta={"kind": "path"},
        selected={"marker": {"opacity": 1}, "textfont": {"color": "#FFFFFF"}},
        unselected={"marker": {"opacity": 0.45}, "textfont": {"color": "#FFFFFF"}},
    )


def _laid_out(figure: go.Figure, found: StateMap, look: Mapping[str, str], path: Sequence[PathStep]) -> go.Figure:
    about, plane, tsne = found.about, PLANES[look["plane"]], look["plane"] == "tsne"
    below_axis = -0.04 if tsne else -0.2  # the axis of PCA has numbers and a title
    title = f"{title_of(about.net)}: states, {plane}"  # a longer one is cut off on a phone
    below = f"n = {len(found.turns)} turns of {about.dialogues} dialogues ({where(found)})"
    words = f"{title_of(about.net)}: decoder states, {plane}. {below}. Colour: {COLOURS[look['colour']]}."
    words += f" Your talk as a path of {len(path)} replies." if path else ""
    styled(
        figure,
        height=HEIGHT,
        title={
            "text": f"<b>{escaped(title)}</b>",
            "font": {"size": 15},
            "subtitle": {"text": escaped(below), "font": {"size": 12}},
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"l": 8, "t": 40},  # below the buttons
        },
        dragmode="lasso",
        hovermode="closest",
        meta={"alt": words, "title": title_of(about.net)},
    )
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        modebar={"orientation": "h", "bgcolor": "rgba(0,0,0,0)", "color": "#7B8794", "activecolor": "#0072B2"},
        margin={"t": 92, "b": 8, "l": 8, "r": 8},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": below_axis, "yanchor": "top", "font": {"size": 12}},
        showlegend=True,
    )
    titles = ("", "") if tsne else ("first principal component", "second principal component")
    grid = "rgba(128,128,128,0.25)"
    for axis, name in zip((figure.update_xaxes, figure.update_yaxes), titles, strict=True):
        # Distances in t-SNE's plane have no unit, so it has no ticks.
        axis(
            title={"text": name, "font": {"size": 13}}, showticklabels=not tsne, fixedrange=False, zeroline=False,
            gridcolor=grid, showline=True, mirror=True, linecolor=grid,
        )  # fmt: skip
    return figure


def where(found: StateMap) -> str:
    """Where the turns of a map come from, in words."""
    about = found.about
    return f"{about.source} {about.measured_on}" if about.split else about.source


def map_rows(found: StateMap, path: Sequence[PathStep], plane: str) -> tuple[list[str], list[list[object]]]:
    """Header and rows of the figure's data; the replies of a talk come last, with dialogue "talk"."""
    places = found.plane if plane == "tsne" else found.coordinates[:, :2]
    head = ["dialogue", "turn", "x", "y", "cluster", "strategy_given", "strategy_predicted", "emotion", "verdict"]
    rows: list[list[object]] = []
    for at, turn in enumerate(found.turns):
        x, y = (round(float(value), 3) for value in places[at])
        labels = (turn.gold, turn.predicted, turn.emotion, turn.verdict)
        rows.append([turn.dialogue, turn.turn, x, y, int(found.clusters[at]) + 1, *labels])
    rows += [["talk", s.number, round(s.x, 3), round(s.y, 3), "", "", s.strategy, "", s.verdict] for s in path]
    return head, rows
