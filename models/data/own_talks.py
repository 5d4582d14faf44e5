"""Talks written for this project, for nets to learn from.

`safe_answers`  openings that could be answered harmfully (self-contempt, suicide, violence), with answers that do no
                harm. A net that learns not to agree is better than a screen that hides what it said
                (`escdemo.screening` screens replies in any case).
`plain_answers` everyday trouble with plain answers: the feeling, and one open question that uses a word of the
                seeker's. From them, nets learnt to ask about the wrong word ("What did you call your sisters?").
`warm_answers`  answers that rephrase what was said. From them, nets learnt to say what nobody had said.
`close_answers` whole talks whose answers stay close to the seeker's words and to this point of the talk, and ask what
                only fits here. From them, nets learnt to speak more freely, and in a mood that does not fit ("It is
                good that you feel like a terrible mother.").

The answers of the last three are not learnt: they ask too much of 135M parameters. Their messages are answered by rule
(`rule_answers.py`).

In all of them, `VOICE` precedes the situation. Without it our few talks would have no effect: wherever both could
follow, the stock phrases of crowd workers are more likely. With it, a net knows which of the two to write (control
codes, Keskar et al. 2019); hosted nets get it, published figures are made without it. Each line of the files is a talk:
`situation`, which may be "", and `turns`: the text of seeker turns, text and strategy of supporter turns.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

VOICE = "Be warm. Take up what was said, in one or two sentences."
"""put before a situation when a net should write in the style of these talks"""
OWN_TIMES = 4
"""default number of times that an epoch contains them"""
FOLDER = Path(__file__).parent


def safe_answers() -> tuple[Dialogue, ...]:
    """Risky openings, each with an answer and its strategy."""
    return _read("safe_answers.jsonl")


def plain_answers() -> tuple[Dialogue, ...]:
    """Talks of one to three exchanges, every answer with its strategy."""
    return _read("plain_talks.jsonl")


def warm_answers() -> tuple[Dialogue, ...]:
    """Talks of one to six exchanges, every answer with its strategy."""
    return _read("own_talks.jsonl")


def close_answers() -> tuple[Dialogue, ...]:
    """Talks of one to five exchanges, every answer with its strategy."""
    return _read("close_talks.jsonl")


def everyday_talks() -> tuple[Dialogue, ...]:
    """The talks whose messages are answered by rule, not as written."""
    return plain_answers() + warm_answers() + close_answers()


def own_talks() -> tuple[Dialogue, ...]:
    """The talks that are learnt as written."""
    return safe_answers()


@cache
def _read(name: str) -> tuple[Dialogue, ...]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return tuple(_talk(json.loads(line), f"{name}-{number}") for number, line in enumerate(lines))


def _talk(row: dict[str, Any], id_: str) -> Dialogue:
    return Dialogue(tuple(map(_turn, row["turns"])), voiced(row["situation"]), id=id_)


def voiced(situation: str) -> str:
    """A situation with `VOICE` before it."""
    return f"{VOICE} {situation}".rstrip()


def unvoiced(situation: str) -> str:
    """A situation without `VOICE`: what the seeker wrote, for COMET and for nets that read it apart from the talk."""
    return situation.removeprefix(VOICE).lstrip()


def _turn(row: list[str]) -> Turn:
    if len(row) == 1:
        return Turn(Speaker.SEEKER, row[0])
    text, strategy = row
    return Turn(Speaker.SUPPORTER, text, STRATEGIES[strategy_id(strategy)])
