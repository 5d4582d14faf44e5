"""In which numbers a machine multiplies big matrices quickest: bfloat16 where it has units for them, else float32.

A processor without them takes five to ten times as long in bfloat16 as in float32 (`EXPERIMENTS.md`): on such a
machine the same nets answered in 20 seconds instead of 7.
"""

from __future__ import annotations

import sys
from functools import cache

import torch

UNITS = ("amx_bf16", "avx512_bf16", "avx10_2", "bf16", "sve_bf16")
"""what `torch.cpu.get_capabilities` calls units that multiply bfloat16: of x86, then of ARM"""


@cache
def quick_type(device: str = "auto") -> torch.dtype:
    """bfloat16 or float32 for "cpu", "cuda" or "auto" (a GPU when there is one).

    Decided by what the machine says it has, never by a stopwatch: the same seed gives the same reply at every start.
    """
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return torch.bfloat16
    if sys.platform == "darwin":  # its library is quick in float32 only, whatever the processor has
        return torch.float32
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # older torch
    return torch.bfloat16 if any(known.get(unit) for unit in UNITS) else torch.float32


def is_quick_in_bfloat16(device: str = "auto") -> bool:
    """Whether `quick_type` is bfloat16."""
    return quick_type(device) is torch.bfloat16
