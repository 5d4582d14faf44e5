"""Figures of strategy prediction against numbers worked out by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from models.evaluation.strategy_metrics import ClassScores, strategy_scores, top_hits


def test_strategy_scores_worked_out_by_hand() -> None:
    """Gold 0 0 1 2, predicted 0 1 1 1. F1: class 0 2/3, class 1 1/2, class 2 and the five absent ones 0."""
    scores = strategy_scores([0, 1, 1, 1], [0, 0, 1, 2])
    assert scores.accuracy == 50
    assert scores.macro_f1 == pytest.approx(100 * (2 / 3 + 1 / 2) / 8)
    assert scores.weighted_f1 == pytest.approx(100 * (2 * 2 / 3 + 1 / 2) / 4)
    assert scores.most_frequent == 50
    assert scores.macro_precision == pytest.approx(100 * (1 + 1 / 3) / 8)
    assert scores.macro_recall == pytest.approx(100 * (1 / 2 + 1) / 8)
    assert scores.classes[0] == ClassScores(100, 50, pytest.approx(200 / 3), 2)
    assert [one.count for one in scores.classes] == [2, 1, 1, 0, 0, 0, 0, 0]
    assert scores.top_k == ()
    assert scores.confusion[0][:3] == (1, 1, 0)
    assert scores.confusion[2][:3] == (0, 1, 0)
    assert sum(map(sum, scores.confusion)) == 4


def test_top_k_counts_the_gold_strategy_among_the_k_best() -> None:
    probabilities = [[0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0], [0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0]]
    scores = strategy_scores([0, 0], [1, 2], probabilities)
    assert scores.top_k == (0.0, 50.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0)


def test_strategies_of_different_number_are_refused() -> None:
    with pytest.raises(ValueError, match="got 1 predictions, 0 distributions and 2 gold strategies"):
        strategy_scores([0], [0, 1])
    with pytest.raises(ValueError, match="at least 1"):
        strategy_scores([], [])


def test_top_k_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    gold, chances = rng.integers(0, 8, 60).tolist(), rng.dirichlet(np.ones(8), 60).tolist()
    found = top_hits(chances, gold).mean(axis=0)
    expected = [top_k_accuracy_score(gold, chances, k=k, labels=range(8)) for k in range(1, 8)]
    assert found.tolist() == pytest.approx([*expected, 1.0])
