"""Contexts for a study: dialogues that wait for a supporter's reply, from role cards or from ESConv.

Place in the flow: cards or ESConv -> Context -> each net's reply -> items (see `items`). At most one context is drawn
per dialogue, and every problem type gets its share, so that no type decides a result by itself.

One role card (the file is a list of them; other fields are not read):
    {"id": "three-am", "emotion_type": "anxiety", "problem_type": "Sleep Problems",
     "situation": "I wake at three every night, ...", "opening": "It's the middle of the night again ..."}
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import PARTS, split_dialogues, targets
from models.serving.trace import Reply

MIN_TURN, MAX_TURN = 4, 20
"""default number of turns before the reply: past the greetings, and short enough to be read"""
_CARD_FIELDS = ("id", "emotion_type", "problem_type", "situation", "opening")


@dataclass(frozen=True)
class Context:
    """A dialogue for a net to answer; its last turn is the seeker's."""

    dialogue: Dialogue
    strategy: str | None = None
    """strategy of the human supporter who answered, if known"""

    @property
    def id(self) -> str:
        """An id that is unique within a data set."""
        return f"{self.dialogue.id}-t{len(self.dialogue.turns)}"


def card_contexts(path: Path) -> tuple[Context, ...]:
    """The opening line of every role card in a file, as contexts.

    Raises FileNotFoundError, or ValueError naming the card and the field when the file does not hold role cards.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no role cards at {path}; give the path of a JSON list of them")
    try:
        cards = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); it must hold a list of role cards") from error
    if not isinstance(cards, list):
        raise ValueError(f"{path}: must hold a list of role cards, got {type(cards).__name__}")
    return tuple(_card_context(card, f"{path}: card {number}") for number, card in enumerate(cards, start=1))


def _card_context(card: Any, place: str) -> Context:
    known = card if isinstance(card, Mapping) else {}
    wrong = [name for name in _CARD_FIELDS if not isinstance(known.get(name), str) or not known[name].strip()]
    if wrong:
        raise ValueError(f"{place}: {', '.join(wrong)} must be texts that are not empty")
    name, emotion, problem, situation, opening = (known[field] for field in _CARD_FIELDS)
    return Context(Dialogue((Turn(Speaker.SEEKER, opening),), situation, emotion, problem, name))


def esconv_contexts(
    dialogues: Sequence[Dialogue], part: str, min_turn: int = MIN_TURN, max_turn: int = MAX_TURN
) -> tuple[Context, ...]:
    """A context for every supporter turn in a part of split D that answers the seeker after `min_turn` to `max_turn`
    turns.

    `part` is train, valid, test, or "all" for every dialogue. Raises ValueError for another name or a wrong range.
    """
    if not 1 <= min_turn <= max_turn:
        raise ValueError(f"turns are {min_turn} to {max_turn}; allowed: 1 or more, the first not above the second")
    if part not in (*PARTS, "all"):
        raise ValueError(f"unknown part {part!r}; allowed: {', '.join((*PARTS, 'all'))}")
    found = targets(dialogues) if part == "all" else split_dialogues(dialogues, "D").part(part)
    return tuple(
        Context(target.context, target.gold.strategy)
        for target in found
        if min_turn <= target.turn <= max_turn and target.dialogue.turns[target.turn - 1].speaker is Speaker.SEEKER
    )


def draw_contexts(contexts: Iterable[Context], count: int, seed: int) -> tuple[Context, ...]:
    """`count` contexts from as many dialogues, in the order given; the same for the same seed.

    Each problem type gets its share of the dialogues, give or take one. Raises ValueError when there are too few.
    """
    by_dialogue: dict[str, list[Context]] = defaultdict(list)
    for context in contexts:
        by_dialogue[context.dialogue.id].append(context)
    if not 1 <= count <= len(by_dialogue):
        raise ValueError(
            f"{count} contexts are asked for; allowed: 1 to {len(by_dialogue)}, since each comes from another dialogue"
        )
    by_type: dict[str, list[str]] = defaultdict(list)
    for name, found in by_dialogue.items():
        by_type[found[0].dialogue.problem_type].append(name)
    draw = random.Random(f"contexts:{seed}")
    take = _shares({kind: len(names) for kind, names in by_type.items()}, count)
    chosen = {name for kind in sorted(by_type) for name in draw.sample(by_type[kind], take[kind])}
    # A random source for each dialogue, so that its turn does not depend on how many others are drawn.
    return tuple(
        random.Random(f"turn:{seed}:{name}").choice(found) for name, found in by_dialogue.items() if name in chosen
    )


def item_row(context: Context, replies: Mapping[str, Reply]) -> dict[str, Any]:
    """The context and what each net replied, as one line of an item file (`annotation/files/item_files.py`)."""
    dialogue = context.dialogue
    return {
        "id": context.id,
        "dialogue": dialogue.id,
        "situation": dialogue.situation,
        "problem_type": dialogue.problem_type,
        "emotion_type": dialogue.emotion_type,
        "strategy": context.strategy,
        "turn": len(dialogue.turns),
        "context": [{"speaker": turn.speaker.value, "text": turn.text} for turn in dialogue.turns],
        "replies": {name: reply.to_dict() | {"checkpoint": reply.trace.checkpoint} for name, reply in replies.items()},
    }


def _shares(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """`count` divided in proportion to the sizes; the largest remainders are rounded up.

    >>> _shares({"job crisis": 6, "breakup": 3}, 5)
    {'job crisis': 3, 'breakup': 2}
    """
    exact = {name: count * size / sum(sizes.values()) for name, size in sizes.items()}
    take = {name: int(wanted) for name, wanted in exact.items()}
    by_rest = sorted(sizes, key=lambda name: (take[name] - exact[name], name))
    for name in by_rest[: count - sum(take.values())]:
        take[name] += 1
    return take
