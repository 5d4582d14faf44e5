"""What a net would say to anybody: the plan of a reply to a mere "hi", to compare with the reply to a real dialogue.

Two methods use it: `guidance` compares token by token, `rerank` whole replies.
"""

from __future__ import annotations

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import make_example
from models.nets.net import Net, Plan


def followed(net: Net, plan: Plan) -> int | None:
    """The strategy that the single reply of `plan` follows; None when the net predicts none."""
    if not net.predicts_strategy:
        return None
    return int(plan.strategies.argmax(dim=1) if plan.chosen is None else plan.chosen)


def after_hi(net: Net, plan: Plan) -> Plan:
    """What the net would say to somebody who said only "hi", following the same strategy."""
    hi = Dialogue((Turn(Speaker.SEEKER, "hi"),))
    batch = make_batch([make_example(hi, None, ((), ()), net.tokenizer, net.shape)]).to(plan.prefix.device)
    alone = net.plan(batch)
    if not net.predicts_strategy:
        return alone
    return net.follow(alone, batch, plan.strategies.argmax(dim=1) if plan.chosen is None else plan.chosen)
