"""The norms of the base for a few rows: torch's own takes more than twice as long for them in float32.

Shapes: n rows, D width.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.llama_weights import LlamaLayer, LlamaWeights


class Norms:
    """Root-mean-square norms (Zhang and Sennrich 2019) of all layers, with their scales in one type."""

    def __init__(self, weights: LlamaWeights, dtype: torch.dtype) -> None:
        layers = [cast(LlamaLayer, layer) for layer in weights.layers]
        self._attention = [layer.attention_norm.to(dtype) for layer in layers]
        self._ffn = [layer.ffn_norm.to(dtype) for layer in layers]
        self._last = weights.norm.to(dtype)
        self.epsilon = weights.shape.epsilon
        self._epsilons = torch.tensor([self.epsilon], device=self._last.device)

    def attention(self, layer: int, x: Tensor) -> Tensor:
        """x (n, D) before the attention of a layer."""
        return self._normed(x, self._attention[layer])

    def ffn(self, layer: int, x: Tensor) -> Tensor:
        """x (n, D) before the feed-forward network of a layer."""
        return self._normed(x, self._ffn[layer])

    def last(self, x: Tensor) -> Tensor:
        """x (n, D) after all layers."""
        return self._normed(x, self._last)

    def _normed(self, x: Tensor, scale: Tensor) -> Tensor:
        if x.dtype is not torch.float32:  # the sum of squares needs more than 16 bits
            return F.rms_norm(x, x.shape[-1:], scale, self.epsilon)
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return (x * torch.addcmul(self._epsilons, length, length, value=1 / x.shape[-1]).rsqrt_()).mul_(scale)
