"""Figures for one message: the strategies of a side, the emotions so far. Pure: trace -> what plotly.js draws."""

from __future__ import annotations

from collections.abc import Sequence

from escdemo.inside.reasons import found_row
from escdemo.look.figures import INK, Drawn, Sided, escaped, made
from escdemo.look.strategy_looks import LOOKS
from models.data.strategies import STRATEGIES
from models.nets.net import BEFORE, REFINED
from models.serving.trace import Trace

LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#B5A100", "#7F8C8D")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
MARKED = 40
"""most points of a line that show its symbol"""
_CLEAR: Drawn = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
"""transparent background, so that the figure fits light and dark pages"""


def mixture_figure(side: Sided) -> Drawn:
    """Share of each strategy, in its own colour and pattern; a white diamond marks the share before refinement.

    Where a net adds the course of the talk after that, the shares hold both and the diamonds neither.
    """
    shares = [100 * share for share in side.trace.strategies] if side.trace.strategy() else []
    names = [_two_lines(name) for name in STRATEGIES]
    both = any(row.name == REFINED for row in side.trace.extras)
    bars = {
        "type": "bar",
        "name": "after refinement and course" if both else "after refinement",
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
        "name": "before both" if both else "before refinement",
        "y": [_two_lines(label) for label in earlier],
        "x": list(earlier.values()),
        "mode": "markers",
        # White with a dark edge: visible on every bar, on light and dark pages.
        "marker": {"symbol": "diamond", "size": 11, "color": "#FFFFFF", "line": {"width": 2, "color": INK}},
        "hovertemplate": "%{y}, %{fullData.name}: %{x:.1f} %<extra></extra>",
    }
    top = max([*shares, *earlier.values()], default=100)
    ends = [_end(share, earlier.get(name, 0.0), top) for name, share in zip(STRATEGIES, shares, strict=False)]
    numbers = {  # to the right of the bar, and of a diamond that would cover the number
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
        showlegend=before is not None,  # without refinement there is only one series
        xaxis={
            "range": [0, min(118, 1.2 * top + 4)],
            "ticksuffix": " %",
            "title": {"text": "probability (n = 1 reply)"},
        },
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names, "tickfont": {"size": 12}},
        **_CLEAR,
    )


def _end(share: float, before: float, top: float) -> float:
    """Where the number of a bar starts: after the bar, or after its diamond when that is close to the bar's end."""
    return max(share, before) if before < share + 0.25 * top else share


def emotion_line(trace: Trace) -> Drawn:
    """Share of every emotion that ever leads, over the seeker's messages; its name stands where it takes the lead."""
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
            # Limited, because in a long talk every point is one more symbol to draw: 1,400 for 200 messages.
            "marker": {"symbol": SYMBOLS[place % 8], "size": 8 if len(leads) <= MARKED else 6, "maxdisplayed": MARKED},
            "hovertemplate": "message %{x}: %{y:.0f} %<extra>%{fullData.name}</extra>",
        }
        led = [at for at in changes if leads[at] == emotion]
        word = {
            "x": [at + 1 for at in led],
            "y": [100 * shares[at][emotion] for at in led],
            "text": [f"\u2002{escaped(emotion)}\u2002"] * len(led),  # keeps clear of the point's symbol
            "mode": "text",
            "textposition": [_beside(heights, at) for at in led],
            "cliponaxis": False,
            "hoverinfo": "skip",
            "showlegend": False,
        }
        lines.append(of_emotion | line)
        words.append(of_emotion | word)
    # Whole numbers only, and a margin so that words at both ends are not cut off.
    steps = {"tickformat": "d", "dtick": max(1, len(leads) // 10), "range": [0.5, len(leads) + 0.5]}
    return made(
        [*lines, *words],
        f"Emotions heard (n = {len(leads)})",
        height=300,
        showlegend=True,  # for a single line too: its name is written only at the first point
        xaxis={"title": {"text": "message of the seeker"}, **steps},
        yaxis={"title": {"text": "share, %"}, "range": [0, 112]},
        **_CLEAR,
    )


def _beside(line: Sequence[float], at: int) -> str:
    """Where to write a word at a point so that it does not cover the line."""
    if len(line) == 1:
        return "top center"
    if at == len(line) - 1:
        return "top left" if line[at - 1] <= line[at] else "bottom left"
    return "bottom right" if line[at + 1] > line[at] else "top right"


def _two_lines(name: str) -> str:
    """A long name on two lines, because on a phone the bars need the width."""
    return name.replace(" and ", " and<br>").replace(" or ", " or<br>").replace(" of ", "<br>of ")
