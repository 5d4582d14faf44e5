"""How a talk has gone so far, apart from its words: its length, which strategies were used, and how recently.

An encoder of 128 tokens sees the end of a talk; what the supporter has done before that, and how often, says about as
much about the next strategy as the words do (`models/EXPERIMENTS.md`). A net with `course=True` adds the scores of a
small network over these features to its own strategy scores. This is our addition, in none of the papers; it is off in
the published settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from models.data.dialogue import Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id

LATEST = 3
"""how many of the latest strategies are given one by one"""
MOST_IN_A_ROW = 4
"""maximum number of turns in a row by one speaker that is counted"""
FEATURES = 4 + (2 + LATEST) * len(STRATEGIES)
"""number of features that describe the course"""


def course_of(turns: Sequence[Turn]) -> tuple[float, ...]:
    """FEATURES numbers, about 0 to 4 each; `turns` are all turns before the reply, oldest first.

    The length twice (as logarithm, and in units of 20 turns); turns in a row at the end by seeker and by supporter; for
    each strategy, how often (logarithm) and how recently it was used (1 / supporter turns since); the LATEST latest
    strategies.
    """
    used = [strategy_id(turn.strategy) for turn in reversed(turns) if turn.strategy]
    numbers = range(len(STRATEGIES))
    latest = [float(place < len(used) and used[place] == s) for place in range(LATEST) for s in numbers]
    return (
        math.log1p(len(turns)),
        len(turns) / 20,
        *(_in_a_row(turns, speaker) / 2 for speaker in (Speaker.SEEKER, Speaker.SUPPORTER)),
        *(math.log1p(used.count(s)) for s in numbers),
        *(1 / (1 + used.index(s)) if s in used else 0.0 for s in numbers),
        *latest,
    )


def _in_a_row(turns: Sequence[Turn], speaker: Speaker) -> int:
    row = 0
    for turn in reversed(turns[-MOST_IN_A_ROW:]):
        if turn.speaker is not speaker:
            break
        row += 1
    return row


class Course(nn.Module):
    """Features (B, FEATURES) -> what they add to the strategy scores (B, 8); zero before training."""

    def __init__(self, width: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = dropout
        self.inner, self.out = nn.Linear(FEATURES, width), nn.Linear(width, len(STRATEGIES))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, course: Tensor) -> Tensor:
        """See the class; float32."""
        return self.out(F.dropout(self.inner(course).relu(), self.dropout, self.training)).float()
