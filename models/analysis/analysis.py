"""All figures of one net, and what they were made from.

Place in the flow: StrategyTurns and cosines -> Analysis -> a file -> the figures of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.analysis.cosine import Cosine
from models.analysis.labels import Labels, labels_of
from models.analysis.stages import Stage, stages_of
from models.analysis.strategy_turns import StrategyTurn
from models.analysis.top_k import TopK, top_k_of
from models.evaluation.uncertainty import Interval

ROUNDS = 1000
"""number of bootstrap rounds for every interval"""


@dataclass(frozen=True)
class Source:
    """What an analysis was made from. The first four fields show whether it still belongs to a net."""

    net: str
    checkpoint: str
    """fingerprint of the net's weights"""
    base: str
    """the base as the card names it; "" for a net from scratch"""
    vocabulary: str
    """digest of the tokenizer; "" if the card has none"""
    split: str
    part: str
    measured_on: str
    """split and part, and how training data leak into them, if they do"""
    data: str
    """hash of the dialogues"""
    predictions: str
    """sha256 of the file of predictions, "" if the net itself made them"""


@dataclass(frozen=True)
class Interference:
    """Cosines between the gradients of a net's losses."""

    batches: int
    """number of batches whose gradients were compared"""
    batch: int
    """number of turns in each batch"""
    cosines: tuple[Cosine, ...]
    """empty for a net with one loss"""


@dataclass(frozen=True)
class Counted:
    """Figures of the replies under one definition (`models.evaluation.definitions.Definition`)."""

    tokens: str
    """what a token is; "bpe": the net's own word pieces"""
    legacy_distinct: bool
    figures: tuple[Interval, ...]
    """with 95 % intervals, by the names of `models.evaluation.tables.LABELS`"""


@dataclass(frozen=True)
class Analysis:
    """The figures of one net on one set of turns."""

    source: Source
    turns: int
    dialogues: int
    rounds: int
    """bootstrap rounds of the intervals, which resample dialogues"""
    seed: int
    """seed of the sample of dialogues, and of the resampling"""
    stages: tuple[Stage, ...]
    labels: Labels
    top_k: TopK
    interference: Interference | None
    """None if it was not measured"""
    replies: tuple[Counted, ...]
    """figures of the replies, counted as in the papers; () if there were no replies"""


def analysis_of(
    source: Source,
    turns: Sequence[StrategyTurn],
    interference: Interference | None,
    replies: tuple[Counted, ...],
    seed: int,
    rounds: int = ROUNDS,
) -> Analysis:
    """The analysis of `turns`. Raises ValueError when they come from too few dialogues for intervals."""
    return Analysis(
        source,
        len(turns),
        len({turn.dialogue for turn in turns}),
        rounds,
        seed,
        stages_of(turns, rounds, seed),
        labels_of(turns, rounds, seed),
        top_k_of(turns, rounds, seed),
        interference,
        replies,
    )
