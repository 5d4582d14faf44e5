"""A net -> the strategies it predicts on many turns. Without decoding replies, it is much faster than an evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tqdm import tqdm

from models.analysis.strategy_turns import StrategyTurn, place_of
from models.data.batches import make_batch
from models.data.esconv import Target
from models.data.examples import Example
from models.data.strategies import strategy_id
from models.nets.net import Net
from models.training.device import device_of


@torch.inference_mode()
def turns_of_net(
    net: Net, targets: Sequence[Target], examples: Sequence[Example], batch: int = 32
) -> tuple[StrategyTurn, ...]:
    """One turn per target, in order; no reply is decoded.

    Raises ValueError for a net that predicts no strategy.
    """
    if not net.predicts_strategy:
        raise ValueError("the net predicts no strategy, so there is nothing to analyse; give one that does")
    net.eval()
    net.backbone.lay_out()
    causal, order = net.backbone.causal, list(range(len(examples)))
    if not causal:  # less padding; on a causal base, the turns of a dialogue stay together and its words are read once
        order.sort(key=lambda at: len(examples[at].context))
    chances: dict[int, list[float]] = {}
    for start in tqdm(range(0, len(order), batch), desc="strategies"):
        rows = order[start : start + batch]
        plan = net.plan(make_batch([examples[at] for at in rows], share=causal).to(device_of(net)))
        chances |= dict(zip(rows, plan.strategies.float().tolist(), strict=True))
    return tuple(
        StrategyTurn(
            target.dialogue.id,
            place_of(target.dialogue, target.turn),
            strategy_id(str(target.gold.strategy)),
            tuple(chances[at]),
        )
        for at, target in enumerate(targets)
    )
