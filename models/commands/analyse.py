"""Data of the page's figures, for one net or several: `python -m models analyse joint misc --esconv PATH`.

OUT/NET.json (`models.analysis.analysis_file`) holds, with 95 % intervals and without any text: the strategies over the
course of a conversation, how often each is predicted and confused with each other, how often the annotated one is among
the k most probable, and the cosines of the net's losses. The net predicts the strategies of `--part`, or
`--predictions` names the output of `python -m models evaluate`; then the file holds the figures of the replies as well.
`app.py --analysis OUT` shows the files.
"""

from __future__ import annotations

import random
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from models.analysis.analysis import ROUNDS, Analysis, Interference, Source, analysis_of
from models.analysis.analysis_file import path_of, write_analysis
from models.analysis.asking import turns_of_net
from models.analysis.gradients import gradient_cosines
from models.analysis.reply_figures import counted_replies
from models.analysis.strategy_turns import turns_of_file
from models.backbones.causal_base import Bases
from models.data.batches import make_batch
from models.data.dialogue import Dialogue
from models.data.esconv import Target, read_esconv, split_dialogues
from models.data.esconv_flags import add_esconv_arguments
from models.data.examples import Example
from models.evaluation.definitions import OWN, Pieces
from models.evaluation.predictions import Prediction, read_predictions
from models.evaluation.reply_files import FILE, RUN
from models.files.checkpoint import WEIGHTS, read_card, sha256
from models.files.resume_journal import settings_of
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


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of the command."""
    parser.add_argument("net", nargs="+", choices=net_names(), help="trained nets to analyse")
    add_esconv_arguments(parser, "test")
    parser.add_argument(
        "--dialogues", type=int, default=0, help="analyse so many dialogues, drawn at random; 0 = all of the part"
    )
    parser.add_argument(
        "--predictions",
        type=Path,
        help="what `evaluate` wrote for the part: the folder with one folder per net, or one net's predictions.jsonl",
    )
    parser.add_argument("--batches", type=int, default=50, help="batches whose gradients are compared; 0 = none")
    parser.add_argument("--batch", type=int, default=4, help="turns a batch; 16 of MISC take 16 GiB")
    add_tails_argument(parser)
    add_knowledge_arguments(parser)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with one folder per net")
    parser.add_argument("--out", type=Path, default=Path("runs/analysis"), help="folder for one file per net")
    parser.add_argument("--overwrite", action="store_true", help="replace the analyses that OUT has of these nets")
    parser.add_argument(
        "--seed", type=int, default=13, help="seed of the samples, of draws in losses, of the intervals"
    )
    add_device_argument(parser, alone=True)


def run(args: Namespace) -> int:
    """Analyse each net, write its file and print what it holds.

    Raises ValueError, WeightsError or FileNotFoundError before the first net is analysed for flags, weights, files or
    predictions that cannot be used.
    """
    _check_flags(args)
    args.device = pick_device(args.device)
    dialogues = read_esconv(args.esconv)
    targets = split_dialogues(dialogues, args.split).part(args.part)
    if args.dialogues:
        ids = list(dict.fromkeys(target.dialogue.id for target in targets))
        drawn = set(random.Random(args.seed).sample(ids, min(args.dialogues, len(ids))))
        targets = tuple(target for target in targets if target.dialogue.id in drawn)
    bases, data = Bases(args.device), data_hash({"dialogues": dialogues})
    nets = {name: load_net(net_folder(name, args.weights), bases=bases) for name in args.net}
    sources = {name: _source(args, name, net, data) for name, net in nets.items()}
    given = {name: _predictions(args, source) for name, source in sources.items()}
    for name, net in nets.items():
        analysis = _analysis(args, net.to(args.device), (dialogues, targets), given[name], sources[name])
        path = write_analysis(args.out, analysis)
        accuracy = analysis.labels.accuracy
        print(
            f"{name}, {sources[name].measured_on}: {analysis.turns} turns of {analysis.dialogues} dialogues, strategy"
            f" accuracy {accuracy.value:.2f} ({accuracy.low:.2f} to {accuracy.high:.2f}); written to {path}"
        )
    print("".join(f"{note}\n" for note in notes_on(source.measured_on for source in sources.values())), end="")
    return 0


def _check_flags(args: Namespace) -> None:
    for name, least in {"batches": 0, "batch": 1, "dialogues": 0}.items():
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}; want at least {least}")
    if args.dialogues and args.predictions:
        raise ValueError("--predictions already say which turns are analysed; leave --dialogues out")
    there = [str(path_of(name, args.out)) for name in args.net if path_of(name, args.out).exists()]
    if there and not args.overwrite:
        raise ValueError(f"{', '.join(there)} would be replaced; give another --out, or --overwrite")


def _source(args: Namespace, name: str, net: Net, data: str) -> Source:
    made, card = made_of(args, name, net, data), read_card(args.weights / name)
    path = _file_of(args, name)
    return Source(
        net=name,
        checkpoint=made["checkpoint"],
        base=card.get("base") or "",
        vocabulary=card.get("vocabulary", ""),
        split=args.split,
        part=args.part,
        measured_on=made["measured_on"],
        data=data,
        predictions=sha256(path) if path and path.is_file() else "",
    )


def _file_of(args: Namespace, name: str) -> Path | None:
    """The file of a net's predictions. Raises ValueError if one file is given for several nets."""
    given: Path | None = args.predictions
    if given is None or given.is_dir():
        return given and given / name / FILE
    if len(args.net) > 1:
        raise ValueError(f"--predictions is one file, but there are {len(args.net)} nets; give the folder above it")
    return given


def _predictions(args: Namespace, source: Source) -> tuple[Prediction, ...]:
    """The predictions of `--predictions`, () without it. Raises ValueError if they are of other weights or parts."""
    path = _file_of(args, source.net)
    if path is None:
        return ()
    predictions, made = read_predictions(path), settings_of(path.with_name(RUN))
    for name in ("net", "checkpoint", "data", "split", "part"):
        if made.get(name) != getattr(source, name):
            raise ValueError(
                f"{path} was made with {name} {made.get(name)!r} (as {RUN} beside it says), not"
                f" {getattr(source, name)!r}; give what `python -m models evaluate {source.net}` wrote for these"
            )
    return predictions


def _analysis(
    args: Namespace,
    net: Net,
    data: tuple[Sequence[Dialogue], Sequence[Target]],
    predictions: Sequence[Prediction],
    source: Source,
) -> Analysis:
    dialogues, targets = data
    wanted = min(len(targets), args.batches * args.batch)
    drawn = random.Random(args.seed).sample(range(len(targets)), wanted)
    if predictions:  # only gradients are needed from the net
        targets, drawn = [targets[at] for at in drawn], list(range(wanted))
    examples = _examples(args, net, targets)
    chosen = [examples[at] for at in drawn if examples[at].strategy >= 0]
    interference = _interference(args, net, chosen)  # first: asking lays the net out, which makes gradients slow
    turns = turns_of_file(predictions, dialogues) if predictions else turns_of_net(net, targets, examples, args.batch)
    replies = counted_replies(predictions, Pieces(OWN, net.tokenizer.pieces), ROUNDS, args.seed) if predictions else ()
    return analysis_of(source, turns, interference, replies, args.seed)


def _examples(args: Namespace, net: Net, targets: Sequence[Target]) -> list[Example]:
    examples = examples_of(
        targets,
        comet_for(net, args.tails, args.comet, args.device),
        net.tokenizer,
        net.shape,
        besides_for(args, args.device, net),
    )
    check_known(net, examples)
    return examples


def _interference(args: Namespace, net: Net, examples: Sequence[Example]) -> Interference | None:
    if not examples:
        return None
    torch.manual_seed(args.seed)  # the losses of MoEL and MIME draw random numbers
    starts = range(0, len(examples), args.batch)
    batches: Any = (make_batch(examples[start : start + args.batch]) for start in starts)
    return Interference(len(starts), args.batch, tuple(gradient_cosines(net, batches)))
