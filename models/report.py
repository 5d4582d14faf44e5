"""Predictions -> figures -> a table beside the published ones, and a JSON file.

Place in the flow: `models.evaluate` (a net on ESConv) and `models.score` (anybody's outputs) both end here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.metrics import (
    WORDS,
    Definition,
    StrategyScores,
    TextScores,
    Tokenise,
    perplexity,
    strategy_scores,
    text_scores,
    words,
)
from models.predictions import Prediction
from models.published import PublishedRow
from models.strategies import STRATEGIES, strategy_id


@dataclass(frozen=True)
class Perplexity:
    """Of the references under the system; None where a sum is missing."""

    token_gold: float | None
    """per token, gold strategy given"""
    word_gold: float | None
    """per word of `models.metrics.words`, gold strategy given: comparable between vocabularies"""
    token_predicted: float | None
    word_predicted: float | None


@dataclass(frozen=True)
class Report:
    """All figures of one system on one set of turns under one definition."""

    n: int
    definition: Definition
    text: TextScores
    strategy: StrategyScores | None = None
    perplexity: Perplexity | None = None


def measure(predictions: Sequence[Prediction], definition: Definition = WORDS, bpe: Tokenise | None = None) -> Report:
    """Every figure that the predictions allow. `bpe` is the tokenizer of the net, for `Definition("bpe")`.

    Raises ValueError when there are none, or a field is given for some of them only.
    """
    text = text_scores([p.hypothesis for p in predictions], [p.reference for p in predictions], definition, bpe)
    return Report(len(predictions), definition, text, _strategy(predictions), _perplexity(predictions))


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


def table(name: str, split: str, report: Report, published: Sequence[PublishedRow] = ()) -> str:
    """The figures as lines of text under the published rows; every row names its split."""
    strategy, ppl, text = report.strategy, report.perplexity, report.text
    ours = PublishedRow(
        name,
        f"this run, {report.n} turns",
        split,
        strategy.accuracy if strategy else None,
        strategy.macro_f1 if strategy else None,
        ppl.token_gold if ppl else None,
        text.distinct_1,
        text.distinct_2,
        text.bleu_2,
        text.bleu_4,
        text.rouge_l,
    )
    head = ["system", "split", "ACC", "F1", "PPL", "D-1", "D-2", "B-2", "B-4", "R-L", "source"]
    rows = [head] + [
        [row.system, row.split, *("-" if value is None else f"{value:.2f}" for value in _figures(row)), row.source]
        for row in (*published, ours)
    ]
    return "\n".join([*_aligned(rows), "", *_notes(report)])


def _figures(row: PublishedRow) -> tuple[float | None, ...]:
    scores = (row.distinct_1, row.distinct_2, row.bleu_2, row.bleu_4, row.rouge_l)
    return (row.accuracy, row.macro_f1, row.perplexity, *scores)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width: names to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    justify: list[Callable[[str, int], str]] = [
        str.ljust if at in (0, 1, last) else str.rjust for at in range(last + 1)
    ]
    return [
        "  ".join(put(cell, width) for put, cell, width in zip(justify, row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _notes(report: Report) -> list[str]:
    """What the columns of this run mean, and the figures that have no column."""
    definition, text = report.definition, report.text
    counted = "without the last n-gram of each reply (legacy)" if definition.legacy_distinct else "all n-grams"
    lines = [
        f"this run: tokens {definition.tokens}; D-n over {counted}; B-n corpus BLEU, smoothing 3; R-L beta 1.2; "
        f"{text.mean_length:.1f} tokens per reply"
    ]
    if report.strategy:
        scores = report.strategy
        shares = {"ACC": scores.accuracy, "macro F1": scores.macro_f1, "weighted F1": scores.weighted_f1}
        shares |= {f"top-{k}": share for k, share in scores.top_k} | {"always the most frequent": scores.most_frequent}
        lines.append("strategies over 8 classes: " + ", ".join(f"{key} {share:.2f}" for key, share in shares.items()))
    if report.perplexity:
        values = {
            "token, gold strategy given": report.perplexity.token_gold,
            "word, gold": report.perplexity.word_gold,
            "token, predicted strategy": report.perplexity.token_predicted,
            "word, predicted": report.perplexity.word_predicted,
        }
        lines.append("PPL per " + "; ".join(f"{key} {value:.2f}" for key, value in values.items() if value is not None))
    return lines


def write_metrics(path: Path, reports: Sequence[Report], about: Mapping[str, Any]) -> None:
    """One JSON file: `about` (net, checkpoint, split, part, decode settings, ...) and one entry per definition."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**about, "strategies": STRATEGIES, "reports": [asdict(report) for report in reports]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
