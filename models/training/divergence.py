"""Detects a training that has become useless by NaN, infinite or huge numbers, and describes the faults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

SHOWN = 3
"""number of faults that a message names"""


class NonFiniteLossError(ValueError):
    """A loss, gradient, figure or weight became NaN or infinite; the bad state was not saved."""

    def __init__(self, where: str, reason: str, state: Path, kept: int | None) -> None:
        """`kept` is the step of the state in the file `state`, None if this run has saved none."""
        kept_state, advice = f"nothing was saved in {state} yet", "Try"
        if kept is not None:
            kept_state = f"{state} keeps the state of step {kept}"
            advice = "The same command continues from there; if it stops again, start in another folder with"
        super().__init__(f"stopped at {where}: {reason}; {kept_state}. {advice} a lower --lr")


def bad_tensors(tensors: Mapping[str, Tensor]) -> list[str]:
    """A message for each tensor that is NaN, infinite, or so large (above 1.8e19) that its squares are infinite."""
    if not tensors:
        return []
    sums = torch.stack([tensor.detach().float().square().sum() for tensor in tensors.values()])
    fine = sums.isfinite().tolist()  # for all tensors at once: one transfer from the device
    return [f"{name} is NaN, infinite or huge" for name, good in zip(tensors, fine, strict=True) if not good]


def bad_figures(figures: Mapping[str, float]) -> list[str]:
    """A message for each figure that is not finite."""
    return [f"{name} is {value}" for name, value in figures.items() if not math.isfinite(value)]


def some_of(faults: Sequence[str]) -> str:
    """The first few faults, and how many more there are."""
    more = len(faults) - SHOWN
    return "; ".join(faults[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
