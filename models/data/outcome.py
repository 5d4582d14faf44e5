"""What followed a supporter turn in a recorded talk: targets that some nets learn from (FADO, MultiESC), never inputs.

ESConv's seekers rate the help every few turns (1 to 5 stars), and the intensity of their emotion before and after.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.data.dialogue import Speaker
from models.data.esconv import Target
from models.data.strategies import strategy_id

LATER = 2
"""how many of the following strategies are kept"""


@dataclass(frozen=True)
class Outcome:
    """See the module; for a turn in a live chat, nothing is known."""

    rating: int = 0
    """stars that the seeker gave next, 1 to 5; 0 = none"""
    relief: int | None = None
    """how much less intense the emotion was at the end of the talk, -4 to 4"""
    later: tuple[int, ...] = ()
    """strategies of the supporter's next turns, at most LATER; -1 = not annotated"""


def outcome_of(target: Target) -> Outcome:
    """What followed the turn to be predicted."""
    feedback, after = target.dialogue.feedback, range(target.turn + 1, len(target.dialogue.turns))
    next_turns = [target.dialogue.turns[at] for at in after]
    followed = [turn.strategy for turn in next_turns if turn.speaker is Speaker.SUPPORTER][:LATER]
    return Outcome(
        next((stars for stars in feedback.ratings[target.turn + 1 :] if stars), 0),
        feedback.relief,
        tuple(strategy_id(strategy) if strategy else -1 for strategy in followed),
    )
