"""Plan -> reply tokens: sampling (plain or guided), greedy and beam search over any net.

A pure function of (net, plan, options, seed), and the plain path whose results `models.serving.engine` must equal. The
plan brings the projected keys and values of all streams; `models.serving.choosing` chooses the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.backbones.interface import CONTEXT, Past
from models.nets.net import Net, Plan
from models.serving.after_hi import after_hi
from models.serving.choosing import Begun, barred, choose, marks_for
from models.serving.trace import DecodeOptions

OnTokens = Callable[[list[int]], None]


@dataclass(frozen=True)
class Decoded:
    """One decoded reply."""

    ids: tuple[int, ...]
    """reply ids without prefix and end mark"""
    probabilities: tuple[float, ...]
    """of each id under the net, before the decode options change the scores"""
    attention: dict[str, Tensor]
    """stream -> (T, N) attention of each reply token, mean over heads and layers"""
    traced: dict[str, tuple[float, ...]]
    """name of `Net.traced` -> one value for each reply token"""


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

    `on_tokens` gets the ids so far after every token (not in beam search, where the best start keeps changing).
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
    past, record, said, opening = Past(room=options.max_tokens), _Record(net), plan.said_in(0), plan.opening_of(0)
    guided = options.method == "guided"
    if guided:  # the second row is what would be said to anybody
        plan = plan.beside(after_hi(net, plan))
    ids: list[int] = []
    probabilities: list[float] = []
    new = plan.prefix
    before, marks = plan.prefix[0].tolist(), marks_for(options, net.tokenizer)
    while len(ids) < options.max_tokens:
        state = net.decode(new, plan, past, record.step())[:, -1]
        scores = _scores(net, state, first_banned if not ids else ())
        anywhere = scores[1:] if guided else None
        row = Begun(before + ids, len(ids), net.tokenizer.eos, said, draws, opening, marks)
        (chosen,) = choose(scores[:1], anywhere, [row], options)
        if chosen == net.tokenizer.eos:
            break
        record.keep()
        ids.append(chosen)
        probabilities.append(float(scores.softmax(dim=-1)[0, chosen]))
        if on_tokens is not None:
            on_tokens(list(ids))
        new = torch.full((len(plan.prefix), 1), chosen, device=plan.prefix.device)
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
        return told({name: torch.stack(rows) for name, rows in self.rows.items()}, self.traced)


def told(rows: dict[str, Tensor], traced: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, tuple[float, ...]]]:
    """From what was recorded: the attention of the streams, and the values of the names in `traced`."""
    attention = {name: weights for name, weights in rows.items() if name not in traced}
    return attention, {name: tuple(rows[name][:, 0].tolist()) for name in traced if name in rows}


@dataclass
class _Hypothesis:
    score: float
    ids: list[int]


def _beam(net: Net, plan: Plan, options: DecodeOptions, first_banned: Collection[int]) -> list[int]:
    """Best ids of a beam search; finished hypotheses compete by mean log-probability per token."""
    width, eos, marks = options.beams, net.tokenizer.eos, marks_for(options, net.tokenizer)
    device = plan.prefix.device
    wide = plan.select(torch.zeros(width, dtype=torch.int64, device=device))
    decoder_ids = new = plan.prefix.expand(width, -1)
    totals = torch.tensor([0.0] + [-torch.inf] * (width - 1), device=device)
    past, finished = Past(), list[_Hypothesis]()
    for made in range(options.max_tokens):
        state = net.decode(new, wide, past)[:, -1]
        scores = _scores(net, state, first_banned if not made else ())
        hypotheses = [
            Begun(ids, made, eos, plan.said_in(0), opening=plan.opening_of(0), marks=marks)
            for ids in decoder_ids.tolist()
        ]
        logs = barred(scores, hypotheses, options).log_softmax(dim=-1)
        best, at = (totals[:, None] + logs).flatten().topk(2 * width)
        rows, tokens = at // logs.shape[1], at % logs.shape[1]
        prefix = plan.prefix.shape[1]
        ends = zip(best[:width].tolist(), rows[:width].tolist(), tokens[:width].tolist(), strict=True)
        for value, row, token in ends:  # an end counts only among the best `width`
            if token == eos and value > -torch.inf:
                finished.append(_Hypothesis(value / (made + 1), decoder_ids[row, prefix:].tolist()))
        going = (tokens != eos).nonzero()[:width, 0]
        rows, new, totals = rows[going], tokens[going][:, None], best[going]
        past.select(rows)
        decoder_ids = torch.cat((decoder_ids[rows], new), dim=1)
        if len(finished) >= width:
            break
    else:  # out of tokens: the best open hypothesis competes too, with its mean over all its tokens
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
    return Decoded(tuple(ids), tuple(chances.tolist()), *told(rows, net.traced))
