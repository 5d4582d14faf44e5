"""Any study, any order of raters: k raters per item exactly, nobody twice, sides balanced. Pure, no database."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.choices import Purpose
from annotation.studies.assignment import WINDOW, Open, Past, Rater, Rules, arrangements, choose, imbalance
from annotation.studies.item_plan import PlannedItem, plan_items
from annotation.studies.study_plan import ContextKey, StudyPlan


class Table:
    """The store's part of handing out, in memory: who has what."""

    def __init__(self, plan: StudyPlan, contexts: list[ContextKey], raters: int) -> None:
        self.plan, self.items = plan, plan_items(plan, contexts)
        self.dialogue = {context.key: context.dialogue for context in contexts}
        self.past: list[list[Past]] = [[] for _ in range(raters)]
        self.shown: dict[str, list[tuple[int, ...]]] = defaultdict(list)
        self.by_name = {item.name: item for item in self.items}

    def give(self, rater: int) -> Past | None:
        """The next item of this rater, taken at once."""
        rules = Rules(self.plan.seed, self.plan.gold_share, self.plan.duplicate_spacing)
        choice = choose(Rater(str(rater), tuple(self.past[rater])), self._open(rater), rules)
        if choice is None:
            return None
        item = self.by_name[choice.item_id]
        had = Past(item.name, len(self.past[rater]) + 1, item.purpose, item.systems, choice.arrangement)
        had = replace(had, is_duplicate=item.duplicate_of is not None)
        self.past[rater].append(had)
        self.shown[item.name].append(choice.arrangement)
        return had

    def _open(self, rater: int) -> list[Open]:
        held = {past.item_id for past in self.past[rater]}
        dialogues = {self.dialogue[self.by_name[name].context] for name in held}
        free = [item for item in self.items if item.seats is None or len(self.shown[item.name]) < item.seats]
        rows = [
            item
            for item in free
            if item.name not in held
            and (item.duplicate_of in held if item.duplicate_of else self.dialogue[item.context] not in dialogues)
        ]
        main = [item for item in rows if item.purpose is Purpose.MAIN and item.duplicate_of is None][:WINDOW]
        others = [item for item in rows if item.purpose is not Purpose.MAIN or item.duplicate_of]
        return [self._row(item) for item in (*main, *others)]

    def _row(self, item: PlannedItem) -> Open:
        used = tuple(self.shown[item.name])
        return Open(item.name, item.position, item.purpose, item.systems, used, item.duplicate_of)

    def run(self, order: random.Random) -> None:
        """All raters in any order until nobody gets anything."""
        busy = list(range(len(self.past)))
        while busy:
            rater = order.choice(busy)
            if self.give(rater) is None:
                busy.remove(rater)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Studies of all kinds, some with more raters than planned."""
    systems = tuple(f"s{number}" for number in range(draw(st.integers(2, 4))))
    per_item = draw(st.integers(1, 5))
    raters = per_item + draw(st.integers(0, 3))
    plan = StudyPlan(
        "p",
        systems,
        raters,
        raters_per_item=per_item,
        overlap=draw(st.sampled_from([0.5, 1.0])),
        gold_share=draw(st.sampled_from([0.0, 0.2])),
        duplicate_share=draw(st.sampled_from([0.0, 0.25])),
        duplicate_spacing=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 1000)),
    )
    contexts = [ContextKey(f"c{number}", f"d{number}", systems) for number in range(draw(st.integers(1, 24)))]
    contexts += [ContextKey(f"g{number}", f"g{number}", ("h", "w"), Purpose.GOLD) for number in range(3)]
    contexts += [ContextKey("o", "o", ("h", "w"), Purpose.ONBOARDING)]
    table = Table(plan, contexts, raters)
    table.run(random.Random(draw(st.integers(0, 1000))))
    return table


@given(tables())
@settings(max_examples=40, deadline=None)
def test_every_item_gets_exactly_its_raters(table: Table) -> None:
    for item in table.items:
        if item.purpose is Purpose.MAIN and item.duplicate_of is None:
            assert len(table.shown[item.name]) == item.seats
        elif item.seats is not None:
            assert len(table.shown[item.name]) <= item.seats


@given(tables())
@settings(max_examples=40, deadline=None)
def test_nobody_sees_a_dialogue_twice_but_duplicates_swapped_and_spaced(table: Table) -> None:
    for past in table.past:
        place = {row.item_id: row for row in past}
        assert len(place) == len(past)
        first = [row for row in past if not row.is_duplicate]
        assert len({table.by_name[row.item_id].context for row in first}) == len(first)
        for row in past:
            if row.is_duplicate:
                original = place[table.by_name[row.item_id].duplicate_of or ""]
                assert row.ordinal - original.ordinal > table.plan.duplicate_spacing
                assert row.arrangement == original.arrangement[::-1]


@given(tables())
@settings(max_examples=40, deadline=None)
def test_sides_are_balanced_per_item_and_per_rater(table: Table) -> None:
    for item in table.items:
        if item.duplicate_of is None:
            assert imbalance(table.shown[item.name], len(item.systems)) <= 1
    for past in table.past:
        for systems in {row.systems for row in past}:
            same = [row for row in past if row.systems == systems]
            own = [row.arrangement for row in same if not row.is_duplicate]
            # The last rater of an item has no choice, so what the others have too much of adds up for a latecomer. The
            # side of a duplicate is given, and later items make up for it.
            assert imbalance(own, len(systems)) <= 1 + len(table.past) + len(same) - len(own)


@given(tables())
@settings(max_examples=30, deadline=None)
def test_onboarding_comes_first_and_gold_keeps_its_share(table: Table) -> None:
    for past in table.past:
        assert [row.purpose for row in past].index(Purpose.ONBOARDING) == 0
        counted = [row.purpose for row in past if row.purpose is not Purpose.ONBOARDING]
        for number in range(1, len(counted) + 1):
            gold = counted[:number].count(Purpose.GOLD)
            assert gold <= int(table.plan.gold_share * number + 1e-9)


def test_with_many_items_every_rater_is_balanced_within_two() -> None:
    systems = ("a", "b", "c")
    plan = StudyPlan("p", systems, raters=5, raters_per_item=3, seed=1)
    for order in range(3):
        table = Table(plan, [ContextKey(f"c{n}", f"d{n}", systems) for n in range(60)], 5)
        table.run(random.Random(order))
        counts = [len(past) for past in table.past]
        assert sum(counts) == 180
        for past in table.past:
            for group in {row.systems for row in past}:
                assert imbalance([row.arrangement for row in past if row.systems == group], 2) <= 2


def test_the_same_seed_and_history_give_the_same_choice() -> None:
    items = [Open(f"i{number}", number, Purpose.MAIN, ("a", "b")) for number in range(8)]
    choices = {choose(Rater("r"), order, Rules(3)) for order in (items, items[::-1])}
    assert len(choices) == 1
    seeds = Counter(choose(Rater("r"), items, Rules(seed)) for seed in range(40))
    assert len(seeds) > 4  # another seed, another order


def test_scores_show_each_system_in_each_place() -> None:
    for count in (1, 2, 3, 4):
        rows = arrangements(count)
        for place in range(count):
            assert sorted(row[place] for row in rows) == list(range(count))


def test_nothing_open_is_nothing_to_do() -> None:
    assert choose(Rater("r"), [], Rules(0)) is None
