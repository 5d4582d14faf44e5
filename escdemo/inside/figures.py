"""Figures of one message: strategies of a side, emotions over the messages. Pure: trace -> what plotly.js draws."""

from __future__ import annotations

from collections.abc import Sequence

from escdemo.inside.reasons import found_row
from escdemo.look.figures import INK, Drawn, Sided, escaped, made
from escdemo.look.strategy_looks import LOOKS
from models.data.strategies import STRATEGIES
from models.nets.star import BEFORE
from models.serving.trace import Trace

LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#B5A100", "#7F8C8D")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
MARKED = 40
"""points of a line that carry its symbol, at most"""
_CLEAR: Drawn = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
"""no ground of its own, so that it stands on a light and on a dark page"""


def mixture_figure(side: Sided) -> Drawn:
    """Share of each strategy, in its own colour and pattern; a white diamond where it stood before refinement."""
    shares = [100 * share for share in side.trace.strategies] if side.trace.strategy() else []
    names = [_two_lines(name) for name in STRATEGIES]
    bars = {
        "type": "bar",
        "name": "after refinement",
        "y": names[: len(shares)],
        "x": shares,
        "orientation": "h",
        "marker": {
            "color": [LOOKS[name].colour for name in STRATEGIES],
            "pattern": {"shape": [LOOKS[name].pattern for name in STRATEGIES], "fgcolor": INK, "solidity": 0.2},
        },
        "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
    }
    before = found_row(side.trace, BEFORE)
    earlier = {} if before is None else {n: 100 * v for n, v in zip(before.labels, before.values, strict=True)}
    diamonds = {
        "type": "scatter",
        "name": "before refinement",
        "y": [_two_lines(label) for label in earlier],
        "x": list(earlier.values()),
        "mode": "markers",
        # White with a dark edge: seen on every bar, on a light page and on a dark one.
        "marker": {"symbol": "diamond", "size": 11, "color": "#FFFFFF", "line": {"width": 2, "color": INK}},
        "hovertemplate": "%{y}, before refinement: %{x:.1f} %<extra></extra>",
    }
    top = max([*shares, *earlier.values()], default=100)
    ends = [_end(share, earlier.get(name, 0.0), top) for name, share in zip(STRATEGIES, shares, strict=False)]
    numbers = {  # beyond the bar, and beyond a diamond that would hide it
        "type": "scatter",
        "y": names[: len(shares)],
        "x": [end + 0.03 * top for end in ends],
        "text": [f"{share:.0f} %" for share in shares],
        "mode": "text",
        "textposition": "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return made(
        [bars, diamonds, numbers] if earlier and shares else [bars, numbers],
        f"Strategies of {side.label}",
        height=430,
        bargap=0.3,
        showlegend=before is not None,  # of a net that refines nothing, there is nothing to tell apart
        xaxis={
            "range": [0, min(118, 1.2 * top + 4)],
            "ticksuffix": " %",
            "title": {"text": "probability (n = 1 reply)"},
        },
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names, "tickfont": {"size": 12}},
        **_CLEAR,
    )


def _end(share: float, before: float, top: float) -> float:
    """Where a bar with its diamond ends for the number behind it; a diamond far beyond the bar leaves it its place."""
    return max(share, before) if before < share + 0.25 * top else share


def emotion_line(trace: Trace) -> Drawn:
    """Share of every emotion that ever leads, over the seeker's messages; the leading word stands where it changes."""
    leads = [reading.scores[0][0] for reading in trace.emotions]
    shares = [dict(reading.scores) for reading in trace.emotions]
    changes = [at for at, lead in enumerate(leads) if at == 0 or leads[at - 1] != lead]
    lines, words = [], []
    for place, emotion in enumerate(dict.fromkeys(leads)):
        of_emotion = {"type": "scatter", "legendgroup": emotion}
        heights = [round(100 * share.get(emotion, 0.0), 1) for share in shares]
        line = {
            "name": escaped(emotion),
            "x0": 1,
            "y": heights,
            "mode": "lines+markers",
            "line": {"color": LINE_COLOURS[place % 8], "dash": DASHES[place % 8], "width": 2},
            # In a long talk each point would be a mark of its own to draw: 1,400 of 200 messages.
            "marker": {"symbol": SYMBOLS[place % 8], "size": 8 if len(leads) <= MARKED else 6, "maxdisplayed": MARKED},
            "hovertemplate": "message %{x}: %{y:.0f} %<extra>%{fullData.name}</extra>",
        }
        led = [at for at in changes if leads[at] == emotion]
        word = {
            "x": [at + 1 for at in led],
            "y": [100 * shares[at][emotion] for at in led],
            "text": [f"\u2002{escaped(emotion)}\u2002"] * len(led),  # not into the symbol of its point
            "mode": "text",
            "textposition": [_beside(heights, at) for at in led],
            "cliponaxis": False,
            "hoverinfo": "skip",
            "showlegend": False,
        }
        lines.append(of_emotion | line)
        words.append(of_emotion | word)
    # Whole numbers only, and a margin so that the words at both ends are not cut off.
    steps = {"tickformat": "d", "dtick": max(1, len(leads) // 10), "range": [0.5, len(leads) + 0.5]}
    return made(
        [*lines, *words],
        f"Emotions heard (n = {len(leads)})",
        height=300,
        showlegend=True,  # of a single line too: its word stands at its first point only
        xaxis={"title": {"text": "message of the seeker"}, **steps},
        yaxis={"title": {"text": "share, %"}, "range": [0, 112]},
        **_CLEAR,
    )


def _beside(line: Sequence[float], at: int) -> str:
    """Where a word at that point of a line does not lie on the line: on the side to which it does not go on."""
    if len(line) == 1:
        return "top center"
    if at == len(line) - 1:
        return "top left" if line[at - 1] <= line[at] else "bottom left"
    return "bottom right" if line[at + 1] > line[at] else "top right"


def _two_lines(name: str) -> str:
    """A long name on two lines: on a phone the bars need the width."""
    return name.replace(" and ", " and<br>").replace(" or ", " or<br>").replace(" of ", "<br>of ")
