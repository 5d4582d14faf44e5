"""Who judges what next, and which system is on which side: pure functions, whose choices `claims` stores.

Order: onboarding items first; then a duplicate that is due (enough other items lie in between); then a gold item if the
rater has had too few of them; else a main item, from the first few in the plan that still have seats.

Sides: an item's arrangement is one that its other raters had least often, so each item is balanced within one. Among
those, the rater gets the one they had least often for this group of systems, preferably with an item where that is
possible: of 9,300 simulated raters, 99.6 % were balanced within two, and all within five. A duplicate shows the reverse
of what the rater saw before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from annotation.choices import Purpose

Arrangement = tuple[int, ...]
"""for each place on the screen, first place first, the index into the item's systems"""
WINDOW = 16
"""how many items of the plan can be chosen at a time: earlier items fill up before later ones are begun"""


@dataclass(frozen=True)
class Open:
    """An item that the rater may get: a seat is free, and its dialogue is new to them (except for duplicates)."""

    id: str
    position: int
    purpose: Purpose
    systems: tuple[str, ...]
    used: tuple[Arrangement, ...] = ()
    """arrangements shown to the other raters who hold a seat or have handed in"""
    duplicate_of: str | None = None


@dataclass(frozen=True)
class Past:
    """One item that the rater had before."""

    item_id: str
    ordinal: int
    purpose: Purpose
    systems: tuple[str, ...]
    arrangement: Arrangement
    is_duplicate: bool = False


@dataclass(frozen=True)
class Rater:
    """What the choice depends on about the rater."""

    key: str
    """anything unique to the rater; breaks ties"""
    past: tuple[Past, ...] = ()


@dataclass(frozen=True)
class Rules:
    """What the plan says about the order of items."""

    seed: int
    gold_share: float = 0.0
    duplicate_spacing: int = 5


@dataclass(frozen=True)
class Choice:
    """The item to hand out, and how it is shown."""

    item_id: str
    arrangement: Arrangement


def choose(rater: Rater, items: Sequence[Open], rules: Rules) -> Choice | None:
    """The next item for this rater among those open to them, None when none is left (or due)."""
    by_kind: dict[str, list[Open]] = {"onboarding": [], "again": [], "gold": [], "main": []}
    for item in sorted(items, key=lambda item: item.position):
        by_kind["again" if item.duplicate_of else item.purpose.value].append(item)
    if by_kind["onboarding"]:
        item = by_kind["onboarding"][0]
        return Choice(item.id, best_arrangement(rater, item, rules)[1])
    due = next((item for item in by_kind["again"] if _is_due(rater, item, rules)), None)
    if due is not None:
        before = next(past for past in rater.past if past.item_id == due.duplicate_of)
        return Choice(due.id, before.arrangement[::-1])
    at_hand = by_kind["gold"] if _gold_is_due(rater, rules) else []
    at_hand = at_hand or by_kind["main"][:WINDOW]
    if not at_hand:
        return None
    ranked = [(best_arrangement(rater, item, rules), item) for item in at_hand]
    (_, arrangement), item = min(
        ranked, key=lambda entry: (entry[0][0], not entry[1].used, _draw(rules, rater.key, entry[1].id))
    )
    return Choice(item.id, arrangement)


def arrangements(count: int) -> tuple[Arrangement, ...]:
    """The ways in which `count` systems are shown: each system is at each place once.

    >>> arrangements(2), arrangements(3)
    (((0, 1), (1, 0)), ((0, 1, 2), (1, 2, 0), (2, 0, 1)))
    """
    return tuple(tuple((start + place) % count for place in range(count)) for start in range(count))


def imbalance(shown: Sequence[Arrangement], count: int) -> int:
    """How much more often the most frequent arrangement was shown than the rarest one."""
    counts = [sum(other[0] == arrangement[0] for other in shown) for arrangement in arrangements(count)]
    return max(counts) - min(counts)


def best_arrangement(rater: Rater, item: Open, rules: Rules) -> tuple[int, Arrangement]:
    """(what it adds to the rater's imbalance, arrangement): the best among those that the item needs most."""
    own = [past.arrangement for past in rater.past if past.systems == item.systems]
    options = arrangements(len(item.systems))
    rarest = min(_count(item.used, option) for option in options)
    least = min(_count(own, option) for option in options)
    needed = [option for option in options if _count(item.used, option) == rarest]
    chosen = min(needed, key=lambda option: (_count(own, option), _draw(rules, rater.key, f"{item.id}:{option}")))
    return _count(own, chosen) - least, chosen


def _count(shown: Sequence[Arrangement], arrangement: Arrangement) -> int:
    """How often the same system came first; reversed duplicates count by the system they show first."""
    return sum(other[0] == arrangement[0] for other in shown)


def _is_due(rater: Rater, item: Open, rules: Rules) -> bool:
    """Whether the rater had the original, and enough other items since."""
    last = max((past.ordinal for past in rater.past), default=0)
    return any(
        past.item_id == item.duplicate_of and last - past.ordinal >= rules.duplicate_spacing for past in rater.past
    )


def _gold_is_due(rater: Rater, rules: Rules) -> bool:
    """Whether the rater has had fewer gold items than planned, counting the item to be handed out now."""
    gold = sum(past.purpose is Purpose.GOLD for past in rater.past)
    counted = sum(past.purpose is not Purpose.ONBOARDING for past in rater.past)
    return rules.gold_share > 0 and gold < int(rules.gold_share * (counted + 1) + 1e-9)


def _draw(rules: Rules, *parts: str) -> str:
    """A number drawn from the seed for these parts, as hexadecimal digits."""
    return hashlib.sha256("\n".join((str(rules.seed), *parts)).encode()).hexdigest()
