"""Results of the votes: win / lose / tie per pair of systems and criterion, each share with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotation.choices import Mode, Outcome
from annotation.rubric import DEFAULT_RUBRIC, find_rubric
from annotation.statistics.intervals import Estimate
from annotation.statistics.win_tie_lose import finding, holm, outcome_shares, sign_test
from annotation.store.schema import Encounter, Judgment


@dataclass(frozen=True)
class Tally:
    """How often `system_1` (first in sorted order) won, lost and tied against `system_2` on one criterion."""

    system_1: str
    system_2: str
    criterion: str
    win: int
    lose: int
    tie: int

    def total(self) -> int:
        """Number of judgments."""
        return self.win + self.lose + self.tie


@dataclass(frozen=True)
class Summary:
    """The shares of a tally in percent and whether wins and losses differ."""

    tally: Tally
    win: Estimate
    lose: Estimate
    tie: Estimate
    p_value: float | None
    """two-sided sign test of wins against losses, ties left out; None without either"""
    corrected: float | None
    """the p value corrected for all tallies that were summarised together (Holm)"""
    sentence: str
    """the finding, or why there is none, in plain words"""


def tallies(
    *, session: Session, rubric: str = DEFAULT_RUBRIC, study: str | None = None, mode: Mode | None = None
) -> tuple[Tally, ...]:
    """One tally for each pair that was judged with `rubric` and each criterion, in the rubric's order.

    Optionally only of one study or one mode. Erased visitors do not count. Raises ValueError for an unknown rubric.
    """
    names = find_rubric(rubric).names()
    columns = (Judgment.system_1, Judgment.system_2, Judgment.criterion, Judgment.outcome)
    statement = select(*columns, func.count()).join(Encounter).where(Judgment.rubric == rubric).group_by(*columns)
    if study is not None:
        statement = statement.where(Encounter.study == study)
    if mode is not None:
        statement = statement.where(Encounter.mode == mode)
    counts: dict[tuple[str, str, str], dict[Outcome, int]] = {}
    for system_1, system_2, criterion, outcome, count in session.execute(statement):
        counts.setdefault((system_1, system_2, criterion), {})[outcome] = count
    place = {name: index for index, name in enumerate(names)}  # a criterion of an older version comes last
    ordered = sorted(counts, key=lambda key: (key[0], key[1], place.get(key[2], len(names)), key[2]))
    kinds = (Outcome.WIN, Outcome.LOSE, Outcome.TIE)
    return tuple(Tally(*key, *(counts[key].get(kind, 0) for kind in kinds)) for key in ordered)


def summarise(counted: Sequence[Tally]) -> tuple[Summary, ...]:
    """Shares, intervals and sign test of each tally; p values are corrected for all of `counted`. Pure."""
    p_values = [sign_test(tally.win, tally.lose) for tally in counted]
    tests = sum(value is not None for value in p_values)
    corrected = zip(counted, p_values, holm(p_values), strict=True)
    return tuple(_summary(tally, raw, value, tests) for tally, raw, value in corrected)


def _summary(tally: Tally, p_value: float | None, corrected: float | None, tests: int) -> Summary:
    total, empty = tally.total(), "No judgments yet."
    outcomes = ["a"] * tally.win + ["tie"] * tally.tie + ["b"] * tally.lose
    win, tie, lose, _ = outcome_shares([(str(talk), outcome) for talk, outcome in enumerate(outcomes)], empty)
    ties = "The only judgment is a tie" if total == 1 else f"All {total} judgments are ties"
    sentence = f"{ties}, so neither system is ahead." if total else empty
    if corrected is not None:
        sentence = finding((tally.system_1, tally.system_2), tally.win, tally.lose, corrected, tests)
    return Summary(tally, win, lose, tie, p_value, corrected, sentence)
