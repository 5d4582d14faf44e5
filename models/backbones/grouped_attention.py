"""Attention in models of the Llama type: groups of query heads share key heads; rotary positions.

H query heads of width d, K key heads, G = H / K query heads for each of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.llama_weights import LlamaShape


def attend_grouped(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Attention (B, H, T, d) of q (B, H, T, d) over k and v (B, K, S, d); `mask` broadcasts to (B, 1, T, S), True =
    attend.

    The queries of one key head are stacked. For training on a CPU the attention is written out, since the backward pass
    of torch's kernel takes twice as long there. (torch's own grouping takes six times as long for a single query.)
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
    """(..., T, S) -> (..., G T, S): repeats the mask of T tokens for the G query heads."""
    if mask.shape[-2] == 1:
        return mask
    return mask[..., None, :, :].expand(*mask.shape[:-2], group, -1, -1).flatten(-3, -2)


def heads_of(x: Tensor, heads: int) -> Tensor:
    """(B, T, H d) -> (B, H, T, d)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def repeated(x: Tensor, shape: LlamaShape) -> Tensor:
    """(B, K, N, d) -> (B, H, N, d): repeats each key head for its G query heads."""
    return x.repeat_interleave(shape.heads // shape.key_heads, dim=1)


def turn(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Applies rotary positions (Su et al. 2021) to x (B, H, T, d); the two halves of a head are rotated together."""
    cos, sin = turns
    one, other = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-other, one), dim=-1) * sin
