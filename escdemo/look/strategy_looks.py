"""How each strategy looks in every figure: a colour, a pattern and a shape, the same everywhere.

Colours of Okabe and Ito, black replaced by grey so that all stay visible on white and on black; a pattern (bars) or a
shape (points) repeats what the colour says.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.strategies import STRATEGIES


@dataclass(frozen=True)
class Look:
    """Of one strategy: a CSS colour, a plotly pattern shape for bars, a plotly symbol for points."""

    colour: str
    pattern: str
    symbol: str


LOOKS: dict[str, Look] = dict(
    zip(
        STRATEGIES,
        (
            Look("#0072B2", "", "circle"),
            Look("#56B4E9", "/", "square"),
            Look("#CC79A7", "\\", "diamond"),
            Look("#D55E00", "x", "cross"),
            Look("#009E73", "-", "triangle-up"),
            Look("#E69F00", "|", "star"),
            Look("#B5A100", "+", "pentagon"),
            Look("#7F8C8D", ".", "x"),
        ),
        strict=True,
    )
)
