"""Does knowledge have an effect? `python -m models knowledge misc admisc --esconv PATH --dialogues 20 --bf16`.

Runs each turn with its own COMET blocks, with those of another dialogue, and with none, and measures how likely the
references are and how often strategy and reply change (`models.evaluation.knowledge_effect`).
"""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from models.backbones.causal_base import Bases
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.evaluation.knowledge_effect import Effect, knowledge_effect
from models.evaluation.uncertainty import Interval, check_rounds
from models.files.checkpoint import WEIGHTS, fingerprint, read_card
from models.files.whole_file import write_whole
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.registry import net_names
from models.nets.stored import load_net, net_folder
from models.reading.table import aligned
from models.training.device import add_device_argument, pick_device
from models.training.preflight import check_known
from models.training.provenance import measured_on, notes_on
from models.training.turn_examples import besides_for, comet_for, examples_of

HEADS = ["net", "blocks", "NLL", "less likely by", "ACC %", "shares moved %", "other strategy %", "other reply %"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets that read COMET blocks")
    add_esconv_arguments(parser, "valid")
    parser.add_argument("--dialogues", type=int, default=20, help="dialogues, drawn at random; 0 = all")
    parser.add_argument("--batch", type=int, default=32, help="turns predicted together")
    parser.add_argument("--rounds", type=int, default=1000, help="rounds of the bootstrap, over dialogues")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample, the exchange and the bootstrap")
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=None, help="write the figures to this JSON file")
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="bfloat16 autocast: several times faster on machines with units for it, slower on others",
    )
    add_device_argument(parser, alone=True)


def run(args: Namespace) -> int:
    """Print a row for each net and condition.

    Raises WeightsError or ValueError before the first net is measured for weights, nets or sizes that cannot be used.
    """
    if args.batch < 1 or args.dialogues < 0:
        raise ValueError(f"--batch {args.batch}, --dialogues {args.dialogues}; want at least 1 and 0")
    check_rounds(args.rounds)
    args.device = pick_device(args.device)
    bases = Bases(args.device)
    folders = {name: net_folder(name, args.weights) for name in args.net}
    nets = {name: load_net(folder, bases=bases) for name, folder in folders.items()}
    if idle := [name for name, net in nets.items() if not net.needs_comet]:
        raise ValueError(f"{', '.join(idle)}: reads no COMET blocks; name nets that do, e.g. misc or admisc")
    targets = _drawn(args, split_dialogues(read_esconv(args.esconv), args.split).part(args.part))
    rows, found, labels = [HEADS], list[dict[str, object]](), list[str]()
    for name, net in nets.items():
        effects = _measure(args, net.to(args.device), targets)
        rows += [_row(name, effect) for effect in effects]
        labels.append(measured_on(read_card(folders[name]), net, args.split, args.part))
        about = {"net": name, "checkpoint": fingerprint(folders[name]), "measured_on": labels[-1]}
        found.append(about | {"effects": [asdict(effect) for effect in effects]})
    print("\n".join(aligned(rows, left={0, 1})))
    count = len({target.dialogue.id for target in targets})
    print(f"split {args.split} {args.part}, {len(targets)} turns of {count} dialogues; in brackets 95 % intervals")
    print("".join(f"{note}\n" for note in notes_on(labels)), end="")
    if args.out:
        whole = {"turns": len(targets), "dialogues": count, "seed": args.seed, "bfloat16": args.bf16, "nets": found}
        write_whole(args.out, json.dumps(whole, indent=1) + "\n")
    return 0


def _drawn(args: Namespace, targets: Sequence[Target]) -> tuple[Target, ...]:
    """All turns with a strategy from `--dialogues` drawn dialogues."""
    known = [target for target in targets if target.gold.strategy]
    ids = list(dict.fromkeys(target.dialogue.id for target in known))
    drawn = set(random.Random(args.seed).sample(ids, min(args.dialogues or len(ids), len(ids))))
    return tuple(target for target in known if target.dialogue.id in drawn)


def _measure(args: Namespace, net: Net, targets: Sequence[Target]) -> tuple[Effect, ...]:
    comet = comet_for(net, args.tails, args.comet, args.device)
    whole = replace(net.shape, reply_tokens=net.backbone.longest_reply)  # keeps references whole
    examples = examples_of(targets, comet, net.tokenizer, whole, besides_for(args, args.device, net))
    check_known(net, examples)
    with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
        return knowledge_effect(net, targets, examples, seed=args.seed, rounds=args.rounds, batch=args.batch)


def _row(name: str, effect: Effect) -> list[str]:
    def written(found: Interval | None, digits: int) -> str:
        if found is None:
            return "-"
        return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"

    shares = (written(found, 1) for found in (effect.moved, effect.other_strategy, effect.other_reply))
    return [
        name,
        effect.condition,
        f"{effect.nll:.4f}",
        written(effect.nll_more, 4),
        "-" if effect.accuracy is None else f"{effect.accuracy:.1f}",
        *shares,
    ]
