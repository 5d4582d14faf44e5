"""Agreement and intervals against published worked examples, other libraries and values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t
from statsmodels.stats.proportion import proportion_confint

from annotation.statistics.agreement import agreement, alpha, cohen, count_table, fleiss, percent_agreement
from annotation.statistics.intervals import bootstrap, clustered_mean, clustered_share

FLEISS_1971_STYLE = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
"""the worked example of the encyclopaedia's article on Fleiss' kappa: P = 0.378, P_e = 0.213, kappa = 0.210"""

KRIPPENDORFF_2011 = (
    "*    *    *    *    *    3    4    1    2    1    1    3    3    *    3",
    "1    *    2    1    3    3    4    3    *    *    *    *    *    *    *",
    "*    *    2    1    3    4    4    *    2    1    1    3    3    *    4",
)
"""three coders, 15 units, missing answers: alpha nominal 0.691, interval 0.811"""


def krippendorffs() -> np.ndarray:
    rows = [row.split() for row in KRIPPENDORFF_2011]
    answers = [(unit, int(row[unit])) for unit in range(15) for row in rows if row[unit] != "*"]
    return count_table(answers, (1, 2, 3, 4))


def test_fleiss_worked_example() -> None:
    found = agreement(FLEISS_1971_STYLE)
    assert found.fleiss.value == pytest.approx(0.210, abs=0.0005)
    assert found.percent.value == pytest.approx(37.8, abs=0.05)
    assert (found.items, found.raters) == (10, (14, 14))
    assert found.fleiss.low is not None
    assert found.fleiss.high is not None
    assert found.fleiss.low < 0.210 < found.fleiss.high


def test_krippendorff_worked_example_with_missing_answers() -> None:
    table = krippendorffs()
    assert alpha(table).value == pytest.approx(0.691, abs=0.0005)
    assert alpha(table, level="interval").value == pytest.approx(0.811, abs=0.0005)


def test_alpha_by_hand() -> None:
    """Two raters, 4 units: (0, 0), (0, 0), (0, 1), (1, 1). n0 = 5, n1 = 3 of 8; D_o = 2/8, D_e = 2*5*3/(8*7) = 15/28.

    alpha = 1 - (1/4) / (15/28) = 8/15. Percent agreement 3/4; Fleiss: P_e = (5/8)^2 + (3/8)^2 = 34/64,
    kappa = (48/64 - 34/64) / (30/64) = 14/30.
    """
    table = np.array([[2, 0], [2, 0], [1, 1], [0, 2]])
    assert alpha(table).value == pytest.approx(8 / 15)
    assert percent_agreement(table).value == pytest.approx(75)
    assert fleiss(table).value == pytest.approx(14 / 30)


def test_cohen_worked_example() -> None:
    """20 times both yes, 15 both no, 5 and 10 apart: p_o = 0.7, p_e = 0.5, kappa = 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = cohen(pairs)
    assert found.value == pytest.approx(0.4)
    assert found.low is not None
    assert found.low < 0.4


def test_kappa_takes_the_usual_number_of_raters_and_says_so() -> None:
    whole = np.array([[3, 0], [2, 1], [0, 3], [1, 2]])
    found = fleiss(np.vstack([whole, [[2, 0], [1, 0]]]))
    assert found.value == pytest.approx(fleiss(whole).value)
    assert "4 items with 3 raters; 2 with another number left out" in found.reason
    assert agreement(np.vstack([whole, [[2, 0], [1, 0]]])).raters == (2, 3)


def test_what_is_undefined_says_why() -> None:
    unanimous = agreement(np.array([[3, 0, 0], [3, 0, 0]]))
    assert unanimous.percent.value == 100
    assert unanimous.fleiss.value is None
    assert unanimous.alpha.value is None
    assert "All 6 answers are the same" in unanimous.fleiss.reason
    alone = agreement(np.array([[1, 0], [0, 1]]))
    for figure in (alone.percent, alone.fleiss, alone.alpha):
        assert figure.value is None
        assert "No item has answers of two raters" in figure.reason
    assert alone.raters == (0, 0)
    assert "no item in common" in cohen([]).reason
    assert "Both gave the answer a" in cohen([("a", "a")]).reason
    assert "One of the two gave the same answer" in cohen([("a", "a"), ("a", "b")]).reason
    one_item = fleiss(np.array([[2, 1]]))
    assert one_item.value == pytest.approx(-0.5)
    assert (one_item.low, one_item.reason) == (None, "The items are too few or too much alike for an interval.")
    with pytest.raises(ValueError, match="is none of a, b"):
        count_table([("i", "c")], ("a", "b"))


@settings(deadline=None, max_examples=40)
@given(arrays(np.int64, st.tuples(st.integers(1, 8), st.just(3)), elements=st.integers(0, 4)))
def test_agreement_keeps_its_bounds_and_ignores_order(table: np.ndarray) -> None:
    found = agreement(table, resamples=0)
    turned = agreement(table[::-1, ::-1], resamples=0)
    for one, other in ((found.percent, turned.percent), (found.fleiss, turned.fleiss), (found.alpha, turned.alpha)):
        assert (one.value is None) == (other.value is None)
        if one.value is not None and other.value is not None:
            assert one.value == pytest.approx(other.value)
            assert one.value <= 100 + 1e-9
    assert found.fleiss.value is None or -1 - 1e-9 <= found.fleiss.value <= 1 + 1e-9


def test_a_share_of_single_votes_is_wilsons() -> None:
    found = clustered_share([1] * 7 + [0] * 3, [1] * 10, empty="")
    low, high = proportion_confint(7, 10, method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((70, 100 * low, 100 * high))


def test_a_share_of_repeated_votes_counts_items() -> None:
    """5 raters who always agree are one vote per item: 7 of 10 items, not 35 of 50 votes."""
    same = clustered_share([5] * 7 + [0] * 3, [5] * 10, empty="")
    low, high = proportion_confint(7, 10, method="wilson")
    assert (same.low, same.high) == pytest.approx((100 * low, 100 * high))
    assert same.count == 50
    every = clustered_share([5] * 4, [5] * 4, empty="")
    low, high = proportion_confint(4, 4, method="wilson")
    assert (every.low, every.high) == pytest.approx((100 * low, 100 * high))
    assert clustered_share([], [], empty="nothing").reason == "nothing"


def test_few_items_widen_the_interval_of_a_share() -> None:
    """6, 4 and 8 of 10 votes on three items: p = 0.6; variance between items 3 / 2 * (0 + 4 + 4) = 12.

    Independent votes would have 30 * 0.6 * 0.4 = 7.2, so the 30 votes count as 30 / (12 / 7.2) = 18, and with t of 2
    degrees of freedom as 18 * (1.960 / 4.303)² = 3.735; three items with equal votes are worth 3 at least.
    """
    found = clustered_share([6, 4, 8], [10, 10, 10], empty="")
    votes = 18 * (1.959964 / 4.302653) ** 2
    centre, width = (0.6 + 1.920729 / votes, math.sqrt(0.24 / votes + 0.960365 / votes**2) * 1.959964)
    ends = [100 * (centre + sign * width) / (1 + 3.841459 / votes) for sign in (-1, 1)]
    assert [found.low, found.high] == pytest.approx(ends, abs=1e-3)
    opposed = clustered_share([10, 0, 10], [10, 10, 10], empty="")
    low, high = proportion_confint(2, 3, method="wilson")
    assert (opposed.low, opposed.high) == pytest.approx((100 * low, 100 * high))


def test_one_item_alone_gives_no_interval_however_many_votes_it_has() -> None:
    one_item = agreement(np.array([[19, 1, 0]]))
    assert one_item.percent.value == pytest.approx(90)
    for found in (one_item.percent, clustered_share([19], [20], empty=""), clustered_share([20, 0], [20, 0], empty="")):
        assert (found.low, found.high, found.reason) == (None, None, "One item alone gives no interval.")
    single = clustered_share([1], [1], empty="")
    assert single.low is not None  # a single vote is Wilson's interval of one


@pytest.mark.parametrize(("items", "raters"), [(2, 10), (3, 10), (5, 10), (10, 3)])
def test_intervals_of_shares_cover_what_they_promise(items: int, raters: int) -> None:
    """About 95 %, on items that differ: chances drawn evenly, so that a third of the votes and half of the pairs hit.

    Without the t quantile, ten raters' answers to two to five items were covered in 73 to 89 % of the draws.
    """
    rng = np.random.default_rng(4)
    shares, agreements = [], []
    for chances in rng.dirichlet((1, 1, 1), (400, items)):
        table = rng.multinomial(raters, chances)
        shares.append(clustered_share(table[:, 0].tolist(), [raters] * items, empty=""))
        agreements.append(percent_agreement(table))
    for found, truth in ((shares, 100 / 3), (agreements, 50.0)):
        covered = [one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None]
        assert len(covered) == 400
        assert sum(covered) / 400 >= 0.9


def test_a_mean_of_single_values_has_the_t_interval() -> None:
    values = [1.0, 2.0, 2.0, 0.0, 1.0]
    found = clustered_mean(values, [1] * 5, empty="")
    half = t.ppf(0.975, 4) * np.std(values, ddof=1) / math.sqrt(5)
    assert (found.value, found.low, found.high) == pytest.approx((1.2, 1.2 - half, 1.2 + half))
    assert "One item alone" in clustered_mean([4.0], [2], empty="").reason
    assert clustered_mean([], [], empty="nothing").reason == "nothing"


def test_no_interval_is_without_width_or_leaves_its_range() -> None:
    """It would claim certainty, from two items that happen to agree."""
    agreed = cohen([("a", "a"), ("b", "b")])
    assert (agreed.value, agreed.low, agreed.high) == (1, None, None)
    assert "always agree" in agreed.reason
    nearly = cohen([("a", "a")] * 8 + [("b", "b")] * 4 + [("a", "b")])
    assert nearly.high == 1  # 1.14 by the normal approximation
    alike = agreement(np.array([[3, 0], [3, 0], [0, 3], [0, 3], [0, 3], [3, 0], [3, 0], [0, 3]]))
    for found in (alike.fleiss, alike.alpha, clustered_mean([4.0, 4.0], [2, 2], empty="")):
        assert found.value is not None
        assert (found.low, found.high) == (None, None)
        assert found.reason


def test_the_bootstrap_of_a_mean_is_near_its_normal_interval() -> None:
    values = np.random.default_rng(1).normal(5, 2, 200)
    found = bootstrap(lambda drawn: float(values[drawn].mean()), 200, resamples=2000)
    error = values.std() / math.sqrt(200)
    assert found == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.05)
    assert bootstrap(lambda drawn: math.nan, 200) is None
    assert bootstrap(lambda drawn: 1.0, 1) is None
