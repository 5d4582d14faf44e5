"""Readings of hosted nets: whose they are, how many, and how they grow with a talk."""

from __future__ import annotations

from typing import cast

import torch

from models.backbones.causal import Causal
from models.backbones.interface import Reading
from models.backbones.prefix_cache import PrefixCache, size_of
from tests.tiny import CAUSAL, tiny_net


def reading(length: int) -> Reading:
    states = torch.zeros(1, length, 4)
    return Reading(
        states, torch.ones(1, length, dtype=torch.bool), states[:, -1], ((states[:, None], states[:, None]),)
    )


def test_each_net_finds_its_own_longest_start() -> None:
    cache = PrefixCache()
    one, other = cache.owner(), cache.owner()
    cache.keep(one, (1, 2, 3), reading(3))
    cache.keep(one, (1, 9), reading(2))
    shared, found = cache.longest(one, (1, 2, 5, 6))
    assert shared == 2
    assert found is not None
    assert found.states.shape[1] == 3
    assert cache.longest(one, (1, 2, 3))[0] == 3
    assert cache.longest(one, (7,)) == (0, None)
    assert cache.longest(other, (1, 2, 3)) == (0, None)


def test_a_talk_that_goes_on_takes_the_place_of_its_start() -> None:
    cache, long = PrefixCache(2 * size_of(reading(4))), (1, 2, 3, 4)
    cache.keep(0, (1, 2), reading(2))
    cache.keep(0, long, reading(4))
    cache.keep(0, (1, 2, 3), reading(3))  # a part of what is there
    cache.keep(0, (8, 8, 8, 8), reading(4))
    assert cache.longest(0, long)[0] == 4  # both fit, since the starts are not held beside it
    cache.keep(0, (9,), reading(1))
    assert [cache.longest(0, ids)[0] for ids in ((8,), long, (9,))] == [0, 4, 1]


def test_a_context_read_in_pieces_is_read_once_and_the_same() -> None:
    net, fresh = tiny_net(CAUSAL + "joint"), tiny_net(CAUSAL + "joint")
    net.requires_grad_(requires_grad=False).backbone.settle()
    ids = torch.randint(5, 200, (1, 23))
    with torch.no_grad():
        pieces = list(net.backbone.read_in_pieces(ids, 5))
        whole = fresh.backbone.read(ids, torch.ones_like(ids, dtype=torch.bool))
        again = net.backbone.read(ids, torch.ones_like(ids, dtype=torch.bool))
        shorter = list(net.backbone.read_in_pieces(ids[:, :7], 5))
    assert [piece.states.shape[1] for piece in pieces] == [5, 10, 15, 20, 23]
    assert [piece.states.shape[1] for piece in shorter] == [7]
    for found in (pieces[-1], again):
        torch.testing.assert_close(found.states, whole.states, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found.summary, whole.summary, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(shorter[0].states, whole.states[:, :7], atol=1e-5, rtol=1e-4)
    assert again.states.data_ptr() == pieces[-1].states.data_ptr()


def test_a_reading_takes_no_more_memory_than_is_counted() -> None:
    net = tiny_net(CAUSAL + "joint")
    net.requires_grad_(requires_grad=False).backbone.settle()
    cache = cast(Causal, net.backbone).weights.prefixes
    ids = torch.randint(5, 200, (1, 12))
    with torch.no_grad():
        for length in (4, 12):  # afresh, and as it goes on
            net.backbone.read(ids[:, :length], torch.ones(1, length, dtype=torch.bool))
            (kept,) = cache._readings._entries.values()
            parts = [kept.states, *(part for pair in kept.cache for part in pair)]
            assert kept.states.shape[1] == length
            assert sum(part.untyped_storage().nbytes() for part in parts) == size_of(kept) == cache._readings.total
