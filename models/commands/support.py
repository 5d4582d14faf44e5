"""Train the support adapter: `python -m models support --esconv PATH --dialogues FOLDER --minutes 60 --release`.

The adapter is a change of a causal base that all nets on that base share: it learns BlenderBot-Joint's form (strategy,
then reply) on ESConv and other support talks (`models.data.support_corpora`). Each net then learns its own small change
on ESConv alone. The same command continues a run that was stopped.
"""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import cast

import torch

from models.backbones.causal import Causal
from models.backbones.causal_base import DEFAULT, CausalBase
from models.backbones.low_rank import ADDED_RATE, AddedTokens
from models.data.batches import Batch
from models.data.dialogue import Dialogue
from models.data.esconv import Target, read_esconv, split_dialogues, targets
from models.data.own_talks import OWN_TIMES
from models.data.rule_answers import RULE_ANSWERS
from models.data.strategy_history import Course
from models.data.support_corpora import SETS, support_dialogues
from models.files.checkpoint import WEIGHTS, fingerprint
from models.knowledge.comet import NoComet
from models.nets.net import Net
from models.nets.registry import causal_settings
from models.nets.stored import causal_net, open_source
from models.nets.support import SUPPORT, go_on_from, save_support
from models.training.device import add_device_argument, pick_device
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.run_state import data_hash
from models.training.sampler import WholeBatches
from models.training.turn_examples import wholes_of
from models.training.validation import validate

RANK = 16
COURSE_RATE = 10.0
"""learning rate of the strategy history, relative to that of the rest"""
VALIDATED = 40
"""dialogues of ESConv's validation part that a check reads"""
LICENCES = {
    "ESConv": "CC BY-NC 4.0",
    "escot": "not stated",
    "synthetic_es_gpt4": "not stated",
    "healme": "not stated",
    "empathetic_dialogues": "CC BY-NC 4.0",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m models support`."""
    parser.add_argument("--esconv", required=True, help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument("--dialogues", type=Path, help=f"folder with support sets ({', '.join(SETS)}: .jsonl[.gz])")
    parser.add_argument("--base", default=DEFAULT, help="a causal base: name, GGUF file, folder or Hub name")
    parser.add_argument("--out", type=Path, default=Path("runs/support"), help="folder of the run's state")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--release", action="store_true", help=f"pack the best weights into the folder {SUPPORT} there")
    parser.add_argument("--rank", type=int, default=RANK, help="rank of the change of each base matrix")
    parser.add_argument(
        "--own-talks", type=int, default=OWN_TIMES, help="how often the talks of data/own_talks.py come"
    )
    parser.add_argument(
        "--rule-answers",
        type=int,
        default=RULE_ANSWERS,
        help="answers by rule (data/rule_answers.py), beside each copy of these talks",
    )
    parser.add_argument("--start", type=Path, help="folder of a support adapter of this base and rank to go on from")
    parser.add_argument("--minutes", type=float, default=60.0, help="minutes of training, over resumed runs; 0 = none")
    parser.add_argument("--steps", type=int, default=1_000_000, help="optimiser steps at most")
    parser.add_argument("--tokens", type=int, default=2304, help="tokens of whole dialogues in a forward pass")
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate of AdamW")
    parser.add_argument("--check-seconds", type=float, default=600.0, help="seconds of training between validations")
    parser.add_argument("--seed", type=int, default=13, help="seed of the mix, the batches and fresh weights")
    add_device_argument(parser)


def run(args: Namespace) -> int:
    """Entry point of the command. Raises ValueError or FileNotFoundError before any step when something is missing."""
    pick_device(args.device)
    base = open_source(args.base, args.device)
    if not isinstance(base, CausalBase):
        raise ValueError(f"--base {args.base} is no causal base; a support adapter changes one, e.g. {DEFAULT}")
    torch.manual_seed(args.seed)
    net = causal_net("joint", causal_settings("joint"), args.rank, base)
    if args.start is not None:
        go_on_from(cast(Causal, net.backbone), args.start, base, args.rank)
    splits = split_dialogues(read_esconv(args.esconv), "D")
    mixed = support_dialogues(_dialogues(splits.train), args.dialogues, args.seed, args.own_talks, args.rule_answers)
    train = wholes_of(targets(mixed), NoComet(), net.tokenizer, net.shape)
    valid = _dialogues(splits.valid)
    drawn = random.Random(args.seed).sample(valid, min(VALIDATED, len(valid)))
    checked = WholeBatches(
        wholes_of(targets(drawn), NoComet(), net.tokenizer, net.shape), args.tokens, args.seed
    ).each()
    fit = _fit(args, net, base, data_hash({"train": train}))
    if fit.is_main:
        size = sum(len(whole.ids) for whole in train)
        print(f"{len(mixed)} dialogues, {size} tokens; rank {args.rank} on {base.label}")

    def loss_of(batch: Batch) -> dict[str, torch.Tensor]:
        return net.losses(batch.to(fit.device))

    fit.run(WholeBatches(train, args.tokens, args.seed).at, loss_of, lambda: validate(net, checked))
    figures = fit.restore_best()
    if fit.is_main:
        print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
        if args.release:
            save_support(cast(Causal, net.backbone), base, _card(fit, figures), args.weights / SUPPORT)
    return 0


def _dialogues(found: tuple[Target, ...]) -> list[Dialogue]:
    """The dialogues of targets, each once."""
    return list({id(target.dialogue): target.dialogue for target in found}.values())


def _fit(args: Namespace, net: Net, base: CausalBase, digest: str) -> Fit:
    config = FitConfig(
        minutes=args.minutes,
        max_steps=args.steps,
        lr=args.lr,
        warmup=15,
        final=0.1,
        save_every_s=args.check_seconds,
        select="valid_loss",
        device=args.device,
        seed=args.seed,
    )
    rates = {Course: COURSE_RATE, AddedTokens: ADDED_RATE}
    parts = [(module, rates[type(module)]) for module in net.modules() if type(module) in rates]
    about = {"kind": SUPPORT, "base": base.label, "settings": asdict(net.config), "data": digest, "splits": ["D"]}
    about |= {"start": fingerprint(args.start)} if args.start else {}
    groups = parameter_groups([*parts, (net, 1.0)], config.weight_decay)
    fit = Fit(net, groups, config, args.out, net.weighting(), about | {"rank": args.rank, "tokens": args.tokens})
    fit.resume()
    return fit


def _card(fit: Fit, figures: dict[str, float]) -> dict[str, object]:
    return {
        "data": f"ESConv split D train, talks written for this project, and shares of support sets: {SETS}",
        "data_licences": LICENCES,
        "rank": fit.about["rank"],
        **({"start": fit.about["start"]} if "start" in fit.about else {}),
        "run": fit.about,
        "licence": "research and non-commercial use, as the data; the base SmolLM2-135M-Instruct is Apache-2.0",
        "date": date.today().isoformat(),
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
        "metrics": {name: round(value, 4) for name, value in figures.items()},
    }
