"""What a net predicts for each turn: eight probabilities, with the annotated strategy and the place in the talk.

Place in the flow: a net or a file of predictions -> StrategyTurns -> stages, labels and top k. No text is passed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.data.dialogue import Dialogue
from models.data.strategies import STRATEGIES, strategy_id
from models.evaluation.figure import Units
from models.evaluation.predictions import Prediction


@dataclass(frozen=True)
class StrategyTurn:
    """One supporter turn with a net's prediction."""

    dialogue: str
    """id of the dialogue"""
    place: float
    """number of utterances before it as a share of its whole dialogue, 0 to below 1"""
    gold: int
    """index of the annotated strategy in STRATEGIES"""
    chances: tuple[float, ...]
    """predicted distribution in the order of STRATEGIES"""

    @property
    def predicted(self) -> int:
        """Index in STRATEGIES of the most probable strategy; the first one if several are equal."""
        return max(range(len(self.chances)), key=self.chances.__getitem__)


def units_of(turns: Sequence[StrategyTurn]) -> Units:
    """The dialogues of the turns: the units that intervals resample."""
    return Units([turn.dialogue for turn in turns])


def turns_of_file(predictions: Sequence[Prediction], dialogues: Iterable[Dialogue]) -> tuple[StrategyTurn, ...]:
    """One turn per prediction, in order.

    Raises ValueError when predictions have no distributions, or are of turns that the dialogues do not have.
    """
    known = {dialogue.id: dialogue for dialogue in dialogues}
    turns = []
    for number, one in enumerate(predictions, start=1):
        where = f"prediction {number}"
        if not one.strategies or one.gold is None:
            raise ValueError(f"{where} has no strategies or no gold; give the predictions of a net that predicts both")
        dialogue = known.get(one.dialogue)
        if dialogue is None or one.turn >= len(dialogue.turns):
            raise ValueError(
                f"{where} is of turn {one.turn} of dialogue {one.dialogue!r}, which --esconv does not have; give the"
                " ESConv that they were made on"
            )
        gold = strategy_id(one.gold)
        if dialogue.turns[one.turn].strategy != STRATEGIES[gold]:
            raise ValueError(
                f"{where} says gold {one.gold!r}, but turn {one.turn} of dialogue {one.dialogue!r} is annotated"
                f" {dialogue.turns[one.turn].strategy!r}; give the ESConv that they were made on"
            )
        turns.append(StrategyTurn(one.dialogue, place_of(dialogue, one.turn), gold, one.strategies))
    return tuple(turns)


def place_of(dialogue: Dialogue, turn: int) -> float:
    """`StrategyTurn.place` of the utterance at index `turn`."""
    return turn / len(dialogue.turns)
