"""BERTScore (Zhang et al. 2020) through the package bert-score, which is optional: it brings matplotlib along.

Place in the flow: replies and references -> one precision, recall and F each -> models.evaluation.system_figures.
Figures from different models (roberta-large, a folder) cannot be compared, so the model's name is kept with them. They
are never rescaled to a baseline.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "bert-score==0.3.13"


@dataclass(frozen=True)
class BertScores:
    """Per reply, each 0 to 1; an empty reply or reference scores 0."""

    model: str
    """a name on the Hub, or the name of a folder"""
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]


def bert_scores(replies: Sequence[str], references: Sequence[str], model: str, layer: int | None = None) -> BertScores:
    """Scores with `model`, a Hub name or a folder; `layer` is needed if bert-score does not know the model.

    Raises ValueError saying what to do when the package or the model is missing.
    """
    try:
        package: Any = importlib.import_module("bert_score")  # by name: it is not among the requirements
    except ImportError as fault:
        raise ValueError(f"BERTScore needs another package ({fault}); run: pip install {PACKAGE}") from fault
    try:
        scorer = package.BERTScorer(model_type=model, num_layers=layer, rescale_with_baseline=False)
    except KeyError as fault:
        raise ValueError(f"bert-score knows no best layer for {model!r}; give one with --bertscore-layer") from fault
    except OSError as fault:
        raise ValueError(
            f"the BERTScore model {model!r} is not at hand ({type(fault).__name__}); check the name and the network, "
            "or give the folder of a downloaded one, e.g. of roberta-large"
        ) from fault
    # the package cannot encode an empty text with transformers 5
    rows = [i for i, (one, other) in enumerate(zip(replies, references, strict=True)) if one.strip() and other.strip()]
    columns = [[0.0] * len(replies) for _ in range(3)]
    if rows:
        found = scorer.score([replies[i] for i in rows], [references[i] for i in rows])
        for column, values in zip(columns, found, strict=True):
            for i, value in zip(rows, values.tolist(), strict=True):
                column[i] = float(value)
    name = Path(model).resolve().name if Path(model).is_dir() else model  # figures are published, paths are not
    return BertScores(name, *map(tuple, columns))
