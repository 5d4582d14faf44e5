"""How often the annotated strategy is among the k most probable ones, k = 1 to 8 (MISC, figure 5; AdMISC, figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.analysis.strategy_turns import StrategyTurn, units_of
from models.data.strategies import STRATEGIES
from models.evaluation.figure import mean_of
from models.evaluation.strategy_figures import top_hits
from models.evaluation.uncertainty import Interval, interval


@dataclass(frozen=True)
class TopK:
    """Percent of the turns, for k = 1 to 8."""

    accuracy: tuple[Interval, ...]
    """top-k accuracy with 95 % intervals; the last is 100"""
    most_frequent: tuple[float, ...]
    """the same if the k most frequent annotated strategies of these turns were always predicted: the baseline"""


def top_k_of(turns: Sequence[StrategyTurn], rounds: int, seed: int) -> TopK:
    """Figures for all eight k; intervals resample dialogues. Raises ValueError when there are no turns."""
    if not turns:
        raise ValueError("no turns; give at least one")
    gold, units = [turn.gold for turn in turns], units_of(turns)
    hits = top_hits([turn.chances for turn in turns], gold).astype(float)
    counts = np.sort(np.bincount(gold, minlength=len(STRATEGIES)))[::-1]
    return TopK(
        tuple(
            interval(f"top_{at + 1}", mean_of(hits[:, at].tolist(), units), rounds, seed) for at in range(hits.shape[1])
        ),
        tuple((100 * counts.cumsum() / len(gold)).tolist()),
    )
