"""Copies of frozen matrices in few bits, for replies that are written token by token.

Each token reads all weights and computes little with them: half the bytes take half the time.

    Fours   4 bits, groups of 32 numbers in a row     for bases stored in this form (GGUF's Q4_1)
    Eights  8 bits, whole rows                        for all others, and for all on processors without AVX-512

On the default base, products with the first differ by 0.3 %, with the second by 0.9 %, and in bfloat16 by 0.2 %.

Shapes: O outputs, I inputs, n input rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

GROUP = 32
"""how many numbers of a row share a step and a middle, as in GGUF's Q4_1"""
LEVELS = 16
OFF = 0.1
"""how far a number may be from its level, in steps; if it is further away than rounding to bfloat16 moves it in groups
around 0, the matrix was not stored in 4 bits, or would lose precision"""
OUTPUTS = 64
"""the 4-bit kernel needs a multiple of this number of outputs"""
ROWS = 4096
"""rows that are processed together: intermediate results take several times the memory of the rows"""
VECTORS = ("AVX2", "AVX512")
"""torch's names for processors whose int8 kernel is fast whatever type the weights have"""


class Copy(Protocol):
    """A copy that is multiplied in place of the matrix."""

    @property
    def rows(self) -> int:
        """Up to how many input rows the copy is faster; beyond that, the matrix itself is."""
        ...

    @property
    def rows_beside_laid_out(self) -> int:
        """The same limit where the matrix is laid out for products (`laid_out.py`)."""
        ...

    def __call__(self, x: Tensor, first: int) -> Tensor:
        """x (n, I) bfloat16 -> (n, O - first), from output number `first` on."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes read for each token."""
        ...


class _Levels(NamedTuple):
    """Numbers low + level * step, in groups (O, I / 32, 32)."""

    level: Tensor
    low: Tensor
    step: Tensor


def _levels(weight: Tensor) -> _Levels | None:
    """The 16 even levels of each group, from its smallest number to its largest; None if a number lies between two."""
    groups = weight.float().view(len(weight), -1, GROUP)
    low, high = groups.amin(dim=2, keepdim=True), groups.amax(dim=2, keepdim=True)
    step = ((high - low) / (LEVELS - 1)).clamp_min(torch.finfo(torch.float32).tiny)
    exact = (groups - low) / step
    level = exact.round()
    return None if float((exact - level).abs().max()) > OFF else _Levels(level, low, step)


@dataclass(frozen=True)
class Fours:
    """4 bits per number; each group has its own step and middle."""

    packed: Tensor
    """(O, I / 2) uint8, in the kernel's order"""
    steps: Tensor
    """(I / 32, O, 2) bfloat16: step and middle of each group"""
    rows: int = 8
    rows_beside_laid_out: int = 4

    @classmethod
    def of(cls, weight: Tensor) -> Fours | None:
        """A copy of weights (O, I); None if some group does not lie on 16 even levels."""
        outputs, inputs = weight.shape
        if outputs % OUTPUTS or inputs % GROUP or not weight.numel():
            return None
        levels, steps = list[Tensor](), list[Tensor]()
        for rows in weight.split(ROWS):
            found = _levels(rows)
            if found is None:
                return None
            levels.append(found.level.flatten(1).byte())
            steps.append(torch.cat((found.step, found.low + LEVELS // 2 * found.step), dim=2).bfloat16())
        packed = torch._convert_weight_to_int4pack_for_cpu(torch.cat(levels).int(), 1)
        return cls(packed, torch.cat(steps).transpose(0, 1).contiguous())

    def __call__(self, x: Tensor, first: int) -> Tensor:
        """See `Copy`."""
        found = torch._weight_int4pack_mm_for_cpu(x, self.packed, GROUP, self.steps)
        return found[:, first:] if first else found

    @property
    def nbytes(self) -> int:
        """See `Copy`."""
        return self.packed.nbytes + self.steps.nbytes


@dataclass(frozen=True)
class Eights:
    """8 bits per number; each row has its own scale."""

    packed: Tensor
    """(O, I) int8"""
    scales: Tensor
    """(O,) bfloat16"""
    rows: int = 4
    rows_beside_laid_out: int = 2
    """for bfloat16; 4 for float32, where 4 rows took 6 ms and 8 ms laid out"""

    @classmethod
    def of(cls, weight: Tensor) -> Eights:
        """A copy of weights (O, I)."""
        numbers = weight.float()
        scales = numbers.abs().amax(dim=1).clamp_min(1e-12) / 127
        beside = cls.rows if weight.dtype is torch.float32 else cls.rows_beside_laid_out
        return cls((numbers / scales[:, None]).round().to(torch.int8), scales.bfloat16(), rows_beside_laid_out=beside)

    def __call__(self, x: Tensor, first: int) -> Tensor:
        """See `Copy`."""
        return torch._weight_int8pack_mm(x, self.packed[first:], self.scales[first:])

    @property
    def nbytes(self) -> int:
        """See `Copy`."""
        return self.packed.nbytes


def can_shorten(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether there is a fast kernel: on a CPU with bfloat16 weights, or with AVX2, where memory is the bottleneck for
    float32 weights."""
    return device.type == "cpu" and (dtype is torch.bfloat16 or torch.backends.cpu.get_cpu_capability() in VECTORS)


@torch.no_grad()
def short_copy(weight: Tensor) -> Copy:
    """A copy of a matrix (O, I) in as few bits as can hold it, where `can_shorten`."""
    short = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return (Fours.of(weight) if short else None) or Eights.of(weight)
