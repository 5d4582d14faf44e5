"""What a measured net is made of, and whether it was trained on the data it is measured on.

Place in the flow: `models.commands.evaluate`, `models.commands.seeds` and `models.commands.interference` measure
trained nets on a part of ESConv and print this beside their figures.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from models.data.examples import CASES
from models.data.strategy_history import Course
from models.files.checkpoint import fingerprint, learned_from, read_card, sha256
from models.knowledge.shipped_or_hub import comet_version, emotion_version
from models.nets.net import Net
from models.training.preflight import check_tails_file

SHARED_SPLIT = "D"
"""the support adapter and COMET were trained on the train part of this split"""
LEAKY = ": leaky"
"""ending of a label for turns that were part of the training data"""


def measured_on(card: Mapping[str, Any], net: Net, split: str, part: str) -> str:
    """A label for what a net with this card is measured on: "D test", and how its training data leak, if they do."""
    return label(split, part, [leak_of(card, net, split)])


def leak_of(card: Mapping[str, Any], net: Net, split: str) -> str:
    """How training data of a net with this card leak into the turns of `split`; "" if they do not.

    Cards of the first release do not name their split; for these, no leak is reported.
    """
    other = [one for one in learned_from(card) if one != split]
    if other:
        return f"trained on split {' and '.join(other)}"
    shared = ["support adapter"] * bool(card.get("support")) + ["COMET"] * net.needs_comet
    if shared and split != SHARED_SPLIT:
        return f"{' and '.join(shared)} trained on split {SHARED_SPLIT}"
    return ""


def label(split: str, part: str, leaks: Iterable[str]) -> str:
    """A label for a part of a split, and for what leaks into it; empty `leaks` are skipped."""
    known = [leak for leak in leaks if leak]
    return ", ".join([f"{split} {part}", *known]) + (LEAKY if known else "")


def notes_on(labels: Iterable[str]) -> list[str]:
    """A line that explains leaky labels of `measured_on`; none if no label is leaky."""
    if not any(label.endswith(LEAKY) for label in labels):
        return []
    return [
        "leaky: the train part of the other split holds turns that are measured here, so these figures are too good;"
        f" to compare with others train and measure on split {SHARED_SPLIT}"
    ]


def made_of(args: Namespace, name: str, net: Net, data: str) -> dict[str, Any]:
    """All weights and data that decide what a net does on `--part`; "" for those it does not read.

    `data` is the hash of the dialogues as read. Raises FileNotFoundError for tails, a COMET or a detector that are
    missing.
    """
    folder, tails = args.weights / name, Path(args.tails) if args.tails and net.needs_comet else None
    if tails:
        check_tails_file(tails)
    return {
        "net": name,
        "checkpoint": fingerprint(folder),
        "data": data,
        "tails_sha256": sha256(tails) if tails else "",
        "comet": comet_version(args.comet) if net.needs_comet else "",
        "emotion": emotion_version(args.emotion) if net.needs_emotion else "",
        "split": args.split,
        "part": args.part,
        "measured_on": measured_on(read_card(folder), net, args.split, args.part),
        **({"cases_sha256": _file_hash(args.cases)} if args.cases and CASES in net.wants else {}),
        **({"retriever": args.retriever} if CASES in net.wants else {}),
    }


def _file_hash(path: str) -> str:
    return sha256(Path(path)) if Path(path).is_file() else path


def reads_strategies(net: Net) -> bool:
    """Whether a net reads the annotated strategies of earlier supporter turns, as marks or in the course."""
    return net.shape.strategies or any(isinstance(module, Course) for module in net.modules())
