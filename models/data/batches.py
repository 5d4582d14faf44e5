"""list[Example] -> Batch of tensors. Third stop of the flow.

COMET blocks repeat a lot ("sad", "upset"), so a batch holds each distinct block once; examples point at rows.
Shapes: B batch, S context tokens, T reply tokens, U distinct blocks, L block tokens, N blocks of an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from models.data.examples import Example


@dataclass(frozen=True)
class Batch:
    """Tensors of a list of examples."""

    ids: Tensor
    """(B, S) int64 context, padded with 0"""
    mask: Tensor
    """(B, S) bool, True = token"""
    labels: Tensor
    """(B, T) int64 reply with its end mark, -100 = none; T is 0 when only a reply is wanted"""
    strategies: Tensor
    """(B,) int64 gold strategy, -1 = unknown"""
    blocks: Tensor
    """(U, L) int64 distinct COMET blocks, padded with 0; U >= 1"""
    situation: Tensor
    """(B, N) int64 rows of `blocks`, -1 = none; N >= 1"""
    post: Tensor
    """(B, N) int64 rows of `blocks`, -1 = none; N >= 1"""
    emotion_ids: Tensor
    """(B, E) int64 emotion words of the seeker's turns, padded with 0; E >= 1"""
    course: Tensor
    """(B, F) float32 how each talk has gone so far, see `models.data.strategy_history`"""
    emotion_labels: Tensor
    """(B,) int64 gold emotion of the dialogue, -1 = unknown"""

    def to(self, device: torch.device | str) -> Self:
        """The same batch on a device."""
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))

    def __len__(self) -> int:
        return self.ids.shape[0]


def make_batch(examples: Sequence[Example]) -> Batch:
    """Pad and stack. Raises ValueError on an empty list."""
    if not examples:
        raise ValueError("a batch needs at least one example")
    # an empty block comes first, so that a batch without knowledge still has a row to point at
    rows: dict[tuple[int, ...], int] = {(0,): 0}
    for example in examples:
        for block in (*example.situation_blocks, *example.post_blocks):
            rows.setdefault(block, len(rows))
    ids = pad([e.context for e in examples], 0)
    return Batch(
        ids,
        pad([(1,) * len(e.context) for e in examples], 0).bool(),
        pad([e.target for e in examples], -100),
        torch.tensor([e.strategy for e in examples]),
        pad(list(rows), 0),
        pad([tuple(rows[b] for b in e.situation_blocks) for e in examples], -1, least=1),
        pad([tuple(rows[b] for b in e.post_blocks) for e in examples], -1, least=1),
        pad([e.emotion_ids for e in examples], 0, least=1),
        torch.tensor([e.course for e in examples]),
        torch.tensor([e.emotion_label for e in examples]),
    )


def pad(rows: Sequence[Sequence[int]], value: int, least: int = 0) -> Tensor:
    """Rows of ids as (B, S) int64, filled up with `value` to the longest row, `least` columns at least."""
    width = max(least, max(len(row) for row in rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.int64).view(
        len(rows), width
    )


def pad_with_mask(rows: Sequence[Sequence[int]], value: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of ids as (B, S) with their mask, True = token."""
    mask = pad([(1,) * len(row) for row in rows], 0).bool()
    return pad(rows, value).to(device), mask.to(device)
