"""Fine-tune a net on ESConv: `python -m models train misc --esconv PATH --tails FILE --minutes 20`.

The net starts from a shared base, by default the causal one with its support adapter; the base stays as it is and the
net learns a low-rank change of it plus its own modules. A causal base reads each dialogue once for all its turns.
Transformer, MT Transformer, MoEL and MIME train from scratch, on word pieces learnt from the train part.
The weights of the best validation loss so far are kept (`OUT/best.pt`), and `--release` packs them into
`models/weights/NET` with a card. The same command continues a run that was stopped.

On several GPUs: `accelerate launch --num_processes 4 -m models train misc ...`, without other flags. In several
processes on CPUs: `torchrun --nproc_per_node 4 -m models train misc ...`, since `accelerate launch` needs MPI there.
"""

from __future__ import annotations

import json
import platform
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch

from models.backbones.causal_base import DEFAULT, CausalBase
from models.backbones.low_rank import ADDED_RATE, GATE_RATE, AddedTokens, Gate
from models.backbones.quick_type import is_quick_in_bfloat16
from models.data.esconv import Target, read_esconv, split_dialogues, targets
from models.data.esconv_flags import add_esconv_arguments
from models.data.examples import CASES
from models.data.own_talks import OWN_TIMES
from models.data.rule_answers import RULE_ANSWERS
from models.data.strategies import STRATEGIES
from models.data.strategy_history import Course
from models.data.support_corpora import openings, voiced_talks
from models.data.tokenizer import Tokenizer, learn_vocabulary
from models.files.checkpoint import WEIGHTS, fingerprint, is_there, learned_from, read_card, sha256
from models.knowledge.comet import NoComet
from models.knowledge.shipped_or_hub import add_knowledge_arguments, comet_version, emotion_version
from models.nets.net import Net
from models.nets.registry import net_class, net_config, net_names
from models.nets.stored import (
    CAUSAL_RANK,
    TOKENIZER,
    Source,
    base_label,
    check_source,
    open_source,
    save_net,
    start_net,
)
from models.nets.support import SUPPORT
from models.training.choice import EPOCHS, figures_of_all, of_choice
from models.training.device import add_device_argument, pick_device
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.preflight import GENERATE, check_flags, check_release, check_tails_flag, known_turns
from models.training.run_state import check_room
from models.training.training_data import Learning, Sizes, TrainingData, of_all, training_data
from models.training.turn_examples import besides_for, comet_for

RATE, WHOLE_RATE = 1e-3, 2e-5
"""default peak learning rate: in general, and of a full checkpoint that trains whole (MISC's)"""
COURSE_RATE = 10.0
"""learning rate of the strategy history, relative to the rest: it starts from nothing and has about one epoch"""
NONE, AUTO = "none", "auto"
LICENCE = "research and non-commercial use, as the data"
BASE_LICENCE = "the base SmolLM2-135M-Instruct is Apache-2.0"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m models train`."""
    parser.add_argument("net", choices=net_names(), help="which net")
    add_esconv_arguments(parser)
    parser.add_argument(
        "--tails",
        help="file of COMET tails made by `python -m models comet --precompute`, for nets that read them;"
        f" {GENERATE} makes them now, which takes long without a GPU",
    )
    parser.add_argument(
        "--known-only", action="store_true", help="of the train part learn only turns that the file of --tails knows"
    )
    add_knowledge_arguments(parser)
    parser.add_argument("--out", help="folder of the run's state (default: runs/NET)")
    parser.add_argument(
        "--start",
        help="folder of trained weights; on a causal base, those of any net (default: none; star: joint of --weights)",
    )
    parser.add_argument(
        "--base",
        help=f"{DEFAULT}, a GGUF file or another Llama-type checkpoint (Hub name or folder): a causal base; or a full"
        " BlenderbotSmall checkpoint (name or folder), on which a net has its published settings"
        f" (default: {DEFAULT}; none for nets that train from scratch)",
    )
    parser.add_argument(
        "--support",
        help=f"folder of a support adapter, held under the net's own change of a causal base; {NONE}: without one"
        f" (default: the folder {SUPPORT} of --weights)",
    )
    parser.add_argument(
        "--set",
        nargs="*",
        action="extend",
        default=[],
        metavar="NAME=JSON",
        help="settings of the net, e.g. refine='\"last\"'",
    )
    parser.add_argument(
        "--only",
        choices=("strategies",),
        help="with --start: train what chooses the strategy alone, on what it reads, which is read once; replies to a"
        " given strategy stay as they are (FADO's change a little)",
    )
    parser.add_argument("--release", action="store_true", help="pack the best weights into the folder NET of --weights")
    parser.add_argument(
        "--weights", type=Path, default=WEIGHTS, help="folder with one folder per net, e.g. another one for each seed"
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="release in the place of weights of another base, rank, split or other settings",
    )
    _add_fit_arguments(parser)


def _add_fit_arguments(parser: ArgumentParser) -> None:
    """Add the flags for how long, how fast and on what to train."""
    parser.add_argument(
        "--rank",
        type=int,
        help="rank of the change of each base matrix, 0: train all of it; default: that of --start, else"
        f" {CAUSAL_RANK} on a causal base and 0 on a full checkpoint",
    )
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="limit over resumed runs, minutes of training; 0 = none"
    )
    parser.add_argument("--steps", type=int, default=1_000_000, help="optimiser steps at most")
    parser.add_argument(
        "--batch", type=int, default=32, help="examples of a forward pass; a step has times accumulation and processes"
    )
    parser.add_argument(
        "--tokens", type=int, default=2560, help="on a causal base instead: tokens of whole dialogues in a forward pass"
    )
    parser.add_argument(
        "--own-talks",
        type=int,
        default=OWN_TIMES,
        help="on a causal base: how often an epoch has the talks of data/own_talks.py, 0 = never",
    )
    parser.add_argument(
        "--rule-answers",
        type=int,
        default=RULE_ANSWERS,
        help="on a causal base: answers by rule (data/rule_answers.py), beside each copy of these talks",
    )
    parser.add_argument("--grad-accumulation", type=int, default=1, help="forward passes of each process a step")
    parser.add_argument("--warmup", type=int, default=30, help="steps of linear warm-up")
    parser.add_argument(
        "--lr",
        type=float,
        help=f"peak learning rate of AdamW; unless told {RATE}, or {WHOLE_RATE} where a full checkpoint trains whole",
    )
    parser.add_argument(
        "--balance",
        type=float,
        default=0.0,
        help="how far the strategy loss makes up for rare strategies: 0 trains for accuracy, 1 for mean recall",
    )
    parser.add_argument("--dropout", type=float, default=0.1, help="dropout rate")
    parser.add_argument(
        "--check-steps", type=int, default=0, help="steps between validations, each with a save; 0 = --check-seconds"
    )
    parser.add_argument("--check-seconds", type=float, default=150.0, help="seconds of training between validations")
    parser.add_argument(
        "--patience", type=int, default=0, help="validations in a row without a better loss that end the run; 0 = never"
    )
    parser.add_argument("--seed", type=int, default=13, help="seed of batches, dropout and fresh weights")
    parser.add_argument(
        "--precision",
        default=AUTO,
        choices=(AUTO, "bf16", "fp32"),
        help="bfloat16 autocast, everything in float32, or what this machine is quicker in",
    )
    add_device_argument(parser)


def start_of(name: str, folder: str | None, weights: Path) -> Path | None:
    """Where training starts: the folder of `--start`; for a two-stage net, the lower net in `weights`; else None."""
    below = getattr(net_class(name)[1], "below_name", None)
    return Path(folder) if folder else weights / below if below else None


def settings_from_flags(flags: Sequence[str]) -> dict[str, Any]:
    """The values of `--set NAME=JSON ...` by name. Raises ValueError naming the one that cannot be read."""
    settings = {}
    for flag in flags:
        name, _, value = flag.partition("=")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            raise ValueError(
                f"--set {flag} cannot be read; allowed: NAME=JSON, e.g. strategy_weight=0.5, course=true or"
                " 'refine=\"last\"' (a word in its own quotes)"
            ) from None
    return settings


def run(args: Namespace) -> int:
    """Entry point of the command; resumes when the run's folder has a state.

    Raises ValueError or FileNotFoundError before any step when flags or settings cannot be trained with, or when data,
    tails or disk space do not suffice for the run.
    """
    out = Path(args.out or f"runs/{args.net}")
    check_flags(args)
    device = pick_device(args.device)
    if args.precision == AUTO:  # the card names what was used
        args.precision = "bf16" if is_quick_in_bfloat16(device) else "fp32"
    torch.manual_seed(args.seed)
    start = start_of(args.net, args.start, args.weights)
    source = source_of(args, start)
    support = support_of(args, source)
    net, args.rank = start_net(args.net, settings_from_flags(args.set), args.rank, source, start, support)
    args.lr = args.lr or (RATE if args.rank or net.from_scratch else WHOLE_RATE)
    weighting = net.choice_weighting() if args.only else net.weighting()
    if args.only:
        net.hold_all_but_choice()
    if args.release and not args.overwrite:
        check_release(args.weights / args.net, _about(args, net, source, support))
    net.backbone.set_dropout(args.dropout)
    reads_tails = net.needs_comet and (net.chooses_by_tails or not args.only)
    if reads_tails:
        check_tails_flag(net, args.net, args.tails)
    check_room(out, net)
    splits = split_dialogues(read_esconv(args.esconv), args.split)
    tails = None if args.tails == GENERATE else args.tails
    comet = comet_for(net, tails, args.comet, device) if reads_tails else NoComet()
    if reads_tails and args.tails != GENERATE:
        splits = known_turns(splits, comet, args.known_only)
    more = _more(args, net, splits.train)
    learnt = replace(splits, train=splits.train + more)
    besides = besides_for(args, device, net)
    data = training_data(net, learnt, comet, besides, Sizes(args.batch, args.tokens, args.seed))
    net.balance(data.shares, args.balance)
    before = learned_from(read_card(start)) if start else []
    about = _about(args, net, source, support) | {
        "data": data.digest,
        "start": fingerprint(start) if start else "",
        "splits": sorted({args.split, *before}),
        **({"cases": besides.cases.version} if CASES in net.wants else {}),
    }
    learning, config = _learning(args, net.to(device), data, out, about)
    fit = Fit(net, _groups(net, config, args.only), config, out, weighting, about)
    fit.resume()
    if fit.is_main:
        stands = f"on {args.base}" if args.base else "from scratch"
        print(f"{args.net} {stands}, rank {args.rank}, rate {args.lr}, settings {json.dumps(about['settings'])}")
    fit.run(learning.batch_at, lambda batch: learning.losses(batch.to(fit.device)), learning.check)
    figures = fit.restore_best()
    if fit.is_main:
        figures = figures_of_all(net, data, figures, tails=reads_tails) if args.only else figures
        print(json.dumps({n: round(v, 4) for n, v in figures.items()}))
        if args.release:
            card = _card(args, net, start, (len(splits.train), len(more)), fit, figures)
            save_net(net, args.net, args.rank, card, args.weights / args.net, source, support=support)
    return 0


def _groups(net: Net, config: FitConfig, only: str | None) -> list[dict[str, Any]]:
    """Parameter groups: in a whole net, modules that start from nothing learn faster."""
    rates = {} if only else {Course: COURSE_RATE, Gate: GATE_RATE, AddedTokens: ADDED_RATE}
    faster = [(module, rates[type(module)]) for module in net.modules() if type(module) in rates]
    return parameter_groups([*faster, (net, 1.0)], config.weight_decay)


def _learning(
    args: Namespace, net: Net, data: TrainingData, out: Path, about: dict[str, Any]
) -> tuple[Learning, FitConfig]:
    """What is learnt, and for how long."""
    config = _fit_config(args)
    if not args.only:
        return of_all(net, data), config
    learning, epoch = of_choice(net, data, out, about, args.seed, bfloat16=args.precision == "bf16")
    steps = min(args.steps, EPOCHS * epoch)
    return learning, replace(config, max_steps=steps, check_steps=args.check_steps or epoch)


def _more(args: Namespace, net: Net, train: Sequence[Target]) -> tuple[Target, ...]:
    """What nets on a causal base, which reads whole dialogues, learn besides the train part: its openings alone (not in
    split E, whose dialogues also hold test turns), and the project's own talks as often as the flags say."""
    if not net.backbone.causal:
        return ()
    dialogues = {id(target.dialogue): target.dialogue for target in train if args.split == "D"}.values()
    opened = openings(dialogues, args.seed)
    return targets(opened) + targets(voiced_talks(tuple(dialogues), args.seed, args.own_talks, args.rule_answers))


def source_of(args: Namespace, start: Path | None) -> Source:
    """The base that `--base` names, opened if it is causal; from scratch, the vocabulary of `start` or a new one."""
    if args.base is None and net_class(args.net)[1].from_scratch:
        return Tokenizer.load(start / TOKENIZER) if start else _vocabulary(args)
    args.base = args.base or DEFAULT
    source = open_source(args.base, args.device)
    check_source(args.net, source)
    return source


def _vocabulary(args: Namespace) -> Tokenizer:
    """Word pieces learnt from the train part, each turn counted once; the settings are checked first."""
    net_config(args.net, settings_from_flags(args.set))
    train = split_dialogues(read_esconv(args.esconv), args.split).train
    said = {(id(t.dialogue), at): turn.text for t in train for at, turn in enumerate((*t.context.turns, t.gold))}
    return learn_vocabulary(said.values())


def support_of(args: Namespace, source: Source) -> Path | None:
    """The folder of the support adapter, for a causal base only. Raises ValueError if it is missing."""
    if not isinstance(source, CausalBase) or args.support == NONE:
        return None
    folder = Path(args.support) if args.support else args.weights / SUPPORT
    if not is_there(folder):
        raise ValueError(
            f"there is no support adapter in {folder}; train one with `python -m models support`, name its folder, or"
            f" go without: --support {NONE}"
        )
    return folder


def _fit_config(args: Namespace) -> FitConfig:
    return FitConfig(
        minutes=args.minutes,
        max_steps=args.steps,
        lr=args.lr,
        warmup=args.warmup,
        accumulation=args.grad_accumulation,
        save_every_s=args.check_seconds,
        check_steps=args.check_steps,
        select="valid_loss",
        patience=args.patience,
        bfloat16=args.precision == "bf16",
        device=args.device,
        seed=args.seed,
    )


def _about(args: Namespace, net: Net, source: Source, support: Path | None) -> dict[str, Any]:
    """What identifies this run besides its data: saved with its weights, and compared when it is resumed."""
    size = "tokens" if net.backbone.causal else "batch"
    return {
        "net": args.net,
        "settings": asdict(net.config),
        "base": base_label(source),
        "support": fingerprint(support) if support else None,
        "strategies": list(STRATEGIES),
        "vocabulary": net.tokenizer.digest(),
        "split": args.split,
        **{name: getattr(args, name) for name in ("rank", size, "dropout", "balance")},
        **({name: getattr(args, name) for name in ("own_talks", "rule_answers")} if net.backbone.causal else {}),
        **({"only": args.only} if args.only else {}),
    }


def _card(
    args: Namespace, net: Net, start: Path | None, turns: tuple[int, int], fit: Fit, figures: dict[str, float]
) -> dict[str, Any]:
    """The card. `turns`: how many turns of the train part, and how many others, the net learnt from."""
    data = f"ESConv (CC BY-NC 4.0), split {args.split} train: {turns[0]} supporter turns"
    data += f"; {turns[1]} more: its openings alone, talks written for this project" if turns[1] else ""
    read = {"comet": (net.needs_comet, comet_version), "emotion": (net.needs_emotion, emotion_version)}
    return {
        "read": {name: version(getattr(args, name)) for name, (reads, version) in read.items() if reads},
        "data": data,
        "data_sha256": sha256(Path(args.esconv)) if Path(args.esconv).is_file() else "",
        "run": fit.about,
        "licence": f"{LICENCE}; {BASE_LICENCE}" if args.base == DEFAULT else LICENCE,
        "date": date.today().isoformat(),
        "command": _command(args),
        "hardware": f"{fit.processes.num_processes} x {fit.device.type} {platform.machine()},"
        f" {torch.get_num_threads()} threads, torch {torch.__version__}",
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
        "metrics": {name: round(value, 4) for name, value in figures.items()},
        **({"start": fingerprint(start)} if start else {}),
    }


def _command(args: Namespace) -> str:
    """The command of this run, with names in place of this machine's paths."""
    sizes = ("split", "rank", "batch", "tokens", "own_talks", "rule_answers", "grad_accumulation", "lr", "warmup")
    others = ("minutes", "steps", "seed", "dropout", "balance", "precision", "check_steps", "check_seconds", "patience")
    flags = [f"--{name.replace('_', '-')} {getattr(args, name)}" for name in (*sizes, *others)]
    flags += [f"--set {shlex.join(args.set)}"] if args.set else []
    flags += [f"--only {args.only}"] if args.only else []
    named = {name: getattr(args, name) for name in ("base", "start", "support", "comet", "emotion", "tails")}
    names = {n: v if v in (NONE, GENERATE) else n.upper() for n, v in named.items() if v and v != DEFAULT}
    flags += [f"--{name} {value}" for name, value in names.items()]
    flags += ["--known-only"] if args.known_only else []
    return " ".join([f"python -m models train {args.net} --esconv ESCONV", *flags, "--release"])
