"""Attention with key heads that groups of query heads share, and rotary positions: models of the Llama type.

H query heads of d numbers, K key heads, G = H / K query heads to each of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.llama_weights import LlamaShape


def attend_grouped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """(B, H, T, d) what q (B, H, T, d) find in k and v (B, K, S, d); `mask` broadcasts to (B, 1, T, S), True = attend.

    The queries of one key head stand under one another. Written out while a net learns on a CPU: the backward pass of
    torch's kernel takes twice as long there. (Its own grouping takes six times as long for the one query of a token.)
    """
    rows, heads, steps, width = q.shape
    group = heads // k.shape[1]
    asked = q.reshape(rows, k.shape[1], group * steps, width)
    if not torch.is_grad_enabled() or q.device.type != "cpu":
        wide = None if mask is None else _for_each_query(mask, group)
        return F.scaled_dot_product_attention(asked, k, v, wide).view(q.shape)
    scores = ((asked * width**-0.5) @ k.transpose(2, 3)).view(rows, heads, steps, -1)
    if mask is not None:
        scores = scores + scores.new_zeros(mask.shape).masked_fill(~mask, -torch.inf)
    return (scores.softmax(dim=-1).to(v.dtype).view(*asked.shape[:3], -1) @ v).view(q.shape)


def _for_each_query(mask: Tensor, group: int) -> Tensor:
    """(..., T, S) -> (..., G T, S): the mask of T tokens for the G queries of each."""
    if mask.shape[-2] == 1:
        return mask
    return mask[..., None, :, :].expand(*mask.shape[:-2], group, -1, -1).flatten(-3, -2)


def heads_of(x: Tensor, heads: int) -> Tensor:
    """(B, T, H d) -> (B, H, T, d)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def repeated(x: Tensor, shape: LlamaShape) -> Tensor:
    """(B, K, N, d) -> (B, H, N, d): each key head for its G query heads."""
    return x.repeat_interleave(shape.heads // shape.key_heads, dim=1)


def turn(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al. 2021) of x (B, H, T, d); the halves of a head turn together."""
    cos, sin = turns
    one, other = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-other, one), dim=-1) * sin
