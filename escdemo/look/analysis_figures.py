"""The papers' figures of what a net chooses and how well: pure functions from an `Analysis` to plotly figures.

Each says in its title what it shows and below it of which turns; intervals are drawn where there is room and are in the
hover everywhere. As in figures.py each has a fixed height and a second cue beside colour; long lines are wrapped, so
that a figure is as good on a phone as in print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

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
"""less to more, apart for colour-blind readers too; light enough for dark figures on every cell"""
SEQUENTIAL = ((0.0, "#FFFFFF"), (1.0, "#5AA9E0"))
"""none to all, as light"""
TITLE_WIDTH, NOTE_WIDTH = 33, 52
"""letters in a line: what a phone has room for"""


@dataclass(frozen=True)
class Analysed:
    """An analysis and the name under which the net is shown."""

    label: str
    analysis: Analysis


def measured_on(nets: Sequence[Analysed]) -> str:
    """Of which turns the figures are, once where it is the same for all nets."""
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

    `of` is "gold" for what annotators chose or "predicted"; `nets` is the one net, of which the turns are.
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

    An asterisk stands where the interval leaves out 0.
    """
    stages = net.analysis.stages
    cells = [[stage.difference[at] for stage in stages] for at in range(len(STRATEGIES))]
    top = max(5.0, *(abs(cell.value) for row in cells for cell in row))
    figure = go.Figure(
        go.Heatmap(
            z=[[cell.value for cell in row] for row in cells],
            x=[str(place) for place in range(1, len(stages) + 1)],
            y=SHORT,
            zmin=-top,
            zmax=top,
            colorscale=[list(stop) for stop in DIVERGING],
            text=[[f"{cell.value:+.0f}{'*' if is_clear(cell) else ''}" for cell in row] for row in cells],
            texttemplate="%{text}",
            textfont={"color": INK},
            customdata=[
                [
                    f"{name}<br>{part}: {cell.value:+.1f} points ({cell.low:+.1f} to {cell.high:+.1f})"
                    for part, cell in zip(stage_names(), row, strict=True)
                ]
                for name, row in zip(STRATEGIES, cells, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            showscale=False,
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
            error_x=_errors(shares) | {"color": "#52606D"},
            customdata=[f"{share.name}<br>{_percent(share)}" for share in shares],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title="share of the turns, %", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    styled(figure, height=240 + 30 * len(series) * 4, barmode="group", bargap=0.25)
    return _captioned(figure, "How often each strategy is chosen", _with_intervals(nets), legend=44)


def confusion_figure(net: Analysed) -> go.Figure:
    """Of the turns with each annotated strategy (rows), how many percent the net gives each one (columns)."""
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


def interference_figure(nets: Sequence[Analysed]) -> go.Figure:
    """Cosines of the gradients of each pair of losses in each group of parameters, with intervals (STAR, figure 3)."""
    figure = go.Figure()
    measured = [one for net in nets if net.analysis.interference for one in net.analysis.interference.cosines]
    pairs = list(dict.fromkeys(f"{one.first} / {one.second}" for one in measured))

    def row_of(one: Cosine) -> str:
        return f"{one.group}: {one.first} / {one.second}" if len(pairs) > 1 else one.group

    rows = list(dict.fromkeys(row_of(one) for one in measured))
    notes = [f"Losses: {pair}" for pair in pairs] if len(pairs) == 1 else []
    for place, net in enumerate(nets):
        found = net.analysis.interference
        if found is None:
            notes.append(f"{net.label}: not measured")
            continue
        of = f"ESConv, split {net.analysis.source.measured_on}"
        notes.append(f"{net.label}: {found.batches} batches of {found.batch} turns ({of})")
        ends = [one.interval() for one in found.cosines]
        figure.add_scatter(
            name=escaped(net.label),
            x=[one.mean for one in found.cosines],
            y=[rows.index(row_of(one)) + (0.16 * (2 * place - 1) if len(nets) > 1 else 0) for one in found.cosines],
            mode="markers",
            marker={"color": SIDE_COLOURS[place], "symbol": SHAPES[place], "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [high - one.mean for one, (_, high) in zip(found.cosines, ends, strict=True)],
                "arrayminus": [one.mean - low for one, (low, _) in zip(found.cosines, ends, strict=True)],
            },
            customdata=[
                f"{one.group}, {one.first} and {one.second}<br>{one.mean:+.3f} ({low:+.3f} to {high:+.3f}),"
                f" deviation {one.spread:.3f} over {one.batches} batches"
                for one, (low, high) in zip(found.cosines, ends, strict=True)
            ],
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=0, line={"color": INK, "width": 1, "dash": "dash"})
    figure.update_xaxes(title="cosine of the gradients<br>(below 0: against each other)")
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[escaped(row) for row in rows], range=[max(1, len(rows)) - 0.5, -0.5]
    )
    styled(figure, height=250 + 44 * max(1, len(rows)))
    return _captioned(figure, "How the losses pull", f"{'; '.join(notes)}; 95 % intervals over batches", legend=44)


def is_clear(cell: Interval) -> bool:
    """Whether the interval of a difference leaves out 0."""
    return cell.low > 0 or cell.high < 0


def stage_names() -> list[str]:
    """ "0-20 %" and so on."""
    step = 100 // STAGES
    return [f"{step * at}–{step * (at + 1)} %" for at in range(STAGES)]


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
    """The figure with title and note above it, and `legend` pixels for the legend below it; makes room for all."""
    line = textwrap.shorten(title, TITLE_WIDTH, placeholder=" …") or title[:TITLE_WIDTH]
    small = textwrap.wrap(note, NOTE_WIDTH)
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
