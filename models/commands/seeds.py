"""How much of a figure is due to the seed: `python -m models seeds joint star --esconv PATH --weights A B C`.

Each folder of `--weights` holds one training of every net (A/joint, A/star, ...), each with another seed, made by
    python -m models train joint --seed 14 --weights seed14 --out runs/joint14 --release ...
    python -m models train star --seed 14 --weights seed14 --out runs/star14 --release ...      # on that joint
Strategies and likelihoods of a part are computed without writing replies, which takes half as long; `evaluate` measures
replies.
"""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from models.backbones.causal_base import Bases
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.files.checkpoint import fingerprint, read_card
from models.files.whole_file import write_whole
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import load_net, net_folder
from models.reading.table import aligned
from models.training.preflight import check_known
from models.training.provenance import measured_on, notes_on
from models.training.turn_examples import besides_for, comet_for, examples_of
from models.training.validation import turn_batches, validate

FIGURES = {"accuracy": "ACC %", "macro_f1": "macro F1 %", "perplexity": "PPL"}
"""figures of a training -> their headings; PPL is per word piece, the gold strategy given"""


@dataclass(frozen=True)
class Training:
    """One trained net and its figures, named as in FIGURES; a net that predicts no strategy has none for strategies."""

    net: str
    folder: str
    seed: int | None
    """from its card"""
    checkpoint: str
    figures: dict[str, float]
    measured_on: str = ""
    """split and part, and how they leak, if they do"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="nets to measure")
    parser.add_argument("--weights", nargs="+", type=Path, required=True, help="folders with one folder per net each")
    add_esconv_arguments(parser, "test")
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--out", type=Path, default=None, help="write the figures to this JSON file")


def run(args: Namespace) -> int:
    """Print the figures of every training, then mean and deviation of every net.

    Raises WeightsError or ValueError before the first net is measured when a training is missing or given twice.
    """
    folders = {(name, root): net_folder(name, root) for name in args.net for root in args.weights}
    _all_different(list(folders.values()))
    targets = split_dialogues(read_esconv(args.esconv), args.split).part(args.part)
    made, bases = list[Training](), Bases()
    for (name, _), folder in folders.items():
        net, card = load_net(folder, bases=bases), read_card(folder)
        figures, seed = figures_of(args, net, targets), card.get("run", {}).get("seed")
        label = measured_on(card, net, args.split, args.part)
        made.append(Training(name, str(folder), seed, fingerprint(folder), figures, label))
        print("  ".join(_row(made[-1])), flush=True)
    print("\n" + "\n".join(aligned(summary(made), left={0})))
    print(f"split {args.split} {args.part}, {len(targets)} turns; mean and standard deviation over trainings")
    print("".join(f"{note}\n" for note in notes_on(training.measured_on for training in made)), end="")
    if args.out:
        rows = [asdict(training) for training in made]
        about = {"split": args.split, "part": args.part, "turns": len(targets)}
        write_whole(args.out, json.dumps(about | {"trainings": rows}, indent=1) + "\n")
    return 0


def figures_of(args: Namespace, net: Net, targets: Sequence[Target]) -> dict[str, float]:
    """Accuracy and macro F1 in percent, perplexity per word piece of whole references, see FIGURES."""
    whole = replace(net.shape, reply_tokens=net.backbone.longest_reply)
    examples = examples_of(
        targets, comet_for(net, args.tails, args.comet), net.tokenizer, whole, besides_for(args, "cpu", net)
    )
    check_known(net, examples)
    found = validate(net, turn_batches(examples, share=net.backbone.causal), gold=True)
    shares = {name: 100 * found[f"valid_{name}"] for name in ("accuracy", "macro_f1") if f"valid_{name}" in found}
    return shares | {"perplexity": math.exp(found["valid_reply"])}


def summary(made: Sequence[Training]) -> list[list[str]]:
    """One row per net: every figure as mean and standard deviation over its trainings."""
    rows = [["net", "trainings", *FIGURES.values()]]
    for name in dict.fromkeys(training.net for training in made):
        own = [training.figures for training in made if training.net == name]
        columns = [[figures[figure] for figures in own if figure in figures] for figure in FIGURES]
        rows.append([name, str(len(own)), *map(_spread, columns)])
    return rows


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{mean(values):.2f}" + (f" +- {stdev(values):.2f}" if len(values) > 1 else "")


def _row(training: Training) -> list[str]:
    shown = [f"{FIGURES[name]} {value:.2f}" for name, value in training.figures.items()]
    return [training.net, f"seed {training.seed}", training.checkpoint, *shown, training.measured_on]


def _all_different(folders: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for folder in folders:
        other = seen.setdefault(fingerprint(folder), folder)
        if other is not folder:
            raise ValueError(f"{other} and {folder} hold the same weights; give trainings of different seeds")
