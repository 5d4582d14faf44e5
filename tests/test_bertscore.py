"""The optional BERTScore with a stand-in for its package, and what is said when package or model are missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from models.evaluation.bertscore import bert_scores


class Scorer:
    """Precision 1 where the texts are equal, else 0.5; recall and F are told apart by their values."""

    def __init__(self, model_type: str, num_layers: int | None, rescale_with_baseline: bool) -> None:
        assert not rescale_with_baseline
        if model_type == "unknown" and num_layers is None:
            raise KeyError(model_type)
        if model_type == "absent":
            raise OSError("no such repository")

    def score(self, replies: list[str], references: list[str]) -> tuple[torch.Tensor, ...]:
        assert all(replies)
        assert all(references)
        same = torch.tensor([1.0 if a == b else 0.5 for a, b in zip(replies, references, strict=True)])
        return same, same / 2, same / 4


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("bert_score")
    module.BERTScorer = Scorer
    monkeypatch.setitem(sys.modules, "bert_score", module)


def test_every_reply_gets_its_scores_and_an_empty_one_none(package: None) -> None:
    found = bert_scores(["a", "", "b"], ["a", "a", "c"], "tiny", 2)
    assert found.model == "tiny"
    assert (found.precision, found.recall, found.f1) == ((1, 0, 0.5), (0.5, 0, 0.25), (0.25, 0, 0.125))
    assert bert_scores([""], ["a"], "tiny", 2).f1 == (0,)


def test_a_folder_is_known_by_its_name(package: None, tmp_path: Path) -> None:
    """Its path on this machine would be published with the figures."""
    (tmp_path / "tiny-bert").mkdir()
    assert bert_scores(["a"], ["a"], str(tmp_path / "tiny-bert"), 2).model == "tiny-bert"


def test_what_is_missing_is_named(package: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no best layer for 'unknown'; give one with --bertscore-layer"):
        bert_scores(["a"], ["a"], "unknown")
    with pytest.raises(ValueError, match="'absent' is not at hand"):
        bert_scores(["a"], ["a"], "absent")
    monkeypatch.setitem(sys.modules, "bert_score", None)
    with pytest.raises(ValueError, match="pip install bert-score==0"):
        bert_scores(["a"], ["a"], "roberta-large")
