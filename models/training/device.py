"""Which device to compute on, and how many processes share the work: a thin wrapper around Accelerate."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from accelerate import Accelerator

DEVICES = ("auto", "cpu", "cuda")


def device_of(module: nn.Module) -> torch.device:
    """The device a module's weights are on."""
    return next(module.parameters()).device


def add_device_argument(parser: ArgumentParser, *, alone: bool = False) -> None:
    """Add the flag `--device`; `alone`: the command does not train, so several processes cannot share its work."""
    choices = "cpu, cuda, or auto: a GPU when there is one"
    together = (
        "; several GPUs: `accelerate launch -m models COMMAND`, several processes on the CPU: `torchrun"
        " --nproc_per_node N -m models COMMAND`"
    )
    parser.add_argument("--device", default="auto", choices=DEVICES, help=choices if alone else choices + together)


def pick_device(name: str) -> str:
    """ "cpu" or "cuda" for a value of `--device`. Raises ValueError for another value, or "cuda" without a GPU."""
    if name not in DEVICES:
        raise ValueError(f"unknown device {name!r}; allowed: {', '.join(DEVICES)}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda, but torch finds no GPU here; give --device cpu or auto")
    return name


def join_processes(name: str) -> Accelerator:
    """This process's place among those that train together: a single one, or those started by `accelerate launch`
    (GPUs) or `torchrun` (also CPU processes, which `accelerate launch` starts only with MPI).

    `name` is a value of `--device`. Mixed precision is left to the caller: Accelerate allows one setting per process.
    """
    from accelerate import Accelerator, DistributedDataParallelKwargs  # imported here, since hosting never needs it

    # a net may have weights that some losses do not reach (a stream of one vector does not use its query)
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=pick_device(name) == "cpu", mixed_precision="no", kwargs_handlers=[unused])
