"""Attention of many rows to few contexts: rows that go on from the same context read it together.

Without this, each step of a beam search copies the context of every beam. Shapes: B rows, E contexts of S tokens, at
most R rows of a context, H query heads of width d, K key heads, G = H / K, t tokens that each row has written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Readers:
    """Which context each row reads."""

    owner: Tensor
    """(B,) int64"""
    place: Tensor
    """(B,) where each row lies among E x R"""
    contexts: int
    room: int
    """R"""

    @classmethod
    def of(cls, owner: Tensor, contexts: int) -> Self:
        """`owner` (B,): the context of each row, in any order."""
        each = torch.nn.functional.one_hot(owner, contexts)  # (B, E)
        rank = each.cumsum(dim=0).gather(1, owner[:, None])[:, 0] - 1
        room = int(each.sum(dim=0).max()) if len(owner) else 0
        return cls(owner, owner * room + rank, contexts, room)

    def attend(self, q: Tensor, context: tuple[Tensor, Tensor], seen: Tensor, own: tuple[Tensor, Tensor]) -> Tensor:
        """Attention (B, H, 1, d) of q (B, H, 1, d) to keys and values (E, K, S, d) of the contexts, where `seen` (E, S)
        is True, and to keys and values (B, K, t, d) of what each row has written itself."""
        keys, values = context
        heads, count = keys.shape[1], keys.shape[2]
        asked = q.view(len(q), heads, -1, q.shape[-1])  # (B, K, G, d)
        scores = self._together(asked) @ keys.transpose(2, 3)
        scores = scores.masked_fill(~seen[:, None, None], torch.finfo(scores.dtype).min)
        both = torch.cat((self._apart(scores, asked.shape[2]), asked @ own[0].transpose(2, 3)), dim=-1)
        weights = (both.float() * q.shape[-1] ** -0.5).softmax(dim=-1).to(values.dtype)
        heard = self._apart(self._together(weights[..., :count]) @ values, asked.shape[2])
        return (heard + weights[..., count:] @ own[1]).view(q.shape)

    def _together(self, x: Tensor) -> Tensor:
        """(B, K, G, N) -> (E, K, R G, N), 0 where a context has fewer rows."""
        grid = x.new_zeros(self.contexts * self.room, *x.shape[1:]).index_copy(0, self.place, x)
        return grid.unflatten(0, (self.contexts, self.room)).transpose(1, 2).flatten(2, 3)

    def _apart(self, x: Tensor, group: int) -> Tensor:
        """(E, K, R G, N) -> (B, K, G, N)."""
        return x.unflatten(2, (self.room, group)).transpose(1, 2).flatten(0, 1)[self.place]
