"""Does an explanation predict the vote? Votes are compared with the traces of the replies.

For each feature of a reply (how mixed its strategies were, whether it followed the annotated one, where its commonsense
attention went), the difference between the two replies of an item is compared with the vote: by rank correlation, and
by logistic regression of the decided votes. A system that wins more and also has, say, peaked mixtures would show a
relation by itself; `within` therefore adds each system's own strength to the regression.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import rankdata
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from annotation.statistics.intervals import NO_INTERVAL, RESAMPLES, Estimate, bootstrap, undefined, wald
from annotation.statistics.pairwise import counted
from annotation.statistics.strength import SCORES, pair_design
from annotation.studies.study_views import Ballot

ENTROPY = "strategy entropy (bits)"
AGREES = "follows the annotated strategy"
HEAVIEST = "COMET attention on the heaviest tail"
REACTIONS = "COMET attention on reactions"
_REACTION_RELATIONS = ("xReact", "oReact")
_FEW = 10
"""minimum number of decided votes for any figure"""
_FEW_ITEMS = 3
"""minimum number of items with decided votes: intervals are over items"""


@dataclass(frozen=True)
class ReplyFeature:
    """One number from the trace of one reply; a feature that the net does not have gets no row."""

    item_id: str
    system: str
    feature: str
    value: float


@dataclass(frozen=True)
class Relation:
    """How one feature relates to the vote on one criterion; positive: the reply with more of it tends to win."""

    feature: str
    criterion: str
    correlation: Estimate
    """Spearman's, between the difference of the two replies and the outcome (win, tie, lose); -1 to 1"""
    odds: Estimate
    """log-odds of winning per root mean square of the difference; decided votes, errors clustered by item"""
    within: Estimate
    """the same with the systems' own strengths in the regression"""


def features_of(reply: Mapping[str, Any], gold_strategy: str | None = None) -> tuple[tuple[str, float], ...]:
    """Features of a reply in its stored form (a dict with "strategy" and "trace").

    Attention is computed for each source of commonsense (weights sum to 1 within a source) and averaged over the
    sources, so it does not grow with their number. `gold_strategy` is annotated for this turn; without it AGREES is
    left out. A net that predicts no strategy (all shares equal, no name) has neither of the strategy features.
    """
    trace = reply["trace"]
    shares = [float(share) for share in trace["strategies"]]
    values = []
    if reply["strategy"] or len(set(shares)) > 1:
        values.append((ENTROPY, -sum(share * math.log2(share) for share in shares if share > 0)))
    if reply["strategy"] and gold_strategy is not None:
        values.append((AGREES, float(reply["strategy"] == gold_strategy)))
    sources: dict[str, list[tuple[str, float]]] = {}
    for block in trace.get("blocks", ()):
        sources.setdefault(block["source"], []).append((block["relation"], float(block["weight"])))
    if sources:
        heaviest = [max(weight for _, weight in blocks) for blocks in sources.values()]
        reactions = [
            sum(weight for relation, weight in blocks if relation in _REACTION_RELATIONS) for blocks in sources.values()
        ]
        values += [(HEAVIEST, float(np.mean(heaviest))), (REACTIONS, float(np.mean(reactions)))]
    return tuple(values)


def explained_votes(
    ballots: Iterable[Ballot], features: Iterable[ReplyFeature], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Relation, ...]:
    """One relation per criterion and feature; votes on items where a reply lacks the feature are left out."""
    known: dict[tuple[str, str], dict[str, float]] = {}
    for one in features:
        known.setdefault((one.item_id, one.system), {})[one.feature] = one.value
    names = list(dict.fromkeys(name for values in known.values() for name in values))
    votes = counted(ballots)
    found = []
    for criterion in dict.fromkeys(ballot.criterion for ballot in votes):
        for name in names:
            joined = []
            for ballot in votes:
                a = known.get((ballot.item_id, ballot.system_a), {}).get(name)
                b = known.get((ballot.item_id, ballot.system_b), {}).get(name)
                if ballot.criterion == criterion and a is not None and b is not None:
                    joined.append((ballot, a - b))
            found.append(_relation(name, criterion, joined, (resamples, seed)))
    return tuple(found)


def _relation(feature: str, criterion: str, joined: Sequence[tuple[Ballot, float]], draws: tuple[int, int]) -> Relation:
    ballots = [ballot for ballot, _ in joined]
    difference = np.asarray([value for _, value in joined], dtype=float)
    spread = float(np.sqrt((difference**2).mean())) if joined else 0.0
    reason = ""
    if not joined:
        reason = "No vote is on two replies that both have this feature."
    elif spread == 0:
        reason = "The two replies of an item never differ in this feature."
    if reason:
        nothing = undefined(reason, len(joined))
        return Relation(feature, criterion, nothing, nothing, nothing)
    decided = np.asarray([ballot.outcome != "tie" for ballot in ballots])
    chosen = [ballot for ballot in ballots if ballot.outcome != "tie"]
    items = len({ballot.item_id for ballot in chosen})
    if len(chosen) < _FEW or items < _FEW_ITEMS:
        nothing = undefined(f"Only {len(chosen)} decided votes on {items} items: too few.", len(chosen))
        return Relation(feature, criterion, nothing, nothing, nothing)
    scaled = (difference / spread)[decided]
    return Relation(
        feature,
        criterion,
        _correlation(ballots, difference, draws),
        _odds(chosen, scaled[:, None]),
        _odds(chosen, np.column_stack([scaled, _system_columns(chosen)])),
    )


def _correlation(ballots: Sequence[Ballot], difference: NDArray[np.float64], draws: tuple[int, int]) -> Estimate:
    """Spearman's, with each vote counted from both systems' views, so that it does not matter which one is first."""
    scores = np.asarray([SCORES[ballot.outcome] for ballot in ballots])
    names, items = np.unique([ballot.item_id for ballot in ballots], return_inverse=True)
    rows_of = [np.flatnonzero(items == item) for item in range(len(names))]

    def drawn_again(drawn: NDArray[np.intp]) -> float:
        rows = np.concatenate([rows_of[item] for item in drawn])
        return _both_ways(difference[rows], scores[rows])

    interval = bootstrap(drawn_again, len(names), resamples=draws[0], seed=draws[1])
    low, high = interval or (None, None)
    reason = "" if interval or not draws[0] else NO_INTERVAL
    return Estimate(_both_ways(difference, scores), low, high, len(ballots), reason)


def _both_ways(difference: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Rank correlation from both views; nan if one variable does not vary (scipy's function would warn)."""
    x, y = np.concatenate([difference, -difference]), np.concatenate([scores, 1 - scores])
    if x.std() == 0 or y.std() == 0:
        return math.nan
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _system_columns(ballots: Sequence[Ballot]) -> NDArray[np.float64]:
    """(votes, systems - 1): the Bradley-Terry design, the last system as the reference."""
    systems = sorted({name for ballot in ballots for name in (ballot.system_a, ballot.system_b)})
    return pair_design(ballots, systems)[:, :-1]


def _odds(ballots: Sequence[Ballot], design: NDArray[np.float64]) -> Estimate:
    """The first coefficient of a logistic regression without intercept on decided votes, errors clustered by item."""
    count = len(ballots)
    won = np.asarray([ballot.outcome == "a" for ballot in ballots], dtype=float)
    items = np.unique([ballot.item_id for ballot in ballots], return_inverse=True)[1]
    if len(set(items.tolist())) <= design.shape[1]:
        return undefined(f"Only {count} decided votes on {len(set(items.tolist()))} items: too few.", count)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return undefined("The feature cannot be told apart from the systems: each has one value of its own.", count)
    separated = "The feature tells every winner without exception, so its effect has no upper limit."
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model = sm.GLM(won, design, family=sm.families.Binomial())
            fit = model.fit(cov_type="cluster", cov_kwds={"groups": items})
        except (Warning, np.linalg.LinAlgError, PerfectSeparationError):
            return undefined(separated, count)
    # Not `fit.bse`: it takes the root of a variance that may be slightly below 0.
    value, variance = float(fit.params[0]), float(np.asarray(fit.cov_params())[0, 0])
    if not math.isfinite(variance) or abs(value) > 20:
        return undefined(separated, count)
    return wald(value, variance, count)
