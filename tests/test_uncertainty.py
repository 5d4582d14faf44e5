"""Intervals and paired tests: the resampled figures are those of the libraries, and the numbers what theory says."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from models.data.strategies import STRATEGIES
from models.evaluation import text_figures
from models.evaluation.bertscore import BertScores
from models.evaluation.definitions import MISC, OWN, WORDS, Definition, Pieces
from models.evaluation.figure import Distinct, Summed, Units
from models.evaluation.perplexity import perplexity
from models.evaluation.predictions import Prediction
from models.evaluation.report import Bootstrap, measure
from models.evaluation.system_figures import figures_of
from models.evaluation.text_figures import GramNumbers, distinct
from models.evaluation.uncertainty import compare, interval, mcnemar


def made_up(n: int, seed: int, dialogues: int = 0) -> list[Prediction]:
    """Predictions with every field; gold strategies and references do not depend on the seed."""
    rng, same = random.Random(seed), random.Random(0)
    found = []
    for at in range(n):
        reference = " ".join(same.choices("abcdefgh", k=same.randint(5, 9)))
        gold = same.randrange(8)
        shares = np.random.default_rng((seed, at)).dirichlet(np.ones(8))
        shares[gold] += rng.random()
        shares = shares / shares.sum()
        reply = " ".join(rng.choices("abcdefgh", k=3)) + " " + reference[:7]
        best = STRATEGIES[int(shares.argmax())]
        nll = rng.uniform(3, 9), rng.uniform(4, 10)
        name = f"d{at % dialogues}" if dialogues else ""
        found.append(Prediction(reply, reference, best, STRATEGIES[gold], tuple(shares.tolist()), *nll, 8, name, at))
    return found


@pytest.mark.parametrize(("name", "definition"), [("words", WORDS), ("misc", MISC), ("ws", Definition("ws"))])
def test_figures_and_intervals_are_what_they_always_were(
    name: str, definition: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values of the libraries (NLTK, scikit-learn, sacrebleu), kept from when these gave the points of a report."""
    monkeypatch.setattr(text_figures, "find_wordnet", lambda: SimpleNamespace(synsets=lambda word: []))
    bert = BertScores("m", (0.5,) * 40, (0.25, 0.75) * 20, (0.4,) * 40)
    report = measure(made_up(40, 1, dialogues=7), definition, Pieces(OWN, str.split), bert, Bootstrap(200, 1))
    expected = json.loads(Path(__file__).with_name("golden_figures.json").read_text())[name]
    assert list(report.figures) == list(expected)
    assert report.figures == pytest.approx({n: value for n, (value, _, _) in expected.items()}, rel=1e-12)
    found = {one.name: [one.value, one.low, one.high] for one in report.intervals}
    for figure, three in expected.items():
        assert found[figure] == pytest.approx(three, rel=1e-12), figure


def distinct_1(replies: list[list[str]]) -> float:
    return distinct(replies, 1, Units([""] * len(replies)), GramNumbers()).value


def share(right: list[int]) -> Summed:
    return Summed(np.array([[value, 1.0] for value in right]), lambda sums: 100 * sums[..., 0] / sums[..., 1])


def test_a_single_unit_has_no_interval() -> None:
    """Drawn again and again it is itself, which looks as sure as can be."""
    report = measure(made_up(3, 1, dialogues=1), bootstrap=Bootstrap(100, 1))
    assert report.intervals == ()
    assert report.resampled == "none, since they resample dialogues and all turns are of one"
    assert len(measure(made_up(2, 1), bootstrap=Bootstrap(100, 1)).intervals) > 20


def test_the_interval_of_a_share_is_that_of_theory() -> None:
    """30 % of 400: the standard error is sqrt(0.3 * 0.7 / 400)."""
    found = interval("x", share([1] * 120 + [0] * 280), 4000, 1)
    reach = 100 * norm.ppf(0.975) * (0.3 * 0.7 / 400) ** 0.5
    assert (found.low, found.value, found.high) == pytest.approx((30 - reach, 30, 30 + reach), abs=0.4)


def test_the_same_seed_gives_the_same_interval() -> None:
    figure = share([1] * 20 + [0] * 30)
    assert interval("x", figure, 500, 1) == interval("x", figure, 500, 1) != interval("x", figure, 500, 2)
    with pytest.raises(ValueError, match="99 rounds are too few"):
        interval("x", figure, 99, 1)


def test_turns_of_one_dialogue_are_drawn_together() -> None:
    """Ten dialogues of ten turns that are all right or all wrong: ten draws, not a hundred."""
    items = [
        Prediction("a", "a", "Question" if at // 10 < 5 else "Others", "Question", dialogue=f"d{at // 10}", turn=at)
        for at in range(100)
    ]
    clustered = interval("accuracy", figures_of(items, WORDS)["accuracy"], 2000, 1)
    alone = [Prediction(p.hypothesis, p.reference, p.strategy, p.gold) for p in items]
    apart = interval("accuracy", figures_of(alone, WORDS)["accuracy"], 2000, 1)
    assert clustered.high - clustered.low > 2.5 * (apart.high - apart.low)
    assert measure(items, bootstrap=Bootstrap(100, 1)).resampled.startswith("10 dialogues drawn 100 times")


def test_distinct_without_each_turn_is_counted_anew() -> None:
    replies = ["a b a", "b c", "", "d", "a d"]
    figure = figures_of([Prediction(text, "x") for text in replies], Definition("ws"))["distinct_1"]
    assert isinstance(figure, Distinct)
    for at, value in enumerate(figure.without_each()):
        rest = [text.split() for n, text in enumerate(replies) if n != at]
        assert value == pytest.approx(distinct_1(rest))


def test_the_interval_of_distinct_holds_the_expected_value() -> None:
    """Words with falling frequency, 60 replies of 8; a bootstrap would lie below the value itself."""
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, 301)
    chances /= chances.sum()

    def draw() -> Distinct:
        return Distinct(60, np.repeat(np.arange(60), 8), rng.choice(300, 480, p=chances))

    expected = np.mean([draw().value for _ in range(300)])
    found = [interval("d", draw(), 100, 1) for _ in range(150)]
    assert np.mean([one.low <= expected <= one.high for one in found]) >= 0.9


def test_randomisation_is_the_share_of_swaps_that_differ_as_much() -> None:
    """Six turns of 1 against 0: of 64 swaps two differ by all six, p = 1/32; with 3 for A and 3 for B it is 1."""
    found = compare("x", share([0] * 6), share([1] * 6), 4000, 1)
    assert (found.first, found.second) == (0, 100)
    assert found.p == pytest.approx(2 / 64, abs=0.01)
    assert compare("x", share([1, 1, 1, 0, 0, 0]), share([0, 0, 0, 1, 1, 1]), 500, 1).p == 1


def test_randomisation_of_distinct_against_all_swaps() -> None:
    one, other = ["a a", "b b", "c c", "a b"], ["a b", "c d", "e f", "g h"]
    numbers = GramNumbers()
    first, second = (
        figures_of([Prediction(text, "x") for text in texts], Definition("ws"), numbers=numbers)["distinct_1"]
        for texts in (one, other)
    )
    differences = []
    for swaps in itertools.product((False, True), repeat=4):
        mixed = [
            [(b if swap else a).split() for a, b, swap in zip(x, y, swaps, strict=True)]
            for x, y in ((one, other), (other, one))
        ]
        differences.append(distinct_1(mixed[1]) - distinct_1(mixed[0]))
    seen = abs(second.value - first.value)
    exact = sum(abs(value) >= seen - 1e-9 for value in differences) / 16
    assert compare("d", first, second, 4000, 1).p == pytest.approx(exact, abs=0.03)


def test_equal_systems_do_not_differ_and_a_better_one_does() -> None:
    a, same, better = made_up(60, 1), made_up(60, 1), made_up(60, 2)
    better = [Prediction(p.reference, p.reference, p.gold, p.gold, p.strategies, 1.0, 1.0, 8) for p in better]
    numbers = GramNumbers()
    one, two, three = (figures_of(items, WORDS, numbers=numbers) for items in (a, same, better))
    for name in one:
        still = compare(name, one[name], two[name], 200, 1)
        assert (still.low, still.high, still.p) == pytest.approx((0, 0, 1))
    for name in ("accuracy", "macro_f1", "bleu_2", "rouge_l", "ppl_token_gold"):
        clear = compare(name, one[name], three[name], 200, 1)
        assert clear.p < 0.01
        assert clear.low * clear.high > 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("second", [8001.0, 3.0])
def test_infinite_perplexities_are_not_tested(second: float) -> None:
    """exp(8000) is too large for a float, so the difference is not known, and no swap can be compared with it."""
    units = Units(list("abcd"))
    one, other = (perplexity([nll] * 4, [1] * 4, units) for nll in (8000.0, second))
    found = compare("ppl", one, other, 100, 1)
    assert found.first == np.inf
    assert found.low is found.high is found.p is None


@pytest.mark.filterwarnings("error")
def test_draws_without_the_figure_are_left_out_of_its_interval() -> None:
    """Of two dialogues one has only empty references: a quarter of the draws has no word at all."""
    texts = [Prediction("a", reference, nll_gold=4.0, tokens=2, dialogue=reference) for reference in ("", "so sad .")]
    texts[0] = replace(texts[0], dialogue="empty")
    report = measure(texts, bootstrap=Bootstrap(200, 1))
    one = next(one for one in report.intervals if one.name == "ppl_word_gold")
    assert one.low == pytest.approx(np.exp(4 / 3))
    assert one.high == pytest.approx(np.exp(8 / 3))


@pytest.mark.filterwarnings("error")
def test_an_interval_may_reach_to_infinity() -> None:
    units = Units(list("abcd"))
    found = interval("ppl", perplexity([2000.0, 2.0, 2.0, 2.0], [1] * 4, units), 200, 1)
    assert (found.low, found.high) == (pytest.approx(np.exp(2)), np.inf)


def test_different_turns_are_refused() -> None:
    with pytest.raises(ValueError, match="x: the two systems do not have the same turns"):
        compare("x", share([1, 0]), share([1, 0, 1]), 100, 1)


def test_mcnemar_by_hand() -> None:
    """Eight turns right by one only, two by the other: 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10 = 112 / 1024."""
    first = np.array([True] * 8 + [False] * 2 + [True] * 5)
    second = np.array([False] * 8 + [True] * 2 + [True] * 5)
    assert mcnemar(first, second) == (8, 2, pytest.approx(112 / 1024))
    assert mcnemar(first, first) == (0, 0, 1.0)
