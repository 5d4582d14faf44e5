"""Which losses interfere with each other (STAR, section 5.3): `python -m models interference joint star --esconv PATH`.

Writes OUT/NET/gradients.json, without any text: the cosine similarity of the gradients of each pair of loss parts, over
batches, by parameter group, with the settings used. Measured without dropout. A folder made with other settings
(recorded in its run.json) is refused. `python -m models map` measures how decoder states separate by strategy.
"""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from models.analysis.gradients import gradient_cosines
from models.backbones.causal_base import Bases
from models.data.batches import make_batch
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.files.checkpoint import WEIGHTS
from models.files.resume_journal import claim, holds
from models.files.whole_file import write_whole
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import load_net, net_folder
from models.training.device import add_device_argument, pick_device
from models.training.preflight import check_known
from models.training.provenance import made_of, notes_on
from models.training.run_state import data_hash
from models.training.turn_examples import besides_for, comet_for, examples_of

GRADIENTS = "gradients.json"
RUN = "run.json"
"""file with the settings used"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets to look into")
    add_esconv_arguments(parser, "valid")
    parser.add_argument("--batches", type=int, default=50, help="batches whose gradients are compared")
    parser.add_argument("--batch", type=int, default=4, help="turns a batch; 16 of MISC take 16 GiB")
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
    """Measure each net, write its files and print the figures.

    Raises WeightsError or ValueError before the first net is measured for unusable weights, sizes or folders.
    """
    _check_sizes(args)
    args.device = pick_device(args.device)
    dialogues = read_esconv(args.esconv)
    targets = split_dialogues(dialogues, args.split).part(args.part)
    wanted = min(len(targets), args.batches * args.batch)
    targets = tuple(random.Random(args.seed).sample(targets, wanted))
    data = data_hash({"dialogues": dialogues})
    bases = Bases(args.device)
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
    """Measure one net and write its file."""
    examples = examples_of(
        targets,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        net.shape,
        besides_for(args, args.device, net),
    )
    check_known(net, examples)
    examples = [example for example in examples if example.strategy >= 0]
    starts = range(0, len(examples), args.batch)
    torch.manual_seed(args.seed)  # the losses of MoEL and MIME draw random numbers
    cosines = gradient_cosines(net, (make_batch(examples[i : i + args.batch]) for i in starts))
    name, folder = about["net"], args.out / about["net"]
    # only after measuring, so that a net that cannot be measured claims no folder
    claim(folder / RUN, [folder / GRADIENTS], about)
    found = {"settings": about, "cosines": [asdict(cosine) for cosine in cosines]}
    write_whole(folder / GRADIENTS, json.dumps(found, indent=1) + "\n")
    for cosine in cosines:
        print(f"{name} {cosine.group}: {cosine.first} / {cosine.second} {cosine.mean:+.3f} (sd {cosine.spread:.3f})")
    print(f"{name}, {about['measured_on']}: written to {folder}")
