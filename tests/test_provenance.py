"""What is told of a measured net: whether it has seen the turns, and which annotations it is given."""

from __future__ import annotations

from typing import Any

import pytest

from models.data.examples import ContextShape
from models.training.provenance import measured_on, notes_on, reads_strategies
from tests.tiny import tiny_net

COMPACT, FULL, ALONE = "0123456789ab", "facebook/blenderbot_small-90M", None


@pytest.mark.parametrize(
    ("net", "base", "learned", "split", "told"),
    [
        ("joint", COMPACT, "D", "D", "D test"),
        ("misc", COMPACT, None, "D", "D test"),  # an old card
        ("joint", COMPACT, "E", "D", "D test, trained on split E: leaky"),
        ("joint", FULL, "D", "E", "E test, trained on split D: leaky"),
        ("joint", COMPACT, "E", "E", "E test, base trained on split D: leaky"),
        ("misc", COMPACT, None, "E", "E test, base and COMET trained on split D: leaky"),
        ("misc", FULL, "E", "E", "E test, COMET trained on split D: leaky"),
        ("joint", FULL, "E", "E", "E test"),
        ("moel", ALONE, "E", "E", "E test"),
    ],
)
def test_what_the_weights_have_seen_is_told(
    net: str, base: str | None, learned: str | None, split: str, told: str
) -> None:
    card: dict[str, Any] = {"base": base} | ({"run": {"split": learned}} if learned else {})
    assert measured_on(card, tiny_net(net), split, "test") == told
    assert bool(notes_on(["D test", told])) == told.endswith("leaky")


def test_what_the_weights_started_from_has_seen_counts_too() -> None:
    card = {"base": COMPACT, "run": {"split": "D", "splits": ["D", "E"]}}
    assert measured_on(card, tiny_net("star"), "D", "test") == "D test, trained on split E: leaky"


def test_nets_that_are_told_earlier_strategies_are_known() -> None:
    blind = ContextShape(strategies=False)
    assert reads_strategies(tiny_net("misc"))
    assert reads_strategies(tiny_net("misc", course=False))
    assert reads_strategies(tiny_net("misc", shape=blind))
    assert reads_strategies(tiny_net("star", shape=blind)), "the net below has the course"
    assert not reads_strategies(tiny_net("misc", shape=blind, course=False))
    assert not reads_strategies(tiny_net("moel", shape=blind))
