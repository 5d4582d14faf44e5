"""Pairwise votes: counts, majorities, order effects, strengths and raters, by hand and with a planted result."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from annotation.rubric import RUBRICS
from annotation.statistics.figure_texts import figure
from annotation.statistics.intervals import Estimate
from annotation.statistics.pairwise import (
    corrected_together,
    first_position,
    order_consistency,
    pair_agreements,
    pair_results,
    slices,
    turn_band,
)
from annotation.statistics.raters import rater_table, time_per_item, without_rater
from annotation.statistics.report_tables import vote_table, win_table
from annotation.statistics.strength import bradley_terry, rankings
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import analyse
from annotation.statistics.win_tie_lose import Counts
from annotation.studies.study_views import Ballot, Verdict
from tests.simulated_study import CARELESS, CRITERIA, DUPLICATES, ITEMS, RATERS, STRENGTHS, simulated

BASEBALL = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)
"""American League 1987 (Agresti, Categorical Data Analysis): how often the row's team beat the column's"""


def ballot(item: str, rater: str, outcome: str, **changes: object) -> Ballot:
    values = {"criterion": "Overall", "system_a": "m1", "system_b": "m2", "first_shown": "m1", "seconds": 10.0}
    return Ballot("s", item, rater, outcome=outcome, **values | changes)  # type: ignore[arg-type]


def votes(item: str, outcomes: str) -> list[Ballot]:
    """One ballot per letter: a, b, or t for a tie."""
    return [ballot(item, f"r{at}", "tie" if one == "t" else one) for at, one in enumerate(outcomes, start=1)]


@pytest.fixture(scope="module")
def study() -> StudyData:
    return simulated()


def test_votes_and_items_are_counted_by_the_presets_rule() -> None:
    ballots = votes("i1", "aab") + votes("i2", "abt") + votes("i3", "ttb") + votes("i4", "aabt") + votes("i5", "bbb")
    (half,) = pair_results(ballots, rule=RUBRICS["admisc-2024"].agreed)
    (more,) = pair_results(ballots, rule=RUBRICS["esconv-2021"].agreed)
    assert half.votes == more.votes == Counts(win=5, tie=4, lose=7)
    assert half.items == Counts(win=2, tie=1, lose=1, none=1)  # i2 has none: three answers, one each
    assert more.items == Counts(win=1, tie=1, lose=1, none=2)  # i4: two of four is no more than half
    shares = (half.item_win, half.item_tie, half.item_lose, half.item_none)
    assert [share.value for share in shares] == pytest.approx([40, 20, 20, 20])
    assert half.p_value == pytest.approx(1.0)  # sign test of 2 against 1


def test_gold_duplicates_and_discarded_items_do_not_count() -> None:
    ballots = votes("i1", "aa")
    ballots += [replace(one, is_gold=True, item_id="g") for one in votes("g", "bb")]
    ballots += [replace(one, is_duplicate_of="i1", item_id="d") for one in votes("d", "bb")]
    ballots += [replace(one, discard_cause="ambiguous", item_id="x") for one in votes("x", "bb")]
    (found,) = pair_results(ballots)
    assert found.items == Counts(win=1, tie=0, lose=0)
    assert pair_results([]) == ()


def test_the_reviewer_corrects_and_discards() -> None:
    ballots = votes("i1", "aa") + votes("i2", "ab") + votes("i3", "bb")
    verdicts = [
        Verdict("s", "i1", "Overall", "confirm", "a", "a", None),
        Verdict("s", "i2", "Overall", "correct", "tie", "tie", None),
        Verdict("s", "i3", "Overall", "discard", "b", None, "ambiguous"),
    ]
    assert pair_results(ballots)[0].items == Counts(win=1, tie=0, lose=1, none=1)
    ballots = list(StudyData(ballots=tuple(ballots), verdicts=tuple(verdicts)).discarding().ballots)
    (reviewed,) = pair_results(ballots, verdicts=verdicts)
    assert reviewed.items == Counts(win=1, tie=1, lose=0, none=0)
    assert reviewed.votes.total() == 4
    everybody, *others = without_rater(ballots, verdicts=verdicts)
    assert everybody.items_won == (("m1", reviewed.items.win), ("m2", reviewed.items.lose)) == (("m1", 1), ("m2", 0))
    assert {one.items_won for one in others} == {everybody.items_won}


def test_what_only_a_verdict_discards_is_left_out_of_every_table() -> None:
    """As if the item's rows said so themselves; its duplicate goes too, its other question stays."""
    again = [replace(one, is_duplicate_of="i9", item_id="i9 again") for one in votes("i9 again", "ab")]
    ballots = tuple(one for at in range(4) for one in votes(f"i{at}", "aab")) + tuple(votes("i9", "bb") + again)
    ballots += tuple(replace(one, criterion="Empathy") for one in ballots)
    verdict = Verdict("s", "i9", "Overall", "discard", "a", None, "ambiguous")
    report = analyse(StudyData(ballots=ballots, verdicts=(verdict,)), resamples=0)
    gone = [one for one in ballots if one.criterion != "Overall" or not one.item_id.startswith("i9")]
    assert report == replace(analyse(StudyData(ballots=tuple(gone)), resamples=0), time=report.time)
    assert [one[3].items for one in report.agreements] == [4, 5]


def test_without_a_winner_the_sentence_says_so() -> None:
    (found,) = pair_results(votes("i1", "tt") + votes("i2", "ab"))
    assert found.p_value is None
    assert found.sentence == "No item was won by either system (ties: 1, without a majority: 1)."


def test_first_position_and_order_consistency_by_hand() -> None:
    """Of 4 decided votes 3 went to the first shown. Of 3 answers given twice, 2 are for the same system."""
    ballots = [ballot("i1", "r1", "a"), ballot("i2", "r1", "a"), ballot("i3", "r1", "b"), ballot("i4", "r1", "tie")]
    ballots.append(ballot("i5", "r1", "b", first_shown="m2"))
    assert first_position(ballots).value == pytest.approx(75)
    again = [ballot(f"i{at}x", "r1", one, is_duplicate_of=f"i{at}") for at, one in ((1, "a"), (2, "b"), (4, "tie"))]
    found = order_consistency([*ballots, *again])
    assert (found.value, found.count) == (pytest.approx(200 / 3), 3)
    assert "second time" in order_consistency(ballots).reason
    assert "No vote prefers" in first_position([ballot("i", "r", "tie")]).reason


def test_several_pairs_of_one_item_are_kept_apart() -> None:
    """Every rater prefers m1 to m2 and m3 to m1 on all items, at sight and with the sides swapped."""
    first = [ballot(f"i{at}", f"r{by}", "a", seconds=10.0) for at in range(4) for by in (1, 2, 3)]
    other = [replace(one, system_b="m3", outcome="b", seconds=30.0) for one in first]
    swapped = {"m1": "m2", "m2": "m1", "m3": "m1"}
    again = [
        replace(one, item_id=f"{one.item_id}x", is_duplicate_of=one.item_id, first_shown=swapped[one.system_b])
        for one in [*first, *other]
    ]
    ballots = [*first, *other, *again]
    assert order_consistency(ballots).value == 100
    rows = rater_table(ballots)
    assert [(row.items, row.with_majority.value, row.consistency.value) for row in rows] == [(8, 100, 100)] * 3
    assert [(row.seconds, row.flags) for row in rows] == [(20, ())] * 3
    time = time_per_item([*first, *other])
    assert time is not None
    assert (time.low, time.middle, time.high, time.count) == (10, 20, 30, 24)


def test_strengths_of_a_published_example() -> None:
    """Agresti's maximum-likelihood strengths against Baltimore: 1.58, 1.44, 1.29, 1.25, 1.11, 0.68; errors 0.34."""
    ballots = []
    for i, row in enumerate(WINS):
        for j, wins in enumerate(row):
            for _ in range(wins):  # every game is an item of its own
                a, b = sorted((BASEBALL[i], BASEBALL[j]))
                outcome = "a" if a == BASEBALL[i] else "b"
                ballots.append(ballot(f"game {len(ballots)}", "r1", outcome, system_a=a, system_b=b))
    found = bradley_terry(ballots)
    assert [one.system for one in found.strengths] == sorted(BASEBALL)
    strengths = sorted(found.strengths, key=lambda one: BASEBALL.index(one.system))
    values = [one.estimate.value or 0.0 for one in strengths]
    assert sum(values) == pytest.approx(0, abs=1e-9)
    against_last = [value - values[-1] for value in values]
    assert against_last == pytest.approx([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0], abs=5e-4)
    widths = [(one.estimate.high or 0) - (one.estimate.low or 0) for one in strengths]
    # Of centred strengths; against one team it would be 2 * 1.96 * 0.34 = 1.3.
    assert all(0.7 < width < 1.0 for width in widths)


def test_strengths_that_do_not_exist_say_why() -> None:
    always = bradley_terry(votes("i1", "aaa") + votes("i2", "aaa"))
    assert always.reason == "m1 never lost or tied against the others, so the distance on the scale has no upper limit."
    assert all(one.estimate.value is None for one in always.strengths)
    others = [replace(one, system_a="m3", system_b="m4") for one in votes("i2", "ab")]
    assert "never compared" in bradley_terry(votes("i1", "ab") + others).reason
    assert "one item alone" in bradley_terry(votes("i1", "ab")).reason
    assert "no votes" in bradley_terry([]).reason
    one_tie = bradley_terry(votes("i1", "aat") + votes("i2", "aa"))
    assert one_tie.reason == ""


def test_votes_that_balance_out_on_each_item_have_no_interval() -> None:
    """Nothing varies between the items; whether rounding made the variance negative used to be chance."""
    wide = {"system_a": "m1", "system_b": "m3"}
    ballots = [one for at in range(6) for one in votes(f"i{at}", "abt")]
    ballots += [replace(one, item_id=f"{one.item_id} too", **wide) for one in ballots]
    for chosen in (ballots, ballots[:18], [*ballots, *votes("tie", "tt")]):
        ranking = bradley_terry(chosen)
        assert [one.estimate.value for one in ranking.strengths] == pytest.approx([0] * len(ranking.strengths))
        assert {(one.estimate.low, one.estimate.high) for one in ranking.strengths} == {(None, None)}
        assert all("balance out" in one.estimate.reason for one in ranking.strengths)


def test_two_systems_have_the_log_odds_of_their_wins() -> None:
    """6 wins, 2 losses: strengths differ by log(6 / 2)."""
    found = bradley_terry([ballot(f"i{at}", "r1", "a" if at < 6 else "b") for at in range(8)])
    assert [one.estimate.value for one in found.strengths] == pytest.approx([0.5493, -0.5493], abs=1e-4)


def test_the_planted_ranking_is_recovered(study: StudyData) -> None:
    order = sorted(STRENGTHS, key=lambda name: -STRENGTHS[name])
    for ranking in rankings(study.ballots):
        assert [one.system for one in ranking.strengths] == sorted(STRENGTHS)
        at = {one.system: one.estimate for one in ranking.strengths}
        limits = [(at[name].low, at[name].high) for name in order]
        for (low, _), (_, high) in pairwise(limits):
            assert low is not None
            assert high is not None
            assert low > high  # the intervals do not even touch
    results = pair_results(study.ballots, rule=study.rubric.agreed)
    assert [result.criterion for result in results] == [*CRITERIA] * 3
    assert sum(result.items.total() for result in results) == ITEMS * len(CRITERIA)
    for result in results:
        stronger = STRENGTHS[result.system_a] > STRENGTHS[result.system_b]
        assert (result.items.win > result.items.lose) == stronger
        assert result.p_value is not None
        assert result.p_value < 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_careless_rater_is_flagged_and_nobody_else(seed: int) -> None:
    study = simulated(seed)
    rows = rater_table(study.ballots, gold=study.known_answers(), rule=study.rubric.agreed)
    assert [row.rater for row in rows] == list(RATERS)
    flags = {row.rater: " ".join(row.flags) for row in rows}
    assert {rater for rater, found in flags.items() if found} == {CARELESS}
    assert "fast: " in flags[CARELESS]
    assert "one side: the first one in" in flags[CARELESS]
    assert "disagrees: kappa" in flags[CARELESS]
    assert all(row.gold_hits == row.gold_asked == 8 for row in rows if row.rater != CARELESS)
    assert {row.consistency.count for row in rows} == {DUPLICATES * len(CRITERIA)}


def test_gold_and_duplicates_flag_too() -> None:
    gold = {(f"g{at}", "Overall"): "a" for at in range(4)}
    ballots = [replace(ballot(f"g{at}", "r1", "b"), is_gold=True) for at in range(4)]
    ballots += [ballot(f"i{at}", "r1", "a") for at in range(5)]
    ballots += [ballot(f"d{at}", "r1", "b", is_duplicate_of=f"i{at}") for at in range(5)]
    (row,) = rater_table(ballots, gold=gold)
    assert row.flags == (
        "known answers: 0 of 4 right",
        "alike when swapped: 0 of 5 answers",
    )
    assert (row.items, row.votes, row.tie_percent) == (5, 5, 0)
    assert "No other rater" in row.with_majority.reason


def test_leaving_the_careless_rater_out_raises_agreement(study: StudyData) -> None:
    rows = [row for row in without_rater(study.ballots, rule=study.rubric.agreed) if row.criterion == "Empathy"]
    assert [row.rater for row in rows] == [None, *RATERS]
    alphas = {row.rater: row.alpha.value or 0.0 for row in rows}
    assert max(alphas, key=lambda rater: alphas[rater]) == CARELESS
    assert alphas[CARELESS] > alphas[None] + 0.1
    assert [system for system, _ in rows[0].items_won] == ["cold", "plain", "warm"]


def test_agreement_per_pair_and_criterion(study: StudyData) -> None:
    found = pair_agreements(study.ballots, resamples=20)
    assert len(found) == 3 * len(CRITERIA)
    assert all(one[3].items == ITEMS / 3 and one[3].raters == (5, 5) for one in found)


def test_splits_add_up(study: StudyData) -> None:
    whole = pair_results(study.ballots)
    parts = slices(study.ballots, lambda one: one.problem_type)
    assert [part.value for part in parts] == ["breakup", "job crisis"]
    for at, result in enumerate(whole):
        assert sum(part.results[at].votes.total() for part in parts) == result.votes.total()
    by_turn = slices(study.ballots, turn_band)
    assert [part.value for part in by_turn] == ["turns 01-05", "turns 06-10", "turns 11-20"]
    assert [part.value for part in slices(study.ballots, lambda one: one.strategy)] == ["not known"]


def test_p_values_of_one_report_are_corrected_together() -> None:
    """Holm by hand: of two tests the smaller p (2 / 2**9) doubles, the larger (2 * 10 / 2**9) stays."""
    strong = [ballot(f"i{at}", "r1", "b", criterion="x") for at in range(9)]
    weak = [ballot(f"i{at}", "r1", "a" if at == 0 else "b", criterion="y") for at in range(9)]
    ties = [ballot(f"i{at}", "r1", "tie", criterion="z") for at in range(9)]
    x, y, z = corrected_together(pair_results([*strong, *weak, *ties]))
    assert [x.p_value, y.p_value, z.p_value] == [pytest.approx(2 / 2**9), pytest.approx(20 / 2**9), None]
    assert [x.corrected, y.corrected, z.corrected] == [pytest.approx(4 / 2**9), pytest.approx(20 / 2**9), None]
    assert "unlikely to be chance (sign test p = 0.00781 after Holm's correction for 2 tests)" in x.sentence
    table = win_table((x, y, z), {})
    assert [row[7:9] for row in table.rows] == [("0.00391", "0.00781"), ("0.0391", "0.0391"), ("none", "none")]
    assert "corrected for the 2 tests of this table" in table.notes[0]


def test_a_missing_interval_is_explained_below_the_table() -> None:
    (found,) = pair_results(votes("i1", "aab"))
    table = vote_table([found])
    assert table.rows[0][2:5] == ("66.7", "33.3", "0.0")
    assert table.notes[1:] == ("m1 vs. m2, Overall: One item alone gives no interval.",)


def test_a_figure_is_written_in_one_way() -> None:
    assert figure(Estimate(-0.001, -0.2, 0.004), 2) == "0.00 (-0.20 to 0.00)"
    assert figure(Estimate(52.04, 41.2, 62.6)) == "52.0 (41.2 to 62.6)"
    assert figure(Estimate(1.5)) == "1.5"


def test_time_per_item() -> None:
    ballots = [ballot(f"i{at}", "r1", "a", seconds=seconds) for at, seconds in enumerate((10.0, 20.0, 30.0))]
    found = time_per_item([*ballots, replace(ballots[0], criterion="Empathy")])
    assert found is not None
    assert (found.low, found.middle, found.high, found.count) == (15, 20, 25, 3)
    assert time_per_item([]) is None
