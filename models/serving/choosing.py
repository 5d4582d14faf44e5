"""Scores of the vocabulary -> the next token of each reply: what is barred, what is kept, which one is taken.

Rows are replies, each with its own past and its own generator: a reply does not depend on its neighbours. Scores are
changed in the order that transformers uses, so settings mean the same in both: repetition penalty, repeats, minimum
length, temperature, top-k, top-p. B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.serving.guidance import guided_scores
from models.serving.trace import DecodeOptions


def choose(
    scores: Tensor,
    anywhere: Tensor | None,
    earlier: Sequence[Sequence[int]],
    made: Sequence[int],
    options: DecodeOptions,
    draws: Sequence[tuple[torch.Generator, int]],
) -> list[int]:
    """The next token of each reply, of scores (B, V); `anywhere` (B, V) after a mere "hi", for method "guided".

    `earlier`: the decoder's ids so far, `made` of them of the reply; `draws`: the generator and the end mark of each.
    """
    ends = [eos for _, eos in draws]
    weighed = scores if anywhere is None else guided_scores(scores, anywhere, options.topicality)
    left = barred(weighed, earlier, made, options, ends)
    if anywhere is not None:
        stuck = left.isneginf().all(dim=1)
        if bool(stuck.any()):  # all that is plausible was barred as a repeat
            left = torch.where(stuck[:, None], barred(scores, earlier, made, options, ends), left)
    if not options.draws:
        return left.argmax(dim=1).tolist()
    values, ids = likeliest(left, options)
    sums = values.softmax(dim=-1).cumsum(dim=-1)
    points = torch.stack([torch.rand((), generator=draw) for draw, _ in draws]).to(sums.device)
    places = (sums <= points[:, None] * sums[:, -1:]).sum(dim=1).clamp_max(sums.shape[1] - 1)
    return ids.gather(1, places[:, None])[:, 0].tolist()


def barred(
    scores: Tensor, earlier: Sequence[Sequence[int]], made: Sequence[int], options: DecodeOptions, ends: Sequence[int]
) -> Tensor:
    """New scores (B, V): tokens of the reply so far weakened, repeats and an end that comes too early impossible.

    Raises ValueError for method "rerank", which picks among whole replies.
    """
    if options.method == "rerank":
        raise ValueError(
            'method "rerank" is no way to write one reply; call models.serving.rerank.rank or best_replies'
        )
    scores = scores.clone()
    if options.repetition_penalty != 1:
        longest = max(map(len, earlier))
        ids = torch.tensor([[*row, *[row[0]] * (longest - len(row))] for row in earlier], device=scores.device)
        seen = scores.gather(1, ids)
        seen = torch.where(seen < 0, seen * options.repetition_penalty, seen / options.repetition_penalty)
        scores.scatter_(1, ids, seen)
    never = list[tuple[int, int]]()
    for row, ids_so_far in enumerate(earlier):
        if options.no_repeat_ngram:
            never += [(row, token) for token in _repeats(ids_so_far, options.no_repeat_ngram)]
        if made[row] < options.min_tokens:
            never.append((row, ends[row]))
    if never:
        rows, tokens = torch.tensor(never, device=scores.device).T
        scores[rows, tokens] = -torch.inf
    return scores


def _repeats(ids: Sequence[int], size: int) -> list[int]:
    """The tokens that would make a run of `size` ids occur a second time."""
    start = list(ids[len(ids) - size + 1 :]) if size > 1 else []
    runs = (ids[at : at + size] for at in range(len(ids) - size + 1))
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
