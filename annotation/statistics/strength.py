"""Bradley-Terry strengths: one scale for all systems, from all pairs, with intervals (Bradley and Terry 1952).

P(i beats j) = 1 / (1 + exp(s_j - s_i)), a logistic regression without intercept on +1 for system i and -1 for j. A tie
counts as half a win for each. Fitted with statsmodels, whose errors clustered by item allow for several raters judging
the same item; choix fits the model too, but gives no errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from annotation.statistics.intervals import Estimate, undefined, wald
from annotation.statistics.pairwise import counted
from annotation.studies.study_views import Ballot

SCORES = {"a": 1.0, "tie": 0.5, "b": 0.0}


@dataclass(frozen=True)
class Strength:
    """One system's place on the scale: log-odds, 0 is the mean of all systems; +1 wins 73 % against 0."""

    system: str
    estimate: Estimate


@dataclass(frozen=True)
class Ranking:
    """All systems on one criterion, sorted by name; `reason` says why there are no strengths, "" if there are."""

    criterion: str
    strengths: tuple[Strength, ...]
    reason: str = ""


def rankings(ballots: Iterable[Ballot]) -> tuple[Ranking, ...]:
    """One ranking per criterion, criteria in the order in which they first come."""
    groups: dict[str, list[Ballot]] = {}
    for ballot in counted(ballots):
        groups.setdefault(ballot.criterion, []).append(ballot)
    return tuple(bradley_terry(group, criterion) for criterion, group in groups.items())


def bradley_terry(ballots: Sequence[Ballot], criterion: str = "") -> Ranking:
    """Strengths of the systems in these ballots, whatever their criterion; 95 % intervals, errors clustered by item."""
    systems = sorted({name for ballot in ballots for name in (ballot.system_a, ballot.system_b)})
    reason = _no_scale(ballots, systems)
    if reason:
        estimates = [undefined(reason, len(ballots)) for _ in systems]
        return Ranking(criterion, tuple(map(Strength, systems, estimates)), reason)
    # The last system is the reference at 0; then the strengths and their covariance are centred.
    design = pair_design(ballots, systems)[:, :-1]
    scores = np.asarray([SCORES[ballot.outcome] for ballot in ballots])
    items = np.unique([ballot.item_id for ballot in ballots], return_inverse=True)[1]
    fit = sm.GLM(scores, design, family=sm.families.Binomial()).fit(cov_type="cluster", cov_kwds={"groups": items})
    size = len(systems)
    centre = (np.eye(size) - 1 / size)[:, :-1]
    values = centre @ np.asarray(fit.params)
    variances = np.diag(centre @ np.asarray(fit.cov_params()) @ centre.T)
    found = [
        Strength(name, wald(float(value), float(variance), len(ballots)))
        for name, value, variance in zip(systems, values, variances, strict=True)
    ]
    return Ranking(criterion, tuple(found))


def pair_design(ballots: Sequence[Ballot], systems: Sequence[str]) -> NDArray[np.float64]:
    """(ballots, systems): +1 for system_a, -1 for system_b, 0 elsewhere."""
    place = {name: at for at, name in enumerate(systems)}
    design = np.zeros((len(ballots), len(systems)))
    for row, ballot in enumerate(ballots):
        design[row, place[ballot.system_a]] = 1.0
        design[row, place[ballot.system_b]] = -1.0
    return design


def _no_scale(ballots: Sequence[Ballot], systems: Sequence[str]) -> str:
    """Why finite strengths do not exist (Ford 1957: each system must have beaten each other one, maybe via others)."""
    if len(systems) < 2:
        return "There are no votes on two systems yet."
    if len({ballot.item_id for ballot in ballots}) < 2:
        return "Votes on one item alone give no strengths with intervals."
    place = {name: at for at, name in enumerate(systems)}
    beats = np.zeros((len(systems), len(systems)))
    for ballot in ballots:
        a, b = place[ballot.system_a], place[ballot.system_b]
        beats[a, b] += SCORES[ballot.outcome]
        beats[b, a] += 1 - SCORES[ballot.outcome]
    if connected_components(csr_array(beats + beats.T), directed=False)[0] > 1:
        return "Some systems were never compared, not even by way of others, so they share no common scale."
    number, group = connected_components(csr_array(beats), directed=True, connection="strong")
    if number == 1:
        return ""
    for one in range(number):
        inside, outside = group == one, group != one
        if not beats[np.ix_(outside, inside)].any():
            names = ", ".join(name for name, at in zip(systems, inside, strict=True) if at)
            return f"{names} never lost or tied against the others, so the distance on the scale has no upper limit."
    raise AssertionError("a graph without strong connection has a part that nothing leads to")
