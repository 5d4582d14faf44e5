"""What is told of a measured net: whether it has seen the turns, and which annotations it is given."""

from __future__ import annotations

from typing import Any

import pytest

from models.data.examples import ContextShape
from models.training.provenance import measured_on, notes_on, reads_strategies
from tests.tiny import tiny_net

SUPPORTED = {"base": "smollm2@0123456789ab", "support": "ba9876543210"}
BARE = {"base": "smollm2@0123456789ab", "support": None}
FULL, ALONE = {"base": "facebook/blenderbot_small-90M"}, {"base": None}


@pytest.mark.parametrize(
    ("net", "base", "learned", "split", "told"),
    [
        ("joint", SUPPORTED, "D", "D", "D test"),
        ("misc", SUPPORTED, None, "D", "D test"),  # an old card
        ("joint", SUPPORTED, "E", "D", "D test, trained on split E: leaky"),
        ("joint", FULL, "D", "E", "E test, trained on split D: leaky"),
        ("joint", SUPPORTED, "E", "E", "E test, support adapter trained on split D: leaky"),
        ("misc", SUPPORTED, None, "E", "E test, support adapter and COMET trained on split D: leaky"),
        ("misc", FULL, "E", "E", "E test, COMET trained on split D: leaky"),
        ("joint", BARE, "E", "E", "E test"),
        ("joint", FULL, "E", "E", "E test"),
        ("moel", ALONE, "E", "E", "E test"),
    ],
)
def test_what_the_weights_have_seen_is_told(
    net: str, base: dict[str, Any], learned: str | None, split: str, told: str
) -> None:
    card = base | ({"run": {"split": learned}} if learned else {})
    assert measured_on(card, tiny_net(net), split, "test") == told
    assert bool(notes_on(["D test", told])) == told.endswith("leaky")


def test_what_the_weights_started_from_has_seen_counts_too() -> None:
    card = SUPPORTED | {"run": {"split": "D", "splits": ["D", "E"]}}
    assert measured_on(card, tiny_net("star"), "D", "test") == "D test, trained on split E: leaky"


def test_nets_that_are_told_earlier_strategies_are_known() -> None:
    blind = ContextShape(strategies=False)
    assert reads_strategies(tiny_net("misc"))
    assert reads_strategies(tiny_net("misc", course=False))
    assert reads_strategies(tiny_net("misc", shape=blind))
    assert reads_strategies(tiny_net("star", shape=blind)), "the net below has the course"
    assert not reads_strategies(tiny_net("misc", shape=blind, course=False))
    assert not reads_strategies(tiny_net("moel", shape=blind))
