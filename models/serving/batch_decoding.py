"""Many replies at once, for evaluation: the tokens of `models.serving.decoding` row by row, several times faster.

No attention is recorded. Each row draws from its own generator, so a reply does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.backbones.interface import Past
from models.nets.net import Net, Plan
from models.serving.choosing import Begun, choose, marks_for
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions


@torch.inference_mode()
def decode_batch(net: Net, plan: Plan, options: DecodeOptions, seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Reply ids of every row of `plan` without prefix and end mark; `seeds` has one seed per row."""
    if options.method in ("beam", "guided"):
        return [decode(net, plan_row(plan, row), options, seed).ids for row, seed in enumerate(seeds)]
    eos, marks = net.tokenizer.eos, marks_for(options, net.tokenizer)
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    replies: list[list[int]] = [[] for _ in seeds]
    open_rows = list(range(len(seeds)))
    past, before, new = Past(room=options.max_tokens), plan.prefix.tolist(), plan.prefix
    for made in range(options.max_tokens):
        state = net.decode(new, plan, past)[:, -1]
        scores = net.backbone.logits(state).float().masked_fill(net.banned, -torch.inf)
        rows = [
            Begun(before[row] + replies[row], made, eos, plan.said_in(row), draws[row], plan.opening_of(row), marks)
            for row in open_rows
        ]
        chosen = choose(scores[open_rows], None, rows, options)
        taken = dict(zip(open_rows, chosen, strict=True))
        open_rows = [row for row, token in taken.items() if token != eos]
        for row in open_rows:
            replies[row].append(taken[row])
        if not open_rows:
            break
        new = torch.tensor([taken.get(row, eos) for row in range(len(seeds))], device=plan.prefix.device)[:, None]
    return [tuple(ids) for ids in replies]


def plan_row(plan: Plan, row: int) -> Plan:
    """The plan of one reply of a batch."""
    return plan.select(torch.tensor([row], device=plan.prefix.device))
