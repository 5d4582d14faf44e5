"""Predict a part of ESConv with nets and measure it: `python -m models evaluate joint misc --esconv PATH --part test`.

For every net: OUT/NET/predictions.jsonl (replies, strategy distribution, likelihoods; readable by `score`),
OUT/NET/metrics.json, and the table beside the papers' rows. No gold strategy reaches a reply; it is used only for the
perplexity that the papers report (`nll_gold`), next to the one with the predicted strategy (`nll_predicted`).
"""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from tqdm import tqdm

from models.base import load_net, net_folder
from models.batch_decoding import decode_batch
from models.batches import make_batch
from models.checkpoint import WEIGHTS, fingerprint
from models.device import device_of
from models.esconv import PARTS, Target, read_esconv, split_dialogues
from models.examples import Example
from models.metrics import Definition
from models.nets.net import Net
from models.predictions import Prediction, write_predictions
from models.published import published
from models.registry import net_names
from models.report import measure, table, write_metrics
from models.respond import add_decode_arguments, decode_options
from models.score import add_definition_arguments, definition_of
from models.strategies import STRATEGIES
from models.trace import DecodeOptions
from models.train import comet_for, emotions_for, examples_of

PAPERS = {
    "joint": "Joint",
    "misc": "MISC",
    "admisc": "AdMISC",
    "transformer": "Transformer",
    "mt-transformer": "MT Transformer",
    "moel": "MoEL",
    "mime": "MIME",
}
"""net -> the published rows printed above its own"""


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="nets to evaluate")
    parser.add_argument("--esconv", required=True, help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument(
        "--split", default="D", choices=("D", "E"), help="D: by dialogue; E: MISC's, by example (leaky)"
    )
    parser.add_argument("--part", default="test", choices=PARTS, help="which part of the split")
    parser.add_argument("--limit", type=int, default=0, help="evaluate a random sample of so many turns; 0 = all")
    parser.add_argument("--tails", help="file of COMET tails made by `python -m models comet --precompute`")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluate"), help="folder for predictions and metrics")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample and of the decoding")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--bf16", action="store_true", help="bfloat16 autocast: several times faster, figures within noise"
    )
    add_definition_arguments(parser, ("words", "bpe", "emstremo", "ws"))
    add_decode_arguments(parser)


def run(args: Namespace) -> int:
    """Evaluate each net; prints one table per net."""
    options, definition = decode_options(args), definition_of(args)
    targets = split_dialogues(read_esconv(args.esconv), args.split).part(args.part)
    if args.limit:
        targets = tuple(random.Random(args.seed).sample(targets, min(args.limit, len(targets))))
    folders = {name: net_folder(name, args.weights) for name in args.net}  # all of them before the first is measured
    for name, folder in folders.items():
        net = load_net(folder).to(args.device)
        whole = replace(net.shape, reply_tokens=net.backbone.config.max_position_embeddings - 2)  # references uncut
        comet, emotions = comet_for(net, args.tails), emotions_for(net)
        examples = examples_of(targets, comet, net.tokenizer, whole, emotions)
        with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
            predictions = predict(net, targets, examples, options, args.seed)
        about = {
            "net": name,
            "checkpoint": fingerprint(folder),
            "split": args.split,
            "part": args.part,
            "turns": len(targets),
            "decode": asdict(options),
            "seed": args.seed,
            "bfloat16": args.bf16,
        }
        _write(args.out / name, predictions, definition, about, net)
    return 0


def _write(
    folder: Path, predictions: Sequence[Prediction], definition: Definition, about: dict[str, object], net: Net
) -> None:
    write_predictions(folder / "predictions.jsonl", predictions)
    report = measure(predictions, definition, net.tokenizer.pieces)
    write_metrics(folder / "metrics.json", [report], about)
    name, split = str(about["net"]), f"{about['split']} {about['part']}"
    print(table(f"{name} (compact)", split, report, published(PAPERS.get(name, "none"))))
    print(f"decoding: {about['decode']}, seed {about['seed']}; written to {folder}\n")


def predict(
    net: Net, targets: Sequence[Target], examples: Sequence[Example], options: DecodeOptions, seed: int
) -> list[Prediction]:
    """One prediction per target; reply i is decoded with seed + i."""
    likelihoods = _likelihoods(net, examples)
    replies = _replies(net, examples, options, seed)
    told = net.predicts_strategy
    return [
        Prediction(
            net.tokenizer.decode(reply),
            target.gold.text,
            STRATEGIES[max(range(len(chances)), key=chances.__getitem__)] if told else None,
            target.gold.strategy if told else None,  # in all or in none: a net that predicts none is not scored for it
            chances if told else (),
            gold,
            predicted,
            tokens,
            target.dialogue.id,
            target.turn,
        )
        for target, (reply, chances), (gold, predicted, tokens) in zip(targets, replies, likelihoods, strict=True)
    ]


@torch.inference_mode()
def _replies(
    net: Net, examples: Sequence[Example], options: DecodeOptions, seed: int
) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Per example: reply ids and strategy probabilities."""
    found: dict[int, tuple[tuple[int, ...], tuple[float, ...]]] = {}
    for rows in tqdm(_like_lengths(examples), desc="replies"):
        plan = net.plan(make_batch([examples[i] for i in rows]).to(device_of(net)))
        ids = decode_batch(net, plan, options, [seed + i for i in rows])
        found.update(zip(rows, zip(ids, map(tuple, plan.strategies.tolist()), strict=True), strict=True))
    return [found[i] for i in range(len(examples))]


def _like_lengths(examples: Sequence[Example], size: int = 32) -> list[list[int]]:
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].context))
    return [order[start : start + size] for start in range(0, len(order), size)]


@torch.inference_mode()
def _likelihoods(net: Net, examples: Sequence[Example]) -> list[tuple[float, float, int]]:
    """Per example: negative log-likelihood of the reply with the gold strategy, with the predicted one, its tokens."""
    found: dict[int, tuple[float, float, int]] = {}
    for rows in tqdm(_like_lengths(examples), desc="likelihoods"):
        batch = make_batch([examples[i] for i in rows]).to(device_of(net))
        given = [net.reply_nll(net.plan(batch, gold), batch.labels).tolist() for gold in (batch.strategies, None)]
        counts = (batch.labels >= 0).sum(dim=1).tolist()
        found.update(zip(rows, zip(*given, counts, strict=True), strict=True))
    return [found[i] for i in range(len(examples))]
