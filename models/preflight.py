"""Reasons not to start a training or a measurement, found before it costs time: data that do not suffice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.examples import Example
from models.nets.net import Net

GENERATE = "generate"
"""value of `--tails` that asks the compact COMET during the training's start"""
LEAST_KNOWN = 0.5
"""share of the turns that must have COMET blocks"""


def check_tails_flag(net: Net, name: str, tails: str | None) -> None:
    """Raises ValueError when a net that reads COMET tails is given none, FileNotFoundError when the file is missing."""
    if not net.needs_comet:
        return
    if not tails:
        raise ValueError(
            f"{name} reads COMET tails: give --tails FILE, made once for all nets by"
            f" `python -m models comet --precompute FILE --esconv PATH`, or --tails {GENERATE}"
        )
    if tails != GENERATE and not Path(tails).is_file():
        raise FileNotFoundError(
            f"file of tails {tails} is missing; make it by `python -m models comet --precompute {tails} --esconv PATH`"
        )


def check_examples(net: Net, train: Sequence[Example], valid: Sequence[Example], batch: int) -> None:
    """Raises ValueError when there is too little to train on, to validate on, or to read commonsense from."""
    if len(train) < batch:
        raise ValueError(
            f"{len(train)} supporter turns with a strategy to train on, a batch takes {batch}; give a lower --batch"
            " or more of ESConv"
        )
    if not any(e.strategy >= 0 for e in valid):
        raise ValueError("no supporter turn with a strategy to validate on; give all of ESConv")
    check_known(net, train, "training turns")


def check_known(net: Net, examples: Sequence[Example], what: str = "turns") -> None:
    """Raises ValueError when a net that reads COMET tails has them for too few of the examples."""
    known = sum(bool(e.situation_blocks or e.post_blocks) for e in examples)
    if net.needs_comet and known < LEAST_KNOWN * len(examples):
        raise ValueError(
            f"only {known} of {len(examples)} {what} have COMET tails; the file is of other data or of another"
            " COMET: make it again with `python -m models comet --precompute FILE --esconv PATH`"
        )
