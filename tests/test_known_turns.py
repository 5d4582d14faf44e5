"""Training on the turns alone that COMET tails are known of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import Splits, targets
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
    splits = Splits("D", turns, turns[3:4], ())
    assert known_turns(splits, KnowsThree(), only=True) == replace(splits, train=turns[3:4])
    with pytest.raises(ValueError, match="only 1 of 10 training turns have COMET tails"):
        known_turns(splits, KnowsThree(), only=False)
    half = replace(splits, train=turns[3:5])
    assert known_turns(half, KnowsThree(), only=False) == half


@pytest.mark.parametrize("only", [True, False])
def test_a_validation_part_with_few_tails_is_told(only: bool, caplog: pytest.LogCaptureFixture) -> None:
    turns = targets([talk(number) for number in range(6)])
    known_turns(Splits("D", turns[3:4], turns[3:5], ()), KnowsThree(), only)
    assert not caplog.messages
    known_turns(Splits("D", turns[3:4], turns[3:], ()), KnowsThree(), only)
    assert caplog.messages == ["only 1 of 3 validation turns have COMET tails; the others are measured without"]
