"""Results of pairwise votes: win / tie / lose per pair of systems and criterion, by votes and by items.

The input is `Ballot`s from any database or file. Gold items, discarded items and duplicates never count as results;
duplicates only show how far raters keep their answer when the sides are swapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from annotation.rubric import DEFAULT_RUBRIC, find_rubric
from annotation.statistics.agreement import Agreement, agreement, count_table
from annotation.statistics.intervals import RESAMPLES, Estimate
from annotation.statistics.win_tie_lose import (
    OUTCOMES,
    Counts,
    counts,
    finding,
    holm,
    outcome_shares,
    share_over_items,
    sign_test,
)
from annotation.studies.study_views import Ballot, Verdict

Rule = Callable[[Sequence[str]], str | None]
"""the votes of one item -> its result, None without a majority: `Rubric.agreed` of the study's rubric"""
AT_LEAST_HALF: Rule = find_rubric(DEFAULT_RUBRIC).agreed
Provenance = Literal["unanimous", "majority", "corrected", "no majority"]
_NONE = "No votes."


@dataclass(frozen=True)
class Decision:
    """What counts for one item and criterion, and how it came about; `outcome` None without a majority."""

    item_id: str
    outcome: str | None
    provenance: Provenance


@dataclass(frozen=True)
class PairResult:
    """One pair of systems on one criterion. Percentages are 0 to 100, with intervals over items."""

    system_a: str
    system_b: str
    criterion: str
    votes: Counts
    win: Estimate
    tie: Estimate
    lose: Estimate
    items: Counts
    """the same by items: one result per item, by the study's majority rule and the reviewer's corrections"""
    item_win: Estimate
    item_tie: Estimate
    item_lose: Estimate
    item_none: Estimate
    p_value: float | None
    """two-sided sign test of items won against items lost; ties and items without a majority are left out"""
    corrected: float | None
    """the p value corrected for all tests of the report (Holm, see `corrected_together`)"""
    sentence: str
    """the finding over items, or why there is none"""

    def pair(self) -> str:
        """The pair as printed in lists."""
        return f"{self.system_a} and {self.system_b}"


@dataclass(frozen=True)
class Slice:
    """The results of a part of the items, e.g. those of one problem type."""

    value: str
    results: tuple[PairResult, ...]


def counted(ballots: Iterable[Ballot]) -> tuple[Ballot, ...]:
    """The ballots that count as results: no gold, no duplicate, not discarded by the reviewer."""
    return tuple(
        ballot
        for ballot in ballots
        if not ballot.is_gold and ballot.is_duplicate_of is None and ballot.discard_cause is None
    )


def pair_results(
    ballots: Iterable[Ballot], *, rule: Rule = AT_LEAST_HALF, verdicts: Iterable[Verdict] = ()
) -> tuple[PairResult, ...]:
    """One result per pair and criterion; pairs sorted, criteria in the order in which they first come."""
    ruled = {(verdict.item_id, verdict.criterion): verdict for verdict in verdicts}
    return tuple(_pair_result(group, rule, ruled) for group in by_pair_and_criterion(counted(ballots)))


def corrected_together(results: Sequence[PairResult]) -> tuple[PairResult, ...]:
    """The results of one report, with p values corrected for all of them, and sentences that say so."""
    corrected = holm([one.p_value for one in results])
    tests = sum(value is not None for value in corrected)
    return tuple(_with_sentence(one, value, tests) for one, value in zip(results, corrected, strict=True))


def pair_agreements(
    ballots: Iterable[Ballot], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[tuple[str, str, str, Agreement], ...]:
    """(system_a, system_b, criterion, agreement of the raters) in the order of `pair_results`."""
    return tuple(
        (group[0].system_a, group[0].system_b, group[0].criterion, _agreement(group, resamples, seed))
        for group in by_pair_and_criterion(counted(ballots))
    )


def by_pair_and_criterion(ballots: Iterable[Ballot]) -> list[list[Ballot]]:
    """The ballots in groups of the same pair and criterion; pairs sorted, criteria as they first come."""
    criteria: dict[str, int] = {}
    groups: dict[tuple[str, str, str], list[Ballot]] = {}
    for ballot in ballots:
        criteria.setdefault(ballot.criterion, len(criteria))
        groups.setdefault((ballot.system_a, ballot.system_b, ballot.criterion), []).append(ballot)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], key[1], criteria[key[2]]))]


def decisions(ballots: Sequence[Ballot], rule: Rule, ruled: dict[tuple[str, str], Verdict]) -> tuple[Decision, ...]:
    """One decision per item, from ballots on one criterion.

    A correction without an outcome is one of the item's other questions: on this one the votes decide.
    """
    found = []
    for item_id, outcomes in _by_item(ballots).items():
        verdict = ruled.get((item_id, ballots[0].criterion))
        if verdict is not None and verdict.decision == "correct" and verdict.outcome is not None:
            found.append(Decision(item_id, verdict.outcome, "corrected"))
            continue
        outcome = rule(outcomes)
        agreed: Provenance = "unanimous" if len(set(outcomes)) == 1 else "majority"
        found.append(Decision(item_id, outcome, "no majority" if outcome is None else agreed))
    return tuple(found)


def first_position(ballots: Iterable[Ballot]) -> Estimate:
    """Percent of the decided votes (no ties) that went to the system shown first; near 50 without a bias."""
    decided = [ballot for ballot in counted(ballots) if ballot.outcome != "tie"]
    hits = [(ballot.item_id, picked(ballot) == ballot.first_shown) for ballot in decided]
    return share_over_items(hits, "No vote prefers a system, so no side can be preferred either.")


def order_consistency(ballots: Iterable[Ballot]) -> Estimate:
    """Percent of repeated answers (same rater, sides swapped) that are again for the same system or a tie."""
    kept = [ballot for ballot in ballots if not ballot.is_gold and ballot.discard_cause is None]
    first = {(b.judged(), b.rater, b.criterion): b.outcome for b in kept if b.is_duplicate_of is None}
    hits = []
    for ballot in kept:
        original = ballot.is_duplicate_of or ""
        key = ((original, ballot.system_a, ballot.system_b), ballot.rater, ballot.criterion)
        if key in first:
            hits.append((original, first[key] == ballot.outcome))
    return share_over_items(hits, "No rater judged an item a second time with the sides swapped.")


def slices(
    ballots: Iterable[Ballot],
    value_of: Callable[[Ballot], str | None],
    *,
    rule: Rule = AT_LEAST_HALF,
    verdicts: Sequence[Verdict] = (),
) -> tuple[Slice, ...]:
    """The results for each value, e.g. of `lambda ballot: ballot.problem_type`, in sorted order.

    Ballots without the value form the last slice, "not known".
    """
    parts: dict[str | None, list[Ballot]] = {}
    for ballot in counted(ballots):
        parts.setdefault(value_of(ballot), []).append(ballot)
    ordered = sorted(parts, key=lambda value: (value is None, value or ""))
    return tuple(
        Slice(value or "not known", pair_results(parts[value], rule=rule, verdicts=verdicts)) for value in ordered
    )


def turn_band(ballot: Ballot) -> str | None:
    """How far into the dialogue the replies are, in bands that sort as text."""
    if ballot.turn is None:
        return None
    bands = ((5, "turns 01-05"), (10, "turns 06-10"), (20, "turns 11-20"))
    return next((name for last, name in bands if ballot.turn <= last), "turns 21 and on")


def picked(ballot: Ballot) -> str | None:
    """The system that the vote prefers; None for a tie."""
    return {"a": ballot.system_a, "b": ballot.system_b}.get(ballot.outcome)


def _pair_result(group: Sequence[Ballot], rule: Rule, ruled: dict[tuple[str, str], Verdict]) -> PairResult:
    found = decisions(group, rule, ruled)
    items = counts(decision.outcome for decision in found)
    win, tie, lose, _ = outcome_shares([(vote.item_id, vote.outcome) for vote in group], _NONE)
    item_win, item_tie, item_lose, item_none = outcome_shares([(one.item_id, one.outcome) for one in found], _NONE)
    names = (group[0].system_a, group[0].system_b, group[0].criterion)
    p_value = sign_test(items.win, items.lose)
    result = PairResult(
        *names,
        votes=counts(ballot.outcome for ballot in group),
        win=win,
        tie=tie,
        lose=lose,
        items=items,
        item_win=item_win,
        item_tie=item_tie,
        item_lose=item_lose,
        item_none=item_none,
        p_value=p_value,
        corrected=p_value,
        sentence=f"No item was won by either system (ties: {items.tie}, without a majority: {items.none}).",
    )
    return _with_sentence(result, p_value, 1)


def _with_sentence(one: PairResult, corrected: float | None, tests: int) -> PairResult:
    if corrected is None:
        return one
    sentence = finding((one.system_a, one.system_b), one.items.win, one.items.lose, corrected, tests)
    return replace(one, corrected=corrected, sentence=sentence)


def _agreement(group: Sequence[Ballot], resamples: int, seed: int) -> Agreement:
    table = count_table(((ballot.item_id, ballot.outcome) for ballot in group), OUTCOMES)
    return agreement(table, seed=seed, resamples=resamples)


def _by_item(ballots: Iterable[Ballot]) -> dict[str, list[str]]:
    items: dict[str, list[str]] = {}
    for ballot in ballots:
        items.setdefault(ballot.item_id, []).append(ballot.outcome)
    return items
