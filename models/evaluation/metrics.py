"""Figures of texts, as pure functions: sequences in, numbers out. Shares are in percent, as in the papers.

Place in the flow: replies and references -> scores -> models.evaluation.report. A figure means nothing without its
definition: on the same outputs the choice of tokens alone moves B-2 by 1.9 points, more than the gaps between published
systems. So the definition is a value (`Definition`) that is printed with the scores; `MISC` is the one behind that
paper's table.

Worked example: "i see . i see" has the bigrams (i see) (see .) (. i) (i see), of which 3 of 4 are distinct: D-2 = 75.
The legacy count leaves out the last bigram of each reply and gives 3 of 3 = 100.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nltk.corpus import wordnet
from nltk.stem.porter import PorterStemmer
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu
from nltk.translate.meteor_score import single_meteor_score
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

Tokenise = Callable[[str], list[str]]
Tokens = Sequence[str]

ROUGE_BETA = 1.2
"""weight of recall in R-L, as in the caption evaluation that all ESC papers use"""


def words(text: str) -> list[str]:
    """Lower-cased words and punctuation marks as NLTK cuts them, the default.

    `nltk.word_tokenize` without its downloaded list of abbreviations: a full stop ends a sentence after "dr" too.
    """
    sentences = PunktSentenceTokenizer().tokenize(text.lower())
    return [token for sentence in sentences for token in NLTKWordTokenizer().tokenize(sentence)]


def emstremo(text: str) -> list[str]:
    """The tokens of the Emstremo code: runs of letters and marks first, NLTK words after."""
    return words(" ".join(re.findall(r"[\w']+|[.,!?;]", text.lower())))


def whitespace(text: str) -> list[str]:
    """Lower-cased, cut at white space only; marks stay at their word."""
    return text.lower().split()


TOKENISERS: dict[str, Tokenise] = {"words": words, "emstremo": emstremo, "ws": whitespace}
"""By the names of the flag `--tokens`; "bpe" needs the tokenizer of a net and is passed as a callable."""


@dataclass(frozen=True)
class Definition:
    """What exactly the text figures count."""

    tokens: str = "words"
    """a name in TOKENISERS, or "bpe" """
    legacy_distinct: bool = False
    """leave the last n-gram of every reply out of D-n, as the public ESC code does"""


WORDS = Definition()
"""the default"""
MISC = Definition("bpe", legacy_distinct=True)
"""Gives table 2 of MISC exactly on the authors' outputs, with their word pieces and B-n and R-L as below."""


@dataclass(frozen=True)
class TextScores:
    """Replies against references, in percent, and how long the replies are."""

    distinct_1: float
    distinct_2: float
    bleu_2: float
    bleu_4: float
    rouge_l: float
    sacre_bleu: float
    """BLEU-4 of the texts as they are, by sacrebleu's own tokens: comparable beyond the ESC papers"""
    meteor: float | None
    """None where WordNet is not installed: without its synonyms the figure would be another one"""
    mean_length: float
    """tokens per reply"""


def perplexity(nll: float, count: int) -> float:
    """exp(nll / count): per token or per word, depending on what `count` counts. Infinite when it is too large.

    Args:
        nll: negative log-likelihood of all references together, natural logarithm.
        count: tokens (with the end token, as in the sum) or words of all references together, > 0.
    """
    if count <= 0:
        raise ValueError(f"perplexity over {count} tokens is undefined; give at least one")
    try:
        return math.exp(nll / count)
    except OverflowError:
        return math.inf


def distinct(replies: Sequence[Tokens], n: int, legacy: bool = False) -> float:
    """D-n: different n-grams by all n-grams over the whole corpus, percent; 0 when there is none.

    `legacy` leaves the last n-gram of every reply out, often the full stop: D-1 4.41 instead of 4.18 for MISC.
    """
    grams = [tuple(reply[at : at + n]) for reply in replies for at in range(len(reply) - n + (0 if legacy else 1))]
    return 100 * len(set(grams)) / len(grams) if grams else 0.0


def bleu(replies: Sequence[Tokens], references: Sequence[Tokens], n: int) -> float:
    """B-n: corpus BLEU, equal weights for 1 to n, one reference each, NLTK's smoothing method 3, percent."""
    return 100 * float(
        corpus_bleu(
            [[reference] for reference in references],
            replies,
            weights=(1 / n,) * n,
            smoothing_function=SmoothingFunction().method3,
        )
    )


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


def rouge_l(replies: Sequence[Tokens], references: Sequence[Tokens], beta: float = ROUGE_BETA) -> float:
    """R-L: mean of `rouge_l_each`, percent."""
    return 100 * sum(rouge_l_each(replies, references, beta)) / len(replies)


class _Cut:
    """Lets RougeScorer take tokens that are cut already."""

    def tokenize(self, tokens: Tokens) -> Tokens:
        return tokens


def find_wordnet() -> Any | None:
    """NLTK's WordNet where it is installed (`python -m nltk.downloader wordnet`), else None."""
    try:
        wordnet.ensure_loaded()
    except LookupError:
        return None
    return wordnet


def meteor_each(replies: Sequence[str], references: Sequence[str], synonyms: Any) -> list[float]:
    """METEOR of each reply, 0 to 1: NLTK's, on texts lower-cased and cut at white space, as in the code of MISC.

    `synonyms` is what `find_wordnet` gives: anything with `synsets(word)`.
    """
    stemmer = PorterStemmer()
    return [
        float(single_meteor_score(reference.split(), reply.split(), stemmer=stemmer, wordnet=synonyms))
        for reply, reference in zip(replies, references, strict=True)
    ]


def sacre_bleu(replies: Sequence[str], references: Sequence[str]) -> float:
    """sacrebleu's default corpus BLEU (13a tokens, case kept, one reference), percent."""
    return float(BLEU(force=True).corpus_score(replies, [references]).score)


def text_scores(
    replies: Sequence[str],
    references: Sequence[str],
    definition: Definition = WORDS,
    bpe: Tokenise | None = None,
) -> TextScores:
    """All text figures of one system under one definition.

    Raises ValueError when there is nothing to score, the lengths differ, or the tokens are unknown (see `tokeniser`).
    """
    if not replies or len(replies) != len(references):
        raise ValueError(
            f"got {len(replies)} replies and {len(references)} references; want as many of both, at least 1"
        )
    tokenise = tokeniser(definition.tokens, bpe)
    hyps, refs = [tokenise(text) for text in replies], [tokenise(text) for text in references]
    synonyms = find_wordnet()
    return TextScores(
        distinct_1=distinct(hyps, 1, definition.legacy_distinct),
        distinct_2=distinct(hyps, 2, definition.legacy_distinct),
        bleu_2=bleu(hyps, refs, 2),
        bleu_4=bleu(hyps, refs, 4),
        rouge_l=rouge_l(hyps, refs),
        sacre_bleu=sacre_bleu(replies, references),
        meteor=100 * sum(meteor_each(replies, references, synonyms)) / len(hyps) if synonyms else None,
        mean_length=sum(map(len, hyps)) / len(hyps),
    )


def tokeniser(name: str, bpe: Tokenise | None = None) -> Tokenise:
    """The tokenisation of that name. Raises ValueError when it is unknown, or is "bpe" and no net gives one."""
    known: Mapping[str, Tokenise] = TOKENISERS | ({"bpe": bpe} if bpe else {})
    if name not in known:
        hint = "; bpe needs the tokenizer of a net" if name == "bpe" else ""
        raise ValueError(f"unknown tokens {name!r}; allowed: {', '.join(known)}{hint}")
    return known[name]
