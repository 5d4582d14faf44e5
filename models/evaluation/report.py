"""Predictions -> figures with intervals, and a JSON file of them.

Place in the flow: `models.commands.evaluate` (a net on ESConv) and `models.commands.score` (anybody's outputs) both end
here; `models.evaluation.tables` prints the reports beside the papers' rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.data.strategies import STRATEGIES, strategy_id
from models.evaluation.bertscore import BertScores
from models.evaluation.figure_sums import Units, figures_of
from models.evaluation.metrics import WORDS, Definition, TextScores, Tokenise, perplexity, text_scores, words
from models.evaluation.predictions import Prediction, write_whole
from models.evaluation.strategy_metrics import StrategyScores, strategy_scores
from models.evaluation.uncertainty import Interval, interval


@dataclass(frozen=True)
class Perplexity:
    """Of the references under the system; None where a sum is missing."""

    token_gold: float | None
    """per token, gold strategy given"""
    word_gold: float | None
    """per word of `models.evaluation.metrics.words`, gold strategy given: comparable between vocabularies"""
    token_predicted: float | None
    word_predicted: float | None


@dataclass(frozen=True)
class BertMeans:
    """BERTScore under one model, means of 0 to 1, not rescaled."""

    model: str
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn."""

    rounds: int = 1000
    seed: int = 1


@dataclass(frozen=True)
class Report:
    """All figures of one system on one set of turns under one definition."""

    n: int
    definition: Definition
    text: TextScores
    strategy: StrategyScores | None = None
    perplexity: Perplexity | None = None
    bert: BertMeans | None = None
    intervals: tuple[Interval, ...] = ()
    """95 %, named as in `values`"""
    resampled: str = ""
    """what was drawn anew for them, and how often"""

    def values(self) -> dict[str, float]:
        """Every figure by name, those of models.evaluation.figure_sums."""
        found: dict[str, float | None] = {}
        if self.strategy:
            names = ("accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall")
            found |= {name: getattr(self.strategy, name) for name in names}
            found |= {f"top_{k}": share for k, share in enumerate(self.strategy.top_k, 1)}
        if self.perplexity:
            found |= {f"ppl_{name}": value for name, value in asdict(self.perplexity).items()}
        found |= asdict(self.text)
        if self.bert:
            found |= {f"bert_{name}": getattr(self.bert, name) for name in ("precision", "recall", "f1")}
        return {name: value for name, value in found.items() if value is not None}


def measure(
    predictions: Sequence[Prediction],
    definition: Definition = WORDS,
    bpe: Tokenise | None = None,
    bert: BertScores | None = None,
    bootstrap: Bootstrap | None = None,
) -> Report:
    """Every figure that the predictions allow. `bpe` is the tokenizer of the net, for `Definition("bpe")`.

    Raises ValueError when there are none, or a field is given for some of them only. A single unit has no intervals:
    drawn anew it is itself.
    """
    text = text_scores([p.hypothesis for p in predictions], [p.reference for p in predictions], definition, bpe)
    strategy, ppl = _strategy(predictions), _perplexity(predictions)
    means = BertMeans(bert.model, *(sum(c) / len(c) for c in (bert.precision, bert.recall, bert.f1))) if bert else None
    if bootstrap is None:
        return Report(len(predictions), definition, text, strategy, ppl, means)
    units = Units(predictions)
    if units.number < 2:
        none = f"none, since they draw {units.kind} anew and all turns are of one"
        return Report(len(predictions), definition, text, strategy, ppl, means, resampled=none)
    found = figures_of(predictions, definition, bpe, bert).items()
    intervals = tuple(interval(name, figure, bootstrap.rounds, bootstrap.seed) for name, figure in found)
    drawn = f"{units.number} {units.kind} drawn {bootstrap.rounds} times, seed {bootstrap.seed}; D-n by jackknife"
    return Report(len(predictions), definition, text, strategy, ppl, means, intervals, drawn)


def _in_all(predictions: Sequence[Prediction], *names: str) -> bool:
    """Whether all predictions have these fields (True) or none has (False)."""
    counts = {name: sum(getattr(p, name) not in (None, ()) for p in predictions) for name in names}
    if len(set(counts.values())) == 1 and set(counts.values()) <= {0, len(predictions)}:
        return 0 not in counts.values()
    found = ", ".join(f"{name} in {count}" for name, count in counts.items())
    raise ValueError(f"of {len(predictions)} predictions {found}; give {' and '.join(names)} in all or in none")


def _strategy(predictions: Sequence[Prediction]) -> StrategyScores | None:
    if not _in_all(predictions, "strategy", "gold"):
        return None
    predicted, gold = ([strategy_id(str(getattr(p, name))) for p in predictions] for name in ("strategy", "gold"))
    with_distribution = _in_all(predictions, "strategies")
    return strategy_scores(predicted, gold, [p.strategies for p in predictions] if with_distribution else ())


def _perplexity(predictions: Sequence[Prediction]) -> Perplexity | None:
    sums = {name: _in_all(predictions, name) for name in ("nll_gold", "nll_predicted")}
    if not any(sums.values()):
        return None
    n_words = sum(len(words(p.reference)) for p in predictions)
    n_tokens = sum(p.tokens for p in predictions)

    def of(name: str, count: int) -> float | None:
        return perplexity(sum(getattr(p, name) for p in predictions), count) if sums[name] else None

    return Perplexity(
        of("nll_gold", n_tokens), of("nll_gold", n_words), of("nll_predicted", n_tokens), of("nll_predicted", n_words)
    )


def write_metrics(path: Path, reports: Sequence[Report], about: Mapping[str, Any]) -> None:
    """One JSON file, whole or not at all: `about` (net, split, decode settings, ...) and one entry per definition."""
    content = {**about, "strategies": STRATEGIES, "reports": [asdict(report) for report in reports]}
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
