"""What writing replies from short copies of the weights changes in them: `python -m models benchmark copies`.

Contexts are read with the weights themselves; each token of a reply is computed from copies in fewer bits
(`models.backbones.short_copies`). The same turns with a net as it is hosted and as it is trained, so the layout of the
weights (`models.backbones.laid_out`) differs too, which is next to nothing:

    same greedy replies    how many most probable replies are the same, piece by piece
    perplexity per piece   of the reference replies, read one token at a time, as replies are written
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.causal_base import Bases
from models.backbones.interface import Past
from models.data.batches import make_batch
from models.data.esconv import Target, read_esconv, split_dialogues
from models.files.checkpoint import WEIGHTS
from models.knowledge.comet import NoComet
from models.nets.net import Net, Plan
from models.nets.stored import load_net, net_folder
from models.serving.decoding import decode
from models.serving.trace import DecodeOptions
from models.training.turn_examples import examples_of


@dataclass(frozen=True)
class Difference:
    """One net with the copies and without them."""

    turns: int
    same: int
    """turns whose greedy reply is the same"""
    without: float
    """perplexity per piece"""
    copies: float

    @property
    def more(self) -> float:
        """By how much the copies raise perplexity, in percent."""
        return 100 * (self.copies / self.without - 1)


def measure(names: Sequence[str], esconv: str, count: int, tokens: int, device: str) -> dict[str, Difference]:
    """Each net on `count` turns of split D's valid part, spread over it, without commonsense."""
    valid = split_dialogues(read_esconv(esconv), "D").valid
    asked = valid[:: max(1, len(valid) // count)][:count]
    return {name: difference(*_both(name, device), asked, tokens, device) for name in names}


def difference(without: Net, packed: Net, asked: Sequence[Target], tokens: int, device: str) -> Difference:
    """Two copies of a net, of which `packed` writes from short copies, on the same turns."""
    options = DecodeOptions(method="greedy", min_tokens=0, max_tokens=tokens)
    same, counted, sums = 0, 0, [0.0, 0.0]
    for example in examples_of(asked, NoComet(), without.tokenizer, without.shape):
        batch, replies = make_batch([example]).to(device), []
        for at, net in enumerate((without, packed)):
            with torch.inference_mode():
                plan = net.plan(batch)
                replies.append(decode(net, plan, options, 1).ids)
                sums[at] += _token_by_token(net, net.follow(plan, batch, batch.strategies), batch.labels)
        same += replies[0] == replies[1]
        counted += int(without.counted(batch.labels).sum())
    return Difference(len(asked), same, *(math.exp(total / counted) for total in sums))


def table(found: dict[str, Difference]) -> str:
    """One line for each net."""
    lines = [f"{'':10}{'turns':>7}{'same greedy reply':>20}{'perplexity':>12}{'with copies':>13}{'change':>9}"]
    for name, one in found.items():
        figures = f"{one.turns:>7}{one.same:>20}{one.without:>12.3f}{one.copies:>13.3f}{one.more:>+8.2f} %"
        lines.append(f"{name:10}{figures}")
    return "\n".join(lines)


def _both(name: str, device: str) -> tuple[Net, Net]:
    without, packed = (load_net(net_folder(name, WEIGHTS), Bases(device)).to(device) for _ in range(2))
    if not isinstance(packed.backbone, Causal):
        raise ValueError(f"{name} stands on no causal base, so it has no short copies; leave it out")
    packed.backbone.weights.pack()
    return without, packed


def _token_by_token(net: Net, plan: Plan, labels: Tensor) -> float:
    """Negative log-likelihood of the reply (1, T), as in `Net.reply_nll`."""
    past, new, total = Past(), plan.prefix, 0.0
    for at, counts in enumerate(net.counted(labels)[0].tolist()):
        label = labels[0, at]
        scores = net.backbone.logits(net.decode(new, plan, past)[:, -1]).float().masked_fill(net.banned, -torch.inf)
        total -= float(scores.log_softmax(dim=-1)[0, label]) if counts else 0.0
        new = label.view(1, 1)
    return total
