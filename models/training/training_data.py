"""Training and validation data of a run: ESConv as numbered batches.

On an encoder-decoder, each row is one example. On a causal base, each row is a whole dialogue, and all its supporter
turns are learnt from one reading.
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
"""maximum number of turns of the validation part, the same at every check"""
VALIDATED_WHOLE = 20
"""maximum number of parts of dialogues instead, on a causal base"""


@dataclass(frozen=True)
class Sizes:
    """How much goes into one forward pass."""

    batch: int
    """number of examples, one per row"""
    tokens: int
    """number of tokens of whole dialogues, on a causal base"""
    seed: int


@dataclass(frozen=True)
class TrainingData:
    """Batches for training and for validation."""

    batch_at: Callable[[int], Batch]
    checked: list[Batch]
    """batches of the validation part, the same at every check"""
    shares: Tensor
    """(8,) shares of the strategies in the training part"""
    digest: str
    """identifies all the data"""
    learnt_once: Callable[[], list[Batch]]
    """returns the whole training part"""
    checked_once: Callable[[], list[Batch]]
    """returns the whole validation part"""


@dataclass(frozen=True)
class Learning:
    """What a run does, as arguments for `Fit.run`."""

    batch_at: Callable[[int], Any]
    losses: Callable[[Any], dict[str, Tensor]]
    check: Callable[[], dict[str, float]]


def of_all(net: Net, data: TrainingData) -> Learning:
    """A learning of the whole net, by its own losses."""
    return Learning(data.batch_at, net.losses, lambda: validate(net, data.checked))


def training_data(net: Net, splits: Splits, comet: Comet, besides: Besides, sizes: Sizes) -> TrainingData:
    """The data of a run. Raises ValueError when there is too little to train on."""
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
