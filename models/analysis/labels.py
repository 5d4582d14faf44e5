"""How often a net and the annotators choose each strategy, and which strategies are confused (AdMISC, figure 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.analysis.strategy_turns import StrategyTurn, units_of
from models.data.strategies import STRATEGIES
from models.evaluation.figure import Floats, Summed
from models.evaluation.strategy_figures import accuracy, confusion_of, macro_f1, precisions, recalls
from models.evaluation.uncertainty import Interval, interval

K = len(STRATEGIES)


@dataclass(frozen=True)
class Labels:
    """Annotated against predicted strategies; percent with 95 % intervals, eight each in the order of STRATEGIES."""

    gold: tuple[Interval, ...]
    """share of the turns annotated with the strategy"""
    predicted: tuple[Interval, ...]
    """share of the turns for which the strategy is the most probable one"""
    recall: tuple[Interval, ...]
    """of the turns annotated with it, the share for which it is predicted; 0 if there are none"""
    precision: tuple[Interval, ...]
    """of the turns for which it is predicted, the share annotated with it; 0 if there are none"""
    confusion: tuple[tuple[int, ...], ...]
    """(8, 8) counts, annotated by row, predicted by column"""
    accuracy: Interval
    macro_f1: Interval


def labels_of(turns: Sequence[StrategyTurn], rounds: int, seed: int) -> Labels:
    """Counts and shares of all turns; intervals resample dialogues. Raises ValueError when there are none.

    A resample without a turn of a strategy says nothing of its recall, and is left out of that interval; so is one
    without a prediction of it for its precision.
    """
    gold, predicted = [turn.gold for turn in turns], [turn.predicted for turn in turns]
    table = confusion_of(predicted, gold)
    cells = units_of(turns).sums(np.eye(K * K)[np.array(gold) * K + np.array(predicted)])

    def measured(name: str, read: Callable[[Floats], Floats]) -> Interval:
        figure = Summed(cells, lambda sums: 100 * read(sums.reshape(*sums.shape[:-1], K, K)))
        found = interval(name, figure, rounds, seed)
        return Interval(name, 0.0, 0.0, 0.0) if np.isnan(found.value) else found

    def each(read: Callable[[Floats], Floats]) -> tuple[Interval, ...]:
        return tuple(measured(name, _of_strategy(read, at)) for at, name in enumerate(STRATEGIES))

    return Labels(
        gold=each(lambda tables: tables.sum(axis=-1) / tables.sum(axis=(-2, -1))[..., None]),
        predicted=each(lambda tables: tables.sum(axis=-2) / tables.sum(axis=(-2, -1))[..., None]),
        recall=each(lambda tables: np.where(tables.any(axis=-1), recalls(tables), np.nan)),
        precision=each(lambda tables: np.where(tables.any(axis=-2), precisions(tables), np.nan)),
        confusion=tuple(tuple(map(int, row)) for row in table.tolist()),
        accuracy=measured("accuracy", accuracy),
        macro_f1=measured("macro_f1", macro_f1),
    )


def _of_strategy(read: Callable[[Floats], Floats], at: int) -> Callable[[Floats], Floats]:
    return lambda tables: read(tables)[..., at]
