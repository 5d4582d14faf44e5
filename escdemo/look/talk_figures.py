"""The strategies over a talk, both nets in one figure. Pure: names -> plotly figure, sentences, CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from escdemo.look import render
from escdemo.look.figures import escaped, styled, titled
from escdemo.look.strategy_looks import LOOKS
from models.data.strategies import STRATEGIES

SIDE_LINES = (("#0072B2", "solid", -0.14), ("#E69F00", "dash", 0.14))
"""for sides A and B: colour, dash, and offset of the line from the middle of a strategy's row"""


@dataclass(frozen=True)
class SideStrategies:
    """One side of a talk."""

    label: str
    strategies: tuple[str | None, ...]
    """strategy of the reply to each message, None where there is none"""


def timeline_figure(sides: Sequence[SideStrategies]) -> go.Figure:
    """A row per strategy and a line per side; points have the strategy's colour and shape."""
    figure = go.Figure()
    for (colour, dash, beside), side in zip(SIDE_LINES, sides, strict=True):
        known = [(at, name) for at, name in enumerate(side.strategies, 1) if name in LOOKS]
        figure.add_scatter(
            name=escaped(side.label),
            x=[at for at, _ in known],
            y=[STRATEGIES.index(name) + beside for _, name in known],
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={
                "color": [LOOKS[name].colour for _, name in known],
                "symbol": [LOOKS[name].symbol for _, name in known],
                "size": 12 if len(side.strategies) <= 40 else 6,
                "line": {"color": colour, "width": 2},
            },
            customdata=[name for _, name in known],
            hovertemplate="message %{x}: %{customdata}<extra>%{fullData.name}</extra>",
        )
    count = max((len(side.strategies) for side in sides), default=0)
    figure.update_xaxes(
        title="message of the seeker", tickformat="d", dtick=max(1, count // 10), range=[0.5, max(1, count) + 0.5]
    )
    figure.update_yaxes(
        tickvals=list(range(len(STRATEGIES))),
        ticktext=[LOOKS[name].short for name in STRATEGIES],
        range=[len(STRATEGIES) - 0.5, -0.5],
    )
    return titled(styled(figure, height=400), f"Strategies of this talk (n = {count})")


def timeline_says(sides: Sequence[SideStrategies]) -> str:
    """What each side chose most often, and how often both chose the same."""
    sentences = []
    for side in sides:
        counted = Counter(name for name in side.strategies if name)
        times, total = max(counted.values(), default=0), sum(counted.values())
        most = [name for name, count in counted.items() if count == times]
        if times == 1 and total > 1:
            sentences.append(f"{side.label} never repeated a strategy.")
        elif most:
            each = " each" if len(most) > 1 else ""
            sentences.append(f"{side.label} chose {' and '.join(most)} most often ({times} of {total}{each}).")
    both = [(one, two) for one, two in zip(*(side.strategies for side in sides), strict=True) if one and two]
    if both:
        sentences.append(f"Both chose the same for {sum(one == two for one, two in both)} of {len(both)} messages.")
    return " ".join(sentences)


def timeline_csv(sides: Sequence[SideStrategies]) -> str:
    """CSV with one row per message and side."""
    rows = [
        (at, letter, side.label, name or "")
        for letter, side in zip("AB", sides, strict=True)
        for at, name in enumerate(side.strategies, 1)
    ]
    return render.csv_text(("message", "side", "model", "strategy"), sorted(rows))
