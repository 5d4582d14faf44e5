"""Training speed of every net beside the backbone alone: `python -m models benchmark train`.

Each round takes one batch and makes one whole training step (forward, backward, clipping, AdamW) of the backbone alone
and of every net, in turns on the same batch; the figure of a net is the median over rounds of its examples a second
divided by the backbone's. All start from the shipped base with the same low-rank changes, dropout and autocast. Without
`--esconv` the batches are random pieces with the lengths that ESConv's turns and tails have.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.backbones.adapters import adapt
from models.backbones.compact_base import load_base
from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.interface import CONTEXT, Stream, token_loss
from models.data.batches import Batch
from models.data.esconv import read_esconv, split_dialogues
from models.data.esconv_labels import PROBLEM_TYPES
from models.data.examples import CASE_TOKENS, POST_BLOCKS, SITUATION_BLOCKS, TURN_KINDS, ContextShape, Example
from models.data.outcome import LATER, Outcome
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer
from models.knowledge.cases import FOUND
from models.knowledge.emotion import GO_EMOTIONS
from models.nets.net import Net
from models.nets.registry import compact_settings
from models.nets.stored import new_net
from models.training.device import device_of
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.sampler import Batches
from models.training.turn_examples import besides_for, comet_for, examples_of

ALONE = "backbone alone"
POOLED = 512
"""made-up examples"""


@dataclass(frozen=True)
class Speed:
    """Training speed of one net: median examples a second, and median over rounds of its share of the backbone's."""

    examples_s: float
    ratio: float


def reply_loss(backbone: EncoderDecoder, batch: Batch, begin: int) -> dict[str, Tensor]:
    """What the backbone alone learns of a batch: the reply from the context."""
    batch = batch.to(device_of(backbone))
    memories = backbone.project({CONTEXT: Stream(backbone.encode(batch.ids, batch.mask), batch.mask)})
    first = torch.full((len(batch), 1), begin, device=batch.labels.device)
    inputs = torch.cat((first, batch.labels[:, :-1].clamp_min(0)), dim=1)
    total, count = token_loss(backbone, backbone.decode(inputs, memories), batch.labels)
    return {"loss": total / count}


def made_up_examples(tokenizer: Tokenizer, seed: int = 1) -> list[Example]:
    """Random pieces with ESConv's lengths: contexts fill their room but for the first turns, replies have about 20.

    A tail is drawn by rank from a long-tailed list, as real tails repeat ("sad", "to get help") within a batch.
    """
    rng = random.Random(seed)
    text = [i for i in range(len(tokenizer)) if i not in tokenizer.special]
    tails = [(tokenizer.relations[rng.choice(RELATIONS)], *rng.choices(text, k=rng.randint(1, 5))) for _ in range(6000)]
    weights = [1 / (rank + 10) for rank in range(len(tails))]

    def drawn(count: int) -> tuple[tuple[int, ...], ...]:
        return tuple(rng.choices(tails, weights, k=count))

    room = ContextShape().tokens
    replies = [
        (rng.choice(tokenizer.strategies), *rng.choices(text, k=rng.randint(8, CASE_TOKENS))) for _ in range(6000)
    ]
    lengths = [min(room, max(5, int(rng.gauss(110, 40)))) for _ in range(POOLED)]
    return [
        Example(
            (tokenizer.cls, *rng.choices(text, k=length - 1)),
            (*rng.choices(text, k=min(38, max(3, int(rng.gauss(20, 9))))), tokenizer.eos),
            rng.randrange(len(STRATEGIES)),
            drawn(rng.randint(SITUATION_BLOCKS - 5, SITUATION_BLOCKS)),
            drawn(rng.randint(POST_BLOCKS - 5, POST_BLOCKS)),
            (tokenizer.cls, *rng.choices(text, k=10)),  # about five turns' emotions
            turns=tuple((end, rng.randrange(TURN_KINDS)) for end in range(length % 18 or 18, length + 1, 18)),
            problem_label=rng.randrange(len(PROBLEM_TYPES)),
            situation=tuple(rng.choices(text, k=rng.randint(10, 40))),
            cases=tuple(rng.choices(replies, k=FOUND)),
            reply_emotion=(1 / len(GO_EMOTIONS),) * len(GO_EMOTIONS),
            outcome=Outcome(rng.randint(1, 5), rng.randint(0, 4), tuple(rng.choices(range(len(STRATEGIES)), k=LATER))),
        )
        for length in lengths
    ]


def measure(args: Namespace, names: Sequence[str]) -> dict[str, Speed]:
    """Speed of the backbone and of the nets named, interleaved over `--rounds` batches."""
    base = Path(args.base)
    tokenizer, backbone = load_base(base)
    adapt(backbone, args.rank)
    backbone.set_dropout(0.1)
    nets = {name: new_net(name, compact_settings(name), args.rank, base) for name in names}
    for net in nets.values():
        net.backbone.set_dropout(0.1)
        for held in net.held:  # as in the second of two stages
            net.get_parameter(held).requires_grad_(False)
    batches = Batches(_examples(args, nets, tokenizer), args.batch, 1)
    with tempfile.TemporaryDirectory() as folder:
        steps = {ALONE: _stepper(backbone, lambda b: reply_loss(backbone, b, tokenizer.bos), args, Path(folder) / "0")}
        for name, net in nets.items():
            steps[name] = _stepper(net, _losses_of(net), args, Path(folder) / name)
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for round_ in range(args.rounds + 1):
            for name, make_step in steps.items():
                start = time.perf_counter()
                make_step(batches.at(round_))
                if round_:  # the first round warms up
                    seconds[name].append(time.perf_counter() - start)
    return {
        name: Speed(
            args.batch / statistics.median(taken),
            statistics.median(alone / own for alone, own in zip(seconds[ALONE], taken, strict=True)),
        )
        for name, taken in seconds.items()
    }


def table(speeds: dict[str, Speed], batch: int) -> str:
    """The figures as Markdown."""
    lines = [f"| training, batch {batch} | examples/s | of the backbone alone |", "|---|---|---|"]
    lines += [f"| {name} | {s.examples_s:.1f} | {100 * s.ratio:.0f} % |" for name, s in speeds.items()]
    return "\n".join(lines)


def _examples(args: Namespace, nets: dict[str, Net], tokenizer: Tokenizer) -> Sequence[Example]:
    if not args.esconv:
        return made_up_examples(tokenizer)
    targets = [t for t in split_dialogues(read_esconv(args.esconv), "D").train if t.gold.strategy]
    chosen = random.Random(1).sample(targets, min(POOLED, len(targets)))
    first = next(iter(nets.values()))
    reader = next((net for net in nets.values() if net.needs_comet), first)
    return examples_of(
        chosen,
        comet_for(reader, args.tails, args.comet, args.device),
        tokenizer,
        first.shape,
        besides_for(args, args.device, *nets.values()),
    )


def _losses_of(net: Net) -> Callable[[Batch], dict[str, Tensor]]:
    return lambda batch: net.losses(batch.to(device_of(net)))


def _stepper(
    module: torch.nn.Module, loss_of: Callable[[Any], dict[str, Tensor]], args: Namespace, folder: Path
) -> Callable[[Batch], None]:
    """One training step a call, as `python -m models train` makes it."""
    weighting = module.weighting() if isinstance(module, Net) else None
    config = FitConfig(minutes=0, lr=1e-4, device=args.device)
    fit = Fit(module, parameter_groups([(module, 1.0)], config.weight_decay), config, folder, weighting)
    losses = fit.prepare(loss_of)

    def make_step(batch: Batch) -> None:
        fit.make_step(lambda number: batch, losses)

    return make_step
