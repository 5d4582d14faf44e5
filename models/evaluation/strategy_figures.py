"""Figures of strategy prediction: functions of the confusion matrix, and how often the top k hold the gold strategy.

Place in the flow: predicted strategies and their distributions -> figures -> models.evaluation.system_figures. "F1" in
the STAR paper is the macro F1 over all eight classes; precision and recall of AdMISC's ablation are assumed to be macro
averages too. A ratio with denominator 0 counts as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.strategies import STRATEGIES
from models.evaluation.figure import Figure, Floats, Summed, Units, mean_of

K = len(STRATEGIES)


def precisions(tables: Floats) -> Floats:
    """(..., 8) of confusion matrices (..., 8, 8), gold strategy by row, predicted by column; 0 to 1."""
    return _share(_right(tables), tables.sum(axis=-2))


def recalls(tables: Floats) -> Floats:
    """(..., 8) of confusion matrices (..., 8, 8); 0 to 1."""
    return _share(_right(tables), tables.sum(axis=-1))


def f1s(tables: Floats) -> Floats:
    """(..., 8) of confusion matrices (..., 8, 8); 0 to 1."""
    return _share(2 * _right(tables), tables.sum(axis=-2) + tables.sum(axis=-1))


def accuracy(tables: Floats) -> Floats:
    """(...) of confusion matrices (..., 8, 8); 0 to 1."""
    return _share(_right(tables).sum(axis=-1), tables.sum(axis=(-2, -1)))


def macro_f1(tables: Floats) -> Floats:
    """(...) of confusion matrices (..., 8, 8): mean over all eight strategies; 0 to 1."""
    return f1s(tables).mean(axis=-1)


def weighted_f1(tables: Floats) -> Floats:
    """(...) of confusion matrices (..., 8, 8): mean over turns of the F1 of their gold strategy; 0 to 1."""
    return _share((f1s(tables) * tables.sum(axis=-1)).sum(axis=-1), tables.sum(axis=(-2, -1)))


OF_CONFUSION: Mapping[str, Callable[[Floats], Floats]] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "macro_precision": lambda tables: precisions(tables).mean(axis=-1),
    "macro_recall": lambda tables: recalls(tables).mean(axis=-1),
}
"""name of a figure -> its function of the confusion matrix, 0 to 1"""


@dataclass(frozen=True)
class StrategyScores:
    """Scores of one strategy in percent, and how often it is the gold one."""

    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True)
class StrategyTable:
    """Predicted against gold strategies, strategy by strategy."""

    confusion: tuple[tuple[int, ...], ...]
    """counts, gold strategy by row, predicted by column, in the order of STRATEGIES"""
    classes: tuple[StrategyScores, ...]
    """in the order of STRATEGIES"""
    most_frequent: float
    """accuracy of always predicting the most frequent gold strategy, percent: the baseline"""


def strategy_figures(
    predicted: Sequence[int], gold: Sequence[int], probabilities: Sequence[Sequence[float]], units: Units
) -> dict[str, Figure]:
    """Figures in percent, by name.

    Args:
        predicted: index in STRATEGIES per turn.
        gold: the same, as annotated.
        probabilities: (turns, 8) predicted distribution per turn, for the top k, k = 1 to 8; () leaves these out.
        units: the unit of each turn.
    """
    cells = units.sums(np.eye(K * K)[np.array(gold) * K + np.array(predicted)])  # a confusion matrix each, flat

    def of(read: Callable[[Floats], Floats]) -> Summed:
        return Summed(cells, lambda sums: 100 * read(sums.reshape(*sums.shape[:-1], K, K)))

    found: dict[str, Figure] = {name: of(read) for name, read in OF_CONFUSION.items()}
    if probabilities:
        hits = top_hits(probabilities, gold).astype(float)
        found |= {f"top_{k + 1}": mean_of(hits[:, k].tolist(), units) for k in range(K)}
    return found


def strategy_table(predicted: Sequence[int], gold: Sequence[int]) -> StrategyTable:
    """The confusion matrix, and the figures of each strategy."""
    table = confusion_of(predicted, gold)
    columns = (100 * precisions(table), 100 * recalls(table), 100 * f1s(table), table.sum(axis=1).astype(int))
    return StrategyTable(
        tuple(tuple(map(int, row)) for row in table.tolist()),
        tuple(StrategyScores(*scores) for scores in zip(*(column.tolist() for column in columns), strict=True)),
        100 * float(table.sum(axis=1).max() / table.sum()),
    )


def confusion_of(predicted: Sequence[int], gold: Sequence[int]) -> Floats:
    """(8, 8) counts, gold strategy by row, predicted by column.

    Raises ValueError when there is nothing to count or the lengths differ.
    """
    if not gold or len(predicted) != len(gold):
        raise ValueError(
            f"got {len(predicted)} predictions and {len(gold)} gold strategies; want as many of both, at least 1"
        )
    table = np.zeros((K, K))
    np.add.at(table, (np.array(gold), np.array(predicted)), 1.0)
    return table


def top_hits(probabilities: Sequence[Sequence[float]], gold: Sequence[int]) -> NDArray[np.bool_]:
    """(turns, 8): whether the gold strategy is among the k + 1 most probable in column k. Ties: the first ones win."""
    order = np.argsort(-np.asarray(probabilities, dtype=float), axis=1, kind="stable")
    return np.logical_or.accumulate(order == np.asarray(gold)[:, None], axis=1)


def _right(tables: Floats) -> Floats:
    return np.diagonal(tables, axis1=-2, axis2=-1)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)
