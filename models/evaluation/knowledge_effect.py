"""Does a net use its knowledge? Repeats each turn with the COMET blocks of another dialogue, and with none.

    own      blocks of the turn's own situation and last post
    another  blocks of a turn of another dialogue, drawn with a seed
    none     no blocks: the net's gates and refinement read nothing

If knowledge has an effect, references are less likely under `another` and `none` than under `own`, and strategies and
replies change. Differences are paired by turn; their 95 % intervals resample dialogues.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from tqdm import tqdm

from models.data.batches import make_batch
from models.data.esconv import Target
from models.data.examples import Example
from models.evaluation.figure import Figure, Floats, Summed, Units, mean_of
from models.evaluation.uncertainty import Interval, interval
from models.nets.net import Net
from models.serving.batch_decoding import decode_batch
from models.serving.trace import DecodeOptions
from models.training.device import device_of

OWN, ANOTHER, NONE = CONDITIONS = ("own", "another", "none")
GREEDY = DecodeOptions(method="greedy", max_tokens=60)
"""no randomness: any change in a reply is due to the knowledge"""


@dataclass(frozen=True)
class Effect:
    """The effect of one condition over all turns, compared with the turn's own blocks.

    A comparison is None for `own`; accuracy, `moved` and `other_strategy` are None for a net that predicts no strategy.
    """

    condition: str
    nll: float
    """of the references given the gold strategy, nats per token"""
    accuracy: float | None
    """of the strategy, percent"""
    nll_more: Interval | None = None
    """nats per token by which the references are less likely than with their own blocks"""
    moved: Interval | None = None
    """how far the strategy probabilities moved: half the sum of absolute differences, percent, mean over turns"""
    other_strategy: Interval | None = None
    """turns whose most likely strategy is another one, percent"""
    other_reply: Interval | None = None
    """turns whose greedy reply is another one, percent"""


@dataclass(frozen=True)
class _Seen:
    nll: Floats
    tokens: Floats
    shares: Floats
    replies: tuple[tuple[int, ...], ...]


def with_blocks_of(condition: str, examples: Sequence[Example], dialogues: Sequence[str], seed: int) -> list[Example]:
    """The examples under a condition. `dialogues`: the dialogue of each example.

    Raises ValueError when there is no other dialogue to take blocks from.
    """
    if condition == OWN:
        return list(examples)
    if condition == NONE:
        return [replace(example, situation_blocks=(), post_blocks=()) for example in examples]
    rng, changed = random.Random(seed), list[Example]()
    if len(set(dialogues)) < 2:
        raise ValueError("blocks of another dialogue need two dialogues at least; measure more")
    for example, own in zip(examples, dialogues, strict=True):
        at = rng.randrange(len(examples))
        while dialogues[at] == own:
            at = rng.randrange(len(examples))
        other = examples[at]
        changed.append(replace(example, situation_blocks=other.situation_blocks, post_blocks=other.post_blocks))
    return changed


def knowledge_effect(
    net: Net, targets: Sequence[Target], examples: Sequence[Example], *, seed: int, rounds: int, batch: int = 32
) -> tuple[Effect, ...]:
    """One row per condition, `own` first.

    Raises ValueError for a net that reads no blocks, and as `with_blocks_of` and `interval` do.
    """
    if not net.needs_comet:
        raise ValueError("this net reads no COMET blocks; name one that does, e.g. misc or admisc")
    net.backbone.lay_out()
    dialogues = [target.dialogue.id for target in targets]
    units, gold = Units(dialogues), np.array([example.strategy for example in examples])
    seen = {c: _see(net, with_blocks_of(c, examples, dialogues, seed), c, batch) for c in CONDITIONS}
    own = seen[OWN]

    def effect(condition: str) -> Effect:
        here = seen[condition]
        best = here.shares.argmax(axis=1)
        nll = float(here.nll.sum() / here.tokens.sum())
        right = 100 * float((best == gold).mean()) if net.predicts_strategy else None
        if condition == OWN:
            return Effect(condition, nll, right)
        more = Summed(units.sums(np.stack((here.nll - own.nll, own.tokens), axis=1)), lambda s: s[..., 0] / s[..., 1])
        replies = [float(a != b) for a, b in zip(here.replies, own.replies, strict=True)]
        figures: dict[str, Figure] = {"nll_more": more, "other_reply": mean_of(replies, units)}
        if net.predicts_strategy:
            moved = np.abs(here.shares - own.shares).sum(axis=1) / 2
            other = (best != own.shares.argmax(axis=1)).astype(float)
            figures |= {"moved": mean_of(moved.tolist(), units), "other_strategy": mean_of(other.tolist(), units)}
        return Effect(condition, nll, right, **{n: interval(n, figure, rounds, seed) for n, figure in figures.items()})

    return tuple(effect(condition) for condition in CONDITIONS)


@torch.inference_mode()
def _see(net: Net, examples: Sequence[Example], condition: str, size: int) -> _Seen:
    """Likelihoods of the references, strategy probabilities and greedy replies, in the order of the examples."""
    nll, tokens, shares = list[float](), list[float](), list[list[float]]()
    replies = list[tuple[int, ...]]()
    for start in tqdm(range(0, len(examples), size), desc=condition):
        batch = make_batch(examples[start : start + size], share=net.backbone.causal).to(device_of(net))
        plan = net.plan(batch)
        nll += net.reply_nll(net.follow(plan, batch, batch.strategies), batch.labels).tolist()
        tokens += net.counted(batch.labels).sum(dim=1).tolist()
        shares += plan.strategies.tolist()
        replies += map(tuple, decode_batch(net, plan, GREEDY, [0] * len(batch)))
    return _Seen(np.array(nll), np.array(tokens, dtype=float), np.array(shares), tuple(replies))
