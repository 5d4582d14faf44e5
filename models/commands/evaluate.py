"""Predict a part of ESConv with nets and measure it: `python -m models evaluate joint misc --esconv PATH --part test`.

For every net: OUT/NET/predictions.jsonl (replies, strategy distribution, likelihoods; readable by `score` and
`compare`) and OUT/NET/metrics.json; then prints the papers' tables with one row for each net. An interrupted run
continues where it stopped; predictions made before with the same settings are only measured. No gold strategy
influences a reply; it is used only for the perplexity that the papers report, next to the one with the predicted
strategy.
"""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from models.backbones.causal_base import Bases
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.evaluation.asking_systems import about_system, answer
from models.evaluation.definitions import OWN, Pieces
from models.evaluation.measure_flags import add_measure_arguments, all_reports, pieces_of
from models.evaluation.paper_tables import paper_tables
from models.evaluation.predicting import Key, finished, key_of, predict, prediction_journal
from models.evaluation.predictions import Prediction
from models.evaluation.published import published
from models.evaluation.reply_files import METRICS
from models.evaluation.report import write_metrics
from models.evaluation.tables import System, confusion, figures
from models.evaluation.uncertainty import check_rounds
from models.files.checkpoint import WEIGHTS
from models.files.resume_journal import Journal
from models.knowledge.comet import add_tails_argument
from models.knowledge.shipped_or_hub import add_knowledge_arguments
from models.nets.net import Net
from models.nets.stored import load_net, net_folder
from models.reading.table import as_text
from models.serving.decode_flags import add_decode_arguments, decode_options
from models.serving.trace import DecodeOptions
from models.systems.opening import open_systems
from models.systems.systems_file import read_systems
from models.training.device import add_device_argument, pick_device
from models.training.preflight import check_known
from models.training.provenance import made_of, notes_on, reads_strategies
from models.training.run_state import data_hash
from models.training.turn_examples import besides_for, comet_for, examples_of


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", help="nets to evaluate; also systems of --systems, and smollm2, prompted")
    parser.add_argument("--systems", type=Path, metavar="FILE", help="other systems: see models/SERVING.md")
    add_esconv_arguments(parser, "test")
    parser.add_argument("--limit", type=int, default=0, help="evaluate a random sample of so many turns; 0 = all")
    parser.add_argument(
        "--dialogues", type=int, default=0, help="evaluate all turns of so many dialogues, drawn at random; 0 = all"
    )
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluate"), help="folder for predictions and metrics")
    parser.add_argument(
        "--overwrite", action="store_true", help="throw away what OUT/NET holds from a run with other settings"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample and of the decoding")
    parser.add_argument("--batch", type=int, default=32, help="turns predicted together")
    add_device_argument(parser, alone=True)
    parser.add_argument(
        "--bf16",
        action="store_true",
        help="bfloat16 autocast: several times faster on machines with units for it, slower on others",
    )
    parser.add_argument("--papers", default="all", help="published tables: rows of a system by name, all, or none")
    add_measure_arguments(parser)
    add_decode_arguments(parser)


def run(args: Namespace) -> int:
    """Evaluate each net and print its figures, then the papers' tables.

    Raises ValueError, WeightsError or FileNotFoundError before the first net is measured for flags, weights, files or
    folders that cannot be used.
    """
    _check_flags(args)
    args.device = pick_device(args.device)
    options, bpe = decode_options(args), pieces_of(args)
    dialogues = read_esconv(args.esconv)
    targets = split_dialogues(dialogues, args.split).part(args.part)
    if args.dialogues:
        ids = list(dict.fromkeys(target.dialogue.id for target in targets))
        drawn = set(random.Random(args.seed).sample(ids, min(args.dialogues, len(ids))))
        targets = tuple(target for target in targets if target.dialogue.id in drawn)
    if args.limit:
        targets = tuple(random.Random(args.seed).sample(targets, min(args.limit, len(targets))))
    data = data_hash({"dialogues": dialogues})
    # check all nets and folders before the first is measured, so that a wrong one is reported at once
    bases = Bases(args.device)
    known = read_systems(args.systems)
    folders = {name: net_folder(name, args.weights) for name in args.net if name not in known}
    others = open_systems([name for name in args.net if name in known], args.device, **_files(args))
    nets = {name: load_net(folder, bases=bases) for name, folder in folders.items()}
    decoded = _decoding(args, options) | {"turns": len(targets)}
    abouts = {name: made_of(args, name, net, data) | decoded for name, net in nets.items()}
    abouts |= {name: about_system(one, args.split, args.part, data) | decoded for name, one in others.items()}
    journals = {n: prediction_journal(args.out / n, about, overwrite=args.overwrite) for n, about in abouts.items()}
    systems = []
    for name in args.net:
        if name in others:
            predictions = answer(others[name], targets, options, journals[name], seed=args.seed)
            reports = all_reports(args, predictions, bpe)
        else:
            net = nets[name].to(args.device)
            predictions = _predictions(args, net, targets, options, journals[name])
            reports = all_reports(args, predictions, bpe or Pieces(OWN, net.tokenizer.pieces))
        system = System.read(abouts[name], reports)
        systems.append(system)
        metrics = args.out / name / METRICS
        done = "replaced" if metrics.exists() else "written"
        write_metrics(metrics, system.reports, abouts[name])
        print(f"{figures(system)}\n\n{confusion(system.reports[0])}\n\n{metrics}: {done}\n")
    notes: list[str] = []
    if tables := paper_tables(systems, published(args.papers)):
        print("\n\n".join(map(as_text, tables)) + "\n")
        pieces = f"pieces of {bpe.source}" if bpe else "each net's own word pieces, not the papers'; see --bpe"
        notes = [f"bpe: {pieces}", *_note_on_strategies(nets)]
    notes += notes_on(system.split for system in systems)
    print("\n".join([*notes, f"decoding: {asdict(options)}, seed {args.seed}"]))
    return 0


def _files(args: Namespace) -> dict[str, Any]:
    """What systems are made of, besides the device."""
    return {name: getattr(args, name) for name in ("weights", "comet", "emotion", "systems")}


def _check_flags(args: Namespace) -> None:
    """Check the flags, also those needed only after all predictions are made, an hour later."""
    for name, least in {"batch": 1, "limit": 0, "dialogues": 0}.items():
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}; want at least {least}")
    published(args.papers)
    if args.rounds:
        check_rounds(args.rounds)


def _decoding(args: Namespace, options: DecodeOptions) -> dict[str, Any]:
    """All settings that determine the predictions, besides nets and data."""
    return {
        "limit": args.limit,
        "dialogues": args.dialogues,
        "decode": asdict(options),
        "seed": args.seed,
        "batch": args.batch,
        "device": args.device,
        "bfloat16": args.bf16,
    }


def _note_on_strategies(nets: Mapping[str, Net]) -> list[str]:
    """A note on extra input that our rows have compared with the published ones above them, if any."""
    readers = [name for name, net in nets.items() if reads_strategies(net)]
    if not readers:
        return []
    return [
        f"{', '.join(readers)}: given the annotated strategies of earlier supporter turns (marks in the context, course"
        " of the talk), which the published MISC, AdMISC and STAR are not"
    ]


def _predictions(
    args: Namespace, net: Net, targets: Sequence[Target], options: DecodeOptions, journal: Journal[Key]
) -> tuple[Prediction, ...]:
    keys = [key_of(target) for target in targets]
    known = sum(key in journal.made for key in keys)
    if known:
        print(f"{known} of {len(keys)} predictions are in {journal.out.parent} and stay as they are")
    if known == len(keys):
        return finished(journal, targets)
    whole = replace(net.shape, reply_tokens=net.backbone.longest_reply)  # keeps references whole
    examples = examples_of(
        targets,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        whole,
        besides_for(args, args.device, net),
    )
    check_known(net, examples)
    with torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16):
        return predict(net, targets, examples, options, journal, seed=args.seed, batch=args.batch)
