"""Scores of the vocabulary -> the next token of each reply: what is barred, what is kept, which one is taken.

Rows are replies, each with its own past and its own generator: a reply does not depend on its neighbours. Scores are
changed in the order that transformers uses, so settings mean the same in both: repetition penalty, repeats, copies,
minimum length, temperature, top-k, top-p. B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.data.examples import Said
from models.data.tokenizer import Tokenizer
from models.serving.guidance import guided_scores
from models.serving.trace import DecodeOptions

Marks = tuple[Collection[int], Collection[int]]
"""the tokens that end a sentence, and those of them that end a question"""


def marks_for(options: DecodeOptions, tokenizer: Tokenizer) -> Marks:
    """Those of a tokenizer, where the options ask what a sentence is."""
    return tokenizer.sentence_marks if options.fresh_questions or not options.lone_sentence else ((), ())


@dataclass(frozen=True)
class Begun:
    """A reply that has begun."""

    earlier: Sequence[int]
    """the decoder's ids so far, its prefix first"""
    made: int
    """how many of them are of the reply"""
    end: int
    """the id that ends it"""
    said: Said = field(default_factory=Said)
    """what it may not repeat (`DecodeOptions.no_copy_ngram`, `fresh_questions`)"""
    draw: torch.Generator | None = None
    """None where nothing is drawn"""
    opening: Sequence[int] = ()
    """ids that the reply begins with (`models.nets.net.Plan.opening`)"""
    marks: Marks = ((), ())
    """where `DecodeOptions.lone_sentence` is off, or `fresh_questions` above 0 (`marks_for`)"""

    @property
    def own(self) -> Sequence[int]:
        """The ids of the reply so far."""
        return self.earlier[len(self.earlier) - self.made :]

    @property
    def is_lone_sentence(self) -> bool:
        """Whether it is a single sentence so far, which has just ended and asks nothing."""
        ends, questions = self.marks
        found = [at for at, token in enumerate(self.own) if token in ends]
        return found == [self.made - 1] and self.own[-1] not in questions

    @property
    def has_begun_sentence(self) -> bool:
        """Whether the latest token is the first of a sentence."""
        return bool(self.made) and (self.made == 1 or self.own[-2] in self.marks[0])

    @property
    def due(self) -> int | None:
        """The next id of the opening; None when it is over, or was left because an id of it was barred."""
        if self.made >= len(self.opening):
            return None
        return self.opening[self.made] if list(self.own) == list(self.opening[: self.made]) else None


def choose(scores: Tensor, anywhere: Tensor | None, rows: Sequence[Begun], options: DecodeOptions) -> list[int]:
    """The next token of each reply, of scores (B, V); `anywhere` (B, V) after a mere "hi", for method "guided"."""
    weighed = scores
    if anywhere is not None:
        weighed = guided_scores(scores, anywhere, options.topicality)
        given = [at for at, row in enumerate(rows) if row.due is not None]
        weighed[given] = scores[given]  # what is given is not weighed against what anybody would be told
    left = barred(weighed, rows, options)
    if anywhere is not None:
        stuck = left.isneginf().all(dim=1)
        if bool(stuck.any()):  # all that is plausible was barred as a repeat
            left = torch.where(stuck[:, None], barred(scores, rows, options), left)
    if not options.draws:
        return left.argmax(dim=1).tolist()
    values, ids = likeliest(left, options)
    sums = values.softmax(dim=-1).cumsum(dim=-1)
    points = torch.stack([torch.rand((), generator=row.draw) for row in rows]).to(sums.device)
    places = (sums <= points[:, None] * sums[:, -1:]).sum(dim=1).clamp_max(sums.shape[1] - 1)
    return ids.gather(1, places[:, None])[:, 0].tolist()


def barred(scores: Tensor, rows: Sequence[Begun], options: DecodeOptions) -> Tensor:
    """New scores (B, V): tokens of the reply so far weakened; repeats, copies and too early an end impossible, and so
    is all but the next id of an opening, unless that is barred itself.

    Raises ValueError for method "rerank", which picks among whole replies.
    """
    if options.method == "rerank":
        raise ValueError(
            'method "rerank" is no way to write one reply; call models.serving.rerank.rank or best_replies'
        )
    scores = scores.clone()
    if options.repetition_penalty != 1:
        longest = max(len(row.earlier) for row in rows)
        padded = [[*row.earlier, *[row.earlier[0]] * (longest - len(row.earlier))] for row in rows]
        ids = torch.tensor(padded, device=scores.device)
        seen = scores.gather(1, ids)
        seen = torch.where(seen < 0, seen * options.repetition_penalty, seen / options.repetition_penalty)
        scores.scatter_(1, ids, seen)
    never = [(at, token) for at, row in enumerate(rows) for token in _never(row, options)]
    if never:
        at, tokens = torch.tensor(never, device=scores.device).T
        scores[at, tokens] = -torch.inf
    for row, begun in enumerate(rows):
        due = begun.due
        if due is not None and scores[row, due] > -torch.inf:
            scores[row], scores[row, due] = -torch.inf, 0.0
    return scores


def _never(row: Begun, options: DecodeOptions) -> Iterator[int]:
    if options.no_repeat_ngram:
        yield from _repeats(row.earlier, row.earlier, options.no_repeat_ngram)
    if options.no_copy_ngram:
        for text in row.said.by_seeker:
            yield from _repeats(row.own, text, options.no_copy_ngram)
    if options.fresh_questions and row.has_begun_sentence:
        for turn in row.said.asked[-options.fresh_questions :]:
            yield from (second for first, second in turn if first == row.own[-1])
    if row.made < options.min_tokens or (not options.lone_sentence and row.is_lone_sentence):
        yield row.end


def _repeats(ids: Sequence[int], of: Sequence[int], size: int) -> list[int]:
    """The tokens after `ids` that would make a run of `size` ids that `of` has."""
    if len(ids) < size - 1:
        return []
    start = list(ids[len(ids) - size + 1 :]) if size > 1 else []
    runs = (of[at : at + size] for at in range(len(of) - size + 1))
    return [run[-1] for run in runs if list(run[:-1]) == start]


def likeliest(scores: Tensor, options: DecodeOptions) -> tuple[Tensor, Tensor]:
    """What is drawn from: scores (B, k) divided by the temperature, best first, and their ids (B, k).

    Those beyond the mass `top_p` are -inf; the best one never is.
    """
    kept, ids = scores.topk(min(options.top_k or scores.shape[1], scores.shape[1]))
    kept = kept / options.temperature
    if options.top_p < 1:
        before = kept.softmax(dim=-1).cumsum(dim=-1).roll(1, dims=1)
        before[:, 0] = 0.0
        kept = kept.masked_fill(before >= options.top_p, -torch.inf)
    return kept, ids
