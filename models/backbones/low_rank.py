"""Low-rank changes applied beside frozen weights (LoRA, Hu et al. 2021), and how a layer reads an extra source."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.llama_weights import LlamaShape

ADDED_RATE = 0.1
"""learning rate of the added tokens relative to the rest: one step moves all 576 elements of a vector, and a score sums
over them; at 1 to 10, the strategies' scores jumped by whole nats per step (`EXPERIMENTS.md`)"""
GATE_RATE = 10.0
"""learning rate of the gates relative to the rest: a single number moves a whole head"""


class Change(nn.Module):
    """A low-rank change x W^T -> x W^T + (x A^T) B; a `held` part from an earlier stage precedes its own part and does
    not train.

    a (rank, in), b (rank, out): the values of a row have the same meaning, which packs well as int8.
    """

    held_a: Tensor | None
    held_b: Tensor | None

    def __init__(self, into: int, out: int, rank: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, into) * into**-0.5)
        self.b = nn.Parameter(torch.zeros(rank, out))
        self.register_buffer("held_a", None, persistent=False)
        self.register_buffer("held_b", None, persistent=False)

    def forward(self, out: Tensor, x: Tensor, first: int = 0) -> Tensor:
        """The frozen matrix's product `out` (..., out) with x (..., in), changed; from output number `first` on.

        Without gradients it writes into `out`: a copy of a large product takes a third as long as the product.
        """
        a, b = self.parts()
        inner, product = F.linear(x, a.to(x.dtype)).flatten(0, -2), out.flatten(0, -2)
        add = torch.addmm if torch.is_grad_enabled() else Tensor.addmm_  # its backward pass costs a copy and more
        # in place, autocast converts nothing
        return add(product, inner.to(out.dtype), b[:, first:].to(out.dtype)).view_as(out)

    def parts(self) -> tuple[Tensor, Tensor]:
        """a and b, with the held rows first."""
        if self.held_a is None or self.held_b is None:
            return self.a, self.b
        return torch.cat((self.held_a, self.a)), torch.cat((self.held_b, self.b))

    @torch.no_grad()
    def settle(self, dtype: torch.dtype) -> None:
        """Join held and own part permanently, in the base's number type, for hosting without further training."""
        a, b = self.parts()
        self.held_a = self.held_b = None
        self.a, self.b = (nn.Parameter(part.to(dtype), requires_grad=False) for part in (a, b))

    @torch.no_grad()
    def hold(self, a: Tensor, b: Tensor) -> None:
        """Put a trained change before this one. Raises ValueError when its size differs."""
        if a.shape[1:] != self.a.shape[1:] or b.shape[1:] != self.b.shape[1:]:
            raise ValueError(f"a change of {a.shape[1]} to {b.shape[1]} numbers is of another base")
        self.held_a, self.held_b = a.clone(), b.clone()


class AddedTokens(nn.Module):
    """Vectors (n, D) of the tokens added to the base's vocabulary; a module, so that they can have their own rate."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(vectors.float().clone())


class Gate(nn.Module):
    """How much of a source enters: one number per head, 0 at first; a module, so that it can have its own rate."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(heads))


class SourceChange(nn.Module):
    """How one layer reads one source: a small change to queries, keys and values, and a gate per head."""

    def __init__(self, shape: LlamaShape, rank: int) -> None:
        super().__init__()
        self.q = Change(shape.width, shape.query_width, rank)
        self.kv = Change(shape.width, 2 * shape.key_width, rank)
        self.gate = Gate(shape.heads)
