"""Plan -> reply tokens: sampling (plain or guided), greedy and beam search over any net.

A pure function of (net, plan, options, seed).

Scores are warped in the order transformers uses, so settings mean the same in both: repetition penalty, repeats,
minimum length, temperature, top-k, top-p. Keys and values of all streams come projected with the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.backbones.interface import CONTEXT, Past
from models.nets.net import Net, Plan
from models.serving.after_hi import after_hi
from models.serving.guidance import guided_scores
from models.serving.trace import DecodeOptions

OnTokens = Callable[[list[int]], None]


@dataclass(frozen=True)
class Decoded:
    """One decoded reply."""

    ids: tuple[int, ...]
    """reply ids without prefix and end mark"""
    probabilities: tuple[float, ...]
    """of each id under the net, before warping"""
    attention: dict[str, Tensor]
    """stream -> (T, N) attention of each reply token, mean over heads and layers"""
    traced: dict[str, tuple[float, ...]]
    """name of `Net.traced` -> one value for each reply token"""


def warp(scores: Tensor, earlier: Tensor, made: int, options: DecodeOptions, eos: int) -> Tensor:
    """Warped scores (B, V) of raw `scores` (B, V) after decoder ids `earlier` (B, t), `made` of them of the reply.

    Raises ValueError for method "rerank", which picks among whole replies.
    """
    if options.method == "rerank":
        raise ValueError(
            'method "rerank" is no way to write one reply; call models.serving.rerank.rank or best_replies'
        )
    if options.repetition_penalty != 1:
        seen = scores.gather(1, earlier)
        seen = torch.where(seen < 0, seen * options.repetition_penalty, seen / options.repetition_penalty)
        scores = scores.scatter(1, earlier, seen)
    if options.no_repeat_ngram:
        scores = _without_repeats(scores, earlier, options.no_repeat_ngram)
    if made < options.min_tokens:
        scores = scores.clone()
        scores[:, eos] = -torch.inf
    if not options.draws:
        return scores
    scores = scores / options.temperature
    kept, order = scores.topk(min(options.top_k or scores.shape[1], scores.shape[1]))  # sorted
    if options.top_p < 1:
        before = kept.softmax(dim=-1).cumsum(dim=-1).roll(1, dims=1)
        before[:, 0] = 0.0
        kept = kept.masked_fill(before >= options.top_p, -torch.inf)  # the tokens that reach the mass, always the first
    return torch.full_like(scores, -torch.inf).scatter(1, order, kept)


def _without_repeats(scores: Tensor, earlier: Tensor, size: int) -> Tensor:
    """Scores without the tokens that would make a run of `size` ids occur a second time in a row of `earlier`."""
    scores = scores.clone()
    for row, ids in enumerate(earlier.tolist()):
        start = ids[len(ids) - size + 1 :] if size > 1 else []
        runs = (ids[i : i + size] for i in range(len(ids) - size + 1))
        banned = [run[-1] for run in runs if run[:-1] == start]
        scores[row, banned] = -torch.inf
    return scores


@torch.inference_mode()
def decode(
    net: Net,
    plan: Plan,
    options: DecodeOptions,
    seed: int,
    on_tokens: OnTokens | None = None,
    first_banned: Collection[int] = (),
) -> Decoded:
    """Decode the single reply of `plan` (one row).

    `on_tokens` gets the ids so far after every token (not for beam search, whose best start changes).
    `first_banned` ids may not open the reply.
    """
    if plan.prefix.shape[0] != 1:
        raise ValueError(f"decode takes one reply at a time, got {plan.prefix.shape[0]}")
    if options.method == "beam":
        return replay(net, plan, _beam(net, plan, options, first_banned))
    return _one_by_one(net, plan, options, seed, on_tokens, first_banned)


def _one_by_one(
    net: Net, plan: Plan, options: DecodeOptions, seed: int, on_tokens: OnTokens | None, first_banned: Collection[int]
) -> Decoded:
    draws = torch.Generator().manual_seed(seed)
    past, record = Past(), _Record(net)
    guided = options.method == "guided"
    if guided:  # what would be said to anybody is a second row
        plan = plan.beside(after_hi(net, plan))
    ids: list[int] = []
    probabilities: list[float] = []
    new = plan.prefix
    decoder_ids = plan.prefix[:1]
    while len(ids) < options.max_tokens:
        state = net.decode(new, plan, past, record.step())[:, -1]
        scores = _scores(net, state, first_banned if not ids else ())
        weighed = guided_scores(scores, options.topicality) if guided else scores
        warped = warp(weighed, decoder_ids, len(ids), options, net.tokenizer.eos)
        if guided and bool(warped.isneginf().all()):  # all that is plausible was barred as a repeat
            warped = warp(scores[:1], decoder_ids, len(ids), options, net.tokenizer.eos)
        if options.draws:
            chosen = int(torch.multinomial(warped.softmax(dim=-1).cpu(), 1, generator=draws))
        else:
            chosen = int(warped.argmax())
        if chosen == net.tokenizer.eos:
            break
        record.keep()
        ids.append(chosen)
        probabilities.append(float(scores.softmax(dim=-1)[0, chosen]))
        if on_tokens is not None:
            on_tokens(list(ids))
        new = torch.full((len(plan.prefix), 1), chosen, device=plan.prefix.device)
        decoder_ids = torch.cat((decoder_ids, new[:1]), dim=1)
    return Decoded(tuple(ids), tuple(probabilities), *record.told())


def _scores(net: Net, state: Tensor, first_banned: Collection[int]) -> Tensor:
    scores = net.backbone.logits(state).float().masked_fill(net.banned, -torch.inf)
    if first_banned:
        scores[:, list(first_banned)] = -torch.inf
    return scores


class _Record:
    """Collects the attention of each kept token over the extra streams."""

    def __init__(self, net: Net) -> None:
        self.traced = net.traced
        self.on = bool(net.streams or net.traced)
        self.rows: dict[str, list[Tensor]] = {}
        self.current: dict[str, list[Tensor]] | None = None

    def step(self) -> dict[str, list[Tensor]] | None:
        self.current = {} if self.on else None
        return self.current

    def keep(self) -> None:
        for stream, layers in (self.current or {}).items():
            if stream != CONTEXT:
                self.rows.setdefault(stream, []).append(torch.stack(layers).mean(dim=0)[0, -1].float().cpu())

    def told(self) -> tuple[dict[str, Tensor], dict[str, tuple[float, ...]]]:
        """Attention of the streams, and values of the traced names."""
        return _told({name: torch.stack(rows) for name, rows in self.rows.items()}, self.traced)


def _told(rows: dict[str, Tensor], traced: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, tuple[float, ...]]]:
    attention = {name: weights for name, weights in rows.items() if name not in traced}
    return attention, {name: tuple(rows[name][:, 0].tolist()) for name in traced if name in rows}


@dataclass
class _Hypothesis:
    score: float
    ids: list[int]


def _beam(net: Net, plan: Plan, options: DecodeOptions, first_banned: Collection[int]) -> list[int]:
    """Best ids of a beam search; finished hypotheses compete by mean log-probability per token."""
    width, eos = options.beams, net.tokenizer.eos
    device = plan.prefix.device
    wide = plan.select(torch.zeros(width, dtype=torch.int64, device=device))
    decoder_ids = new = plan.prefix.expand(width, -1)
    totals = torch.tensor([0.0] + [-torch.inf] * (width - 1), device=device)
    past, finished = Past(), list[_Hypothesis]()
    for made in range(options.max_tokens):
        state = net.decode(new, wide, past)[:, -1]
        scores = _scores(net, state, first_banned if not made else ())
        logs = warp(scores, decoder_ids, made, options, eos).log_softmax(dim=-1)
        best, at = (totals[:, None] + logs).flatten().topk(2 * width)
        rows, tokens = at // logs.shape[1], at % logs.shape[1]
        prefix = plan.prefix.shape[1]
        ends = zip(best[:width].tolist(), rows[:width].tolist(), tokens[:width].tolist(), strict=True)
        for value, row, token in ends:  # an end must be as good as a start that continues
            if token == eos and value > -torch.inf:
                finished.append(_Hypothesis(value / (made + 1), decoder_ids[row, prefix:].tolist()))
        going = (tokens != eos).nonzero()[:width, 0]
        rows, new, totals = rows[going], tokens[going][:, None], best[going]
        past.select(rows)
        decoder_ids = torch.cat((decoder_ids[rows], new), dim=1)
        if len(finished) >= width:
            break
    else:  # out of tokens: the best of those without an end competes too, its mean over as many tokens as it has
        unfinished = decoder_ids[0, plan.prefix.shape[1] :].tolist()
        finished.append(_Hypothesis(float(totals[0]) / options.max_tokens, unfinished))
    return max(finished, key=lambda h: h.score).ids


@torch.inference_mode()
def replay(net: Net, plan: Plan, ids: Sequence[int]) -> Decoded:
    """Probabilities and attention of given ids, in one teacher-forced pass."""
    if not ids:
        return Decoded((), (), {}, {})
    record: dict[str, list[Tensor]] | None = {} if net.streams or net.traced else None
    reply = torch.tensor([list(ids)], device=plan.prefix.device)
    inputs = torch.cat((plan.prefix, reply[:, :-1]), dim=1)
    start = plan.prefix.shape[1] - 1
    states = net.decode(inputs, plan, record=record)[:, start:]
    chances = _scores(net, states[0], ()).softmax(dim=-1).gather(1, reply[0][:, None])[:, 0]
    rows = {
        stream: torch.stack(layers).mean(dim=0)[0, start:].float().cpu()
        for stream, layers in (record or {}).items()
        if stream != CONTEXT
    }
    return Decoded(tuple(ids), tuple(chances.tolist()), *_told(rows, net.traced))
