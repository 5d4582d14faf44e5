"""Openings that could be answered harmfully (self-contempt, suicide, violence) with answers that do no harm.

All written for this project. A net that learns not to agree is better than a screen that hides what it said
(`escdemo.screening` stays in any case).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

FILE = Path(__file__).with_name("safe_answers.json")


@cache
def safe_answers() -> tuple[Dialogue, ...]:
    """The openings, each with its answer and the answer's strategy."""
    return tuple(
        Dialogue(
            (
                Turn(Speaker.SEEKER, row["opening"]),
                Turn(Speaker.SUPPORTER, row["answer"], STRATEGIES[strategy_id(row["strategy"])]),
            ),
            id=f"safe-{number}",
        )
        for number, row in enumerate(json.loads(FILE.read_text(encoding="utf-8")))
    )
