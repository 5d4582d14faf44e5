"""What interferes with what (STAR, section 5.3): `python -m models interference joint star --esconv PATH`.

Writes OUT/NET/gradients.json, free of any text: the cosine similarity of the gradients of each pair of loss parts, over
batches, by parameter group, with the settings it was made with. Measured without dropout. A folder of other settings
(as its run.json says) is refused. How decoder states separate by strategy is measured by `python -m models map`.
"""

from __future__ import annotations

import itertools
import json
import random
import statistics
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.data.batches import Batch, make_batch
from models.data.esconv import PARTS, Target, read_esconv, split_dialogues
from models.files.checkpoint import WEIGHTS
from models.files.resume_journal import claim, holds
from models.files.whole_file import write_whole
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import Bases, load_net, net_folder
from models.training.device import add_device_argument, device_of, pick_device
from models.training.preflight import check_known
from models.training.provenance import made_of, notes_on
from models.training.run_state import data_hash
from models.training.turn_examples import comet_for, emotions_for, examples_of

GROUPS = {
    "embedding": ("model.shared.", "backbone.added"),
    "encoder": ("model.encoder.",),
    "decoder": ("model.decoder.", "backbone.layers."),
}
"""parameter group -> parts of its parameters' names; what is in none is "heads": a net's own modules"""
GRADIENTS = "gradients.json"
RUN = "run.json"
"""the settings that it was made with"""


@dataclass(frozen=True)
class Cosine:
    """Cosine similarity of the gradients of two loss parts in one parameter group, over batches."""

    group: str
    first: str
    second: str
    mean: float
    spread: float
    """standard deviation over batches; 0 for a single batch"""
    batches: int
    """batches in which both parts reach the group: without any there is no row"""


def group_of(name: str) -> str:
    """Parameter group of a parameter's name."""
    return next((group for group, parts in GROUPS.items() if any(part in name for part in parts)), "heads")


def gradient_cosines(net: Net, batches: Iterable[Batch]) -> list[Cosine]:
    """Every pair of loss parts in every group, and in "all" parameters together."""
    net.eval().requires_grad_(requires_grad=True)
    named = dict(net.named_parameters())
    found: dict[tuple[str, str, str], list[float]] = {}
    for batch in batches:
        parts = net.losses(batch.to(device_of(net)))
        gradients = {
            part: torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
            for part, loss in parts.items()
        }
        for first, second in itertools.combinations(parts, 2):
            for group, value in _cosines(tuple(named), gradients[first], gradients[second]).items():
                found.setdefault((group, first, second), []).append(value)
    return [
        Cosine(*key, statistics.fmean(values), statistics.pstdev(values), len(values)) for key, values in found.items()
    ]


def _cosines(names: Sequence[str], first: Sequence[Tensor | None], second: Sequence[Tensor | None]) -> dict[str, float]:
    """Group -> cosine; a group that one of the two does not reach is left out."""
    sums: dict[str, list[float]] = {}
    for name, one, other in zip(names, first, second, strict=True):
        dot = float((one * other).sum()) if one is not None and other is not None else 0.0
        squares = [0.0 if g is None else float(g.square().sum()) for g in (one, other)]
        for group in ("all", group_of(name)):
            total = sums.setdefault(group, [0.0, 0.0, 0.0])
            for place, value in enumerate((dot, *squares)):
                total[place] += value
    return {g: dot / (one * other) ** 0.5 for g, (dot, one, other) in sums.items() if one > 0 and other > 0}


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets to look into")
    parser.add_argument("--esconv", required=True, help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument(
        "--split", default="D", choices=("D", "E"), help="D: by dialogue; E: MISC's, by example (leaky)"
    )
    parser.add_argument("--part", default="valid", choices=PARTS, help="which part of the split")
    parser.add_argument("--batches", type=int, default=50, help="batches whose gradients are compared")
    parser.add_argument("--batch", type=int, default=16, help="turns a batch")
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/interference"), help="folder for the files")
    parser.add_argument(
        "--overwrite", action="store_true", help="throw away what OUT/NET holds from a run with other settings"
    )
    parser.add_argument("--seed", type=int, default=13, help="seed of the sample of turns and of draws in losses")
    add_device_argument(parser, alone=True)


def run(args: Namespace) -> int:
    """Measure each net and write its files; prints the figures.

    Raises WeightsError or ValueError before the first net is measured for unusable weights, sizes or folders.
    """
    _check_sizes(args)
    args.device = pick_device(args.device)
    dialogues = read_esconv(args.esconv)
    targets = split_dialogues(dialogues, args.split).part(args.part)
    wanted = min(len(targets), args.batches * args.batch)
    targets = tuple(random.Random(args.seed).sample(targets, wanted))
    data = data_hash({"dialogues": dialogues})
    bases = Bases()
    nets = {name: load_net(net_folder(name, args.weights), bases=bases) for name in args.net}
    sizes = {name: getattr(args, name) for name in ("batches", "batch", "seed", "device")}
    abouts = {name: made_of(args, name, net, data) | sizes for name, net in nets.items()}
    for name, about in abouts.items():
        holds(args.out / name / RUN, [args.out / name / GRADIENTS], about, overwrite=args.overwrite)
    for name, net in nets.items():
        _measure(args, net.to(args.device), targets, abouts[name])
    print("".join(f"{note}\n" for note in notes_on(about["measured_on"] for about in abouts.values())), end="")
    return 0


def _check_sizes(args: Namespace) -> None:
    for name in ("batches", "batch"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} is {getattr(args, name)}; want at least 1")


def _measure(args: Namespace, net: Net, targets: Sequence[Target], about: Mapping[str, Any]) -> None:
    """The file of one net."""
    examples = examples_of(
        targets,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        net.shape,
        emotions_for(net, args.emotion, args.device),
    )
    check_known(net, examples)
    examples = [example for example in examples if example.strategy >= 0]
    starts = range(0, len(examples), args.batch)
    torch.manual_seed(args.seed)  # the losses of MoEL and MIME draw
    cosines = gradient_cosines(net, (make_batch(examples[i : i + args.batch]) for i in starts))
    name, folder = about["net"], args.out / about["net"]
    # now that all is measured: nothing is lost to a net that cannot be
    claim(folder / RUN, [folder / GRADIENTS], about)
    found = {"settings": about, "cosines": [asdict(cosine) for cosine in cosines]}
    write_whole(folder / GRADIENTS, json.dumps(found, indent=1) + "\n")
    for cosine in cosines:
        print(f"{name} {cosine.group}: {cosine.first} / {cosine.second} {cosine.mean:+.3f} (sd {cosine.spread:.3f})")
    print(f"{name}, {about['measured_on']}: written to {folder}")
