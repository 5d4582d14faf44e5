"""Figures of texts: replies and references -> Figures, in percent, as in the papers.

Place in the flow: models.evaluation.definitions defines tokens; models.evaluation.system_figures requests all figures.

Worked example: "i see . i see" has the bigrams (i see) (see .) (. i) (i see), of which 3 of 4 are distinct: D-2 = 75.
The legacy count leaves out the last bigram of each reply and gives 3 of 3 = 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nltk.corpus import wordnet
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import single_meteor_score
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from models.evaluation.definitions import Definition, Tokenise, Tokens, tokeniser
from models.evaluation.figure import Distinct, Figure, Floats, Summed, Units, mean_of

ROUGE_BETA = 1.2
"""weight of recall in R-L, as in the caption evaluation code that all ESC papers use"""


class GramNumbers(dict[tuple[str, ...], int]):
    """A number for each n-gram; share one between two systems whose D-n are to be compared."""

    def __missing__(self, gram: tuple[str, ...]) -> int:
        self[gram] = len(self)
        return self[gram]


def text_figures(
    replies: Sequence[str],
    references: Sequence[str],
    definition: Definition,
    bpe: Tokenise | None,
    units: Units,
    numbers: GramNumbers,
) -> dict[str, Figure]:
    """All text figures of one system under one definition, by name. METEOR is left out if WordNet is not installed.

    Raises ValueError when the tokens are unknown (see `tokeniser`).
    """
    tokenise, synonyms = tokeniser(definition.tokens, bpe), find_wordnet()
    hyps, refs = [tokenise(text) for text in replies], [tokenise(text) for text in references]
    found: dict[str, Figure] = {
        "distinct_1": distinct(hyps, 1, units, numbers, legacy=definition.legacy_distinct),
        "distinct_2": distinct(hyps, 2, units, numbers, legacy=definition.legacy_distinct),
        "bleu_2": bleu(hyps, refs, 2, units),
        "bleu_4": bleu(hyps, refs, 4, units),
        "rouge_l": mean_of(rouge_l_each(hyps, refs), units),
        "sacre_bleu": sacre_bleu(replies, references, units),
    }
    if synonyms:  # without them METEOR would be another figure
        found["meteor"] = mean_of(meteor_each(replies, references, synonyms), units)
    found["mean_length"] = mean_of([len(tokens) for tokens in hyps], units, 1.0)
    return found


def distinct(
    replies: Sequence[Tokens], n: int, units: Units, numbers: GramNumbers, *, legacy: bool = False
) -> Distinct:
    """D-n: different n-grams divided by all n-grams over the whole corpus; 0 when there is none.

    `legacy` leaves the last n-gram of every reply out, often the full stop: D-1 4.41 instead of 4.18 for MISC.
    """
    owner, gram = list[int](), list[int]()
    for unit, tokens in zip(units.of_turn.tolist(), replies, strict=True):
        here = [numbers[tuple(tokens[at : at + n])] for at in range(len(tokens) - n + (0 if legacy else 1))]
        gram += here
        owner += [unit] * len(here)
    return Distinct(units.number, np.array(owner, dtype=np.int64), np.array(gram, dtype=np.int64))


def bleu(replies: Sequence[Tokens], references: Sequence[Tokens], n: int, units: Units) -> Summed:
    """B-n: corpus BLEU, equal weights for 1 to n, one reference each, NLTK's smoothing method 3.

    As in NLTK, every text counts at least one n-gram of each order, even if it is too short for any.
    """
    names: dict[str, str] = {}  # so that sacrebleu, which takes texts, splits them into our tokens
    hyps, refs = (
        [" ".join(names.setdefault(token, str(len(names))) for token in tokens) for tokens in texts]
        for texts in (replies, references)
    )
    return _corpus_bleu(hyps, refs, BLEU(max_ngram_order=n, tokenize="none", effective_order=True), units, least=1)


def sacre_bleu(replies: Sequence[str], references: Sequence[str], units: Units) -> Summed:
    """sacrebleu's default corpus BLEU (13a tokens, case kept, one reference): comparable beyond the ESC papers."""
    return _corpus_bleu(replies, references, BLEU(effective_order=True), units, least=0)


def _corpus_bleu(hyps: Sequence[str], refs: Sequence[str], scorer: BLEU, units: Units, least: int) -> Summed:
    """Corpus BLEU of sacrebleu from its own counts per text; its "exp" smoothing is NLTK's method 3."""
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


def rouge_l_each(replies: Sequence[Tokens], references: Sequence[Tokens], beta: float = ROUGE_BETA) -> list[float]:
    """F-measure of the longest common subsequence of each reply and its reference, 0 to 1.

    F = (1 + beta^2) P R / (R + beta^2 P); the package gives P and R, its own F has beta 1.
    """
    scorer = RougeScorer(["rougeL"], tokenizer=_Cut())
    found = []
    for reply, reference in zip(replies, references, strict=True):
        score = scorer.score(reference, reply)["rougeL"]
        p, r = score.precision, score.recall
        found.append((1 + beta**2) * p * r / (r + beta**2 * p) if p and r else 0.0)
    return found


class _Cut:
    """Lets RougeScorer take texts that are tokenised already."""

    def tokenize(self, tokens: Tokens) -> Tokens:
        return tokens


def find_wordnet() -> Any | None:
    """NLTK's WordNet if it is installed (`python -m nltk.downloader wordnet`), else None."""
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return wordnet


def meteor_each(replies: Sequence[str], references: Sequence[str], synonyms: Any) -> list[float]:
    """NLTK's METEOR of each reply, 0 to 1, on texts lower-cased and split at white space, as in the code of MISC.

    `synonyms` is the result of `find_wordnet`: anything with `synsets(word)`.
    """
    stemmer = PorterStemmer()
    return [
        float(single_meteor_score(reference.split(), reply.split(), stemmer=stemmer, wordnet=synonyms))
        for reply, reference in zip(replies, references, strict=True)
    ]
