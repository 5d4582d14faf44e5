"""Talks that were written for this project, for nets to learn from.

`safe_answers`  openings that could be answered harmfully (self-contempt, suicide, violence) with answers that do no
                harm. A net that learns not to agree is better than a screen that hides what it said
                (`escdemo.screening` stays in any case).
`plain_answers` everyday trouble with plain answers: the feeling, and one open question that names a word of the
                seeker's. A small base copies words well, but gets wrong what it has to infer or to retell.
`warm_answers`  answers that take up what was said in other words. No longer learnt: from them nets took to say what
                nobody had said. Their messages are answered by rule (`rule_answers.py`).

All of them stand under `VOICE`, before the situation. Without it the few talks of ours would drown: crowd workers'
stock phrases are the likeliest words wherever both may come. With it a net knows which of the two to write (control
codes, Keskar et al. 2019); a hosted net is given it, published figures are made without. A line of the files is a talk:
`situation`, which may be "", and `turns`, the text of the seeker's, text and strategy of the supporter's.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

VOICE = "Be warm. Take up what was said, in one or two sentences."
"""what stands before a situation when a net shall write as these talks do"""
OWN_TIMES = 4
"""how often an epoch has them, unless told"""
FOLDER = Path(__file__).parent


def safe_answers() -> tuple[Dialogue, ...]:
    """Risky openings, each with its answer and the answer's strategy."""
    return _read("safe_answers.jsonl")


def plain_answers() -> tuple[Dialogue, ...]:
    """Talks of one to three exchanges, every answer with its strategy."""
    return _read("plain_talks.jsonl")


def warm_answers() -> tuple[Dialogue, ...]:
    """Talks of one to six exchanges, every answer with its strategy."""
    return _read("own_talks.jsonl")


def own_talks() -> tuple[Dialogue, ...]:
    """Those that are learnt as they were written: the safe and the plain answers."""
    return safe_answers() + plain_answers()


@cache
def _read(name: str) -> tuple[Dialogue, ...]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return tuple(_talk(json.loads(line), f"{name}-{number}") for number, line in enumerate(lines))


def _talk(row: dict[str, Any], id_: str) -> Dialogue:
    return Dialogue(tuple(map(_turn, row["turns"])), voiced(row["situation"]), id=id_)


def voiced(situation: str) -> str:
    """A situation under `VOICE`."""
    return f"{VOICE} {situation}".rstrip()


def unvoiced(situation: str) -> str:
    """A situation without the mark: what the seeker wrote, and nothing else, is an event to COMET."""
    return situation.removeprefix(VOICE).lstrip()


def _turn(row: list[str]) -> Turn:
    if len(row) == 1:
        return Turn(Speaker.SEEKER, row[0])
    text, strategy = row
    return Turn(Speaker.SUPPORTER, text, STRATEGIES[strategy_id(strategy)])
