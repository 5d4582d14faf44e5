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
from models.serving.engine.stack import LayerChanges, Mix


class Segment:
    """The rows of one lane in a step."""

    def __init__(self, lane: Lane, first: int) -> None:
        """`first`: where the lane's rows begin among those of the step."""
        self.lane, self.first, self.end = lane, first, first + len(lane.rows)
        lengths = [row.length for row in lane.rows]
        self.longest, device = max(lengths) + 1, lane.keys.device
        self.places = torch.tensor(lengths, device=device)
        self.rows = torch.arange(len(lengths), device=device)
        even = min(lengths) + 1 == self.longest
        seen = torch.arange(self.longest, device=device) <= self.places[:, None]
        self.mask = None if even else seen[:, None, None]
        self.slots, self.vectors, self.constant = lane.slots, lane.vectors, lane.has_constants
        self.attention = list[Tensor]()
        """(n, S, N) of each layer"""

    def attend(self, layer: int, asked: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(n, H d) what queries (n, H, d) find in the dialogue; first the token's keys and values (n, K, d) join it."""
        lane = self.lane
        lane.keys[layer][self.rows, :, self.places] = keys.to(lane.keys.dtype)
        lane.values[layer][self.rows, :, self.places] = values.to(lane.values.dtype)
        k, v = (held[layer, : len(asked), :, : self.longest] for held in (lane.keys, lane.values))
        grouped = asked.to(k.dtype).view(len(asked), k.shape[1], -1, k.shape[3])  # (n, K, G, d)
        return F.scaled_dot_product_attention(grouped, k, v, self.mask).to(asked.dtype).flatten(1)

    def read_sources(self, layer: int, asked: Tensor, gates: Tensor, key_heads: int) -> Tensor:
        """(n, H d) what queries (n, S, H d) find in the sources, through `gates` (n or 1, S, H, 1)."""
        count, heads, lane = len(asked), self.slots * key_heads, self.lane
        k, v = (held[layer, :count, :heads, : self.vectors] for held in (lane.source_keys, lane.source_values))
        bias = lane.bias[:count, : self.slots, None, : self.vectors]
        grouped = asked.view(count, heads, -1, k.shape[3])  # (n, S K, G, d)
        scores = (grouped * k.shape[3] ** -0.5) @ k.transpose(2, 3)
        weights = (scores.view(count, self.slots, -1, self.vectors) + bias).softmax(dim=-1)
        self.attention.append(weights.mean(dim=2))
        found = weights.view(scores.shape) @ v
        return (found.view(count, self.slots, -1, k.shape[3]) * gates).sum(dim=1).flatten(1)


@dataclass(frozen=True)
class Turns:
    """Cosines and signed sines (n, 1, d) of the rows' rotary positions."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def at(cls, places: Tensor, shape: LlamaShape, dtype: torch.dtype) -> Turns:
        """The turns of places (n,)."""
        half = torch.arange(0, shape.head_width, 2, device=places.device).float() / shape.head_width
        angles = places[:, None].float() / shape.theta**half
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        return cls(torch.cat((cos, cos), dim=1)[:, None], torch.cat((-sin, sin), dim=1)[:, None])

    def turn(self, x: Tensor) -> Tensor:
        """x (n, heads, d) at its positions: the halves of a head turn together."""
        return torch.addcmul(x * self.cos, x.roll(x.shape[-1] // 2, dims=-1), self.sin)


def one_token(weights: LlamaWeights, mix: Mix, segments: Sequence[Segment], x: Tensor) -> Tensor:
    """States (n, D) of the inputs x (n, D); keys and values of the inputs stay in the lanes."""
    s = weights.shape
    turns = Turns.at(torch.cat([segment.places for segment in segments]), s, x.dtype)
    both = s.query_width + s.key_width
    for at, (layer, changes) in enumerate(zip(weights.layers, mix.layers, strict=True)):
        w = cast(LlamaLayer, layer)
        n = F.rms_norm(x, (s.width,), w.attention_norm.to(x.dtype), s.epsilon)
        qkv = mix.change(w.qkv(n), n, changes.qkv)
        turned = turns.turn(qkv[:, :both].view(len(n), -1, s.head_width))
        values = qkv[:, both:].view(len(n), -1, s.head_width)
        heard = mix.listen(n, changes.sources) if any(part.slots for part in segments) else None
        found = []
        for part in segments:
            span = slice(part.first, part.end)
            mixed = part.attend(at, turned[span, : s.heads], turned[span, s.heads :], values[span])
            if heard is not None and part.slots:
                changed = heard[span] @ changes.sources[1][:, : part.slots * s.query_width]
                asked = qkv[span, None, : s.query_width] + changed.view(len(mixed), part.slots, -1)
                gates = changes.gates if mix.nets is None else changes.gates[mix.nets[span]]
                mixed = mixed + part.read_sources(at, asked, gates[:, : part.slots], s.key_heads)
            if part.constant:
                mixed = mixed + part.lane.constants[at, : len(mixed)]
            found.append(mixed)
        together = found[0] if len(found) == 1 else torch.cat(found)
        x = _finish(w, s.epsilon, mix, changes, x, together)
    return F.rms_norm(x, (s.width,), weights.norm.to(x.dtype), s.epsilon)


def _finish(w: LlamaLayer, epsilon: float, mix: Mix, changes: LayerChanges, x: Tensor, mixed: Tensor) -> Tensor:
    """Output projection and feed-forward network."""
    x = x + mix.change(w.o(mixed), mixed, changes.o)
    n = F.rms_norm(x, x.shape[-1:], w.ffn_norm.to(x.dtype), epsilon)
    gate, up = mix.change(w.gate_up(n), n, changes.gate_up).chunk(2, dim=-1)
    inner = F.silu(gate) * up
    return x + mix.change(w.down(inner), inner, changes.down)
