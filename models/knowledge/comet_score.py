"""The quality of tails: exact match and BLEU-2 against held-out tails, and a baseline that ignores the event.

Place in the flow: heads (models.knowledge.comet_data) and predicted tails -> TailScores. A pair is one (event,
relation) that has at least one reference tail. Shares are in percent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

from models.data.relations import RELATIONS
from models.knowledge.comet import TAILS
from models.knowledge.comet_data import Head

Tails = Mapping[str, tuple[str, ...]]
"""relation -> tails, best first"""


@dataclass(frozen=True)
class TailScores:
    """Scores over `pairs` pairs."""

    pairs: int
    any_match: float
    """percent of pairs in which some predicted tail is a reference tail, ignoring case and outer full stops"""
    top_match: float
    """percent of pairs in which the first predicted tail is a reference tail"""
    bleu2: float
    """corpus BLEU-2 of the first predicted tail against all references, words split at blanks, 0 without a hit"""
    per_pair: float
    """mean number of predicted tails per pair"""


def tail_scores(heads: Sequence[Head], predicted: Sequence[Tails], relations: Sequence[str] = RELATIONS) -> TailScores:
    """Scores of `predicted`, one entry per head. A pair without a prediction counts as a miss. Raises ValueError when
    there are no pairs."""
    some = top = count = 0
    first: list[list[str]] = []
    references: list[list[list[str]]] = []
    for head, tails in zip(heads, predicted, strict=True):
        for relation, known in head.by_relation().items():
            if relation not in relations:
                continue
            guesses = [_plain(tail) for tail in tails.get(relation, ())]
            gold = {_plain(tail) for tail in known}
            some += any(guess in gold for guess in guesses)
            top += bool(guesses) and guesses[0] in gold
            count += len(guesses)
            first.append(guesses[0].split() if guesses else [])
            references.append([tail.split() for tail in sorted(gold)])
    if not first:
        raise ValueError(f"no head has a tail for {', '.join(relations)}: nothing to measure")
    bleu2 = corpus_bleu(
        references, first, weights=(0.5, 0.5), smoothing_function=SmoothingFunction(epsilon=1e-9).method1
    )
    n = len(first)
    return TailScores(n, 100 * some / n, 100 * top / n, 100 * float(bleu2), count / n)


def most_frequent(heads: Sequence[Head], limit: int = TAILS) -> dict[str, tuple[str, ...]]:
    """The baseline: for each relation its most frequent tails, whatever the event."""
    counts: dict[str, Counter[str]] = {relation: Counter() for relation in RELATIONS}
    for head in heads:
        for relation, tails in head.by_relation().items():
            counts[relation].update(_plain(tail) for tail in tails)
    return {relation: tuple(tail for tail, _ in count.most_common(limit)) for relation, count in counts.items()}


def _plain(tail: str) -> str:
    return " ".join(tail.lower().split()).strip(" .")
