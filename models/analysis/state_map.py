"""Decoder states of many turns as a map: K-means clusters, a t-SNE and a PCA plane (STAR, figure 4). No torch.

New states find their place on it. PCA projects them. t-SNE has no transform for points it has not seen, so a new state
is put at the mean of the places of its nearest neighbours, the nearer the heavier: where t-SNE drew what resembles it,
not where a new t-SNE would draw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.data.strategies import STRATEGIES

COMPONENTS = 16
"""principal components in which a map keeps its states; neighbours are looked for among them"""
NEIGHBOURS = 8
"""turns whose t-SNE places decide where a new state goes"""
VERDICTS = ("better", "about the same", "worse")
"""what the seeker judged of the side that said a reply, in talks that were judged"""


@dataclass(frozen=True)
class MapAbout:
    """What a map is of."""

    net: str
    checkpoint: str
    """short hash of the net's weights"""
    base: str
    """what its weights change, as its card says; "" for a net from scratch"""
    source: str
    """ "ESConv", or "own talks" """
    split: str
    """of ESConv; "" for talks"""
    part: str
    measured_on: str
    """split and part, and how they leak where they do"""
    dialogues: int
    """how many dialogues were drawn"""
    data: str
    """hash of the turns: two maps with the same one show the same turns in the same order"""
    comet: str
    emotion: str
    """versions of the commonsense and the detector that the net read; "" when it reads none"""
    seed: int


@dataclass(frozen=True)
class MapTurn:
    """What a map tells of one turn besides its place. No text."""

    dialogue: int
    """number of the dialogue in the order of its source, from 1"""
    turn: int
    """number of the utterance in its dialogue, from 1"""
    gold: str
    """strategy of the given reply; "" where none is known"""
    predicted: str
    """the likeliest strategy under the net; "" for nets that predict none"""
    emotion: str
    """emotion of the dialogue as its seeker named it; "" for none of ESConv's"""
    verdict: str = ""
    """one of VERDICTS, or "" """


@dataclass(frozen=True)
class Separation:
    """How decoder states cluster, beside the gold strategies."""

    turns: int
    silhouette_gold: float
    """mean silhouette with the gold strategies as clusters, -1 to 1"""
    silhouette_clusters: float
    """the same with K-means' own clusters"""
    nmi: float
    """normalised mutual information of clusters and gold strategies, 0 to 1"""
    ari: float
    """adjusted Rand index of clusters and gold strategies, 0 at chance, 1 when equal"""


@dataclass(frozen=True)
class Projection:
    """Principal components of states."""

    mean: np.ndarray
    """(D,)"""
    components: np.ndarray
    """(K, D), strongest first"""

    def of(self, states: np.ndarray) -> np.ndarray:
        """(M, D) -> (M, K). Raises ValueError for states of another width."""
        if states.ndim != 2 or states.shape[1] != len(self.mean):
            raise ValueError(f"states of shape {states.shape} do not fit a map of width {len(self.mean)}")
        return (states - self.mean) @ self.components.T


@dataclass(frozen=True)
class StateMap:
    """A map of one net: N turns."""

    about: MapAbout
    figures: Separation
    turns: tuple[MapTurn, ...]
    clusters: np.ndarray
    """(N,) K-means cluster, 0 to 7"""
    plane: np.ndarray
    """(N, 2) places in t-SNE's plane"""
    coordinates: np.ndarray
    """(N, K) principal coordinates; the first two are the places in the PCA plane"""
    projection: Projection

    def pca(self, states: np.ndarray) -> np.ndarray:
        """(M, 2) places of new states (M, D) in the PCA plane."""
        return self.projection.of(states)[:, :2]

    def tsne(self, states: np.ndarray) -> np.ndarray:
        """(M, 2) places of new states (M, D) in t-SNE's plane, by their nearest neighbours (see the module)."""
        new = self.projection.of(states)
        far = np.linalg.norm(new[:, None] - self.coordinates[None], axis=2)
        near = np.argsort(far, axis=1)[:, :NEIGHBOURS]
        distances = np.take_along_axis(far, near, axis=1)
        # Relative to the spread of the map: a state that equals one of its turns lies where that turn lies.
        weights = 1 / (distances + 1e-6 * (1 + float(np.abs(self.coordinates).max())))
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights[..., None] * self.plane[near]).sum(axis=1)


def make_map(about: MapAbout, turns: Sequence[MapTurn], states: np.ndarray) -> StateMap:
    """The map of states (N, D) of these turns.

    Raises ValueError for fewer turns than clusters, turns without a gold strategy or all of one.
    """
    from sklearn.decomposition import PCA  # here: reading a map needs none of it

    gold = [STRATEGIES.index(turn.gold) if turn.gold else -1 for turn in turns]
    if -1 in gold:
        raise ValueError(f"{gold.count(-1)} of {len(gold)} turns have no strategy; leave them out of the map")
    figures, clusters, plane = separate(states, gold, about.seed)
    kept = min(COMPONENTS, states.shape[1], len(states) - 1)
    fitted = PCA(kept, svd_solver="full").fit(states)
    projection = Projection(fitted.mean_, fitted.components_)
    return StateMap(about, figures, tuple(turns), clusters, plane, projection.of(states), projection)


def separate(states: np.ndarray, gold: Sequence[int], seed: int) -> tuple[Separation, np.ndarray, np.ndarray]:
    """Figures, K-means clusters (N,) and t-SNE plane (N, 2) of states (N, D).

    Raises ValueError for fewer turns than clusters, or turns that are all of one strategy.
    """
    from sklearn.cluster import KMeans
    from sklearn.manifold import TSNE
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

    if len(states) <= len(STRATEGIES) or len(set(gold)) < 2:
        raise ValueError(
            f"A map needs more than {len(STRATEGIES)} replies, with at least 2 strategies among them; so far there are"
            f" {len(states)}, with {len(set(gold))}."
        )
    clusters = KMeans(len(STRATEGIES), n_init=10, random_state=seed).fit_predict(states)
    perplexity = min(30.0, (len(states) - 1) / 3)
    plane = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(states)
    figures = Separation(
        len(states),
        float(silhouette_score(states, gold)),
        float(silhouette_score(states, clusters)),
        float(normalized_mutual_info_score(gold, clusters)),
        float(adjusted_rand_score(gold, clusters)),
    )
    return figures, clusters, plane
