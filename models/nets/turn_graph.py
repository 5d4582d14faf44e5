"""The turns of a talk as nodes of a graph, and attention along its edges (TransESC, GLHG).

A node starts from the state of its turn's last token. The graphs are small and differ from reply to reply, so they are
implemented as masks over plain attention; no graph library is needed.
Shapes: B replies, W latest turns, N nodes, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.backbones.interface import Reading, Stream, join_heads, split_heads
from models.data.batches import Batch

TURNS = 6
"""W, how many of the latest turns are nodes, by default"""


def turn_names(count: int) -> tuple[str, ...]:
    """Names for the positions of `latest_turns`, e.g. "2 messages ago"; the last one is "the last message"."""
    return (*(f"{n} messages ago" for n in range(count, 1, -1)), "the last message")


def latest_turns(reading: Reading, batch: Batch, count: int) -> tuple[Stream, Tensor]:
    """States (B, W, D) of the `count` latest turns, oldest first, and their kinds (B, W); turns that a short talk does
    not have are masked out."""
    number = (batch.turn_ends > 0).sum(dim=1)  # (B,)
    places = number[:, None] - count + torch.arange(count, device=number.device)
    there, places = places >= 0, places.clamp_min(0)
    ends = batch.turn_ends.gather(1, places)
    states = reading.at((ends - 1).clamp_min(0))
    return Stream(states * there[..., None], there), batch.turn_kinds.gather(1, places)


class EdgeAttention(nn.Module):
    """Attention in which a node reads only nodes it has an edge to; a vector for the edge's kind is added to query and
    key."""

    def __init__(self, width: int, heads: int, kinds: int) -> None:
        """`kinds`: number of kinds of edges, not counting "no edge"."""
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.kinds = nn.Parameter(torch.randn(1 + kinds, heads, width // heads) * 0.02)
        self.norm = nn.LayerNorm(width)

    def forward(self, nodes: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes (B, N, D) after reading their neighbours, and the attention (B, N, N) of each, averaged over heads.

        `edges` (B, N, N) int64: the kind of the edge by which a node (row) reads another, 0 = none; every node must
        read itself.
        """
        q, k, v = (split_heads(part(nodes), self.heads) for part in (self.q, self.k, self.v))
        edge = self.kinds.to(q.dtype)
        asked = torch.einsum("bhnd,khd->bhnk", q, edge).gather(3, edges[:, None].expand(-1, self.heads, -1, -1))
        told = torch.einsum("bhmd,khd->bhmk", k, edge).gather(
            3, edges.transpose(1, 2)[:, None].expand(-1, self.heads, -1, -1)
        )
        scale = q.shape[-1] ** -0.5
        scores = (q @ k.transpose(2, 3) + asked + told.transpose(2, 3)) * scale
        weights = scores.float().masked_fill(edges[:, None] == 0, -1e9).softmax(dim=-1)
        found = self.o(join_heads(weights.to(v.dtype) @ v))
        return self.norm(nodes + found), weights.mean(dim=1)


class Gate(nn.Module):
    """Mixes two vectors element by element: g a + (1 - g) b, g = sigmoid(W [a; b])."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(2 * width, width)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Mixes vectors (..., D)."""
        gate = self.weigh(torch.cat((one, other), dim=-1)).sigmoid()
        return gate * one + (1 - gate) * other
