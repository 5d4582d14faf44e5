"""Reads what a plan needs, in pieces, so that running replies go on between them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import cast

import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.data.batches import Batch
from models.nets.misc import block_mask
from models.nets.net import Net, Plan

PIECE_TOKENS = 64
"""tokens of a context that are read at a time; twice as many in bfloat16, where loading the weights takes longest"""
PIECE_TEXTS = 14
"""COMET blocks that are read at a time, about five tokens each; twice as many in bfloat16: all those of a message"""


def in_a_piece(backbone: Causal, size: int) -> int:
    """How many tokens or blocks are read at a time, where `size` is the number in float32."""
    return size * (2 if backbone.weights.dtype is torch.bfloat16 else 1)


def context_in_pieces(net: Net, ids: Tensor) -> Generator[None, None, None]:
    """Reads a single context (1, S) into the cache of prefixes; yields after each piece."""
    backbone = cast(Causal, net.backbone)
    for _ in backbone.read_in_pieces(ids, in_a_piece(backbone, PIECE_TOKENS)):
        yield


def unread_pieces(backbone: Causal, ids: Tensor) -> int:
    """How many pieces of a single context (1, S) have not been read yet."""
    return -(-(ids.shape[1] - backbone.already_read(ids)) // in_a_piece(backbone, PIECE_TOKENS))


class Prefill:
    """The plan of one reply: its context and blocks are read piece by piece, so that `make` finds them read."""

    def __init__(self, net: Net, batch: Batch, make: Callable[[], Plan]) -> None:
        self.backbone, self.batch, self.make = cast(Causal, net.backbone), batch, make
        mask = block_mask(batch.blocks)
        self.texts = self.backbone.unread(batch.blocks, mask) if net.needs_comet else batch.rows[:0]
        self.mask = mask
        self.tokens, self.at_a_time = (in_a_piece(self.backbone, size) for size in (PIECE_TOKENS, PIECE_TEXTS))

    @property
    def size(self) -> int:
        """The least number of pieces that it takes."""
        return 1 + unread_pieces(self.backbone, self.batch.ids) + -(-len(self.texts) // self.at_a_time)

    def pieces(self) -> Generator[None, None, Plan]:
        """Yields after each piece, and returns the plan."""
        for start in range(0, len(self.texts), self.at_a_time):
            rows = self.texts[start : start + self.at_a_time]
            self.backbone.summaries(self.batch.blocks[rows], self.mask[rows])
            yield
        for reading in self.backbone.read_in_pieces(self.batch.ids, self.tokens):
            if reading.mask.shape[1] < self.batch.ids.shape[1]:
                yield
        return self.make()
