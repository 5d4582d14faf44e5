"""How long replies take, against plain transformers, in one run: `python -m models benchmark`.

Measured side by side and interleaved, as medians over prompts:
    ours   both nets answer the same post at once as in the app, COMET included (nothing cached), with the settings
           of the papers, and once more with those of the app (guided)
    plain  three replies of transformers' `generate` on the same backbone, one after another, no COMET
All replies have exactly `--tokens` word pieces. The claim is the ratio; seconds depend on the machine.
`python -m models benchmark train` measures training instead: see `models.training.speed`.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import torch
from transformers.models.blenderbot_small.modeling_blenderbot_small import BlenderbotSmallForConditionalGeneration

from models.backbones.compact_base import BASE, load_base
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.examples import ContextShape, context_ids
from models.data.prompts import read_prompts
from models.knowledge.comet import CachedComet
from models.knowledge.shipped_or_hub import add_knowledge_arguments, open_comet
from models.nets.registry import NETS, net_class, net_names
from models.serving.hosting import NetResponder, open_responders
from models.serving.responder import Responder
from models.serving.trace import DECODING, DecodeOptions
from models.training.device import add_device_argument, pick_device
from models.training.speed import measure as measure_training
from models.training.speed import table

SIDES = "joint,misc"


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("what", nargs="?", default="replies", choices=("replies", "train"), help="what is measured")
    parser.add_argument("--nets", help=f"comma-separated, of {', '.join(net_names())} (default: {SIDES}; train: all)")
    parser.add_argument("--tokens", type=int, default=40, help="word pieces of every reply")
    parser.add_argument("--rounds", type=int, default=20, help="prompts or batches measured")
    add_device_argument(parser)
    add_knowledge_arguments(parser)
    training = parser.add_argument_group("train")
    training.add_argument("--batch", type=int, default=32, help="examples of a batch")
    training.add_argument("--rank", type=int, default=24, help="rank of the change of each base matrix; 0 trains all")
    training.add_argument("--base", default=str(BASE), help="folder of the compact base")
    training.add_argument("--esconv", help="ESConv file or folder (default: made-up batches of the same lengths)")
    training.add_argument("--tails", help="file of COMET tails for --esconv")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def run(args: Namespace) -> int:
    """Print medians and the ratio. Raises ValueError for unknown nets and for flags out of range."""
    for flag, least in {"rounds": 1, "batch": 1, "rank": 0}.items():
        if getattr(args, flag) < least:
            raise ValueError(f"--{flag} is {getattr(args, flag)}; want at least {least}")
    names = (args.nets or (",".join(NETS) if args.what == "train" else SIDES)).split(",")
    for name in names:
        net_class(name)
    args.device = pick_device(args.device)
    if args.what == "train":
        return _train(args, names)
    options, guided = (
        replace(DECODING[name], min_tokens=args.tokens, max_tokens=args.tokens) for name in ("published", "guided")
    )
    sides = open_responders(names, args.device, comet=args.comet, emotion=args.emotion, cases=args.cases)
    plain = _plain(options, args.device)
    prompts = [Dialogue((Turn(Speaker.SEEKER, posts[0]),), situation) for situation, posts in read_prompts()]
    cores = os.cpu_count() or 1
    contenders: dict[str, tuple[int, Callable[[Dialogue], None]]] = {
        "ours, both sides with COMET": (max(1, cores // len(names)), _both(args, sides, options)),
        "ours, guided as in the app": (max(1, cores // len(names)), _both(args, sides, guided)),
        "plain generate x 3, all threads": (cores, lambda d: _repeat(plain, d, 3)),
        "plain generate x 3, one thread": (1, lambda d: _repeat(plain, d, 3)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_, dialogue in enumerate((prompts[0], *prompts[: args.rounds])):
        for name, (threads, answer) in contenders.items():
            torch.set_num_threads(threads)
            start = time.perf_counter()
            answer(dialogue)
            if round_:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ours, ours_guided, *plains = medians.values()
    ratios = {"ratio": min(plains) / ours, "ratio_guided": min(plains) / ours_guided}
    figures: dict[str, Any] = {"median_s": medians, **ratios, "load": os.getloadavg()[0], "device": args.device}
    if args.json:
        print(json.dumps(figures, indent=1))
        return 0
    for name, value in medians.items():
        print(f"{name:34} {value:6.3f} s  (median of {len(seconds[name])})")
    print(f"ratio (faster plain / ours) {figures['ratio']:13.2f}    load {figures['load']:.2f}, {args.device}")
    print(f"ratio guided {figures['ratio_guided']:28.2f}")
    return 0


def _train(args: Namespace, names: list[str]) -> int:
    speeds = measure_training(args, names)
    about = {"batch": args.batch, "rank": args.rank, "device": args.device, "load": os.getloadavg()[0]}
    if args.json:
        print(json.dumps({name: asdict(speed) for name, speed in speeds.items()} | about, indent=1))
    else:
        print(table(speeds, args.batch), f"medians of {args.rounds} rounds, {about}", sep="\n\n")
    return 0


def _both(args: Namespace, sides: Mapping[str, Responder], options: DecodeOptions) -> Callable[[Dialogue], None]:
    pool = ThreadPoolExecutor(len(sides))
    generator = open_comet(args.comet, args.device)

    def answer(dialogue: Dialogue) -> None:
        fresh = CachedComet(generator)  # shared by the sides as in the app, but forgetful from post to post
        for side in sides.values():
            assert isinstance(side, NetResponder)
            side.sources = replace(side.sources, comet=fresh)
        list(pool.map(lambda side: side.respond(dialogue, options, 1), sides.values()))

    return answer


def _plain(options: DecodeOptions, device: str) -> Callable[[Dialogue], None]:
    tokenizer, backbone = load_base()
    model = BlenderbotSmallForConditionalGeneration(backbone.config).eval()
    model.load_state_dict(backbone.state_dict())
    torch.nn.Module.to(model, device)

    def answer(dialogue: Dialogue) -> None:
        ids = torch.tensor([context_ids(dialogue, tokenizer, ContextShape())], device=device)
        with torch.inference_mode():
            model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_p=options.top_p,
                top_k=options.top_k,
                temperature=options.temperature,
                repetition_penalty=options.repetition_penalty,
                min_new_tokens=options.min_tokens,
                max_new_tokens=options.max_tokens,
            )

    return answer


def _repeat(answer: Callable[[Dialogue], None], dialogue: Dialogue, times: int) -> None:
    for _ in range(times):
        answer(dialogue)
