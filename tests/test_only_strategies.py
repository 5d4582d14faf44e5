"""What chooses the strategy, trained alone."""

from __future__ import annotations

import pytest
import torch

from tests.tiny import CAUSAL, tiny_batch, tiny_net


@pytest.mark.parametrize("name", [base + name for base in ("", CAUSAL) for name in ("joint", "misc", "admisc")])
def test_what_chooses_the_strategy_can_train_alone(name: str) -> None:
    """It learns from the same loss as with the rest, and leaves replies to a given strategy as they are."""
    net = tiny_net(name).eval()
    batch = tiny_batch(net)
    together = net.losses(batch)["strategy"]
    before = net.reply_nll(net.plan(batch, gold=batch.strategies), batch.labels)
    net.hold_all_but_choice()
    loss = net.choice_loss(batch)["strategy"]
    torch.testing.assert_close(loss, together, rtol=1e-4, atol=1e-5)
    learning = {n: p for n, p in net.named_parameters() if p.requires_grad}
    assert learning
    assert all(n.split(".")[0] in net.chooses for n in learning)
    optimiser = torch.optim.SGD(learning.values(), lr=0.5)
    loss.backward()
    optimiser.step()
    assert net.choice_loss(batch)["strategy"] < loss
    torch.testing.assert_close(net.reply_nll(net.plan(batch, gold=batch.strategies), batch.labels), before)


def test_a_net_without_a_choice_of_its_own_cannot_train_it_alone() -> None:
    with pytest.raises(ValueError, match="Moel has no modules of its own for the strategies; leave --only strategies"):
        tiny_net("moel").hold_all_but_choice()
