"""Which turns a map shows, and what it tells of each: no text, but numbers by which they are found again."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from models.analysis.state_map import MapTurn
from models.data.dialogue import Dialogue
from models.data.esconv import Target
from models.data.esconv_labels import EMOTION_TYPES, emotion_type_id
from models.data.strategies import STRATEGIES
from models.training.run_state import data_hash


def drawn_turns(targets: Sequence[Target], dialogues: int, seed: int) -> tuple[Target, ...]:
    """All targets of `dialogues` dialogues drawn among theirs, in their order."""
    names = list(dict.fromkeys(target.dialogue.id for target in targets))
    drawn = set(random.Random(seed).sample(names, min(dialogues, len(names))))
    return tuple(target for target in targets if target.dialogue.id in drawn)


def turns_hash(targets: Sequence[Target]) -> str:
    """Hex sha256 of the turns of a map with all that stands before them."""
    return data_hash({"turns": [(target.dialogue, target.turn) for target in targets]})


def described(dialogues: Sequence[Dialogue], targets: Sequence[Target], strategies: np.ndarray) -> tuple[MapTurn, ...]:
    """What a map tells of the targets; `strategies` (N, 8) are the probabilities under the net."""
    numbers = {dialogue.id: number for number, dialogue in enumerate(dialogues, start=1)}
    return tuple(
        MapTurn(
            numbers[target.dialogue.id],
            target.turn + 1,
            target.gold.strategy or "",
            likeliest(shares),
            emotion_of(target.dialogue),
        )
        for target, shares in zip(targets, strategies, strict=True)
    )


def likeliest(shares: np.ndarray) -> str:
    """The strategy with the largest of (8,) probabilities; "" when all are equal, as of nets that predict none."""
    return "" if float(np.ptp(shares)) < 1e-6 else STRATEGIES[int(shares.argmax())]


def emotion_of(dialogue: Dialogue) -> str:
    """The dialogue's emotion as ESConv spells it, "" for any other text."""
    place = emotion_type_id(dialogue.emotion_type)
    return "" if place < 0 else EMOTION_TYPES[place]
