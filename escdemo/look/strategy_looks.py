"""How each strategy looks in every figure: a colour, a pattern and a shape, the same everywhere.

Colours of Okabe and Ito, black replaced by grey so that all stay visible on white and on black; a pattern (bars) or a
shape (points) repeats what the colour says.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.strategies import STRATEGIES


@dataclass(frozen=True)
class Look:
    """Of one strategy: a CSS colour, a plotly pattern shape for bars, a plotly symbol for points, a name."""

    colour: str
    pattern: str
    symbol: str
    short: str
    """its name where there is little room"""


LOOKS: dict[str, Look] = dict(
    zip(
        STRATEGIES,
        (
            Look("#0072B2", "", "circle", "Question"),
            Look("#56B4E9", "/", "square", "Restatement"),
            Look("#CC79A7", "\\", "diamond", "Reflection"),
            Look("#D55E00", "x", "cross", "Self-disclosure"),
            Look("#009E73", "-", "triangle-up", "Affirmation"),
            Look("#E69F00", "|", "star", "Suggestions"),
            Look("#B5A100", "+", "pentagon", "Information"),
            Look("#7F8C8D", ".", "x", "Others"),
        ),
        strict=True,
    )
)
