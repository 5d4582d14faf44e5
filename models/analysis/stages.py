"""Strategies over the course of a conversation, annotated and predicted (MISC, figure 3).

A conversation is cut into five equal parts by the position of utterances, as Liu et al. 2021 do for ESConv, whom MISC
follows; their sixth point, the very last utterance, belongs to the fifth part here. Five parts are enough to see the
order of the ESC framework (explore, comfort, act), and each still has about a hundred turns if forty dialogues are
measured: with more parts, the intervals would hide what the figure should show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.analysis.strategy_turns import StrategyTurn, units_of
from models.data.strategies import STRATEGIES
from models.evaluation.figure import Floats, Summed
from models.evaluation.uncertainty import Interval, interval

STAGES = 5
K = len(STRATEGIES)


@dataclass(frozen=True)
class Stage:
    """The turns of one part of the conversations: shares in percent with 95 % intervals, in the order of STRATEGIES."""

    turns: int
    gold: tuple[Interval, ...]
    """shares of the annotated strategies"""
    predicted: tuple[Interval, ...]
    """shares of the most probable strategy of each turn"""
    difference: tuple[Interval, ...]
    """predicted - gold, in percentage points"""


def stage_of(turn: StrategyTurn) -> int:
    """The stage of a turn, 0 to STAGES - 1."""
    return min(STAGES - 1, int(turn.place * STAGES))


def stages_of(turns: Sequence[StrategyTurn], rounds: int, seed: int) -> tuple[Stage, ...]:
    """The stages in order; intervals resample dialogues.

    Raises ValueError when a stage has turns in fewer than two dialogues: then there is nothing to resample.
    """
    units, found = units_of(turns), []
    marks = np.eye(K)
    for stage in range(STAGES):
        inside = np.array([float(stage_of(turn) == stage) for turn in turns])
        gold, predicted = (marks[[getattr(turn, name) for turn in turns]] for name in ("gold", "predicted"))
        parts = units.sums(np.hstack((gold, predicted, np.ones((len(turns), 1)))) * inside[:, None])
        if (parts[:, -1] > 0).sum() < 2:
            raise ValueError(
                f"part {stage + 1} of {STAGES} of the conversations has turns in {int((parts[:, -1] > 0).sum())}"
                " dialogues; analyse at least 2 with turns in every part"
            )
        found.append(_stage(parts, rounds, seed))
    return tuple(found)


def _stage(parts: Floats, rounds: int, seed: int) -> Stage:
    """A stage from `parts` (units, 17): counts of the eight gold and the eight predicted strategies, and of turns."""

    def shares(plus: int, minus: int | None = None) -> tuple[Interval, ...]:
        return tuple(
            interval(name, Summed(parts, _share(plus + at, None if minus is None else minus + at)), rounds, seed)
            for at, name in enumerate(STRATEGIES)
        )

    return Stage(int(parts[:, -1].sum()), shares(0), shares(K), shares(K, 0))


def _share(plus: int, minus: int | None) -> Callable[[Floats], Floats]:
    """Percent of the turns in one column, minus those in another; NaN in a resample without any turn."""

    def of(sums: Floats) -> Floats:
        counts = sums[..., plus] - (sums[..., minus] if minus is not None else 0.0)
        return 100 * np.divide(counts, sums[..., -1], out=np.full(counts.shape, np.nan), where=sums[..., -1] > 0)

    return of
