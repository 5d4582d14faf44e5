"""The frozen weights of a Llama-type language model, one copy for all nets on that base.

Sizes are checked on loading. Matrices with the same input are stacked, so that one product computes them all: queries,
keys and values; gate and up. Shapes: D width, V vocabulary, F inner width of the feed-forward network, H query heads,
K key heads, d width of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.laid_out import can_lay_out, lay_out, multiply, plain
from models.backbones.prefix_cache import PrefixCache
from models.backbones.short_copies import Copy, can_shorten, short_copy

VECTORS_KEPT = 100_000
"""number of vectors of short texts kept in memory"""


@dataclass(frozen=True)
class LlamaShape:
    """Sizes of a Llama-type model."""

    width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    ffn: int
    vocabulary: int
    positions: int
    """maximum number of tokens that it was made to read"""
    theta: float = 10_000.0
    """base of the rotary positions"""
    epsilon: float = 1e-5
    """epsilon of the RMS norms"""

    @property
    def query_width(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_width

    @property
    def key_width(self) -> int:
        """Width of all key heads together."""
        return self.key_heads * self.head_width


class TextVectors:
    """Vectors of short texts (COMET blocks), each computed once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known = dict[tuple[int, ...], Tensor]()

    def __contains__(self, text: object) -> bool:
        return text in self._known

    def clear(self) -> None:
        """Forget all vectors."""
        self._known = {}

    def of(self, texts: Sequence[tuple[int, ...]], read: Callable[[list[tuple[int, ...]]], Tensor]) -> Tensor:
        """(U, D) vectors of texts given as ids; `read` computes those of texts not known yet."""
        known = self._known
        fresh = sorted({text for text in texts if text not in known}, key=len)
        found = dict(zip(fresh, read(fresh), strict=True)) if fresh else {}
        if len(known) + len(found) > VECTORS_KEPT:
            self._known = known = {text: known[text] for text in texts if text in known}
        known.update(found)
        return torch.stack([known[text] for text in texts])


class Matrix(nn.Module):
    """A frozen matrix (out, in), fast to multiply by once it is packed."""

    def __init__(self, dtype: torch.dtype, out: int, into: int) -> None:
        super().__init__()
        self.held: nn.Parameter | None = _empty(dtype, out, into)
        self.dtype = dtype
        self.laid: Tensor | None = None
        """the same numbers in another layout, see `laid_out`"""
        self.short: Copy | None = None
        """a copy in fewer bits, for replies written token by token"""
        self.few = 0
        """up to how many input rows `short` is faster"""
        self.nbytes = self.held.nbytes
        """bytes that a product with a single row reads"""

    @property
    def weight(self) -> Tensor:
        """The weights (out, in). If only the laid-out form is kept, each access makes a copy."""
        return self.held if self.held is not None else plain(cast(Tensor, self.laid))

    def forward(self, x: Tensor, first: int = 0) -> Tensor:
        """x (..., in) -> (..., out), from output number `first` on; in the type of x."""
        kind, width = x.dtype, x.shape[-1]
        learns = torch.is_grad_enabled()  # with the weights themselves
        if not learns and self.short is not None and x.numel() <= self.few * width:
            found = self.short(x.bfloat16().reshape(-1, width).contiguous(), first)
            return found.reshape(*x.shape[:-1], -1).to(kind)
        if not learns and self.laid is not None:
            return multiply(x.to(self.dtype), self.laid)[..., first:].to(kind)
        return F.linear(x.to(self.dtype), self.weight[first:]).to(kind)

    def pack(self, keep: bool = False, short: bool = True) -> None:
        """Lay the matrix out and, with `short`, make the short copy, where these are faster; `keep` also keeps the
        plain weights."""
        kept = cast(Tensor, self.laid if self.held is None else self.held)
        if short and self.short is None and can_shorten(self.dtype, kept.device):
            self.short = short_copy(self.weight)
        if self.held is not None and self.laid is None:
            twice = keep and self.held.dtype is torch.float32  # would take too much memory
            if can_lay_out(self.held) and not twice:
                self.laid = lay_out(self.held)
                if not keep:
                    self.held = None
        if self.short is not None:
            self.few = self.short.rows if self.laid is None else self.short.rows_beside_laid_out
            self.nbytes = self.short.nbytes


PARTS = {
    "attention_norm": ("input_layernorm",),
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o": ("self_attn.o_proj",),
    "ffn_norm": ("post_attention_layernorm",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""parts of a layer, each with the `LlamaForCausalLM` names of the matrices stacked in it"""


def _named(index: int, part: str) -> str:
    return f"model.layers.{index}.{part}.weight"


class LlamaLayer(nn.Module):
    """Frozen weights of one layer."""

    def __init__(self, shape: LlamaShape, dtype: torch.dtype) -> None:
        super().__init__()
        self.attention_norm = _empty(dtype, shape.width)
        self.qkv = Matrix(dtype, shape.query_width + 2 * shape.key_width, shape.width)
        self.o = Matrix(dtype, shape.width, shape.query_width)
        self.ffn_norm = _empty(dtype, shape.width)
        self.gate_up = Matrix(dtype, 2 * shape.ffn, shape.width)
        self.down = Matrix(dtype, shape.width, shape.ffn)


class LlamaWeights(nn.Module):
    """All frozen weights; the vocabulary's matrix both embeds tokens and scores them (tied)."""

    def __init__(self, shape: LlamaShape, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.shape = shape
        self.vocabulary = Matrix(dtype, shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(LlamaLayer(shape, dtype) for _ in range(shape.layers))
        self.norm = _empty(dtype, shape.width)
        self.vectors, self.prefixes = TextVectors(), PrefixCache()

    @property
    def embedding(self) -> Tensor:
        """(V, D) vectors of the tokens."""
        return self.vocabulary.weight

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and of the states computed with them."""
        return self.embedding.dtype

    def pack(self, short: bool = True) -> None:
        """Make all matrices fast to multiply by, for nets that are no longer trained; `short`: also for single rows, by
        copies that differ a little (`short_copies.py`)."""
        for module in self.modules():
            if isinstance(module, Matrix):
                module.pack(module is self.vocabulary, short)

    @torch.no_grad()
    def fill(self, tensors: Mapping[str, Tensor]) -> None:
        """Copy in the weights of a `LlamaForCausalLM`, under its names.

        Raises ValueError when one is missing or has another size, or when the output matrix is not the embedding.
        """
        self._copy(self.embedding, tensors, "model.embed_tokens.weight")
        self._copy(self.norm, tensors, "model.norm.weight")
        for index, layer in enumerate(self.layers):
            for name, parts in PARTS.items():
                own = getattr(layer, name)
                self._copy(
                    own.weight if isinstance(own, Matrix) else own,
                    tensors,
                    *(_named(index, part) for part in parts),
                )
        head = tensors.get("lm_head.weight")
        if head is not None and not torch.equal(head.to(self.dtype), self.embedding):
            raise ValueError("the base has an output matrix of its own; only bases with tied embeddings are supported")
        extra = [name for name in tensors if name.endswith(".bias")]
        if extra:
            raise ValueError(f"the base has biases ({extra[0]} ...); only Llama-type bases without them are supported")

    def tensors(self) -> dict[str, Tensor]:
        """The weights under the names of a `LlamaForCausalLM`, as views of the same memory."""
        s = self.shape
        sizes = {"qkv": (s.query_width, s.key_width, s.key_width), "gate_up": (s.ffn, s.ffn)}
        found = {"model.embed_tokens.weight": self.embedding, "model.norm.weight": self.norm}
        for index, layer in enumerate(self.layers):
            for name, parts in PARTS.items():
                own = getattr(layer, name)
                whole = own.weight if isinstance(own, Matrix) else own
                found |= zip([_named(index, p) for p in parts], whole.split(sizes.get(name, len(whole))), strict=True)
        return found

    def bytes_a_token(self) -> int:
        """Bytes of all matrices, each read once per token; the copies in few bits count where they exist."""
        return sum(module.nbytes for module in self.modules() if isinstance(module, Matrix))

    def _copy(self, into: Tensor, tensors: Mapping[str, Tensor], *names: str) -> None:
        missing = [name for name in names if name not in tensors]
        if missing:
            raise ValueError(f"the base lacks the weights {missing[0]}; it is no Llama, or half a download")
        found = sum(tensors[name].shape[0] for name in names)
        if found != into.shape[0] or tensors[names[0]].shape[1:] != into.shape[1:]:
            sizes = " and ".join(str(tuple(tensors[name].shape)) for name in names)
            raise ValueError(f"the base's {names[0]} is {sizes}, its settings say {tuple(into.shape)}; get it again")
        row = 0
        for name in names:
            rows = tensors[name].shape[0]
            into[row : row + rows].copy_(tensors[name])
            row += rows


def _empty(dtype: torch.dtype, *size: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(*size, dtype=dtype), requires_grad=False)
