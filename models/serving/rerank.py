"""Method "rerank": several replies are drawn, and the one that fits this very dialogue best is kept.

    score(y) = (log p(y | dialogue) - topicality * log p(y | "hi")) / tokens of y

A reply that suits anybody ("I'm sorry to hear that.") is likely after a mere "hi" too, which lowers its score: maximum
mutual information (Li et al. 2016, MMI-antiLM) over samples, as a mean per token since samples differ in length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.data.batches import pad
from models.nets.net import Net, Plan
from models.serving.after_hi import after_hi
from models.serving.batch_decoding import decode_batch, plan_row
from models.serving.trace import DecodeOptions


@dataclass(frozen=True)
class Candidate:
    """One drawn reply."""

    ids: tuple[int, ...]
    """without prefix and end mark"""
    score: float
    """nats per token; the higher, the better it fits"""


@torch.inference_mode()
def rank(net: Net, plan: Plan, options: DecodeOptions, seed: int) -> list[Candidate]:
    """The different replies among `options.candidates` drawn for the single reply of `plan`, best first."""
    if plan.prefix.shape[0] != 1:
        raise ValueError(f"rank takes one reply at a time, got {plan.prefix.shape[0]}")
    seeds = candidate_seeds(options, seed)
    drawn = decode_batch(net, _copies(plan, len(seeds)), replace(options, method="sample"), seeds)
    return ranked(net, plan, options, drawn)


def candidate_seeds(options: DecodeOptions, seed: int) -> list[int]:
    """A seed for each candidate."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(2**31, (options.candidates,), generator=draws).tolist()


@torch.inference_mode()
def ranked(net: Net, plan: Plan, options: DecodeOptions, drawn: Sequence[tuple[int, ...]]) -> list[Candidate]:
    """The different replies among those drawn for the single reply of `plan`, best first."""
    found = list(dict.fromkeys(drawn))
    labels = pad([(*ids, net.tokenizer.eos) for ids in found], -100).to(plan.prefix.device)
    here, anywhere = (net.reply_nll(_copies(p, len(found)), labels) for p in (plan, after_hi(net, plan)))
    scores = (options.topicality * anywhere - here) / (labels >= 0).sum(dim=1)
    candidates = [Candidate(ids, score) for ids, score in zip(found, scores.tolist(), strict=True)]
    return sorted(candidates, key=lambda candidate: -candidate.score)


def best_replies(net: Net, plan: Plan, options: DecodeOptions, seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """The best reply of every row of `plan`; `seeds` has one seed per row."""
    return [rank(net, plan_row(plan, row), options, seed)[0].ids for row, seed in enumerate(seeds)]


def _copies(plan: Plan, count: int) -> Plan:
    rows: Tensor = torch.zeros(count, dtype=torch.int64, device=plan.prefix.device)
    return plan.select(rows)
