"""Ratings on a scale, and whether an explanation predicts the vote."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Decision
from annotation.rubric import find_rubric
from annotation.statistics.explanations import (
    AGREES,
    ENTROPY,
    HEAVIEST,
    REACTIONS,
    ReplyFeature,
    explained_votes,
    features_of,
)
from annotation.statistics.pointwise import means, scale_agreements
from annotation.statistics.report_tables import mean_table
from annotation.statistics.study_data import StudyData
from annotation.statistics.study_report import analyse
from annotation.studies.answers import Given
from annotation.studies.review import Ruling, decide, give_verdict, open_review
from annotation.studies.study_plan import StudyPlan
from annotation.studies.study_source import stored_data
from annotation.studies.study_views import Ballot, Rating, Verdict
from tests.simulated_study import features, rated, simulated
from tests.studies import StudyRoom, item


def rating(item: str, rater: str, score: int) -> Rating:
    return Rating("s", item, rater, "Fluency", "m1", score, 0, 5.0)


def test_means_have_the_ratio_interval() -> None:
    """Items mean 1, 2, 2 with two raters each: mean 5/3; sum of squared deviations of the means / (3 * 2) = 1/9."""
    ratings = [rating(f"i{at}", rater, score) for at, score in enumerate((1, 2, 2)) for rater in ("r1", "r2")]
    (found,) = means(ratings)
    assert found.estimate.value == pytest.approx(5 / 3)
    assert found.estimate.high == pytest.approx(5 / 3 + 4.302653 * 1 / 3, abs=1e-5)  # t with 2 degrees of freedom
    ignored = [replace(one, is_gold=True, score=0) for one in ratings]
    assert means([*ratings, *ignored]) == (found,)
    assert means([]) == ()


def test_the_reviewer_corrects_and_discards_scores() -> None:
    """Scores (2, 2, 1), (0, 1, 1), (2, 2, 2), (0, 0, 1): all twelve sum to 14.

    Corrected to 1, the first gives 3; the third leaves; the fourth is confirmed and stays: (3 + 2 + 1) / 9 = 2/3.
    """
    given = ((2, 2, 1), (0, 1, 1), (2, 2, 2), (0, 0, 1))
    ratings = [rating(f"i{at}", f"r{by}", score) for at, scores in enumerate(given) for by, score in enumerate(scores)]
    verdicts = [
        Verdict("s", "i0", "Fluency", "correct", "1", "1", "slip", system="m1"),
        Verdict("s", "i2", "Fluency", "discard", "2", None, "ambiguous", system="m1"),
        Verdict("s", "i3", "Fluency", "confirm", "0", "0", None, system="m1"),
    ]
    (plain,) = means(ratings)
    kept = StudyData(ratings=tuple(ratings), verdicts=tuple(verdicts)).discarding().ratings
    (found,) = means(kept, verdicts=verdicts)
    assert plain.estimate.value == pytest.approx(14 / 12)
    assert (found.estimate.value, found.estimate.count) == (pytest.approx(2 / 3), 9)
    others = [replace(verdicts[0], system="m2"), replace(verdicts[0], criterion="Empathy")]
    undecided = replace(verdicts[0], outcome=None)
    assert means(ratings, verdicts=[*others, undecided]) == (plain,)
    assert "what was decided counts" in mean_table([found], []).notes[1]


def test_the_report_of_a_pointwise_study_follows_its_reviewer(sessions: sessionmaker[Session]) -> None:
    """Raters give 2, 2 and 0 everywhere; the reviewer sets one criterion of one reply to 0: 4/3 on two of three items.

    All other scores of that item stay as the raters gave them.
    """
    plan = StudyPlan("scores", ("x", "y"), raters=3, rubric=find_rubric("misc-2022"), review_share=1.0)
    room = StudyRoom(sessions, plan, tuple(item(number, systems=("x", "y")) for number in range(3)), raters=3)
    for rater, score in zip(room.people, "220", strict=True):
        while room.judge(rater, score) is not None:
            pass
    reviewer = room.invited("reviewer")
    view = room.do(open_review, reviewer)
    assert view is not None
    own = [Given(name, "2", place) for name in plan.rubric.names() for place in "ab"]
    room.do(give_verdict, reviewer, review_id=view.review_id, verdict=own)
    ruling = Ruling(Decision.CORRECT, "slip", (Given("Empathy", "0", "a"),))
    room.do(decide, reviewer, review_id=view.review_id, ruling=ruling)
    data = room.do(stored_data, room.lead)
    corrected = {one.system for one in data.verdicts if one.outcome == "0"}
    report = analyse(data, resamples=0)
    found = {(one.system, one.criterion): one.estimate.value for one in report.means}
    for (system, criterion), value in found.items():
        lowered = criterion == "Empathy" and system in corrected
        assert value == pytest.approx(8 / 9 if lowered else 4 / 3)


def test_the_planted_scores_come_out() -> None:
    found = {one.system: one.estimate for one in means(rated())}
    assert (found["warm"].low or 0) > (found["plain"].high or 0)
    assert (found["plain"].low or 0) > (found["cold"].high or 0)
    (agreed,) = scale_agreements(rated(), resamples=50)
    assert agreed.agreement.items == 90
    # On a scale near misses count less than as mere names.
    assert (agreed.agreement.alpha.value or 0) > (agreed.agreement.fleiss.value or 0) > 0.3
    with pytest.raises(ValueError, match="is none of 0, 1"):
        scale_agreements(rated(), scale=(0, 1))


def test_features_of_a_stored_reply() -> None:
    """Strategies (1/2, 1/4, 1/4): 1.5 bits. Heaviest tails 0.7 and 0.5, mean 0.6; reactions 0.7 and 0, mean 0.35."""
    blocks = [
        {"source": "situation", "relation": "xReact", "weight": 0.7},
        {"source": "situation", "relation": "xWant", "weight": 0.3},
        {"source": "post", "relation": "xIntent", "weight": 0.5},
        {"source": "post", "relation": "xNeed", "weight": 0.5},
    ]
    reply = {"strategy": "Question", "trace": {"strategies": [0.5, 0.25, 0.25, 0.0], "blocks": blocks}}
    found = dict(features_of(reply, "Question"))
    assert found == pytest.approx({ENTROPY: 1.5, AGREES: 1.0, HEAVIEST: 0.6, REACTIONS: 0.35})
    assert dict(features_of(reply, "Others"))[AGREES] == 0
    bare = features_of({"strategy": "Question", "trace": {"strategies": [1.0]}})
    assert [name for name, _ in bare] == [ENTROPY]
    assert features_of({"strategy": "", "trace": {"strategies": [0.5, 0.5]}}, "Question") == ()  # predicts none


def test_a_planted_relation_is_found_and_noise_is_not() -> None:
    study = simulated()
    found = {(one.feature, one.criterion): one for one in explained_votes(study.ballots, features(study), resamples=50)}
    peaked, noise = found[ENTROPY, "Empathy"], found["noise", "Empathy"]
    for figure in (peaked.correlation, peaked.odds):
        assert figure.high is not None
        assert figure.high < 0
    for figure in (noise.correlation, noise.odds, noise.within):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < 0 < figure.high
    assert abs(peaked.within.value or 0) < abs(peaked.odds.value or 0)  # part of it is which system replied


def votes_on(differences: list[float], outcomes: list[str]) -> tuple[list[Ballot], list[ReplyFeature]]:
    ballots = [
        Ballot("s", f"i{at}", "r1", "Overall", "m1", "m2", outcome, "m1", 1.0) for at, outcome in enumerate(outcomes)
    ]
    known = [ReplyFeature(f"i{at}", "m1", "x", value) for at, value in enumerate(differences)]
    return ballots, known + [ReplyFeature(f"i{at}", "m2", "x", 0.0) for at in range(len(differences))]


def test_the_coefficient_is_the_logistic_one() -> None:
    rng = np.random.default_rng(1)
    differences = rng.normal(0, 2, 60)
    won = rng.random(60) < 1 / (1 + np.exp(-differences))
    (found,) = explained_votes(*votes_on(differences.tolist(), ["a" if one else "b" for one in won]), resamples=50)
    fit = sm.Logit(won.astype(float), differences / np.sqrt((differences**2).mean())).fit(disp=False)
    assert found.odds.value == pytest.approx(float(fit.params[0]), abs=1e-6)
    mirrored = votes_on((-differences).tolist(), ["b" if one else "a" for one in won])
    (turned,) = explained_votes(*mirrored, resamples=0)
    assert turned.correlation.value == pytest.approx(found.correlation.value)


def test_what_cannot_be_related_says_why() -> None:
    def reasons(differences: list[float], outcomes: list[str]) -> tuple[str, str]:
        (found,) = explained_votes(*votes_on(differences, outcomes), resamples=0)
        return found.correlation.reason, found.odds.reason

    assert "never differ" in reasons([0.0] * 3, ["a", "b", "a"])[0]
    assert reasons([1.0, 2.0, -1.0], ["tie"] * 3) == ("Only 0 decided votes on 0 items: too few.",) * 2
    assert reasons([1.0, 2.0, -1.0] * 3, ["a", "b", "a"] * 3) == ("Only 9 decided votes on 9 items: too few.",) * 2
    separated = reasons([1.0, 2.0, -1.0] * 10, ["a", "a", "b"] * 10)
    assert separated == ("", "The feature tells every winner without exception, so its effect has no upper limit.")
    ballots, known = votes_on([0.1 * at + 0.3 for at in range(12)], ["a", "b"] * 6)
    ballots += [replace(one, rater="r2", outcome="b" if one.outcome == "a" else "a") for one in ballots]
    (balanced,) = explained_votes(ballots, known, resamples=0)
    assert (balanced.odds.low, balanced.odds.high) == (None, None)
    assert "balance out" in balanced.odds.reason
    ballots, _ = votes_on([1.0], ["a"])
    assert explained_votes(ballots, []) == ()
    (unjoined,) = explained_votes(ballots, [ReplyFeature("other", "m1", "x", 1.0)])
    assert "No vote is on two replies" in unjoined.odds.reason
