"""The decoder states of replies: what a net's vocabulary reads when it writes them (STAR, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.data.batches import make_batch
from models.data.examples import Example
from models.nets.net import Net
from models.training.device import device_of


@torch.inference_mode()
def decoder_states(net: Net, examples: Sequence[Example], size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """States (N, D) of the examples' replies, and the probabilities (N, 8) of the strategies predicted for them.

    A state is the mean, over the tokens of the given reply, of what the vocabulary reads after the predicted strategy;
    no gold strategy is used. `size` examples are read at a time. Raises ValueError without examples.
    """
    net.eval()
    states, strategies = [], []
    for start in range(0, max(1, len(examples)), size):
        batch = make_batch(examples[start : start + size], share=net.backbone.causal).to(device_of(net))
        plan = net.plan(batch)
        found = net.reply_states(plan, batch.labels).float()
        keep = (batch.labels >= 0)[..., None]
        states.append(((found * keep).sum(dim=1) / keep.sum(dim=1)).cpu())
        strategies.append(plan.strategies.float().cpu())
    return torch.cat(states).numpy(), torch.cat(strategies).numpy()
