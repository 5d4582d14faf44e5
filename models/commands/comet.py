"""Train, measure and use the shipped COMET: `python -m models comet`. One of these:

python -m models comet --event "I lost my job"                                  ask (the default)
python -m models comet --train runs/comet --triples T.tsv.gz --atomic DIR       train, pack into --comet, measure
python -m models comet --evaluate --triples T.tsv.gz                            measure on valid and test events
python -m models comet --precompute tails.jsonl --esconv ESConv.json            tails of ESConv and our talks
"""

from __future__ import annotations

import dataclasses
import json
import platform
import random
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from models.backbones.causal import Causal
from models.backbones.causal_base import DEFAULT, Bases, open_causal
from models.backbones.interface import select, token_loss
from models.backbones.low_rank import ADDED_RATE
from models.data.dialogue import Dialogue, Speaker
from models.data.esconv import PARTS, read_esconv, split_dialogues
from models.data.own_talks import everyday_talks, own_talks, unvoiced
from models.data.relations import RELATIONS
from models.files.json_lines import drop_cut_line
from models.knowledge.comet import CachedComet, Comet, normalise
from models.knowledge.comet_data import HeadBatch, HeadMix, atomic_heads, esconv_heads
from models.knowledge.comet_score import TailScores, most_frequent, tail_scores
from models.knowledge.comet_shipped import COMET, RANK, Search, load_comet, save_comet
from models.knowledge.shipped_or_hub import is_packed, open_comet
from models.training.device import add_device_argument, device_of, pick_device
from models.training.fit import Fit, FitConfig, parameter_groups
from models.training.run_state import data_hash

SHARES = {"esconv": 0.7, "atomic": 0.2, "event2mind": 0.1}
"""how often a training event is drawn from each set"""
WARMUP = 15
"""steps of linear warm-up"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m models comet`."""
    action = parser.add_argument_group("what to do")
    action.add_argument("--event", action="append", default=[], help="print the tails of this text; may be repeated")
    action.add_argument("--train", metavar="FOLDER", help="train; the resumable state goes to this folder")
    action.add_argument(
        "--evaluate", action="store_true", help="measure on events of ESConv's valid and test dialogues"
    )
    action.add_argument(
        "--precompute", metavar="FILE", help="append tails of what is said in ESConv and our own talks to this file"
    )
    action.add_argument(
        "--part", choices=PARTS, help="precompute those of one part of split D only (evaluate needs those of test)"
    )
    source = parser.add_argument_group("files")
    source.add_argument(
        "--comet",
        default=str(COMET),
        help="packed weights, read or written; to ask or precompute also a COMET-BART, Hub name or folder",
    )
    source.add_argument(
        "--base", default=DEFAULT, help="causal base to train on: smollm2, a GGUF file, a folder or a Hub name"
    )
    source.add_argument("--triples", help="triples of ESConv texts: kind, split, head, relation, tail (.tsv[.gz])")
    source.add_argument("--atomic", help="folder with ATOMIC and Event2Mind triples")
    source.add_argument("--esconv", help="ESConv file or folder, or hub")
    training = parser.add_argument_group("training")
    training.add_argument("--minutes", type=float, default=11.0, help="wall-clock limit, minutes")
    training.add_argument("--steps", type=int, default=1_000_000, help="optimiser steps at most")
    training.add_argument("--batch", type=int, default=32, help="events a step")
    training.add_argument("--tails", type=int, default=18, help="tails of an event a step, at most")
    training.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    training.add_argument("--dropout", type=float, default=0.05, help="dropout rate while training")
    training.add_argument("--seed", type=int, default=13, help="seed of batches and dropout")
    search = parser.add_argument_group("search")
    search.add_argument("--beams", type=int, default=5, help="beam width, tails per relation at most; the app: 3")
    search.add_argument("--rows", type=int, default=Search.rows, help="queries x beams decoded together")
    search.add_argument(
        "--bf16",
        action=BooleanOptionalAction,
        default=False,
        help="decode with bfloat16 autocast; slower on a processor without units for it",
    )
    search.add_argument("--limit", type=int, default=300, help="events measured at most, of each of valid and test")
    add_device_argument(parser)


def run(args: Namespace) -> int:
    """Do what the flags ask for. Raises ValueError when they ask for nothing, or a needed file is not given."""
    if args.train:
        _train(args)
    comet = _open(args) if args.event or args.precompute or args.evaluate else None
    if comet is None and not args.train:
        raise ValueError("nothing to do; give --event TEXT, --train FOLDER, --evaluate or --precompute FILE")
    if comet is not None and args.event:
        for event, tails in zip(args.event, comet.tails(args.event), strict=True):
            print(event, *(f"  {relation:8} {' | '.join(found)}" for relation, found in tails.items()), sep="\n")
    if comet is not None and args.precompute:
        _precompute(args, CachedComet(comet, entries=10_000_000))
    if comet is not None and args.evaluate:
        _print_scores(args, comet)
    return 0


def _need(args: Namespace, name: str) -> Path:
    value = getattr(args, name)
    if not value:
        raise ValueError(f"--{name} is missing; it names what `python -m models comet --help` says")
    return Path(value)


def _open(args: Namespace) -> Comet:
    search = Search(beams=args.beams, rows=args.rows, bfloat16=args.bf16)
    device = pick_device(args.device)
    if not is_packed(args.comet):
        return open_comet(args.comet, device)
    comet = load_comet(Path(args.comet), _bases(args), search)
    comet.backbone.to(device)
    comet.lay_out()
    return comet


def _bases(args: Namespace) -> Bases:
    """Bases that include `--base`, which may be a folder, since a card holds only the base's name."""
    bases = Bases()
    bases.add(open_causal(args.base, device=args.device))
    return bases


def tail_loss(backbone: Causal, batch: HeadBatch) -> dict[str, Tensor]:
    """Mean cross-entropy per tail token; every event is read once for all its tails."""
    device = device_of(backbone)
    memories = backbone.attach(backbone.read(batch.ids.to(device), batch.mask.to(device)), {})
    total, count = torch.zeros((), device=device), 0
    for group in batch.groups:
        inputs, labels, owner = (t.to(device) for t in (group.inputs, group.labels, group.owner))
        states = backbone.decode(inputs, select(memories, owner))
        loss, tokens = token_loss(backbone, states, labels)
        total, count = total + loss, count + int(tokens)
    return {"loss": total / count}


def _train(args: Namespace) -> None:
    base = open_causal(args.base, device=args.device)
    backbone = base.backbone(RANK)
    sets = {"esconv": esconv_heads(_need(args, "triples"), ["train"])} | atomic_heads(_need(args, "atomic"))
    backbone.set_dropout(args.dropout)
    mix = HeadMix(sets, SHARES, base.tokenizer)
    config = FitConfig(
        minutes=args.minutes,
        max_steps=args.steps,
        lr=args.lr,
        warmup=WARMUP,
        weight_decay=0.0,
        seed=args.seed,
        device=args.device,
    )
    about = {"task": "comet", "batch": args.batch, "tails": args.tails, "dropout": args.dropout}
    about["data"] = data_hash(sets)
    groups = parameter_groups([(backbone.added, ADDED_RATE), (backbone, 1.0)], 0.0)
    fit = Fit(backbone, groups, config, Path(args.train), about=about)
    fit.resume()
    fit.run(lambda step: mix.batch(step, args.batch, args.tails, args.seed), lambda b: tail_loss(backbone, b))
    if not fit.is_main:
        return
    card = {
        "data": {name: f"{len(heads)} events, share {SHARES[name]}" for name, heads in sets.items()},
        "data_note": "ESConv texts of split D train only; research and non-commercial use (ESConv: CC BY-NC 4.0)",
        "command": f"python -m models comet --train --minutes {args.minutes} --batch {args.batch} --tails {args.tails}"
        f" --lr {args.lr} --dropout {args.dropout} --seed {args.seed}",
        "hardware": f"{fit.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
        "minutes": round(fit.used_s / 60, 1),
        "steps": fit.step,
    }
    save_comet(backbone, base, card, Path(args.comet))
    scores = _print_scores(args, _open(args))
    save_comet(backbone, base, card | {"metrics": scores}, Path(args.comet))


def _print_scores(args: Namespace, comet: Comet) -> dict[str, dict[str, float]]:
    """Print the scores on valid and test events beside the baseline, and return them."""
    path = _need(args, "triples")
    baseline = most_frequent(esconv_heads(path, ["train"]))
    results: dict[str, dict[str, float]] = {}
    print(f"{'':32} {'pairs':>6} {'any %':>7} {'top-1 %':>8} {'BLEU-2':>7} {'tails':>6}")
    for split in ("valid", "test"):
        heads = esconv_heads(path, [split])
        heads = random.Random(args.seed).sample(heads, min(args.limit, len(heads)))
        predicted = comet.tails([head.event for head in heads])
        for name, tails in (("shipped", predicted), ("most frequent", [baseline] * len(heads))):
            scores = tail_scores(heads, tails)
            results[f"{split} {name}"] = {k: round(v, 2) for k, v in dataclasses.asdict(scores).items()}
            _print_row(f"{split} {name}", scores)
            if split == "test":
                for relation in (r for r in RELATIONS if any(r in head.by_relation() for head in heads)):
                    _print_row(f"  {relation}", tail_scores(heads, tails, [relation]))
    return results


def _print_row(name: str, s: TailScores) -> None:
    print(f"{name:32} {s.pairs:6d} {s.any_match:7.2f} {s.top_match:8.2f} {s.bleu2:7.2f} {s.per_pair:6.2f}")


def _precompute(args: Namespace, comet: CachedComet) -> None:
    """Append the tails of every situation and every last post of ESConv and of our own talks (nets on a causal base
    also learn from these); an existing file is continued."""
    path = Path(args.precompute)
    drop_cut_line(path)
    if path.is_file():
        comet.load(path)
    done = _events_in(path, comet.version)
    events = [event for event in events_of(said(args)) if event not in done]
    size = max(1, args.rows // (args.beams * len(RELATIONS)))
    for start in tqdm(range(0, len(events), size), unit="batch"):
        part = events[start : start + size]
        comet.tails(part)
        comet.save(path, part)


def said(args: Namespace) -> Sequence[Dialogue]:
    """The dialogues whose tails are computed."""
    dialogues = read_esconv(_need(args, "esconv"))
    if args.part is None:
        return (*dialogues, *own_talks(), *everyday_talks())
    return tuple(dict.fromkeys(target.dialogue for target in split_dialogues(dialogues).part(args.part)))


def _events_in(path: Path, version: str) -> set[str]:
    """The events whose tails, from this version of the generator, are in the file."""
    rows = map(json.loads, path.read_text("utf-8").splitlines()) if path.is_file() else ()
    return {row["event"] for row in rows if row["version"] == version}


def events_of(dialogues: Iterable[Dialogue]) -> list[str]:
    """Every situation and every last post of the dialogues, normalised, short ones first."""
    events: dict[str, None] = {}
    for dialogue in dialogues:
        events[normalise(unvoiced(dialogue.situation))] = None
        post = ""
        for turn in dialogue.turns:
            if turn.speaker is Speaker.SEEKER:
                post = normalise(turn.text)
            else:
                events[post] = None
    return sorted((event for event in events if event), key=len)
