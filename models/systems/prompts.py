"""Prompts for a language model that was never trained on support talk: the task, examples, and a strategy to follow.

The rows of GPT-4o-mini in STAR's table 2 come from such prompts: with no example, 5 or 10 from the train part of
ESConv, and the strategy predicted by STAR's classifier. The paper does not print its prompts, so these are ours;
`VERSION` is part of what identifies a system's replies.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import split_dialogues
from models.data.strategies import STRATEGIES

VERSION = 1
TASK = (
    "You are a supporter in a chat with somebody who seeks emotional support. Write your next message only: one to"
    " three short sentences, warm and plain, as people type in a chat. No lists, no headings, no quotation marks."
)
MEANINGS: dict[str, str] = {
    "Question": "ask about the problem, so that they can say more of what they face",
    "Restatement or Paraphrasing": "say in fewer words what they said, so that they see it more clearly",
    "Reflection of feelings": "put into words what they feel",
    "Self-disclosure": "tell of something similar that you went through or felt",
    "Affirmation and Reassurance": "point to their strengths, and reassure and encourage them",
    "Providing Suggestions": "suggest what they could do, without telling them what to do",
    "Information": "give helpful facts or sources",
    "Others": "exchange pleasantries, or support them in another way",
}
"""strategy -> what it means, after ESConv's guide"""
EARLIER = 4
"""maximum number of turns in an example before its reply"""
NAMES = {Speaker.SEEKER: "Seeker", Speaker.SUPPORTER: "Supporter"}


@dataclass(frozen=True)
class Shot:
    """An example: what was said, and what the supporter answered."""

    before: tuple[Turn, ...]
    reply: Turn

    def text(self, number: int) -> str:
        """The example as text in a prompt."""
        lines = [f"{NAMES[turn.speaker]}: {turn.text}" for turn in self.before]
        strategy = f" ({self.reply.strategy})" if self.reply.strategy else ""
        return "\n".join([f"Example {number}", *lines, f"Supporter{strategy}: {self.reply.text}"])


def draw_shots(dialogues: Sequence[Dialogue], count: int, seed: int = 1) -> tuple[Shot, ...]:
    """`count` examples from the train part of split D, each from another dialogue, the strategies taken in turn.

    The same file, count and seed give the same examples; the first 5 of 10 are the same as with a count of 5. Raises
    ValueError when there are too few dialogues.
    """
    draw = random.Random(seed)
    by_strategy: dict[str | None, list[tuple[str, Shot]]] = {name: [] for name in STRATEGIES}
    for target in split_dialogues(dialogues, "D").part("train"):
        before = target.dialogue.turns[: target.turn]
        if len(before) >= 2 and before[-1].speaker is Speaker.SEEKER:
            shot = Shot(before[-EARLIER:], target.gold)
            by_strategy[target.gold.strategy].append((target.dialogue.id, shot))
    for found in by_strategy.values():
        draw.shuffle(found)
    order, used, shots = draw.sample(STRATEGIES, len(STRATEGIES)), set[str](), list[Shot]()
    while len(shots) < count:
        name = order[len(shots) % len(order)]
        fresh = next((pair for pair in by_strategy[name] if pair[0] not in used), None)
        if fresh is None:
            raise ValueError(f"{count} examples are wanted, but the train part of this ESConv file has too few talks")
        used.add(fresh[0])
        shots.append(fresh[1])
    return tuple(shots)


def instruction(situation: str, shots: Sequence[Shot] = (), strategy: str = "") -> str:
    """The system message. `strategy`: the one to follow, by name; "" leaves the choice to the model."""
    parts = [TASK]
    if shots:
        parts += ["Examples of other talks:", *(shot.text(number) for number, shot in enumerate(shots, start=1))]
    if situation.strip():
        parts.append(f"What they wrote beforehand about their situation: {situation.strip()}")
    if strategy:
        parts.append(f"Follow this strategy in your next message: {strategy}, that is, {MEANINGS[strategy]}.")
    return "\n\n".join(parts)
