"""Training speed of every net compared with the base alone: `python -m models benchmark train`.

Each round takes one batch and makes one whole training step (forward, backward, clipping, AdamW) with the base alone
and with every net in turn, on the same batch; the figure of a net is the median over rounds of its supporter turns per
second divided by the base's. All start from `--base` with low-rank changes of the same rank, dropout and autocast. On a
causal base a batch has whole dialogues, and the base is measured once more with one example per turn, as in the
published code, which reads a dialogue again for every turn. On a full checkpoint a batch has one turn per row. Without
`--esconv`, batches are random pieces with the lengths of ESConv's turns and tails.
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
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.backbones.adapters import adapt
from models.backbones.causal_base import CausalBase
from models.backbones.interface import Backbone, token_loss
from models.data.batches import Batch
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_labels import PROBLEM_TYPES
from models.data.examples import CASE_TOKENS, POST_BLOCKS, SITUATION_BLOCKS, TURN_KINDS, ContextShape, Example, Whole
from models.data.outcome import LATER, Outcome
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer
from models.knowledge.cases import FOUND
from models.knowledge.emotion import GO_EMOTIONS
from models.nets.net import Net
from models.nets.stored import default_rank, default_settings, new_net, open_source
from models.training.device import device_of
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.sampler import Batches, WholeBatches
from models.training.turn_examples import besides_for, comet_for, examples_of, wholes_of

ALONE = "base alone"
APART = "base alone, one example a turn"
POOLED = 512
"""number of turns that batches are drawn from"""
WHOLE_TOKENS = 500
"""maximum number of tokens of a made-up dialogue"""


@dataclass(frozen=True)
class Speed:
    """Training speed of one net: median supporter turns per second, and median over rounds of its ratio to the base."""

    turns_s: float
    ratio: float


def reply_loss(backbone: Backbone, batch: Batch, begin: int) -> dict[str, Tensor]:
    """The loss of the base alone on a batch: it learns the replies from their contexts."""
    batch = batch.to(device_of(cast(nn.Module, backbone)))
    whole = backbone.read(batch.ids, batch.mask)
    if bool(batch.follows.all()):
        states = whole.following(batch.rows, batch.lengths, batch.labels.shape[1])
    else:
        first = torch.full((len(batch), 1), begin, device=batch.labels.device)
        inputs = torch.cat((first, batch.labels[:, :-1].clamp_min(0)), dim=1)
        states = backbone.decode(inputs, backbone.attach(whole.pick(batch.rows, batch.lengths), {}))
    total, count = token_loss(backbone, states, batch.labels)
    return {"loss": total / count}


class MadeUp:
    """Random pieces with ESConv's lengths.

    Tails are drawn from a long-tailed distribution, since real tails repeat ("sad", "to get help") within a batch.
    """

    def __init__(self, tokenizer: Tokenizer, seed: int = 1) -> None:
        self.rng, self.tokenizer = random.Random(seed), tokenizer
        self.text = [i for i in range(len(tokenizer)) if i not in tokenizer.special]
        relations = tokenizer.relations
        self.tails = [(relations[self.rng.choice(RELATIONS)], *self._pieces(3, 2, 1, 5)) for _ in range(6000)]
        self.weights = [1 / (rank + 10) for rank in range(len(self.tails))]
        self.cases = [(self.rng.choice(tokenizer.strategies), *self._pieces(25, 9, 8, CASE_TOKENS)) for _ in self.tails]

    def examples(self) -> list[Example]:
        """Examples of one turn each: contexts fill their room except early in a talk, replies have about 20 pieces."""
        room = ContextShape().tokens
        return [self._turn((self.tokenizer.cls, *self._pieces(110, 40, 4, room - 1))) for _ in range(POOLED)]

    def dialogues(self) -> list[Whole]:
        """Whole dialogues, in which each reply follows in the same row, after its begin token and its strategy."""
        found, learnt = list[Whole](), 0
        while learnt < POOLED:
            ids, turns = (self.tokenizer.cls, *self._pieces(25, 10, 4, 60)), list[Example]()
            while len(ids) < WHOLE_TOKENS - 100:
                ids = (*ids, *self._pieces(27, 15, 6, 55))
                turns.append(self._turn(ids))
                ids = (*ids, self.tokenizer.bos, self.tokenizer.strategies[turns[-1].strategy], *turns[-1].target)
            found.append(Whole(ids, tuple(turns)))
            learnt += len(turns)
        return found

    def _turn(self, context: tuple[int, ...]) -> Example:
        length = len(context)
        return Example(
            context,
            (*self._pieces(20, 9, 3, 38), self.tokenizer.eos),
            self.rng.randrange(len(STRATEGIES)),
            self._drawn(SITUATION_BLOCKS),
            self._drawn(POST_BLOCKS),
            (self.tokenizer.cls, *self._pieces(10, 0, 10, 10)),  # about five turns' emotions
            turns=tuple((end, self.rng.randrange(TURN_KINDS)) for end in range(length % 18 or 18, length + 1, 18)),
            problem_label=self.rng.randrange(len(PROBLEM_TYPES)),
            situation=tuple(self._pieces(25, 9, 10, 40)),
            cases=tuple(self.rng.choices(self.cases, k=FOUND)),
            reply_emotion=(1 / len(GO_EMOTIONS),) * len(GO_EMOTIONS),
            outcome=Outcome(
                self.rng.randint(1, 5),
                self.rng.randint(0, 4),
                tuple(self.rng.choices(range(len(STRATEGIES)), k=LATER)),
            ),
        )

    def _pieces(self, mean: int, deviation: int, least: int, most: int) -> list[int]:
        return self.rng.choices(self.text, k=min(most, max(least, int(self.rng.gauss(mean, deviation)))))

    def _drawn(self, most: int) -> tuple[tuple[int, ...], ...]:
        return tuple(self.rng.choices(self.tails, self.weights, k=self.rng.randint(most - 5, most)))


def measure(args: Namespace, names: Sequence[str]) -> dict[str, Speed]:
    """Speed of the base and of the nets `names`, measured in turn on each of `--rounds` batches.

    Sets `args.rank` if it is not given. Raises ValueError for a net that has no base.
    """
    source = open_source(args.base)
    args.rank = default_rank(source) if args.rank is None else args.rank
    nets = {name: new_net(name, default_settings(name, source), args.rank, source) for name in names}
    for net in nets.values():
        net.backbone.set_dropout(0.1)
        net.hold()  # as in the second of two stages
    tokenizer, backbone = _alone(source, args.rank)
    sampler = _batches(args, list(nets.values()), tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        alone = _stepper(
            cast(nn.Module, backbone), lambda b: reply_loss(backbone, b, tokenizer.bos), args, Path(folder) / "0"
        )
        steps = {ALONE: alone}
        for name, net in nets.items():
            steps[name] = _stepper(net, _losses_of(net), args, Path(folder) / name)
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        turns = list[int]()
        for round_ in range(args.rounds + 1):
            batch = sampler.at(round_)
            turns.append(len(batch))
            for name, make_step in steps.items():
                seconds[name].append(_seconds(make_step, [batch]))
            if isinstance(sampler, WholeBatches):
                seconds.setdefault(APART, []).append(_seconds(alone, sampler.apart_at(round_)))
    return {
        name: Speed(
            statistics.median(count / own for count, own in list(zip(turns, taken, strict=True))[1:]),
            statistics.median(alone / own for alone, own in list(zip(seconds[ALONE], taken, strict=True))[1:]),
        )
        for name, taken in seconds.items()  # the first round warms up
    }


def _seconds(make_step: Callable[[Batch], None], batches: Sequence[Batch]) -> float:
    start = time.perf_counter()
    for batch in batches:
        make_step(batch)
    return time.perf_counter() - start


def _alone(source: CausalBase | str, rank: int) -> tuple[Tokenizer, Backbone]:
    if isinstance(source, CausalBase):
        backbone: Backbone = source.backbone(rank)
        tokenizer: Tokenizer = source.tokenizer
    else:
        from models.backbones.blenderbot_90m import load_full  # loads transformers' tokenizers, needed here only

        tokenizer, whole = load_full(source)
        if rank:
            adapt(whole, rank)
        backbone = whole
    backbone.set_dropout(0.1)
    return tokenizer, backbone


def table(speeds: dict[str, Speed]) -> str:
    """The figures as a Markdown table."""
    lines = [f"| training | supporter turns/s | of the {ALONE} |", "|---|---|---|"]
    lines += [f"| {name} | {s.turns_s:.1f} | {100 * s.ratio:.0f} % |" for name, s in speeds.items()]
    return "\n".join(lines)


def _batches(args: Namespace, nets: Sequence[Net], tokenizer: Tokenizer) -> Batches | WholeBatches:
    """Numbered batches: whole dialogues of `--tokens`, or `--batch` turns, one per row."""
    if tokenizer.chat:
        wholes = wholes_of(*_read(args, nets)) if args.esconv else MadeUp(tokenizer).dialogues()
        return WholeBatches(wholes, args.whole_tokens, 1)
    examples = examples_of(*_read(args, nets)) if args.esconv else MadeUp(tokenizer).examples()
    return Batches(examples, args.batch, 1)


def _read(args: Namespace, nets: Sequence[Net]) -> tuple[Any, ...]:
    """Arguments for `examples_of` and `wholes_of`, for turns of ESConv in the shape of the first net."""
    by_dialogue: dict[int, list[Target]] = {}
    for target in split_dialogues(read_esconv(args.esconv), "D").train:
        by_dialogue.setdefault(id(target.dialogue), []).append(target)
    order = list(by_dialogue.values())
    random.Random(1).shuffle(order)
    chosen = [target for dialogue in order for target in dialogue if target.gold.strategy][:POOLED]
    reader = next((net for net in nets if net.needs_comet), nets[0])
    return (
        chosen,
        comet_for(reader, args.tails, args.comet, args.device),
        nets[0].tokenizer,
        nets[0].shape,
        besides_for(args, args.device, *nets),
    )


def _losses_of(net: Net) -> Callable[[Batch], dict[str, Tensor]]:
    return lambda batch: net.losses(batch.to(device_of(net)))


def _stepper(
    module: nn.Module, loss_of: Callable[[Any], dict[str, Tensor]], args: Namespace, folder: Path
) -> Callable[[Batch], None]:
    """A function that makes one training step per call, as in `python -m models train`."""
    weighting = module.weighting() if isinstance(module, Net) else None
    config = FitConfig(minutes=0, lr=1e-4, device=args.device)
    fit = Fit(module, parameter_groups([(module, 1.0)], config.weight_decay), config, folder, weighting)
    losses = fit.prepare(loss_of)

    def make_step(batch: Batch) -> None:
        fit.make_step(lambda number: batch, losses)

    return make_step
