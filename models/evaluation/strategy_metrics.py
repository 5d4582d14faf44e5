"""Figures of strategy prediction, as pure functions: predicted and gold indices in, percent out.

Place in the flow: predicted strategies and their distributions -> scores -> models.evaluation.report. "F1" in the STAR
paper is the macro F1 over all eight classes; precision and recall of AdMISC's ablation are taken to be macro averages
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from models.data.strategies import STRATEGIES


@dataclass(frozen=True)
class ClassScores:
    """One strategy: percent, and how often it is the gold one."""

    precision: float
    recall: float
    f1: float
    count: int


@dataclass(frozen=True)
class StrategyScores:
    """Predicted against gold strategies over all eight classes, in percent; a share of nothing counts as 0."""

    accuracy: float
    macro_f1: float
    weighted_f1: float
    macro_precision: float
    macro_recall: float
    most_frequent: float
    """accuracy of always naming the most frequent gold strategy: the floor"""
    top_k: tuple[float, ...]
    """share of turns whose gold strategy is among the k most probable, k = 1 to 8; () without probabilities"""
    classes: tuple[ClassScores, ...]
    """in the order of STRATEGIES"""
    confusion: tuple[tuple[int, ...], ...]
    """counts, gold strategy by row, predicted by column, in the order of STRATEGIES"""


def strategy_scores(
    predicted: Sequence[int], gold: Sequence[int], probabilities: Sequence[Sequence[float]] = ()
) -> StrategyScores:
    """Figures of strategy prediction.

    Args:
        predicted: index in STRATEGIES per turn.
        gold: the same, as annotated.
        probabilities: (turns, 8) predicted distribution per turn, for top-k; may be left out.

    Raises ValueError when there is nothing to score or the lengths differ.
    """
    if not gold or len(predicted) != len(gold) or (probabilities and len(probabilities) != len(gold)):
        raise ValueError(
            f"got {len(predicted)} predictions, {len(probabilities)} distributions and {len(gold)} gold strategies; "
            "want as many of each, at least 1"
        )
    labels = list(range(len(STRATEGIES)))
    precision, recall, f1, count = precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    return StrategyScores(
        accuracy=100 * float(accuracy_score(gold, predicted)),
        macro_f1=100 * float(f1.mean()),
        weighted_f1=100 * float(f1 @ count) / len(gold),
        macro_precision=100 * float(precision.mean()),
        macro_recall=100 * float(recall.mean()),
        most_frequent=100 * max(map(list(gold).count, labels)) / len(gold),
        top_k=tuple(100 * hit for hit in top_hits(probabilities, gold).mean(axis=0).tolist()) if probabilities else (),
        classes=tuple(
            ClassScores(100 * float(precision[i]), 100 * float(recall[i]), 100 * float(f1[i]), int(count[i]))
            for i in labels
        ),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(gold, predicted, labels=labels)),
    )


def top_hits(probabilities: Sequence[Sequence[float]], gold: Sequence[int]) -> NDArray[np.bool_]:
    """(turns, 8): whether the gold strategy is among the k + 1 most probable in column k. Ties: the first ones win."""
    order = np.argsort(-np.asarray(probabilities, dtype=float), axis=1, kind="stable")
    return np.logical_or.accumulate(order == np.asarray(gold)[:, None], axis=1)
