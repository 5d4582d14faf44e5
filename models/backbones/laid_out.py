"""Frozen matrices stored once in the layout in which the processor multiplies them.

torch rearranges a matrix anew for every product; with a few rows of input, that takes longer than the product itself.
For all matrices of the default base on one thread, milliseconds with and without this layout: 2 rows 23 and 41, 8 rows
22 and 44, 27 rows 44 and 65, 300 rows 381 and 418. The products are equal, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = 1
"""number of input rows that the layout is chosen for; the layout for one row is as good as any other for hundreds"""


def can_lay_out(weight: Tensor) -> bool:
    """Whether there is such a layout: for bfloat16 on a CPU that multiplies it with oneDNN."""
    return (
        weight.device.type == "cpu"
        and weight.dtype is torch.bfloat16
        and torch.backends.mkldnn.is_available()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def lay_out(weight: Tensor) -> Tensor:
    """The matrix (O, I) in oneDNN's layout, which only `multiply` and `plain` can read."""
    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)


def plain(laid: Tensor) -> Tensor:
    """The matrix (O, I) in its original layout."""
    return laid.to_dense()


def multiply(x: Tensor, laid: Tensor) -> Tensor:
    """x (..., I) bfloat16 -> (..., O)."""
    return torch.ops.mkldnn._linear_pointwise(x, laid, None, "none", [], "")
