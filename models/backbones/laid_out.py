"""Frozen matrices stored once in the layout in which the processor multiplies them.

torch rearranges a matrix anew for every product; with a few rows of input, that takes longer than the product itself.
Milliseconds without this layout and with it, for the matrices of ten layers of the default base:

    bfloat16, AMX, two threads            2 rows 7.3, 2.5; 8 rows 7.3, 2.7; 27 rows 10, 3.6; 300 rows 32, 14
    bfloat16, AMX, one thread             2 rows 13, 5.1; 8 rows 13, 4.8; 27 rows 12, 7.7; 300 rows 54, 22
    bfloat16, AVX-512, two threads        2 rows 6.2, 2.8; 8 rows 12, 5.2; 27 rows 22, 16; 300 rows 157, 131
    float32, AVX2, two threads            2 rows 19, 7; 8 rows 21, 10; 27 rows 33, 19; 300 rows 162, 142

In bfloat16 the products are equal, bit for bit; in float32 the sums are taken in another order.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = {torch.bfloat16: 8, torch.float32: 2}
"""number of input rows that the layout is chosen for; others were no faster, and that for a single row of bfloat16 took
two to three times as long with AMX"""


def can_lay_out(weight: Tensor) -> bool:
    """Whether there is such a layout: for numbers that a CPU multiplies with oneDNN."""
    return (
        weight.device.type == "cpu"
        and weight.dtype in ROWS
        and torch.backends.mkldnn.is_available()
        and (weight.dtype is torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def lay_out(weight: Tensor) -> Tensor:
    """The matrix (O, I) in oneDNN's layout, which only `multiply` and `plain` can read."""
    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS[weight.dtype])


def plain(laid: Tensor) -> Tensor:
    """The matrix (O, I) in its original layout."""
    return laid.to_dense()


def multiply(x: Tensor, laid: Tensor) -> Tensor:
    """x (..., I) of the matrix's type -> (..., O)."""
    return torch.ops.mkldnn._linear_pointwise(x, laid, None, "none", [], "")
