"""One row per rater: how long they took, how they used the answers, how far they agree with others, and flags.

Flags are for the study's lead to look at; nothing here removes a vote. `without_rater` shows what would change if the
votes of one rater were left out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from annotation.choices import Purpose
from annotation.statistics.agreement import alpha, cohen, count_table, percent_agreement
from annotation.statistics.figure_texts import number
from annotation.statistics.flags import LIMITS, FlagLimits, Work, flagged, measure
from annotation.statistics.intervals import Estimate
from annotation.statistics.pairwise import (
    AT_LEAST_HALF,
    Rule,
    counted,
    first_position,
    order_consistency,
    pair_results,
    picked,
)
from annotation.statistics.win_tie_lose import OUTCOMES, share_over_items
from annotation.studies.study_views import Ballot, Verdict

Gold = Mapping[tuple[str, str], str]
"""(item_id, criterion) -> the known answer, "a", "tie" or "b" in terms of systems as in Ballot"""


@dataclass(frozen=True)
class RaterRow:
    """One rater's work in figures. Percentages are 0 to 100."""

    rater: str
    items: int
    votes: int
    seconds: float
    """median time per item"""
    tie_percent: float
    first_position: Estimate
    """percent of the decided votes for the system shown first"""
    consistency: Estimate
    """percent of swapped duplicates that got the same answer"""
    with_majority: Estimate
    """percent of the votes that equal the majority of the other raters, if there is one"""
    kappa: Estimate
    """the same, corrected for chance (Cohen)"""
    gold_hits: int
    gold_asked: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class DropRow:
    """Agreement and items won on one criterion without one rater's votes; `rater` None: nobody is left out."""

    rater: str | None
    criterion: str
    alpha: Estimate
    percent: Estimate
    items_won: tuple[tuple[str, int], ...]
    """(system, items won over all pairs, by majority or as corrected), sorted by name"""


@dataclass(frozen=True)
class Quartiles:
    """Seconds that raters spent on an item: a quarter took less than `low`, half less than `middle`."""

    low: float
    middle: float
    high: float
    count: int
    """number of pairs of rater and item"""


def rater_table(
    ballots: Sequence[Ballot],
    *,
    gold: Gold | None = None,
    rule: Rule = AT_LEAST_HALF,
    limits: FlagLimits = LIMITS,
) -> tuple[RaterRow, ...]:
    """One row per rater, raters in natural order (r2 before r10), with flags.

    The plan's limit of seconds is unknown here, since votes from files have no plan: haste is judged by other raters.
    """
    names = sorted({ballot.rater for ballot in ballots}, key=lambda name: (len(name), name))
    mine = {name: [ballot for ballot in ballots if ballot.rater == name] for name in names}
    others, right = _votes_by_place(counted(ballots)), gold or {}
    rows = [_row(name, mine[name], others, right, rule) for name in names]
    known: dict[Hashable, dict[tuple[str, str], str]] = {}
    for ballot in ballots:
        if _asked(ballot, right):
            known.setdefault(ballot.judged(), {})[ballot.criterion, ""] = right[ballot.item_id, ballot.criterion]
    signs = [measure(name, _works(mine[name]), known, pairwise=True, min_seconds=0.0) for name in names]
    flags = [one.flags for one in flagged(signs, min_seconds=0.0, limits=limits)]
    return tuple(
        replace(row, flags=(*found, *_disagrees(row, rows, limits))) for row, found in zip(rows, flags, strict=True)
    )


def without_rater(
    ballots: Iterable[Ballot], *, rule: Rule = AT_LEAST_HALF, verdicts: Sequence[Verdict] = ()
) -> tuple[DropRow, ...]:
    """For each criterion, a row for all raters and one for each rater left out; without intervals.

    The reviewer's corrections stay in every row, so the row for all raters equals the main table.
    """
    kept = counted(ballots)
    raters = sorted({ballot.rater for ballot in kept}, key=lambda name: (len(name), name))
    rows = []
    for criterion in dict.fromkeys(ballot.criterion for ballot in kept):
        asked = [ballot for ballot in kept if ballot.criterion == criterion]
        for rater in (None, *raters):
            left = [ballot for ballot in asked if ballot.rater != rater]
            table = count_table(((ballot.judged(), ballot.outcome) for ballot in left), OUTCOMES)
            won = _items_won(left, rule, verdicts)
            rows.append(DropRow(rater, criterion, alpha(table, resamples=0), percent_agreement(table), won))
    return tuple(rows)


def time_per_item(ballots: Iterable[Ballot]) -> Quartiles | None:
    """Quartiles of the time that a rater spends on an item; None without ballots. Gold and duplicates count too."""
    seconds = list({(ballot.rater, ballot.judged()): ballot.seconds for ballot in ballots}.values())
    if not seconds:
        return None
    low, middle, high = np.percentile(seconds, [25, 50, 75])
    return Quartiles(float(low), float(middle), float(high), len(seconds))


Places = dict[tuple[tuple[str, str, str], str], list[tuple[str, str]]]
"""(what was judged, criterion) -> (rater, outcome) of every vote there"""


def _votes_by_place(ballots: Iterable[Ballot]) -> Places:
    places: Places = {}
    for ballot in ballots:
        places.setdefault((ballot.judged(), ballot.criterion), []).append((ballot.rater, ballot.outcome))
    return places


def _row(name: str, ballots: Sequence[Ballot], places: Places, gold: Gold, rule: Rule) -> RaterRow:
    votes = counted(ballots)
    times = list({ballot.judged(): ballot.seconds for ballot in ballots}.values())
    pairs = []
    for ballot in votes:
        here = places[ballot.judged(), ballot.criterion]
        result = rule([outcome for rater, outcome in here if rater != name])
        if result is not None:
            pairs.append((ballot.item_id, ballot.outcome, result))
    answers = [(ballot.outcome, gold[ballot.item_id, ballot.criterion]) for ballot in ballots if _asked(ballot, gold)]
    return RaterRow(
        rater=name,
        items=len({ballot.judged() for ballot in votes}),
        votes=len(votes),
        seconds=float(median(times)),
        tie_percent=100 * sum(ballot.outcome == "tie" for ballot in votes) / max(1, len(votes)),
        first_position=first_position(ballots),
        consistency=order_consistency(ballots),
        with_majority=share_over_items(
            ((item, own == result) for item, own, result in pairs),
            "No other rater judged the same items, or they had no majority.",
        ),
        kappa=cohen([(own, result) for _, own, result in pairs]),
        gold_hits=sum(own == known for own, known in answers),
        gold_asked=len(answers),
    )


def _asked(ballot: Ballot, gold: Gold) -> bool:
    return ballot.is_gold and (ballot.item_id, ballot.criterion) in gold


def _items_won(ballots: Sequence[Ballot], rule: Rule, verdicts: Sequence[Verdict]) -> tuple[tuple[str, int], ...]:
    won = dict.fromkeys(sorted({name for ballot in ballots for name in (ballot.system_a, ballot.system_b)}), 0)
    for result in pair_results(ballots, rule=rule, verdicts=verdicts):
        won[result.system_a] += result.items.win
        won[result.system_b] += result.items.lose
    return tuple(won.items())


def _works(ballots: Sequence[Ballot]) -> list[Work]:
    """One rater's ballots as work on items."""
    items: dict[tuple[str, str, str], list[Ballot]] = {}
    for ballot in ballots:
        items.setdefault(ballot.judged(), []).append(ballot)
    return [
        Work(
            item=judged,
            purpose=Purpose.GOLD if given[0].is_gold else Purpose.MAIN,
            duplicate_of=None if given[0].is_duplicate_of is None else (given[0].is_duplicate_of, *judged[1:]),
            seconds=given[0].seconds,
            answers={(ballot.criterion, ""): ballot.outcome for ballot in given},
            shown=[_shown(ballot) for ballot in given],
        )
        for judged, given in items.items()
    ]


def _shown(ballot: Ballot) -> str:
    """The answer as on the screen."""
    return "tie" if ballot.outcome == "tie" else "a" if picked(ballot) == ballot.first_shown else "b"


def _disagrees(row: RaterRow, rows: Sequence[RaterRow], limits: FlagLimits) -> tuple[str, ...]:
    """Flag for far less agreement with the others than they have among themselves; only the report can compute it."""
    others = [other.kappa.value for other in rows if other is not row and other.kappa.value is not None]
    own = row.kappa
    if not others or own.value is None:
        return ()
    middle, high = median(others), own.value if own.high is None else own.high
    if high >= middle or own.value >= limits.kappa * middle:
        return ()
    return (f"disagrees: kappa {number(own.value, 2)} with the others' majority, theirs {number(middle, 2)}",)
