"""How each strategy looks in every figure: the same colour, pattern and shape everywhere.

The colours are based on Okabe and Ito, with grey for black so that all are visible on white and on black. A pattern
(bars) or a shape (points) repeats what the colour says.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.strategies import STRATEGIES


@dataclass(frozen=True)
class Look:
    """One strategy: a CSS colour, a plotly pattern shape for bars, a plotly symbol for points, a name."""

    colour: str
    pattern: str
    symbol: str
    short: str
    """name for where there is little room"""


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
