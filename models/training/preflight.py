"""Checks before a training or a measurement costs time: flags that make no sense, weights that would be lost, data that
are missing or too few.
"""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.data.esconv import Splits
from models.data.examples import Example
from models.files.checkpoint import WeightsError, read_card
from models.knowledge.comet import Comet
from models.nets.net import Net
from models.training.turn_examples import blocks_of

logger = logging.getLogger(__name__)

GENERATE = "generate"
"""value of `--tails` with which COMET generates the tails when the training starts"""
LEAST_KNOWN = 0.5
"""minimum share of the turns that must have COMET blocks"""

KIND = ("net", "base", "rank", "split")
"""entries of a card that, together with the settings of the net, define the kind of its weights"""

LEAST = {"steps": 1, "batch": 1, "grad_accumulation": 1} | dict.fromkeys(
    ("rank", "minutes", "warmup", "check_steps", "check_seconds", "patience", "own_talks", "rule_answers"), 0
)
"""the lowest allowed values of flags"""


def check_flags(args: Namespace) -> None:
    """Raises ValueError naming a flag of `python -m models train` whose value is out of range."""
    for name, least in LEAST.items():
        value = getattr(args, name)
        if value is not None and not value >= least:  # NaN is refused too
            raise ValueError(f"--{name.replace('_', '-')} is {value}; allowed: {least} or more")
    if not 0 <= args.dropout < 1:
        raise ValueError(f"--dropout is {args.dropout}; allowed: 0 (none) to below 1, e.g. 0.1")
    if args.only and not args.start:
        raise ValueError(f"--only {args.only} goes on from trained weights; name their folder with --start")
    if args.lr is not None and not args.lr > 0:
        raise ValueError(f"--lr is {args.lr}; allowed: above 0, e.g. 1e-3")


def check_release(folder: Path, run: Mapping[str, Any]) -> None:
    """Raises ValueError when a folder has weights of another kind than this run's, which releasing would replace.

    Another seed, length or learning rate does not make another kind, nor do entries that an old card lacks.
    """
    try:
        card = read_card(folder)
    except WeightsError:  # there are no usable weights
        return
    there, now = _kind(card | card.get("run", {})), _kind(json.loads(json.dumps(run)))
    other = [
        f"{name} {value!r} there, {now.get(name)!r} now" for name, value in there.items() if now.get(name) != value
    ]
    if other:
        raise ValueError(
            f"{folder} has other weights than this training would put in their place ({'; '.join(other)}); train"
            " without --release, give another --weights, or --overwrite to lose them"
        )


def _kind(run: Mapping[str, Any]) -> dict[str, Any]:
    kind = {name: run[name] for name in KIND if name in run}
    return kind | {f"setting {name}": value for name, value in run.get("settings", {}).items()}


def check_tails_flag(net: Net, name: str, tails: str | None) -> None:
    """Raises ValueError when a net that reads COMET tails gets none, FileNotFoundError when the file is missing."""
    if not net.needs_comet:
        return
    if not tails:
        raise ValueError(
            f"{name} reads COMET tails: give --tails FILE, made once for all nets by"
            f" `python -m models comet --precompute FILE --esconv PATH`, or --tails {GENERATE}"
        )
    if tails != GENERATE:
        check_tails_file(Path(tails))


def check_tails_file(tails: Path) -> None:
    """Raises FileNotFoundError when a file of COMET tails is missing."""
    if not tails.is_file():
        raise FileNotFoundError(
            f"file of tails {tails} is missing; make it by `python -m models comet --precompute {tails} --esconv PATH`"
        )


def check_examples(train: Sequence[Example], valid: Sequence[Example], batch: int) -> None:
    """Raises ValueError when there is too little to train on or to validate on."""
    if len(train) < batch:
        raise ValueError(
            f"{len(train)} supporter turns with a strategy to train on, a batch takes {batch}; give a lower --batch"
            " or more of ESConv"
        )
    if not any(e.strategy >= 0 for e in valid):
        raise ValueError("no supporter turn with a strategy to validate on; give all of ESConv")


def check_known(net: Net, examples: Sequence[Example]) -> None:
    """Raises ValueError when a net that reads COMET tails has them for too few of the examples."""
    if net.needs_comet:
        _check_share(sum(bool(e.situation_blocks or e.post_blocks) for e in examples), len(examples), "turns")


def known_turns(splits: Splits, comet: Comet, only: bool) -> Splits:
    """With `only`, of the train part just the turns whose situation or last post has tails in the file that was read.

    Raises ValueError when too few turns to train on have tails; tells when too few of those to validate on have.
    """
    known, held_out = (
        tuple(target for target in part if any(blocks_of(target, comet))) for part in (splits.train, splits.valid)
    )
    if not (only and known):
        _check_share(len(known), len(splits.train), "training turns")
    if len(held_out) < LEAST_KNOWN * len(splits.valid):
        logger.warning(
            "only %d of %d validation turns have COMET tails; the others are measured without",
            len(held_out),
            len(splits.valid),
        )
    return replace(splits, train=known) if only and known else splits


def _check_share(known: int, count: int, what: str) -> None:
    if known < LEAST_KNOWN * count:
        raise ValueError(
            f"only {known} of {count} {what} have COMET tails; the file is of other data or of another"
            " COMET: make it again with `python -m models comet --precompute FILE --esconv PATH`"
        )
