"""The tables of a study's report; those that the papers print come first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from annotation.statistics.agreement import Agreement
from annotation.statistics.explanations import Relation
from annotation.statistics.figure_texts import figure, number, with_interval
from annotation.statistics.intervals import Estimate
from annotation.statistics.live_report import LiveReport
from annotation.statistics.pairwise import PairResult, Slice
from annotation.statistics.pointwise import Mean, ScaleAgreement
from annotation.statistics.raters import DropRow, RaterRow
from annotation.statistics.reasons import Reason
from annotation.statistics.strength import Ranking
from annotation.statistics.study_report import Report
from models.reading.table import Table

BY_ITEMS, MEANS, STRENGTHS = "Win, lose and tie by items", "Mean scores", "Bradley-Terry strengths"
RELATIONS = "Does an explanation predict the vote?"
REVIEWED = (
    "Items that the reviewer discarded are left out; where the reviewer corrected an answer, what was decided counts."
)


def report_tables(report: Report) -> tuple[Table, ...]:
    """The tables of a report, those of the papers first; parts without data have no table."""
    agreed = {(a, b, criterion): found for a, b, criterion, found in report.agreements}
    found = [
        win_table(report.pairs, agreed),
        mean_table(report.means, report.scale_agreements),
        *live_tables(report.live),
        vote_table(report.pairs),
        agreement_table([(f"{a} and {b}", name, one) for a, b, name, one in report.agreements]),
        agreement_table([("all replies", one.criterion, one.agreement) for one in report.scale_agreements]),
        strength_table(report.rankings),
        order_table(report),
        raters_table(report.raters),
        drop_table(report.drops),
        *(split_table(name, parts) for name, parts in report.splits),
        relation_table(report.relations),
        reason_table(report.reasons),
    ]
    return tuple(table for table in found if table.rows)


def win_table(pairs: Sequence[PairResult], agreed: dict[tuple[str, str, str], Agreement]) -> Table:
    """Win / Lose / Tie in percent of the items, as in AdMISC's table 5, with Fleiss' kappa."""
    rows = []
    for one in pairs:
        shares = (one.item_win, one.item_lose, one.item_tie, one.item_none)
        kappa = agreed.get((one.system_a, one.system_b, one.criterion))
        rows.append(
            (
                f"{one.system_a} vs. {one.system_b}",
                one.criterion,
                *(figure(share) for share in shares),
                str(one.items.total()),
                _p_text(one.p_value),
                _p_text(one.corrected),
                "none" if kappa is None or kappa.fleiss.value is None else number(kappa.fleiss.value, 3),
            )
        )
    head = ("Pair", "Criterion", "Win %", "Lose %", "Tie %", "No majority %", "Items", "p", "p (Holm)", "Fleiss kappa")
    tests = sum(one.p_value is not None for one in pairs)
    notes = (
        "Win: the first system of the pair. Shares of the items by majority, with 95 % intervals; p: sign test of "
        f"items won against items lost; p (Holm): corrected for the {tests} test{'s' * (tests != 1)} of this table.",
        REVIEWED,
    )
    return Table(BY_ITEMS, head, tuple(rows), notes)


def mean_table(found: Iterable[Mean], agreed: Iterable[ScaleAgreement]) -> Table:
    """Mean scores, one row per system and one column per criterion, as in MISC's table 3; the last row is kappa."""
    at = {(one.system, one.criterion): one.estimate for one in found}
    criteria = list(dict.fromkeys(criterion for _, criterion in at))
    rows = [
        (system, *(figure(at[system, name], 2) if (system, name) in at else "" for name in criteria))
        for system in sorted({system for system, _ in at})
    ]
    missing = [f"{system}, {name}: {one.reason}" for (system, name), one in at.items() if one.reason]
    kappas = {one.criterion: one.agreement.fleiss for one in agreed}
    if rows and kappas:
        rows.append(("Fleiss kappa", *(figure(kappas[name], 3) for name in criteria)))
    return Table(MEANS, ("System", *criteria), tuple(rows), ("95 % intervals over items.", REVIEWED, *missing))


def live_tables(live: LiveReport) -> tuple[Table, ...]:
    """What raters said during their talks: preferences per turn, helpfulness, intensity of the emotion."""
    turns = [
        (
            f"{one.system_a} vs. {one.system_b}",
            *(figure(share) for share in (one.win, one.lose, one.tie)),
            f"{one.votes.win} / {one.votes.lose} / {one.votes.tie}",
            f"{one.items.win} / {one.items.lose} / {one.items.tie} / {one.items.none}",
            str(one.items.total()),
        )
        for one in live.preferences
    ]
    first = figure(live.first_preferred)
    notes = (
        "Win: the first system of the pair. 95 % intervals over talks. Talks won, lost, tied or without a majority: by "
        "the majority of each talk's turns, as they are drawn.",
        f"First side preferred, %: {first}.",
    )
    head = ("Pair", "Win %", "Lose %", "Tie %", "Win / lose / tie", "Talks won / lost / tied / neither", "Talks")
    stars = tuple((one.system, figure(one.estimate, 2), str(one.estimate.count)) for one in live.helpfulness)
    felt = tuple(
        (one.pair, *(figure(each, 2) for each in (one.before, one.after, one.change)), str(one.before.count))
        for one in live.intensities
    )
    return (
        Table("Preferred replies, turn by turn", head, tuple(turns), notes),
        Table("Helpfulness", ("System", "Stars (1-5)", "Ratings"), stars, ("95 % intervals over talks.",)),
        Table("Intensity of the emotion", ("Talks with", "Before (1-5)", "After (1-5)", "Change", "Talks"), felt),
    )


def vote_table(pairs: Iterable[PairResult]) -> Table:
    """The same by single votes, with the counts."""
    rows, notes = [], ["Votes of several raters on one item count as partly the same in the intervals (Rao and Scott)."]
    for one in pairs:
        name, shares = f"{one.system_a} vs. {one.system_b}", (one.win, one.lose, one.tie)
        counts = f"{one.votes.win} / {one.votes.lose} / {one.votes.tie}"
        rows.append((name, one.criterion, *(figure(share) for share in shares), counts))
        notes += _reasons(f"{name}, {one.criterion}", shares)
    head = ("Pair", "Criterion", "Win %", "Lose %", "Tie %", "Win / lose / tie")
    return Table("Win, lose and tie by votes", head, tuple(rows), tuple(notes))


def agreement_table(found: Iterable[tuple[str, str, Agreement]]) -> Table:
    """How far the raters agree; a note below says why a figure is missing."""
    rows, notes = [], []
    for name, criterion, one in found:
        figures = (one.percent, one.fleiss, one.alpha)
        raters = f"{one.raters[0]}" if one.raters[0] == one.raters[1] else f"{one.raters[0]} to {one.raters[1]}"
        shown = (figure(one.percent), figure(one.fleiss, 3), figure(one.alpha, 3))
        rows.append((name, criterion, *shown, str(one.items), raters))
        notes += _reasons(f"{name}, {criterion}", figures)
    head = ("Votes on", "Criterion", "Agreement %", "Fleiss kappa", "Krippendorff alpha", "Items", "Raters")
    return Table("Agreement of the raters", head, tuple(rows), tuple(notes))


def strength_table(found: Iterable[Ranking]) -> Table:
    """Bradley-Terry strengths, systems in the order of all tables."""
    rows, notes = [], []
    for ranking in found:
        rows += [(one.system, ranking.criterion, figure(one.estimate, 2)) for one in ranking.strengths]
        notes += [f"{ranking.criterion}: {ranking.reason}"] if ranking.reason else []
    notes.append("Log-odds around the mean of all systems; a difference of 1 wins 73 %. Ties are half a win for each.")
    return Table(STRENGTHS, ("System", "Criterion", "Strength"), tuple(rows), tuple(notes))


def order_table(report: Report) -> Table:
    """The effect of the order of the two systems on the screen, and how long items take."""
    if not report.pairs:
        return Table("Order and time", ("Figure", "Value"), ())
    rows = [
        ("decided votes for the system shown first, %", figure(report.first_position)),
        ("swapped duplicates answered alike, %", figure(report.order_consistency)),
    ]
    if report.time is not None:
        one = report.time
        rows.append(("seconds per item, median (quartiles)", with_interval(one.middle, one.low, one.high, 0)))
    notes = [one.reason for one in (report.first_position, report.order_consistency) if one.reason]
    return Table("Order and time", ("Figure", "Value"), tuple(rows), tuple(notes))


def raters_table(found: Iterable[RaterRow]) -> Table:
    """One row per rater, with flags."""
    head = (
        "Rater",
        "Items",
        "Seconds",
        "Ties %",
        "First shown %",
        "Alike when swapped %",
        "With the others' majority %",
        "Kappa with it",
        "Known answers",
        "Stands out",
    )
    rows = tuple(
        (
            one.rater,
            str(one.items),
            number(one.seconds, 0),
            number(one.tie_percent, 0),
            *(figure(each, 0) for each in (one.first_position, one.consistency, one.with_majority)),
            figure(one.kappa, 2),
            f"{one.gold_hits} of {one.gold_asked}",
            "; ".join(one.flags),
        )
        for one in found
    )
    return Table("Raters", head, rows)


def drop_table(found: Iterable[DropRow]) -> Table:
    """What changes when one rater is left out."""
    rows = tuple(
        (
            "nobody" if one.rater is None else one.rater,
            one.criterion,
            figure(one.alpha, 3),
            figure(one.percent),
            ", ".join(f"{system} {won}" for system, won in one.items_won),
        )
        for one in found
    )
    return Table("Without one rater", ("Left out", "Criterion", "Alpha", "Agreement %", "Items won"), rows)


def split_table(name: str, parts: Iterable[Slice]) -> Table:
    """Wins by items in each part of the study."""
    rows = tuple(
        (
            part.value,
            f"{one.system_a} vs. {one.system_b}",
            one.criterion,
            *(figure(share) for share in (one.item_win, one.item_lose)),
            str(one.items.total()),
        )
        for part in parts
        for one in part.results
    )
    head = (name.capitalize(), "Pair", "Criterion", "Win %", "Lose %", "Items")
    return Table(f"By {name}", head, rows, ("Shares of the items by majority, with 95 % intervals.",))


def relation_table(found: Sequence[Relation]) -> Table:
    """Does an explanation predict the vote?"""
    rows, notes = [], []
    for one in found:
        figures = (one.correlation, one.odds, one.within)
        rows.append((one.feature, one.criterion, *(figure(each, 2) for each in figures)))
        notes += _reasons(f"{one.feature}, {one.criterion}", figures)
    notes.append("Positive: the reply with more of it wins. Log-odds per usual (root mean square) difference.")
    known = sum(each.low is not None for one in found for each in (one.correlation, one.odds, one.within))
    notes.append(f"{known} intervals of 95 %, not corrected: about one in 20 leaves out 0 by chance alone.")
    head = ("Feature of the reply", "Criterion", "Rank correlation", "Log-odds", "Log-odds within systems")
    return Table(RELATIONS, head, tuple(rows), tuple(notes))


def reason_table(found: Iterable[Reason]) -> Table:
    """What raters wrote, with their answers."""
    rows = tuple((one.item, one.rater, " vs. ".join(one.systems), "; ".join(one.answers), one.text) for one in found)
    return Table("Reasons of the raters", ("Item", "Rater", "Replies of", "Answers", "Reason"), rows)


def _reasons(name: str, figures: Iterable[Estimate]) -> list[str]:
    """Why these figures, or their intervals, are missing; each reason once."""
    return list(dict.fromkeys(f"{name}: {one.reason}" for one in figures if one.reason))


def _p_text(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"
