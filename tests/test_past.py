"""Where a reply's keys and values lie while it is decoded."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.backbones.interface import Past, select
from tests.tiny import tiny_causal


@pytest.mark.parametrize("room", [1, 3, 40])
@torch.inference_mode()
def test_context_and_reply_that_lie_together_say_the_same(room: int) -> None:
    """With room for fewer tokens than come, and with rows that change places as in a beam search."""
    backbone = tiny_causal().backbone(3).eval()
    ids = torch.randint(3, 200, (2, 9), generator=torch.Generator().manual_seed(1))
    new = torch.randint(3, 200, (2, 8), generator=torch.Generator().manual_seed(2))
    read = backbone.attach(backbone.read(ids, torch.ones_like(ids, dtype=torch.bool)), {})

    def states(past: Past) -> list[Tensor]:
        found, memories = list[Tensor](), read
        for start, end in ((0, 2), (2, 3), (3, 4), (4, 5), (5, 8)):
            found.append(backbone.decode(new[:, start:end], memories, past))
            if start == 3:
                past.select(torch.tensor([1, 0]))
                memories = select(memories, torch.tensor([1, 0]))
        return found

    for apart, together in zip(states(Past()), states(Past(room=room)), strict=True):
        torch.testing.assert_close(apart, together)
