"""Replies decoded together are those decoded one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models.nets.registry import NETS
from models.serving.batch_decoding import decode_batch, plan_row
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from tests.tiny import tiny_batch, tiny_net

SEEDS = (3, 4, 5, 6)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("method", ["sample", "greedy", "beam"])
def test_together_is_one_by_one(name: str, method: Any) -> None:
    net = tiny_net(name)
    options = DecodeOptions(method, top_p=1.0, min_tokens=2, max_tokens=12, temperature=2.0, beams=2)
    with torch.inference_mode():
        plan = net.plan(tiny_batch(net))
        together = decode_batch(net, plan, options, SEEDS)
        alone = [decode(net, plan_row(plan, row), options, seed).ids for row, seed in enumerate(SEEDS)]
    assert together == alone
    assert all(2 <= len(reply) <= 12 for reply in together)


def test_equal_rows_draw_apart() -> None:
    net = tiny_net("misc")
    with torch.inference_mode():
        plan = plan_row(net.plan(tiny_batch(net)), 0)
        four = [
            {name: memory.select(torch.zeros(4).long()) for name, memory in layer.items()} for layer in plan.memories
        ]
        same = type(plan)(four, plan.prefix.expand(4, -1), plan.strategies.expand(4, -1))
        replies = decode_batch(net, same, DecodeOptions(top_p=1.0, temperature=3.0), (1, 1, 2, 3))
    assert replies[0] == replies[1]
    assert len(set(replies)) == 3
