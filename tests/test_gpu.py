"""The same nets on an NVIDIA GPU; these tests are skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from models.data.batches import make_batch
from models.nets.registry import NETS
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from tests.tiny import tiny_batch, tiny_examples, tiny_loss, tiny_net

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")]


@pytest.mark.parametrize("name", sorted(NETS))
def test_gpu_and_cpu_give_the_same_reply(name: str) -> None:
    net = tiny_net(name)
    options = DecodeOptions(method="greedy", min_tokens=4, max_tokens=12)
    row = make_batch([tiny_examples(net)[1]])
    with torch.inference_mode():
        expected = decode(net, net.plan(row), options, 1)
        net.to("cuda")
        found = decode(net, net.plan(row.to("cuda")), options, 1)
    assert found.ids == expected.ids


@pytest.mark.parametrize("name", sorted(NETS))
def test_a_training_step_runs_in_bfloat16(name: str) -> None:
    net = tiny_net(name).to("cuda").train()
    with torch.autocast("cuda", dtype=torch.bfloat16):
        loss = tiny_loss(net, tiny_batch(net).to("cuda"))
    loss.backward()
    assert bool(loss.isfinite())
