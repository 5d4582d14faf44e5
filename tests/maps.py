"""Maps for tests: made-up states that cluster by their strategy."""

from __future__ import annotations

import numpy as np

from models.analysis.state_map import MapAbout, MapTurn, StateMap, make_map
from models.data.esconv_labels import EMOTION_TYPES
from models.data.strategies import STRATEGIES

WIDTH = 24


def made_up_about(net: str = "joint", checkpoint: str = "sha-joint", data: str = "d" * 64, seed: int = 3) -> MapAbout:
    return MapAbout(net, checkpoint, "base0001", "ESConv", "D", "test", "D test", 5, data, "", "", seed)


def made_up_turns(count: int = 40, verdict: str = "") -> tuple[MapTurn, ...]:
    """Turns 2, 4, ... of dialogues of eight replies; every third is predicted otherwise than it was."""
    return tuple(
        MapTurn(
            at // 8 + 1,
            2 * (at % 8) + 2,
            STRATEGIES[at % 8],
            STRATEGIES[(at + (at % 3 == 0)) % 8],
            EMOTION_TYPES[at // 8 % 5],
            verdict,
        )
        for at in range(count)
    )


def centres(width: int = WIDTH) -> np.ndarray:
    """Where the states of each strategy lie."""
    return np.random.default_rng(99).normal(size=(8, width)) * 6


def made_up_states(count: int = 40, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return centres(width)[np.arange(count) % 8] + rng.normal(size=(count, width))


def made_up_map(net: str = "joint", checkpoint: str | None = None, count: int = 40, seed: int = 0) -> StateMap:
    about = made_up_about(net, checkpoint or f"sha-{net}")
    return make_map(about, made_up_turns(count), made_up_states(count, seed))
