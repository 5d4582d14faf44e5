"""Batches with other commonsense, so that training rewards a net for reading its blocks. Ours, in none of the papers.

left out    no blocks for some turns, drawn at random: replies must be good without them too
another's   the blocks of a turn of another dialogue: with these, references should be less likely
"""

from __future__ import annotations

from dataclasses import replace

import torch

from models.data.batches import Batch


def left_out(batch: Batch, rate: float) -> Batch:
    """The batch without the blocks of about `rate` (0 to 1) of its turns, drawn anew at each call."""
    gone = torch.rand(len(batch), 1, device=batch.situation.device) < rate
    return _without(batch, gone)


def anothers(batch: Batch) -> Batch:
    """The batch with the blocks of other dialogues: each turn takes those of the turn half a batch further on.

    Turns of a dialogue are neighbours, and share a row of contexts (`Batch.rows`) or the blocks of their situation. A
    turn that would take blocks of its own dialogue gets none.
    """
    order = torch.arange(len(batch), device=batch.rows.device).roll(len(batch) // 2)
    same = batch.rows[order] == batch.rows
    same |= (batch.situation[order] == batch.situation).all(dim=1) & (batch.situation >= 0).any(dim=1)
    return _without(replace(batch, situation=batch.situation[order], post=batch.post[order]), same[:, None])


def _without(batch: Batch, gone: torch.Tensor) -> Batch:
    """The batch without the blocks of the turns in `gone` (B, 1)."""
    return replace(batch, situation=batch.situation.masked_fill(gone, -1), post=batch.post.masked_fill(gone, -1))
