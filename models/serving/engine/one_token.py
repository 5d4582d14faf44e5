"""One token of every row through all layers of the base: the arithmetic of `models.backbones.causal`, row by row.

The base's matrices are applied once to all rows; the nets' changes are stacked (`stack.py`), keys and values in place
(`lanes.py`). Shapes: n rows, D width, H heads of d numbers, K key heads, G queries of each, S sources of N vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.llama_weights import LlamaLayer, LlamaShape, LlamaWeights
from models.serving.engine.lanes import Lane
from models.serving.engine.norms import Norms
from models.serving.engine.stack import Mix


class Segment:
    """The rows of one lane in a step."""

    def __init__(self, lane: Lane, first: int) -> None:
        """`first`: where the lane's rows begin among those of the step."""
        self.lane, self.first, self.end = lane, first, first + len(lane.rows)
        lengths = [row.length for row in lane.rows]
        self.longest, device = max(lengths) + 1, lane.talk.device
        self.places = torch.tensor(lengths, device=device)
        self.rows = torch.arange(len(lengths), device=device)
        even = min(lengths) + 1 == self.longest
        seen = torch.arange(self.longest, device=device) <= self.places[:, None]
        self.mask = None if even else seen[:, None, None]
        self.slots, self.vectors, self.constant = lane.slots, lane.vectors, lane.has_constants
        bias = lane.bias[: len(lengths), : self.slots, : self.vectors]
        self.bias = bias.repeat_interleave(lane.shape.key_heads, dim=1).flatten(0, 1)[:, None]
        """(n S K, 1, N)"""
        self._weights = list[Tensor]()
        """(n, S, H, N) of each layer"""

    @property
    def attention(self) -> Tensor | None:
        """(n, S, N) to the sources, mean over layers and heads; None without sources."""
        return torch.stack(self._weights).mean(dim=(0, 3)) if self._weights else None

    def attend(self, layer: int, asked: Tensor, said: Tensor) -> Tensor:
        """(n, H d) what queries (n, H, d) find in the dialogue; first the token's own keys and values, `said`
        (n, 2 K, d), join it."""
        held = self.lane.talk[layer]
        held[self.rows, :, self.places] = said.to(held.dtype)
        k, v = held[: len(asked), :, : self.longest].chunk(2, dim=1)
        grouped = asked.to(k.dtype).view(len(asked), k.shape[1], -1, k.shape[3])  # (n, K, G, d)
        return F.scaled_dot_product_attention(grouped, k, v, self.mask).to(asked.dtype).flatten(1)

    def read_sources(self, layer: int, asked: Tensor, gates: Tensor, key_heads: int) -> Tensor:
        """(n, H d) what queries (n, S, H d) find in the sources, through `gates` (n or 1, S, H, 1)."""
        count, heads, lane = len(asked), self.slots * key_heads, self.lane
        held = lane.source_keys[layer], lane.source_values[layer]
        k, v = (one[:count, :heads, : self.vectors].flatten(0, 1) for one in held)
        grouped = asked.view(len(k), -1, k.shape[2])  # (n S K, G, d)
        weights = torch.baddbmm(self.bias, grouped, k.transpose(1, 2), alpha=k.shape[2] ** -0.5).softmax(dim=-1)
        self._weights.append(weights.view(count, self.slots, -1, self.vectors))
        found = torch.bmm(weights, v).view(count, self.slots, -1, k.shape[2])
        return (found * gates).sum(dim=1).flatten(1)


@dataclass(frozen=True)
class Turns:
    """Cosines and signed sines (n, H + 2 K, d) of the rows' rotary positions."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def at(cls, places: Tensor, shape: LlamaShape, dtype: torch.dtype) -> Turns:
        """The turns of places (n,) for queries and keys; values stay as they are."""
        half = torch.arange(0, shape.head_width, 2, device=places.device).float() / shape.head_width
        angles = places[:, None].float() / shape.theta**half
        cos, sin = (torch.cat((one, one), dim=1)[:, None] for one in (angles.cos(), angles.sin()))
        sin[..., : shape.head_width // 2] *= -1
        turned = (-1, shape.heads + shape.key_heads, -1)
        still = cos.new_zeros(len(places), shape.key_heads, shape.head_width)
        cos, sin = (
            torch.cat((one.expand(turned), rest), dim=1).to(dtype) for one, rest in ((cos, still + 1), (sin, still))
        )
        return cls(cos, sin)

    def turn(self, x: Tensor) -> Tensor:
        """x (n, heads, d) at its positions: the halves of a head turn together."""
        return torch.addcmul(x * self.cos, x.roll(x.shape[-1] // 2, dims=-1), self.sin)


def one_token(weights: LlamaWeights, norms: Norms, mix: Mix, segments: Sequence[Segment], x: Tensor) -> Tensor:
    """States (n, D) of the inputs x (n, D); keys and values of the inputs stay in the lanes."""
    s = weights.shape
    turns = Turns.at(torch.cat([segment.places for segment in segments]), s, x.dtype)
    listens = any(part.slots for part in segments)
    for at, (layer, changes) in enumerate(zip(weights.layers, mix.layers, strict=True)):
        w = cast(LlamaLayer, layer)
        n = norms.attention(at, x)
        qkv = mix.change(w.qkv(n), n, changes.qkv)
        turned = turns.turn(qkv.view(len(n), -1, s.head_width))
        heard = mix.listen(n, changes.sources) if listens else None
        found = []
        for part in segments:
            span = slice(part.first, part.end)
            mixed = part.attend(at, turned[span, : s.heads], turned[span, s.heads :])
            if heard is not None and part.slots:
                changed = heard[span] @ changes.sources[1][:, : part.slots * s.query_width]
                asked = qkv[span, None, : s.query_width] + changed.view(len(mixed), part.slots, -1)
                gates = changes.gates if mix.nets is None else changes.gates[mix.nets[span]]
                mixed = mixed + part.read_sources(at, asked, gates[:, : part.slots], s.key_heads)
            if part.constant:
                mixed = mixed + part.lane.constants[at, : len(mixed)]
            found.append(mixed)
        together = found[0] if len(found) == 1 else torch.cat(found)
        x = x + mix.change(w.o(together), together, changes.o)
        n = norms.ffn(at, x)
        gate, up = mix.change(w.gate_up(n), n, changes.gate_up).chunk(2, dim=-1)
        inner = F.silu(gate) * up
        x = x + mix.change(w.down(inner), inner, changes.down)
    return norms.last(x)
