"""What a run learns from and is checked by: ESConv as batches by number.

On an encoder-decoder one example is one row. On a causal base a row is a whole dialogue, and every supporter turn in it
is learnt from one reading.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from models.data.batches import Batch
from models.data.esconv import Splits
from models.knowledge.comet import Comet
from models.nets.net import Net
from models.training.preflight import check_examples
from models.training.run_state import data_hash
from models.training.sampler import Batches, WholeBatches
from models.training.turn_examples import Besides, examples_of, wholes_of
from models.training.validation import turn_batches, validate

VALIDATED = 640
"""turns of the validation part at most, the same at every check"""
VALIDATED_WHOLE = 20
"""parts of dialogues instead, on a causal base"""


@dataclass(frozen=True)
class Sizes:
    """How much goes into one forward pass."""

    batch: int
    """examples, one a row"""
    tokens: int
    """tokens of whole dialogues, on a causal base"""
    seed: int


@dataclass(frozen=True)
class TrainingData:
    """Batches to learn from, and to check by."""

    batch_at: Callable[[int], Batch]
    checked: list[Batch]
    """of the validation part, the same at every check"""
    shares: Tensor
    """(8,) of the strategies in the training part"""
    digest: str
    """identifies all of it"""
    learnt_once: Callable[[], list[Batch]]
    """all of the training part"""
    checked_once: Callable[[], list[Batch]]
    """all of the validation part"""


@dataclass(frozen=True)
class Learning:
    """What a run does: as `Fit.run` wants it."""

    batch_at: Callable[[int], Any]
    losses: Callable[[Any], dict[str, Tensor]]
    check: Callable[[], dict[str, float]]


def of_all(net: Net, data: TrainingData) -> Learning:
    """The whole net learns, by its own losses."""
    return Learning(data.batch_at, net.losses, lambda: validate(net, data.checked))


def training_data(net: Net, splits: Splits, comet: Comet, besides: Besides, sizes: Sizes) -> TrainingData:
    """The data of a run. Raises ValueError when it is not enough to train on."""
    rng = random.Random(sizes.seed)
    if net.backbone.causal:
        parts, held_out = (
            wholes_of(part, comet, net.tokenizer, net.shape, besides) for part in (splits.train, splits.valid)
        )
        train, valid = ([example for part in found for example in part.turns] for found in (parts, held_out))
        batch_at = WholeBatches(parts, sizes.tokens, sizes.seed).at
        once = [WholeBatches(found, sizes.tokens, sizes.seed).each for found in (parts, held_out)]
        drawn = rng.sample(held_out, min(VALIDATED_WHOLE, len(held_out)))
        checked = WholeBatches(drawn, sizes.tokens, sizes.seed).each()
    else:
        train, valid = (
            examples_of(part, comet, net.tokenizer, net.shape, besides) for part in (splits.train, splits.valid)
        )
        train = [example for example in train if example.strategy >= 0]
        batch_at = Batches(train, sizes.batch, sizes.seed).at
        once = [partial(turn_batches, found) for found in (train, valid)]
        checked = turn_batches(rng.sample(valid, min(VALIDATED, len(valid))))
    check_examples(train, valid, sizes.batch)
    counts = torch.bincount(torch.tensor([e.strategy for e in train if e.strategy >= 0]), minlength=8)
    wanted = {want: [getattr(example, want) for example in (*train, *valid)] for want in net.wants}
    digest = data_hash({"train": train, "valid": valid} | wanted)
    return TrainingData(batch_at, checked, counts / counts.sum(), digest, *once)
