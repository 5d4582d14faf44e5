"""Frozen matrices laid out once the way the processor multiplies them.

torch lays a matrix out anew at every product: with a few rows of input that takes longer than the product itself. Of
the default base, milliseconds of one thread for all matrices, with and without: 2 rows 23 and 41, 8 rows 22 and 44, 27
rows 44 and 65, 300 rows 381 and 418. The products are equal, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = 1
"""of the inputs that oneDNN is told to expect; the layout for one row serves hundreds as well as any other"""


def can_lay_out(weight: Tensor) -> bool:
    """Whether there is such a layout: bfloat16 on a CPU that multiplies it with oneDNN."""
    return (
        weight.device.type == "cpu"
        and weight.dtype is torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def lay_out(weight: Tensor) -> Tensor:
    """The matrix (O, I) in oneDNN's order; only `multiply` and `plain` can read it."""
    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)


def plain(laid: Tensor) -> Tensor:
    """The matrix (O, I) as it was."""
    return laid.to_dense()


def multiply(x: Tensor, laid: Tensor) -> Tensor:
    """x (..., I) bfloat16 -> (..., O)."""
    return torch.ops.mkldnn._linear_pointwise(x, laid, None, "none", [], "")
