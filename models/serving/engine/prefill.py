"""What a plan has to read, in pieces, so that running replies go on between them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import cast

from torch import Tensor

from models.backbones.causal import Causal
from models.data.batches import Batch
from models.nets.misc import block_mask
from models.nets.net import Net, Plan

PIECE_TOKENS = 64
"""tokens of a context that are read at a time"""
PIECE_TEXTS = 12
"""COMET blocks that are read at a time, about five tokens each"""


def context_in_pieces(net: Net, ids: Tensor) -> Generator[None, None, None]:
    """Reads a single context (1, S), which the cache of prefixes keeps; stops after each piece."""
    for _ in cast(Causal, net.backbone).read_in_pieces(ids, PIECE_TOKENS):
        yield


def unread_pieces(backbone: Causal, ids: Tensor) -> int:
    """How many pieces of a single context (1, S) have not been read yet."""
    return -(-(ids.shape[1] - backbone.already_read(ids)) // PIECE_TOKENS)


class Prefill:
    """The plan of one reply: a single context and its blocks are read piece by piece, then `make` finds them read."""

    def __init__(self, net: Net, batch: Batch, make: Callable[[], Plan]) -> None:
        self.backbone, self.batch, self.make = cast(Causal, net.backbone), batch, make
        mask = block_mask(batch.blocks)
        self.texts = self.backbone.unread(batch.blocks, mask) if net.needs_comet else batch.rows[:0]
        self.mask = mask

    @property
    def size(self) -> int:
        """How many pieces it takes at least."""
        return 1 + unread_pieces(self.backbone, self.batch.ids) + -(-len(self.texts) // PIECE_TEXTS)

    def pieces(self) -> Generator[None, None, Plan]:
        """Stops after each piece, and returns the plan."""
        for start in range(0, len(self.texts), PIECE_TEXTS):
            rows = self.texts[start : start + PIECE_TEXTS]
            self.backbone.summaries(self.batch.blocks[rows], self.mask[rows])
            yield
        for reading in self.backbone.read_in_pieces(self.batch.ids, PIECE_TOKENS):
            if reading.mask.shape[1] < self.batch.ids.shape[1]:
                yield
        return self.make()
