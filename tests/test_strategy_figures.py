"""Figures of strategy prediction against numbers worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support, top_k_accuracy_score

from models.evaluation.figure import Units
from models.evaluation.strategy_figures import (
    StrategyScores,
    confusion_of,
    strategy_figures,
    strategy_table,
    top_hits,
)


def strategy_scores(
    predicted: list[int], gold: list[int], chances: list[list[float]] | None = None
) -> dict[str, float]:
    found = strategy_figures(predicted, gold, chances or [], Units([""] * len(gold)))
    return {name: figure.value for name, figure in found.items()}


def test_strategy_scores_worked_out_by_hand() -> None:
    """Gold 0 0 1 2, predicted 0 1 1 1. F1: class 0 2/3, class 1 1/2, class 2 and the five absent ones 0."""
    assert strategy_scores([0, 1, 1, 1], [0, 0, 1, 2]) == pytest.approx(
        {
            "accuracy": 50,
            "macro_f1": 100 * (2 / 3 + 1 / 2) / 8,
            "weighted_f1": 100 * (2 * 2 / 3 + 1 / 2) / 4,
            "macro_precision": 100 * (1 + 1 / 3) / 8,
            "macro_recall": 100 * (1 / 2 + 1) / 8,
        }
    )
    table = strategy_table([0, 1, 1, 1], [0, 0, 1, 2])
    assert table.most_frequent == 50
    assert table.classes[0] == StrategyScores(100, 50, pytest.approx(200 / 3), 2)
    assert [one.count for one in table.classes] == [2, 1, 1, 0, 0, 0, 0, 0]
    assert table.confusion[0][:3] == (1, 1, 0)
    assert table.confusion[2][:3] == (0, 1, 0)
    assert sum(map(sum, table.confusion)) == 4


def test_figures_of_the_confusion_matrix_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    labels = list(range(8))
    for kinds in (3, 8):
        predicted, gold = (rng.integers(0, kinds, 50).tolist() for _ in range(2))
        found, table = strategy_scores(predicted, gold), strategy_table(predicted, gold)
        precision, recall, f1, count = precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
        assert found == pytest.approx(
            {
                "accuracy": 100 * accuracy_score(gold, predicted),
                "macro_f1": 100 * f1.mean(),
                "weighted_f1": 100 * f1 @ count / 50,
                "macro_precision": 100 * precision.mean(),
                "macro_recall": 100 * recall.mean(),
            }
        )
        assert [one.f1 for one in table.classes] == pytest.approx(100 * f1)
        assert [one.precision for one in table.classes] == pytest.approx(100 * precision)
        assert [one.recall for one in table.classes] == pytest.approx(100 * recall)
        assert table.confusion == tuple(map(tuple, confusion_matrix(gold, predicted, labels=labels).tolist()))


def test_top_k_counts_the_gold_strategy_among_the_k_best() -> None:
    probabilities = [[0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0], [0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0]]
    scores = strategy_scores([0, 0], [1, 2], probabilities)
    assert [scores[f"top_{k}"] for k in range(1, 9)] == [0.0, 50.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]


def test_strategies_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="got 1 predictions and 2 gold strategies"):
        confusion_of([0], [0, 1])
    with pytest.raises(ValueError, match="at least 1"):
        confusion_of([], [])


def test_top_k_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    gold, chances = rng.integers(0, 8, 60).tolist(), rng.dirichlet(np.ones(8), 60).tolist()
    found = top_hits(chances, gold).mean(axis=0)
    expected = [top_k_accuracy_score(gold, chances, k=k, labels=range(8)) for k in range(1, 8)]
    assert found.tolist() == pytest.approx([*expected, 1.0])
