"""Predictions -> every figure as a function of units, for intervals and tests (models.evaluation.uncertainty).

The libraries behind models.evaluation.metrics and models.evaluation.strategy_metrics give the figures of a report; here
the same figures are written as functions of sums (the tests hold both to be equal), so that they can be computed a
thousand times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from models.data.strategies import STRATEGIES, strategy_id
from models.evaluation.bertscore import BertScores
from models.evaluation.metrics import (
    Definition,
    Tokenise,
    Tokens,
    find_wordnet,
    meteor_each,
    rouge_l_each,
    tokeniser,
    words,
)
from models.evaluation.predictions import Prediction
from models.evaluation.strategy_metrics import top_hits
from models.evaluation.uncertainty import Distinct, Figure, Floats, Summed

K = len(STRATEGIES)


class Units:
    """Which unit each turn belongs to: its dialogue where all predictions tell theirs, else itself."""

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        numbers: dict[str, int] = {}
        names = [p.dialogue for p in predictions]
        self.kind = "dialogues" if all(names) else "turns"
        known = [numbers.setdefault(name, len(numbers)) for name in names]
        self.of_turn = np.array(known if all(names) else range(len(names)), dtype=np.int64)
        self.number = int(self.of_turn.max()) + 1

    def sums(self, rows: Sequence[Sequence[float]] | Floats) -> Floats:
        """(units, k) of (turns, k)."""
        values = np.asarray(rows, dtype=float)
        total = np.zeros((self.number, values.shape[1]))
        np.add.at(total, self.of_turn, values)
        return total


class GramNumbers(dict[tuple[str, ...], int]):
    """A number for each n-gram; share one between two systems whose D-n are to be compared."""

    def __missing__(self, gram: tuple[str, ...]) -> int:
        self[gram] = len(self)
        return self[gram]


def figures_of(
    predictions: Sequence[Prediction],
    definition: Definition,
    bpe: Tokenise | None = None,
    bert: BertScores | None = None,
    numbers: GramNumbers | None = None,
) -> dict[str, Figure]:
    """All figures that the predictions allow, by name, in the order of a report.

    Fields are expected in all predictions or in none (models.evaluation.report.measure checks it).
    """
    units = Units(predictions)
    found: dict[str, Figure] = {}
    if predictions[0].strategy is not None and predictions[0].gold is not None:
        found |= _strategy(predictions, units)
    found |= _perplexities(predictions, units)
    found |= _texts(predictions, definition, bpe, units, GramNumbers() if numbers is None else numbers)
    if bert is not None:
        found |= {f"bert_{n}": _mean(getattr(bert, n), units, 1.0) for n in ("precision", "recall", "f1")}
    return found


def _mean(values: Sequence[float], units: Units, scale: float = 100.0) -> Summed:
    return Summed(units.sums([[value, 1.0] for value in values]), lambda sums: scale * sums[..., 0] / sums[..., 1])


def _strategy(predictions: Sequence[Prediction], units: Units) -> dict[str, Figure]:
    predicted, gold = ([strategy_id(str(getattr(p, name))) for p in predictions] for name in ("strategy", "gold"))
    cells = units.sums(np.eye(K * K)[np.array(gold) * K + np.array(predicted)])  # the confusion matrix, row by row

    def of(read: Callable[[Floats, Floats, Floats], Floats]) -> Summed:
        def figure(sums: Floats) -> Floats:
            table = sums.reshape(*sums.shape[:-1], K, K)
            right = np.diagonal(table, axis1=-2, axis2=-1)
            return 100 * read(right, table.sum(axis=-2), table.sum(axis=-1))

        return Summed(cells, figure)

    def f1(right: Floats, named: Floats, gold: Floats) -> Floats:
        return _share(2 * right, named + gold)

    found: dict[str, Figure] = {
        "accuracy": of(lambda right, named, gold: _share(right.sum(axis=-1), gold.sum(axis=-1))),
        "macro_f1": of(lambda right, named, gold: f1(right, named, gold).mean(axis=-1)),
        "weighted_f1": of(lambda r, named, gold: _share((f1(r, named, gold) * gold).sum(-1), gold.sum(axis=-1))),
        "macro_precision": of(lambda right, named, gold: _share(right, named).mean(axis=-1)),
        "macro_recall": of(lambda right, named, gold: _share(right, gold).mean(axis=-1)),
    }
    if predictions[0].strategies:
        hits = top_hits([p.strategies for p in predictions], gold).astype(float)
        found |= {f"top_{k + 1}": _mean(hits[:, k].tolist(), units) for k in range(K)}
    return found


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _perplexities(predictions: Sequence[Prediction], units: Units) -> dict[str, Figure]:
    counts = {"token": [p.tokens for p in predictions]}
    if predictions[0].nll_gold is not None or predictions[0].nll_predicted is not None:
        counts["word"] = [len(words(p.reference)) for p in predictions]

    def of(sums: Floats) -> Floats:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return np.exp(sums[..., 0] / sums[..., 1])

    return {
        f"ppl_{per}_{given}": Summed(units.sums(list(zip(nlls, counts[per], strict=True))), of)
        for given in ("gold", "predicted")
        if None not in (nlls := [getattr(p, f"nll_{given}") for p in predictions])
        for per in counts
    }


def _texts(
    predictions: Sequence[Prediction], definition: Definition, bpe: Tokenise | None, units: Units, numbers: GramNumbers
) -> dict[str, Figure]:
    tokenise, synonyms = tokeniser(definition.tokens, bpe), find_wordnet()
    texts, gold = [p.hypothesis for p in predictions], [p.reference for p in predictions]
    hyps, refs = [tokenise(text) for text in texts], [tokenise(text) for text in gold]
    found: dict[str, Figure] = {
        f"distinct_{n}": _distinct(hyps, n, definition.legacy_distinct, units, numbers) for n in (1, 2)
    }
    joined = [" ".join(tokens) for tokens in hyps], [" ".join(tokens) for tokens in refs]
    for n in (2, 4):
        scorer = BLEU(max_ngram_order=n, tokenize="none", effective_order=True)
        found[f"bleu_{n}"] = _bleu(*joined, scorer, units, least=1)
    found["rouge_l"] = _mean(rouge_l_each(hyps, refs), units)
    found["sacre_bleu"] = _bleu(texts, gold, BLEU(effective_order=True), units)
    if synonyms:
        found["meteor"] = _mean(meteor_each(texts, gold, synonyms), units)
    found["mean_length"] = _mean([len(tokens) for tokens in hyps], units, 1.0)
    return found


def _distinct(hyps: Sequence[Tokens], n: int, legacy: bool, units: Units, numbers: GramNumbers) -> Distinct:
    owner, gram = list[int](), list[int]()
    for unit, tokens in zip(units.of_turn.tolist(), hyps, strict=True):
        here = [numbers[tuple(tokens[at : at + n])] for at in range(len(tokens) - n + (0 if legacy else 1))]
        gram += here
        owner += [unit] * len(here)
    return Distinct(units.number, np.array(owner, dtype=np.int64), np.array(gram, dtype=np.int64))


def _bleu(hyps: Sequence[str], refs: Sequence[str], scorer: BLEU, units: Units, least: int = 0) -> Summed:
    """Corpus BLEU of sacrebleu from its own counts per text; its "exp" smoothing is NLTK's method 3.

    `least` n-grams of each order are counted in every text: 1 in NLTK, even where a reply is too short for any.
    """
    order = scorer.max_ngram_order
    rows = []
    for hyp, ref in zip(hyps, refs, strict=True):
        score = scorer.sentence_score(hyp, [ref])
        totals = [max(least, total) for total in score.totals]
        rows.append([*score.counts, *totals, score.sys_len, score.ref_len])

    def one(sums: Floats) -> float:
        whole = [round(value) for value in sums.tolist()]
        matched, totals, length, wanted = whole[:order], whole[order : 2 * order], whole[-2], whole[-1]
        score = BLEU.compute_bleu(matched, totals, length, wanted, smooth_method="exp", max_ngram_order=order)
        return float(score.score)

    return Summed(units.sums(rows), lambda sums: np.apply_along_axis(one, -1, sums))
