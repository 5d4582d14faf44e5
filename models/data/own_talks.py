"""Talks that were written for this project, for nets to learn from.

`safe_answers`  openings that could be answered harmfully (self-contempt, suicide, violence) with answers that do no
                harm. A net that learns not to agree is better than a screen that hides what it said
                (`escdemo.screening` stays in any case).
`warm_answers`  everyday trouble with answers that take up what was said, in one or two sentences: crowd workers'
                replies to a first message are mostly greetings and stock phrases.

All of them stand under `VOICE`, in the place of a situation. Without it the few talks of ours would drown: crowd
workers' stock phrases are the likeliest words wherever both may come. With it a net knows which of the two to write
(control codes, Keskar et al. 2019); a hosted net is given it, published figures are made without.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

VOICE = "Be warm. Take up what was said, in one or two sentences."
"""what stands before a situation when a net shall write as these talks do"""
OWN_TIMES = 4
"""how often an epoch has them, unless told"""
FOLDER = Path(__file__).parent


def safe_answers() -> tuple[Dialogue, ...]:
    """Risky openings, each with its answer and the answer's strategy."""
    return _read("safe_answers.json")


def warm_answers() -> tuple[Dialogue, ...]:
    """Talks of two to four exchanges, every answer with its strategy."""
    return _read("own_talks.json")


@cache
def _read(name: str) -> tuple[Dialogue, ...]:
    """Turns in rows: the text of the seeker's, text and strategy of the supporter's."""
    rows = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return tuple(Dialogue(tuple(map(_turn, row)), VOICE, id=f"{name}-{number}") for number, row in enumerate(rows))


def voiced(situation: str) -> str:
    """A situation under `VOICE`."""
    return f"{VOICE} {situation}".rstrip()


def _turn(row: list[str]) -> Turn:
    if len(row) == 1:
        return Turn(Speaker.SEEKER, row[0])
    text, strategy = row
    return Turn(Speaker.SUPPORTER, text, STRATEGIES[strategy_id(strategy)])
