"""Rows that read few contexts together find what each would find with a copy of its own."""

from __future__ import annotations

import pytest
import torch

from models.backbones.grouped_attention import attend_grouped
from models.backbones.shared_context import Readers


@pytest.mark.parametrize("owners", [[0, 0, 0, 1, 1, 2], [2, 0, 2, 1, 2], [1], [1, 1]])
def test_it_is_the_attention_with_a_copy_for_each_row(owners: list[int]) -> None:
    torch.manual_seed(1)
    owner, rows = torch.tensor(owners), len(owners)
    q = torch.randn(rows, 6, 1, 4)
    keys, values = torch.randn(2, 3, 2, 5, 4)
    own_keys, own_values = torch.randn(2, rows, 2, 3, 4)
    seen = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] * 1 + [False] * 4])
    found = Readers.of(owner, 3).attend(q, (keys, values), seen, (own_keys, own_values))
    mask = torch.cat((seen[owner], torch.ones(rows, 3, dtype=torch.bool)), dim=1)[:, None, None]
    whole = torch.cat((keys[owner], own_keys), dim=2), torch.cat((values[owner], own_values), dim=2)
    torch.testing.assert_close(found, attend_grouped(q, *whole, mask))


def test_a_context_has_room_for_the_most_rows_that_read_one() -> None:
    readers = Readers.of(torch.tensor([1, 0, 1, 1]), 3)
    assert (readers.contexts, readers.room) == (3, 3)
    assert readers.place.tolist() == [3, 0, 4, 5]
