"""Figures of tails, worked out by hand."""

from __future__ import annotations

import pytest

from models.knowledge.comet_data import Head
from models.knowledge.comet_score import most_frequent, tail_scores

HEADS = [
    Head("a", (("xReact", "sad"), ("xReact", "tired"), ("xWant", "to go home"), ("oReact", "none"))),
    Head("b", (("xReact", "sad"), ("xWant", "to sleep well"))),
]


def test_scores_by_hand() -> None:
    """4 pairs: xReact hits first, xWant second, xReact misses, xWant is not predicted."""
    predicted = [{"xReact": ("Sad.",), "xWant": ("to run", "to go home")}, {"xReact": ("happy", "glad")}]
    scores = tail_scores(HEADS, predicted)
    assert (scores.pairs, scores.any_match, scores.top_match, scores.per_pair) == (4, 50.0, 25.0, 1.25)


def test_bleu_2_by_hand() -> None:
    """ "to go out" against "to go home": 2 of 3 words, 1 of 2 bigrams, same length: sqrt(2/3 x 1/2) = 57.74."""
    scores = tail_scores(HEADS[:1], [{"xWant": ("to go out",)}], ["xWant"])
    assert scores.bleu2 == pytest.approx(57.735, abs=0.001)


def test_most_frequent_tails() -> None:
    baseline = most_frequent(HEADS)
    assert baseline["xReact"] == ("sad", "tired")
    assert baseline["oReact"] == ()


def test_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no head has a tail for oWant"):
        tail_scores(HEADS, [{}, {}], ["oWant"])
