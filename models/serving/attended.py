"""What a reply attended to of streams that only some nets have, as rows of its trace."""

from __future__ import annotations

from collections.abc import Sequence

from models.knowledge.cases import Case
from models.nets.net import Net, Plan
from models.nets.streams import CALLED, SIMILAR
from models.serving.decoding import Decoded
from models.serving.trace import NamedRow

LOOKED_UP = "attention to replies in similar talks"
"""the row of nets that look them up"""


def looked_up(cases: Sequence[Case], decoded: Decoded) -> tuple[NamedRow, ...]:
    """Replies in similar talks that the net read, nearest first, and the attention each got on average."""
    weights = decoded.attention.get(SIMILAR)
    if weights is None or not cases:
        return ()
    shares = weights.mean(dim=0).view(len(cases), -1).sum(dim=1).tolist()  # a case has as many places as the longest
    texts = tuple(f"[{case.strategy}] {case.reply}" for case in cases)
    return (NamedRow(LOOKED_UP, texts, tuple(round(share, 5) for share in shares)),)


def named_sources(net: Net, plan: Plan, decoded: Decoded) -> tuple[NamedRow, ...]:
    """The attention on average to what only this net has, each vector by its name."""
    return tuple(
        NamedRow(f"attention to {CALLED[stream]}", names, tuple(round(v, 5) for v in weights.tolist()))
        for stream, names in net.source_names(plan).items()
        if stream in decoded.attention and (weights := decoded.attention[stream].mean(dim=0)[: len(names)]).numel()
    )
