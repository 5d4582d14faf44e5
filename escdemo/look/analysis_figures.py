"""The papers' figures of what a net chooses and how well: pure functions from an `Analysis` to plotly figures.

The title says what a figure shows, the line below it from which turns. Intervals are drawn where there is room, and
are always in the hover text. As in figures.py, each figure has a fixed height and a second cue beside colour. Long
lines are wrapped, so that a figure suits phones and print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from escdemo.look.figures import INK, escaped, styled
from escdemo.look.strategy_looks import LOOKS
from models.analysis.analysis import Analysis
from models.analysis.cosine import Cosine
from models.analysis.stages import STAGES
from models.data.strategies import STRATEGIES
from models.evaluation.uncertainty import Interval

SHORT = [LOOKS[name].short for name in STRATEGIES]
ANNOTATED = "annotators"
ANNOTATED_COLOUR = "#8A94A0"
SHAPES = ("circle", "square")
SIDE_COLOURS = ("#0072B2", "#E69F00")
SIDE_PATTERNS = ("", "/")
DASHES = ("solid", "dot")
DIVERGING = ((0.0, "#6BB1DE"), (0.5, "#F7F7F7"), (1.0, "#F0A36B"))
"""less to more, distinct for colour-blind readers too; light enough for dark numbers in every cell"""
SEQUENTIAL = ((0.0, "#FFFFFF"), (1.0, "#5AA9E0"))
"""none to all, just as light"""
GROUP_TITLES = {"all": "all parameters", "heads": "heads: modules of its own"}
"""group of parameters -> its title, where the name alone is not clear"""
ROW, BETWEEN = 38, 60
"""pixels of a row of a cosine matrix, and between two matrices, for labels and the next title"""
TITLE_WIDTH, NOTE_WIDTH = 33, 52
"""characters per line that fit on a phone"""


@dataclass(frozen=True)
class Analysed:
    """An analysis and the displayed name of its net."""

    label: str
    analysis: Analysis


def measured_on(nets: Sequence[Analysed]) -> str:
    """Which turns were measured; said once if they are the same for all nets."""
    lines = {}
    for net in nets:
        one = net.analysis
        lines[f"{one.turns:,} turns of {one.dialogues:,} dialogues (ESConv, split {one.source.measured_on})"] = (
            net.label
        )
    if len(lines) == 1:
        return next(iter(lines))
    return "; ".join(f"{label}: {line}" for line, label in lines.items())


def stage_figure(nets: Sequence[Analysed], of: str) -> go.Figure:
    """Shares of the eight strategies in each part of a conversation, stacked (MISC, figure 3).

    `of` is "gold" for what annotators chose, or "predicted". `nets` holds the one net whose turns are shown.
    """
    stages = nets[0].analysis.stages
    figure = go.Figure()
    for at, name in enumerate(STRATEGIES):
        shares = [getattr(stage, of)[at] for stage in stages]
        look = LOOKS[name]
        figure.add_bar(
            name=look.short,
            x=[f"{place}<br>n={stage.turns:,}" for place, stage in enumerate(stages, start=1)],
            y=[share.value for share in shares],
            marker={
                "color": look.colour,
                "line": {"color": "#FFFFFF", "width": 0.5},
                "pattern": {"shape": look.pattern, "fgcolor": "#FFFFFF", "size": 6, "solidity": 0.25},
            },
            customdata=[f"{part}: {_percent(share)}" for part, share in zip(stage_names(), shares, strict=True)],
            hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(title="fifth of the conversation", tickangle=0)
    figure.update_yaxes(range=[0, 100], title="share of the turns, %")
    who = ANNOTATED if of == "gold" else nets[0].label
    styled(figure, height=460, barmode="stack", bargap=0.12)
    return _captioned(figure, f"Strategies of {who}", measured_on(nets), legend=96)


def difference_figure(net: Analysed) -> go.Figure:
    """How much more often than annotators a net chooses each strategy in each part, in percentage points.

    An asterisk marks intervals that exclude 0.
    """
    stages = net.analysis.stages
    cells = [[stage.difference[at] for stage in stages] for at in range(len(STRATEGIES))]
    top = max(5.0, *(abs(cell.value) for row in cells for cell in row))
    hover = [
        [
            f"{name}<br>{part}: {cell.value:+.1f} points ({cell.low:+.1f} to {cell.high:+.1f})"
            for part, cell in zip(stage_names(), row, strict=True)
        ]
        for name, row in zip(STRATEGIES, cells, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.value for cell in row] for row in cells],
            x=[str(place) for place in range(1, len(stages) + 1)],
            y=SHORT,
            text=[[f"{cell.value:+.0f}{'*' if is_clear(cell) else ''}" for cell in row] for row in cells],
            customdata=hover,
            **_around_0(top),
        )
    )
    figure.update_xaxes(title="fifth of the conversation", tickangle=0)
    figure.update_yaxes(autorange="reversed")
    styled(figure, height=430)
    note = f"{measured_on([net])}; percentage points, *: the 95 % interval leaves out 0"
    return _captioned(figure, f"{net.label} − {ANNOTATED}", note)


def top_k_figure(nets: Sequence[Analysed]) -> go.Figure:
    """How often the annotated strategy is among the k most probable, with intervals (MISC and AdMISC, figure 5)."""
    figure = go.Figure()
    for place, net in enumerate(nets):
        points = net.analysis.top_k.accuracy
        figure.add_scatter(
            name=escaped(net.label),
            x=list(range(1, len(points) + 1)),
            y=[point.value for point in points],
            mode="lines+markers",
            line={"color": SIDE_COLOURS[place], "dash": DASHES[place], "width": 2},
            marker={"symbol": SHAPES[place], "size": 9},
            error_y=_errors(points),
            customdata=[_percent(point) for point in points],
            hovertemplate="among the first %{x}: %{customdata}<extra>%{fullData.name}</extra>",
        )
    floor = nets[0].analysis.top_k.most_frequent
    figure.add_scatter(
        name="always the most frequent ones",
        x=list(range(1, len(floor) + 1)),
        y=list(floor),
        mode="lines",
        line={"color": ANNOTATED_COLOUR, "dash": "dash", "width": 1.5},
        hovertemplate="the %{x} most frequent: %{y:.1f} %<extra></extra>",
    )
    figure.update_xaxes(title="k: strategies that the net may name", dtick=1)
    figure.update_yaxes(range=[0, 104], title="annotated strategy among them, %")
    styled(figure, height=430)
    return _captioned(figure, "Top-k accuracy of the strategy", _with_intervals(nets), legend=44)


def distribution_figure(nets: Sequence[Analysed]) -> go.Figure:
    """How often annotators and nets choose each strategy, with intervals (AdMISC, figure 6)."""
    figure = go.Figure()
    series = [(ANNOTATED, nets[0].analysis.labels.gold, ANNOTATED_COLOUR, "")]
    series += [
        (net.label, net.analysis.labels.predicted, SIDE_COLOURS[place], SIDE_PATTERNS[place])
        for place, net in enumerate(nets)
    ]
    for name, shares, colour, pattern in series:
        figure.add_bar(
            name=escaped(name),
            x=[share.value for share in shares],
            y=SHORT,
            orientation="h",
            marker={"color": colour, "pattern": {"shape": pattern, "fgcolor": "#5C3F00", "solidity": 0.2}},
            error_x=_errors(shares) | {"color": INK},
            customdata=[f"{share.name}<br>{_percent(share)}" for share in shares],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="share of the turns, %", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    styled(figure, height=240 + 30 * len(series) * 4, barmode="group", bargap=0.25)
    return _captioned(figure, "How often each strategy is chosen", _with_intervals(nets), legend=44)


def confusion_figure(net: Analysed) -> go.Figure:
    """For each annotated strategy (rows), the percentage of its turns that the net gives each strategy (columns)."""
    labels = net.analysis.labels
    z, hover = [], []
    for at, (name, counts) in enumerate(zip(STRATEGIES, labels.confusion, strict=True)):
        whole = sum(counts)
        z.append([100 * count / whole if whole else None for count in counts])
        right = f"<br>found: {_percent(labels.recall[at])}"
        hover.append(
            [
                f"annotated: {name}<br>predicted: {STRATEGIES[to]}<br>{count} of {whole} turns{right * (to == at)}"
                for to, count in enumerate(counts)
            ]
        )
    figure = go.Figure(
        go.Heatmap(
            z=z,
            x=SHORT,
            y=SHORT,
            zmin=0,
            zmax=100,
            colorscale=[list(stop) for stop in SEQUENTIAL],
            texttemplate="%{z:.0f}",
            textfont={"color": INK},
            customdata=hover,
            hovertemplate="%{customdata}<extra></extra>",
            showscale=False,
        )
    )
    figure.update_xaxes(title="predicted", tickangle=-60)
    figure.update_yaxes(title="annotated", autorange="reversed")
    styled(figure, height=500)
    accuracy = _percent(labels.accuracy)
    note = f"{measured_on([net])}; percent of each row. Right altogether: {accuracy}"
    return _captioned(figure, f"Confusion of {net.label}", note)


def interference_figure(net: Analysed) -> go.Figure | None:
    """Cosines between the gradients of a net's losses, one matrix per group of parameters (STAR, figure 3).

    All matrices share the scale -1 to 1, so that they can be compared, also between nets. An asterisk marks intervals
    that exclude 0. None when nothing was measured, or for a net with one loss.
    """
    found = net.analysis.interference
    if found is None or not found.cosines:
        return None
    groups = {
        group: [one for one in found.cosines if one.group == group]
        for group in dict.fromkeys(one.group for one in found.cosines)
    }
    losses = [
        list(dict.fromkeys(name for one in pairs for name in (one.first, one.second))) for pairs in groups.values()
    ]
    rows = [ROW * len(names) for names in losses]
    height = sum(rows) + BETWEEN * (len(rows) - 1)
    figure = make_subplots(
        rows=len(groups),
        row_heights=rows,
        vertical_spacing=BETWEEN / height if len(rows) > 1 else 0,
        subplot_titles=[f"<b>{escaped(GROUP_TITLES.get(group, group))}</b>" for group in groups],
    )
    # Plotly centres the titles of subplots; at the left edge they are easier to find.
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    for row, (names, pairs) in enumerate(zip(losses, groups.values(), strict=True), start=1):
        figure.add_trace(_cosine_matrix(names, pairs), row=row, col=1)
    figure.update_xaxes(tickangle=0, tickfont_size=11)  # so that five losses fit side by side on a phone
    figure.update_yaxes(autorange="reversed")
    styled(figure, height=height + 110)
    of = f"{found.batches} batches of {found.batch} turns (ESConv, split {net.analysis.source.measured_on})"
    note = f"{of}; cosine of the gradients, *: the 95 % interval over batches leaves out 0"
    return _captioned(figure, f"Losses of {net.label}", note)


def _cosine_matrix(names: Sequence[str], pairs: Sequence[Cosine]) -> go.Heatmap:
    """Every loss against every other; a pair that no batch had is left empty."""
    of = {frozenset((one.first, one.second)): one for one in pairs}
    z: list[list[float | None]] = []
    text, hover = [], []
    for name in names:
        cells = [_cosine_cell(name, other, of.get(frozenset((name, other)))) for other in names]
        z.append([value for value, _, _ in cells])
        text.append([shown for _, shown, _ in cells])
        hover.append([told for _, _, told in cells])
    shown = [escaped(name) for name in names]
    return go.Heatmap(z=z, x=shown, y=shown, text=text, customdata=hover, xgap=2, ygap=2, **_around_0(1.0))


def _cosine_cell(name: str, other: str, found: Cosine | None) -> tuple[float | None, str, str]:
    """Value, text and hover text of a cell."""
    pair = f"{escaped(name)} and {escaped(other)}"
    if name == other:
        return 1.0, "1", f"{escaped(name)} with itself: always 1"
    if found is None:
        return None, "", f"{pair}: never in one batch"
    low, high = found.interval()
    clear = "*" if low > 0 or high < 0 else ""
    told = f"{pair}<br>{found.mean:+.3f} ({low:+.3f} to {high:+.3f})<br>"
    return found.mean, f"{found.mean:+z.2f}{clear}", f"{told}deviation {found.spread:.3f} over {found.batches} batches"


def is_clear(cell: Interval) -> bool:
    """Whether the interval of a difference excludes 0."""
    return cell.low > 0 or cell.high < 0


def stage_names() -> list[str]:
    """ "0-20 %" and so on."""
    step = 100 // STAGES
    return [f"{step * at}–{step * (at + 1)} %" for at in range(STAGES)]


def _around_0(top: float) -> dict[str, Any]:
    """Style of a heat map of values from -`top` to `top`, with the numbers in the cells."""
    return {
        "zmin": -top,
        "zmax": top,
        "colorscale": [list(stop) for stop in DIVERGING],
        "texttemplate": "%{text}",
        "textfont": {"color": INK},
        "hovertemplate": "%{customdata}<extra></extra>",
        "showscale": False,
    }


def _percent(share: Interval) -> str:
    return f"{share.value:.1f} % ({share.low:.1f} to {share.high:.1f})"


def _errors(points: Sequence[Interval]) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [point.high - point.value for point in points],
        "arrayminus": [point.value - point.low for point in points],
        "thickness": 1.5,
        "width": 4,
    }


def _with_intervals(nets: Sequence[Analysed]) -> str:
    return f"{measured_on(nets)}; 95 % intervals, dialogues drawn {nets[0].analysis.rounds:,} times"


def _captioned(figure: go.Figure, title: str, note: str, legend: int = 0) -> go.Figure:
    """The figure with a title and a note above it, and `legend` pixels below it for the legend."""
    line = textwrap.shorten(title, TITLE_WIDTH, placeholder=" …") or title[:TITLE_WIDTH]
    small = textwrap.wrap(note.replace(" %", "\u00a0%"), NOTE_WIDTH)  # keeps a number and its % together
    above = 16 * len(small) + 52
    several = legend if len(figure.data) > 1 else 0
    figure.update_layout(
        title={
            "text": f"<b>{escaped(line)}</b>",
            "subtitle": {"text": "<br>".join(map(escaped, small)), "font": {"size": 12}},
            "font": {"size": 14},
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"l": 8, "t": 10},
        },
        legend={"y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": above, "b": several + 44 if several else 8},
        height=figure.layout.height + above - 44,
    )
    return figure
