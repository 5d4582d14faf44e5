"""The number type in which a machine multiplies big matrices fastest: bfloat16 if it has units for it, else float32.

A processor without such units takes five to ten times as long in bfloat16 as in float32 (`EXPERIMENTS.md`): on such a
machine the same nets answered in 20 seconds instead of 7.
"""

from __future__ import annotations

import sys
from functools import cache

import torch

UNITS = ("amx_bf16", "avx512_bf16", "avx10_2", "bf16", "sve_bf16")
"""names in `torch.cpu.get_capabilities` of units that multiply bfloat16: on x86, then on ARM"""


@cache
def quick_type(device: str = "auto") -> torch.dtype:
    """bfloat16 or float32 for "cpu", "cuda" or "auto" (a GPU when there is one).

    Decided by the capabilities the machine reports, never by timing, so that the same seed always gives the same reply.
    """
    if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()):
        return torch.bfloat16
    if sys.platform == "darwin":  # its library is fast only in float32, whatever the processor has
        return torch.float32
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # older torch
    return torch.bfloat16 if any(known.get(unit) for unit in UNITS) else torch.float32


def is_quick_in_bfloat16(device: str = "auto") -> bool:
    """Whether `quick_type` is bfloat16."""
    return quick_type(device) is torch.bfloat16
