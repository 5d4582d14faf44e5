"""Which replies a map shows, and what it says about each: no text, only numbers by which they can be found."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.analysis.state_map import MapTurn
from models.data.dialogue import Dialogue, Turn
from models.data.esconv import Target
from models.data.esconv_labels import EMOTION_TYPES, emotion_type_id
from models.data.strategies import STRATEGIES


@dataclass(frozen=True)
class Said:
    """A reply with its place; unlike a map, this contains the text."""

    dialogue: int
    """number of the dialogue in the order of its source, from 1"""
    turn: int
    """number of the utterance in its dialogue, from 1"""
    context: Dialogue
    """what was said before the reply"""
    reply: Turn
    verdict: str = ""
    """as in `MapTurn.verdict`"""


def drawn_turns(targets: Sequence[Target], dialogues: int, seed: int) -> tuple[Target, ...]:
    """All targets from `dialogues` randomly drawn dialogues, in their order."""
    names = list(dict.fromkeys(target.dialogue.id for target in targets))
    drawn = set(random.Random(seed).sample(names, min(dialogues, len(names))))
    return tuple(target for target in targets if target.dialogue.id in drawn)


def said_in(dialogues: Sequence[Dialogue], targets: Sequence[Target]) -> tuple[Said, ...]:
    """Targets as replies; dialogues are numbered in the order of all `dialogues` of their source."""
    numbers = {dialogue.id: number for number, dialogue in enumerate(dialogues, start=1)}
    return tuple(Said(numbers[one.dialogue.id], one.turn + 1, one.context, one.gold) for one in targets)


def hash_of(replies: Sequence[Said]) -> str:
    """Hex sha256 of replies and everything said before them."""
    return hashlib.sha256("\n".join(map(repr, replies)).encode()).hexdigest()


def described(replies: Sequence[Said], strategies: np.ndarray) -> tuple[MapTurn, ...]:
    """What a map says about replies; `strategies` (N, 8) are the net's probabilities."""
    return tuple(
        MapTurn(one.dialogue, one.turn, one.reply.strategy or "", likeliest(shares), _emotion(one.context), one.verdict)
        for one, shares in zip(replies, strategies, strict=True)
    )


def likeliest(shares: np.ndarray) -> str:
    """The strategy with the largest of (8,) probabilities; "" when all are equal, as in nets that predict none."""
    return "" if float(np.ptp(shares)) < 1e-6 else STRATEGIES[int(shares.argmax())]


def _emotion(dialogue: Dialogue) -> str:
    """The dialogue's emotion in ESConv's spelling, "" for any other text."""
    place = emotion_type_id(dialogue.emotion_type)
    return "" if place < 0 else EMOTION_TYPES[place]
