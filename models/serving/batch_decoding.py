"""Many replies at once, for evaluation: the tokens of `models.serving.decoding` row by row, several times faster.

No attention is recorded. Each row draws from its own generator, so a reply does not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.backbones.interface import Past
from models.nets.net import Net, Plan
from models.serving.decoding import decode, warp
from models.serving.trace import DecodeOptions


@torch.inference_mode()
def decode_batch(net: Net, plan: Plan, options: DecodeOptions, seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Reply ids of every row of `plan` without prefix and end mark; `seeds` has one seed a row."""
    if options.method in ("beam", "guided"):
        return [decode(net, plan_row(plan, row), options, seed).ids for row, seed in enumerate(seeds)]
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    eos = net.tokenizer.eos
    replies: list[list[int]] = [[] for _ in seeds]
    open_rows = list(range(len(seeds)))
    past, decoder_ids, new = Past(), plan.prefix, plan.prefix
    for made in range(options.max_tokens):
        state = net.decode(new, plan, past)[:, -1]
        scores = net.backbone.logits(state).float().masked_fill(net.banned, -torch.inf)
        warped = warp(scores, decoder_ids, made, options, eos).cpu()
        chosen = [eos] * len(seeds)
        for row in open_rows:
            if options.draws:
                chosen[row] = int(torch.multinomial(warped[row].softmax(dim=-1), 1, generator=draws[row]))
            else:
                chosen[row] = int(warped[row].argmax())
        open_rows = [row for row in open_rows if chosen[row] != eos]
        for row in open_rows:
            replies[row].append(chosen[row])
        if not open_rows:
            break
        new = torch.tensor(chosen, device=plan.prefix.device)[:, None]
        decoder_ids = torch.cat((decoder_ids, new), dim=1)
    return [tuple(ids) for ids in replies]


def plan_row(plan: Plan, row: int) -> Plan:
    """The plan of one reply of a batch."""
    return plan.select(torch.tensor([row], device=plan.prefix.device))
