"""A study with a planted result: 5 raters, 3 systems, 60 items; warm beats plain beats cold, r5 does not read.

Each of the careful raters (r1-r4) votes by the systems' strengths plus an impression of the item that all share, so
they agree beyond chance. r5 picks the side shown first three times out of four, whatever it says, in a few seconds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from annotation.statistics.explanations import ENTROPY, ReplyFeature
from annotation.statistics.study_data import GoldAnswer, StudyData
from annotation.studies.study_views import Ballot, Rating

SYSTEMS = ("cold", "plain", "warm")
STRENGTHS = {"cold": -0.9, "plain": 0.0, "warm": 0.9}
RATERS = ("r1", "r2", "r3", "r4", "r5")
CARELESS = "r5"
CRITERIA = ("Empathy", "Overall")
ITEMS, DUPLICATES, GOLD = 60, 9, 4
TIE = 0.35
"""differences of impression up to this are voted a tie"""


@dataclass(frozen=True)
class _Item:
    item_id: str
    systems: tuple[str, str]
    lean: float
    """how much better the first system's reply is, as every careful rater sees it"""
    duplicate_of: str | None = None
    gold: bool = False
    number: int = 0


def simulated(seed: int = 1) -> StudyData:
    """The votes of all raters on all items, swapped duplicates and gold items included."""
    rng = random.Random(seed)
    items = list(_items(rng))
    ballots = []
    for place, rater in enumerate(RATERS):
        votes: dict[str, list[Ballot]] = {}
        for item in items:
            swapped = (item.number + place) % 2 == 1
            votes[item.item_id] = list(_votes(rng, rater, item, swapped != (item.duplicate_of is not None)))
        ballots += [vote for item in items for vote in votes[item.item_id]]
    gold = [
        GoldAnswer(item.item_id, name, "a" if item.lean > 0 else "b")
        for item in items
        if item.gold
        for name in CRITERIA
    ]
    return StudyData(ballots=tuple(ballots), gold=tuple(gold))


def features(data: StudyData, seed: int = 2) -> tuple[ReplyFeature, ...]:
    """Strategy entropies that go with the votes: the reply most raters preferred has the more peaked mixture."""
    rng = random.Random(seed)
    likes: dict[tuple[str, str], float] = {}
    for vote in data.ballots:
        for system, outcome in ((vote.system_a, "a"), (vote.system_b, "b")):
            likes[vote.item_id, system] = likes.get((vote.item_id, system), 0.0) + (vote.outcome == outcome)
    return tuple(
        ReplyFeature(item_id, system, *one)
        for (item_id, system), liked in likes.items()
        for one in ((ENTROPY, 2.5 - 0.1 * liked + rng.gauss(0, 0.5)), ("noise", rng.random()))
    )


def rated(seed: int = 3) -> tuple[Rating, ...]:
    """Scores 0 to 2 of three raters on 30 replies of each system, warm highest."""
    rng = random.Random(seed)
    found = []
    for number in range(30):
        for position, system in enumerate(SYSTEMS):
            quality = 1 + 0.8 * STRENGTHS[system] + rng.gauss(0, 0.3)
            for rater in RATERS[:3]:
                score = min(2, max(0, round(quality + rng.gauss(0, 0.3))))
                found.append(Rating("sim", f"c{number}", rater, "Empathy", system, score, position, 20.0))
    return tuple(found)


def _items(rng: random.Random) -> Iterator[_Item]:
    pairs = list(combinations(SYSTEMS, 2))
    main = []
    for number in range(ITEMS):
        pair = pairs[number % 3]
        lean = STRENGTHS[pair[0]] - STRENGTHS[pair[1]] + rng.gauss(0, 0.8)
        main.append(_Item(f"i{number:02}", pair, lean, number=number // 3))
    yield from main
    for item in main[:DUPLICATES]:
        yield replace(item, item_id=f"{item.item_id}-again", duplicate_of=item.item_id)
    for number in range(GOLD):
        yield _Item(f"g{number}", ("cold", "warm"), -4.0 if number % 2 else 4.0, gold=True, number=number)


def _votes(rng: random.Random, rater: str, item: _Item, swapped: bool) -> Iterator[Ballot]:
    first, second = item.systems if not swapped else item.systems[::-1]
    careless = rater == CARELESS
    seconds = rng.uniform(3, 8) if careless else 30 * math.exp(rng.gauss(0, 0.4))
    for criterion in CRITERIA:
        if careless:
            chosen: str | None = first if rng.random() < 0.75 else second
        else:
            seen = item.lean + rng.gauss(0, 0.6)
            chosen = None if abs(seen) < TIE else item.systems[0] if seen > 0 else item.systems[1]
        yield Ballot(
            study="sim",
            item_id=item.item_id,
            rater=rater,
            criterion=criterion,
            system_a=item.systems[0],
            system_b=item.systems[1],
            outcome="tie" if chosen is None else "a" if chosen == item.systems[0] else "b",
            first_shown=first,
            seconds=seconds,
            is_duplicate_of=item.duplicate_of,
            is_gold=item.gold,
            problem_type=("job crisis", "breakup")[item.number % 2],
            turn=3 + item.number % 12,
        )
