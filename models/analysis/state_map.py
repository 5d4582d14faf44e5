"""Decoder states of many turns as a map: K-means clusters, a t-SNE and a PCA plane (STAR, figure 4). No torch.

New states can be placed on a map. PCA projects them. t-SNE has no transform for unseen points, so a new state is put at
the mean of its nearest neighbours' places, with more weight for nearer ones: where t-SNE put similar states, not where
a new t-SNE would put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.data.strategies import STRATEGIES

COMPONENTS = 16
"""number of principal components that a map keeps of its states; neighbours are searched in this space"""
NEIGHBOURS = 8
"""number of turns whose t-SNE places decide where a new state goes"""
VERDICTS = ("better", "about the same", "worse")
"""the seeker's judgment of the side that gave a reply, in talks that were judged"""


@dataclass(frozen=True)
class MapAbout:
    """What a map was made from."""

    net: str
    checkpoint: str
    """short hash of the net's weights"""
    base: str
    """the base that its weights change, as named in its card; "" for a net from scratch"""
    source: str
    """ "ESConv", or "own talks" """
    split: str
    """split of ESConv; "" for talks"""
    part: str
    measured_on: str
    """split and part, and how training data leak into them, if they do"""
    dialogues: int
    """how many dialogues were drawn"""
    data: str
    """hash of the turns: maps with the same hash show the same turns in the same order"""
    comet: str
    emotion: str
    """versions of the commonsense and the detector that the net read; "" when it reads none"""
    seed: int


@dataclass(frozen=True)
class MapTurn:
    """What a map says about one turn besides its place. No text."""

    dialogue: int
    """number of the dialogue in the order of its source, from 1"""
    turn: int
    """number of the utterance in its dialogue, from 1"""
    gold: str
    """strategy of the given reply; "" if unknown"""
    predicted: str
    """the strategy that is most probable for the net; "" for nets that predict none"""
    emotion: str
    """emotion of the dialogue as its seeker named it; "" if it is not one of ESConv's"""
    verdict: str = ""
    """one of VERDICTS, or "" """


@dataclass(frozen=True)
class Separation:
    """How decoder states cluster, compared with the gold strategies."""

    turns: int
    silhouette_gold: float
    """mean silhouette with the gold strategies as clusters, -1 to 1"""
    silhouette_clusters: float
    """the same with the clusters of K-means"""
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
        """Projects states (M, D) to (M, K). Raises ValueError for states of another width."""
        if states.ndim != 2 or states.shape[1] != len(self.mean):
            raise ValueError(f"states of shape {states.shape} do not fit a map of width {len(self.mean)}")
        return (states - self.mean) @ self.components.T


@dataclass(frozen=True)
class StateMap:
    """The map of one net, with N turns."""

    about: MapAbout
    figures: Separation
    turns: tuple[MapTurn, ...]
    clusters: np.ndarray
    """(N,) K-means clusters, 0 to 7"""
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
        # Relative to the spread of the map, so that a state equal to one of its turns is put where that turn is.
        weights = 1 / (distances + 1e-6 * (1 + float(np.abs(self.coordinates).max())))
        weights /= weights.sum(axis=1, keepdims=True)
        return (weights[..., None] * self.plane[near]).sum(axis=1)


def make_map(about: MapAbout, turns: Sequence[MapTurn], states: np.ndarray) -> StateMap:
    """The map of the states (N, D) of these turns.

    Raises ValueError for fewer turns than clusters, turns without a gold strategy, or turns all of one strategy.
    """
    from sklearn.decomposition import PCA  # imported here, since reading a map does not need it

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

    Raises ValueError for fewer turns than clusters, or turns all of one strategy.
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
