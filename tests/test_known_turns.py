"""Training on the turns alone that COMET tails are known of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import targets
from models.knowledge.comet import NoComet, Query
from models.training.preflight import known_turns


class KnowsThree(NoComet):
    """Has a tail for events with a 3."""

    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        return [("sad",) if "3" in event else () for event, _ in queries]


def talk(number: int) -> Dialogue:
    turns = (Turn(Speaker.SEEKER, f"I am sad {number}."), Turn(Speaker.SUPPORTER, "Oh.", "Others"))
    return Dialogue(turns, "I lost my job.", id=str(number))


def test_only_turns_with_tails_are_learnt_when_told() -> None:
    turns = targets([talk(number) for number in range(10)])
    assert [turn.dialogue.id for turn in known_turns(turns, KnowsThree(), only=True)] == ["3"]
    with pytest.raises(ValueError, match="only 1 of 10 training turns have COMET tails"):
        known_turns(turns, KnowsThree(), only=False)
    assert known_turns(turns[3:5], KnowsThree(), only=False) == turns[3:5]
