"""How fast replies are, compared with other ways to make them, in one run: `python -m models benchmark`.

All contenders use the same weights, talks and machine, in turns: the plain path of the published code, transformers'
continuous batching, llama.cpp if it is installed, and the engine that hosts the nets (`models.serving.speed`). All
replies have exactly `--tokens` word pieces. What counts is the ratio; seconds depend on the machine.
`python -m models benchmark train` measures training instead: see `models.training.speed`; `benchmark copies` what the
copies of the weights from which replies are written change in them: see `models.serving.speed.copies`.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from models.backbones.causal import Causal
from models.backbones.causal_base import DEFAULT
from models.files.whole_file import write_whole
from models.knowledge.shipped_or_hub import add_knowledge_arguments, knowledge_of
from models.nets.registry import CAUSAL, net_class, net_names
from models.serving.hosting import NetResponder, open_responders
from models.serving.speed import contenders, copies
from models.serving.speed.contender import Contender
from models.serving.speed.llama_cpp import llama_cpp
from models.serving.speed.measure import Figures, bandwidth, rounds_of, with_all_cores
from models.serving.speed.shown import plot, table
from models.serving.trace import DECODING, USUAL
from models.training.device import add_device_argument, pick_device
from models.training.speed import measure as measure_training
from models.training.speed import table as training_table

SIDES = "joint,misc"
OTHERS = "transformers,llama.cpp,plain"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument(
        "what", nargs="?", default="replies", choices=("replies", "train", "copies"), help="what is measured"
    )
    parser.add_argument(
        "--nets",
        help=f"comma-separated, of {', '.join(net_names())} (default: {SIDES}; train: all that stand on a base)",
    )
    parser.add_argument("--tokens", type=int, default=40, help="word pieces of every reply")
    parser.add_argument("--rounds", type=int, help="rounds or batches measured (default: 3; train: 20)")
    add_device_argument(parser)
    add_knowledge_arguments(parser)
    replies = parser.add_argument_group("replies")
    replies.add_argument("--talks", default="1,2,8,32", help="how many talks ask at once, comma-separated")
    replies.add_argument("--turns", type=int, default=10, help="turn of the talks that is answered")
    replies.add_argument(
        "--decode", choices=("published", "careful", USUAL, "guided"), default=USUAL, help="how tokens are chosen"
    )
    replies.add_argument("--beside", default=OTHERS, help=f"comma-separated, of {OTHERS}; empty: the engine alone")
    replies.add_argument("--out", help="folder for benchmark.json and the plot, benchmark.plotly.json")
    training = parser.add_argument_group("train")
    training.add_argument("--base", default=DEFAULT, help="as of `train`")
    training.add_argument("--rank", type=int, help="rank of the change of each base matrix (default: as of `train`)")
    training.add_argument("--whole-tokens", type=int, default=2560, help="tokens of a batch, on a causal base")
    training.add_argument("--batch", type=int, default=32, help="turns of a batch, on a full checkpoint")
    training.add_argument(
        "--esconv", help="ESConv file or folder (default: made-up batches of the same lengths; copies: must be given)"
    )
    training.add_argument("--tails", help="file of COMET tails for --esconv")
    copied = parser.add_argument_group("copies")
    copied.add_argument("--asked", type=int, default=100, help="how many turns of split D's valid part")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: Namespace) -> int:
    """Print medians, spread and ratios. Raises ValueError for unknown nets and flags out of range."""
    args.rounds = args.rounds if args.rounds is not None else 20 if args.what == "train" else 3
    limits = {"rounds": 1, "batch": 1, "whole_tokens": 1, "rank": 0, "turns": 1, "tokens": 1, "asked": 1}
    for flag, least in limits.items():
        value = getattr(args, flag)
        if value is not None and value < least:
            raise ValueError(f"--{flag.replace('_', '-')} is {value}; want at least {least}")
    names = (args.nets or (",".join(CAUSAL) if args.what == "train" else SIDES)).split(",")
    for name in names:
        net_class(name)
    args.device = pick_device(args.device)
    return {"train": _train, "copies": _copies, "replies": _replies}[args.what](args, names)


def _copies(args: Namespace, names: list[str]) -> int:
    if not args.esconv:
        raise ValueError("benchmark copies reads replies of ESConv; give its file or folder with --esconv")
    found = copies.measure(names, args.esconv, args.asked, args.tokens, args.device)
    print(json.dumps({n: asdict(one) for n, one in found.items()}, indent=1) if args.json else copies.table(found))
    return 0


def _replies(args: Namespace, names: list[str]) -> int:
    counts = _counts(args.talks)
    options = replace(DECODING[args.decode], min_tokens=args.tokens, max_tokens=args.tokens)
    hosted = cast(
        list[NetResponder],
        list(open_responders(names, args.device, **knowledge_of(args)).values()),
    )
    apart = [r.name for r in hosted if not isinstance(r.net.backbone, Causal)]
    if apart:
        raise ValueError(f"{apart[0]} stands on no causal base, so no engine writes its replies; leave it out")
    sources = (args.comet, args.emotion)
    made: dict[str, Callable[[], Contender]] = {
        "plain": lambda: contenders.plain(names, options, args.device, sources),
        "transformers": lambda: contenders.transformers_batching(hosted[0].net, options),
        "llama.cpp": lambda: llama_cpp(hosted[0].net, options),
    }
    asked = [name for name in args.beside.split(",") if name]
    if not set(asked) <= made.keys():
        raise ValueError(f"--beside is {args.beside!r}; allowed: {', '.join(made)}, separated by commas")
    running = [contenders.engine(hosted, options)]
    for name in asked:
        try:
            other = made[name]()
            rounds_of([other], [1], args.turns, 1)  # warms up, and shows whether it runs here
        except Exception as fault:  # third-party software may fail in any way; the others go on
            print(f"{name} is left out: {type(fault).__name__}: {fault}", file=sys.stderr)
            continue
        running.append(other)
    rounds_of(running[:1], [1], args.turns, 1)
    before = os.getloadavg()[0]
    found = rounds_of(running, counts, args.turns, args.rounds)
    weights = cast(Causal, hosted[0].net.backbone).weights
    speed = with_all_cores(partial(bandwidth, args.device))
    about = {
        "nets": names,
        "device": args.device,
        "cores": os.cpu_count(),
        "load_before": before,
        "load_after": os.getloadavg()[0],
        "bandwidth_gb_s": speed / 1e9,
        "bytes_a_token": weights.bytes_a_token(),
        "ratios": _ratios(found),
    }
    figures = about | {"talks": {n: {c: _plain_values(f) for c, f in by.items()} for n, by in found.items()}}
    if args.out:
        write_whole(Path(args.out) / "benchmark.json", json.dumps(figures, indent=1))
        write_whole(Path(args.out) / "benchmark.plotly.json", json.dumps(plot(found)))
    if args.json:
        print(json.dumps(figures, indent=1))
    else:
        print(table(found, speed / weights.bytes_a_token()), json.dumps(about), sep="\n\n")
    return 0


def _counts(text: str) -> list[int]:
    """Parse numbers of talks. Raises ValueError for anything else."""
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise ValueError(f"--talks is {text!r}; allowed: whole numbers from 1 on, separated by commas")
    return counts


def _plain_values(figures: Figures) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}


def _ratios(found: dict[int, dict[str, Figures]]) -> dict[str, dict[str, float]]:
    """The engine's throughput divided by that of each other contender, by number of talks."""
    return {
        str(n): {
            name: by["engine"]["tokens_s"].median / figures["tokens_s"].median
            for name, figures in by.items()
            if name != "engine"
        }
        for n, by in found.items()
    }


def _train(args: Namespace, names: list[str]) -> int:
    speeds = measure_training(args, names)
    about = {"base": args.base, "rank": args.rank, "device": args.device, "load": os.getloadavg()[0]}
    if args.json:
        print(json.dumps({name: asdict(speed) for name, speed in speeds.items()} | about, indent=1))
    else:
        print(training_table(speeds), f"medians of {args.rounds} rounds, {about}", sep="\n\n")
    return 0
