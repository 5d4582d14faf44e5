"""Which items a study has, in which order, and how often each is judged: pure, and the same for the same seed.

The order of the contexts given does not matter. Contexts with overlap get `raters_per_item` seats, others one.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from annotation.choices import Purpose
from annotation.studies.study_plan import ContextKey, StudyPlan, check_items

_SEPARATOR = "\x1f"
"""a control character, which no accepted text holds"""


@dataclass(frozen=True)
class PlannedItem:
    """One item before it is stored."""

    name: str
    """unique within the study: context, systems, and whether it is a duplicate"""
    context: str
    systems: tuple[str, ...]
    """in sorted order"""
    position: int
    purpose: Purpose
    seats: int | None
    """None: every rater judges it"""
    duplicate_of: str | None = None
    """name of the original"""
    in_sample: bool = False


def plan_items(plan: StudyPlan, contexts: Sequence[ContextKey]) -> tuple[PlannedItem, ...]:
    """The items of a study in order: onboarding, main, duplicates, gold. Raises PlanError when it cannot work."""
    check_items(plan, contexts)
    ordered = sorted(contexts, key=lambda context: context.key)
    main = _reviewed(plan, _overlapping(plan, _main_items(plan, ordered)))
    aside = {purpose: _for_everybody(plan, ordered, purpose) for purpose in (Purpose.ONBOARDING, Purpose.GOLD)}
    items = [*aside[Purpose.ONBOARDING], *main, *_duplicates(plan, main), *aside[Purpose.GOLD]]
    return tuple(replace(item, position=position) for position, item in enumerate(items))


def item_id(study_id: str, name: str) -> str:
    """The id of the item `name` in the tables: 32 hexadecimal digits."""
    return hashlib.sha256(f"{study_id}:{name}".encode()).hexdigest()[:32]


def _random(plan: StudyPlan, purpose: str) -> random.Random:
    """A separate random generator for each decision, so that changing one share leaves the other draws unchanged."""
    return random.Random(f"{purpose}:{plan.seed}")


def _item(context: str, systems: tuple[str, ...], purpose: Purpose, seats: int | None) -> PlannedItem:
    name = _SEPARATOR.join((context, *systems))
    return PlannedItem(name, context, systems, 0, purpose, seats)


def _main_items(plan: StudyPlan, contexts: Sequence[ContextKey]) -> list[PlannedItem]:
    """All main items in a drawn order; all pairs of systems occur equally often."""
    main = [context for context in contexts if context.purpose is Purpose.MAIN]
    draw = _random(plan, "order")
    draw.shuffle(main)
    used: Counter[tuple[str, ...]] = Counter()
    items = []
    for context in main:
        present = tuple(name for name in plan.systems if name in context.systems)
        groups = list(combinations(present, 2)) if plan.pairwise() else [present]
        draw.shuffle(groups)
        groups.sort(key=lambda group: used[group])
        for group in groups[: plan.pairs_per_context] if plan.pairwise() else groups:
            used[group] += 1
            items.append(_item(context.key, group, Purpose.MAIN, 1))
    return items


def _overlapping(plan: StudyPlan, items: Sequence[PlannedItem]) -> list[PlannedItem]:
    """The same items; a drawn share of them, even over the pairs, gets `raters_per_item` seats."""
    chosen = _stratified(items, plan.overlap, _random(plan, "overlap"))
    return [replace(item, seats=plan.raters_per_item) if item.name in chosen else item for item in items]


def _reviewed(plan: StudyPlan, items: Sequence[PlannedItem]) -> list[PlannedItem]:
    chosen = _stratified(items, plan.review_share, _random(plan, "review"))
    return [replace(item, in_sample=item.name in chosen) for item in items]


def _stratified(items: Sequence[PlannedItem], share: float, draw: random.Random) -> set[str]:
    """Names of `share` of the items, rounded up; each group of systems gets its proportional share, within one item."""
    total = _rounded_up(share * len(items))
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for item in items:
        strata[item.systems].append(item.name)
    exact = {systems: total * len(names) / len(items) for systems, names in strata.items()}
    take = {systems: int(wanted) for systems, wanted in exact.items()}
    by_rest = sorted(strata, key=lambda systems: (take[systems] - exact[systems], systems))
    for systems in by_rest[: total - sum(take.values())]:
        take[systems] += 1
    return {name for systems in sorted(strata) for name in draw.sample(strata[systems], take[systems])}


def _duplicates(plan: StudyPlan, main: Sequence[PlannedItem]) -> list[PlannedItem]:
    """Second showings of some early main items; early ones, so that raters get far enough to see them again."""
    count = _rounded_up(plan.duplicate_share * len(main))
    early = main[: max(count, (len(main) + 1) // 2)]
    chosen = {item.name for item in _random(plan, "duplicates").sample(list(early), count)}
    originals = [item for item in main if item.name in chosen]
    return [
        replace(item, name=f"{item.name}{_SEPARATOR}again", duplicate_of=item.name, in_sample=False)
        for item in originals
    ]


def _for_everybody(plan: StudyPlan, contexts: Sequence[ContextKey], purpose: Purpose) -> list[PlannedItem]:
    """Gold or onboarding items; their systems may differ from the study's (a person's reply, a weak one)."""
    items = []
    for context in contexts:
        if context.purpose is purpose:
            systems = tuple(sorted(context.systems))
            items.append(_item(context.key, systems[:2] if plan.pairwise() else systems, purpose, None))
    _random(plan, purpose.value).shuffle(items)
    return items


def _rounded_up(number: float) -> int:
    """The next whole number, ignoring errors of floating point (0.1 * 30 is 3.0000000000000004)."""
    return int(-(-round(number, 9) // 1))
