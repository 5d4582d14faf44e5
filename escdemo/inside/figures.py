"""Figures of one message: the strategies of a side, the emotions over the messages. Pure: trace -> plotly figure."""

from __future__ import annotations

import plotly.graph_objects as go

from escdemo.inside.reasons import found_row
from escdemo.look.figures import INK, Sided, escaped, styled, titled
from escdemo.look.strategy_looks import LOOKS
from models.data.strategies import STRATEGIES
from models.nets.star import BEFORE
from models.serving.trace import Trace

LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#B5A100", "#7F8C8D")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")


def mixture_figure(side: Sided) -> go.Figure:
    """Share of each strategy, in its own colour and pattern; a white diamond where it stood before refinement."""
    figure = go.Figure()
    shares = [100 * share for share in side.trace.strategies] if side.trace.strategy() else []
    names = [_two_lines(name) for name in STRATEGIES]
    figure.add_bar(
        name="after refinement",
        y=names[: len(shares)],
        x=shares,
        orientation="h",
        marker={
            "color": [LOOKS[name].colour for name in STRATEGIES],
            "pattern": {"shape": [LOOKS[name].pattern for name in STRATEGIES], "fgcolor": INK, "solidity": 0.2},
        },
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    before = found_row(side.trace, BEFORE)
    if before is not None and shares:
        figure.add_scatter(
            name="before refinement",
            y=[_two_lines(label) for label in before.labels],
            x=[100 * value for value in before.values],
            mode="markers",
            # White with a dark edge: seen on every bar, on a light page and on a dark one.
            marker={"symbol": "diamond", "size": 11, "color": "#FFFFFF", "line": {"width": 2, "color": INK}},
            hovertemplate="%{y}, before refinement: %{x:.1f} %<extra></extra>",
        )
    earlier = {} if before is None else {n: 100 * v for n, v in zip(before.labels, before.values, strict=True)}
    top = max([*shares, *earlier.values()], default=100)
    ends = [_end(share, earlier.get(name, 0.0), top) for name, share in zip(STRATEGIES, shares, strict=False)]
    figure.add_scatter(  # beyond the bar, and beyond a diamond that would hide it
        y=names[: len(shares)],
        x=[end + 0.03 * top for end in ends],
        text=[f"{share:.0f} %" for share in shares],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(range=[0, min(118, 1.2 * top + 4)], ticksuffix=" %", title="probability")
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=names, tickfont={"size": 12})
    titled(styled(figure, height=430, bargap=0.3), f"Strategies of {side.label}")
    figure.update_layout(showlegend=before is not None)  # of a net that refines nothing, there is nothing to tell apart
    return _clear(figure)


def _end(share: float, before: float, top: float) -> float:
    """Where a bar with its diamond ends for the number behind it; a diamond far beyond the bar leaves it its place."""
    return max(share, before) if before < share + 0.25 * top else share


def emotion_line(trace: Trace) -> go.Figure:
    """Share of every emotion that ever leads, over the seeker's messages; the leading word stands where it changes."""
    leads = [reading.scores[0][0] for reading in trace.emotions]
    numbers = list(range(1, len(leads) + 1))
    figure = go.Figure()
    for place, emotion in enumerate(dict.fromkeys(leads)):
        changes = [lead == emotion and (at == 0 or leads[at - 1] != lead) for at, lead in enumerate(leads)]
        figure.add_scatter(
            name=escaped(emotion),
            x=numbers,
            y=[100 * dict(reading.scores).get(emotion, 0.0) for reading in trace.emotions],
            mode="lines+markers+text",
            text=[escaped(emotion) if change else "" for change in changes],
            textposition="top center",
            line={"color": LINE_COLOURS[place % 8], "dash": DASHES[place % 8], "width": 2},
            marker={"symbol": SYMBOLS[place % 8], "size": 8 if len(leads) <= 40 else 4},
            hovertemplate="message %{x}: %{y:.0f} %<extra>%{fullData.name}</extra>",
        )
    # Whole numbers only, and a margin so that the words at both ends are not cut off.
    figure.update_xaxes(
        title="message of the seeker", tickformat="d", dtick=max(1, len(leads) // 10), range=[0.5, len(leads) + 0.5]
    )
    figure.update_yaxes(title="share, %", range=[0, 112])
    return _clear(titled(styled(figure, height=300), f"Emotions heard (n = {len(leads)})"))


def _clear(figure: go.Figure) -> go.Figure:
    """No ground of its own, so that it stands on a light and on a dark page."""
    figure.update_layout(paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)")
    return figure


def _two_lines(name: str) -> str:
    """A long name on two lines: on a phone the bars need the width."""
    return name.replace(" and ", " and<br>").replace(" or ", " or<br>").replace(" of ", "<br>of ")
