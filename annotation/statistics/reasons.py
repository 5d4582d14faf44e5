"""The raters' reasons in their own words, beside their answers. Masked, as in every export."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from annotation.files.masking import mask
from annotation.statistics.pairwise import picked
from annotation.studies.study_views import Ballot, Rating


@dataclass(frozen=True)
class Reason:
    """What one rater wrote about one item, and their answers to it."""

    item: str
    """the item's id in the import file, else its id in the store"""
    rater: str
    systems: tuple[str, ...]
    answers: tuple[str, ...]
    """"Empathy: misc", "Overall: tie", or "Empathy, misc: 2" """
    text: str


def reasons(ballots: Iterable[Ballot], ratings: Iterable[Rating]) -> tuple[Reason, ...]:
    """One per item and rater who wrote something, in the order of the rows; includes gold and discarded items."""
    groups: dict[tuple[str, str], list[Ballot | Rating]] = {}
    rows: list[Ballot | Rating] = [*ballots, *ratings]
    for row in rows:
        if row.reason:
            groups.setdefault((row.item_id, row.rater), []).append(row)
    return tuple(_reason(group) for group in groups.values())


def _reason(rows: list[Ballot | Rating]) -> Reason:
    first = rows[0]
    answers, systems = [], []
    for row in rows:
        if isinstance(row, Ballot):
            answers.append(f"{row.criterion}: {picked(row) or 'tie'}")
            systems += [row.system_a, row.system_b]
        else:
            answers.append(f"{row.criterion}, {row.system}: {row.score}")
            systems.append(row.system)
    text = mask(first.reason or "")
    return Reason(first.context or first.item_id, first.rater, tuple(sorted(set(systems))), tuple(answers), text)
