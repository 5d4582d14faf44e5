"""The strategy that one of our nets predicts for the next reply of a system that predicts none (STAR's "SC")."""

from __future__ import annotations

from models.data.dialogue import Dialogue
from models.data.strategies import STRATEGIES
from models.serving.responder import NamesStrategies, Responder
from models.serving.trace import DecodeOptions

ONE_TOKEN = DecodeOptions(method="greedy", min_tokens=0, max_tokens=1)


def strategies_of(classifier: Responder | None, dialogue: Dialogue, seed: int) -> tuple[float, ...]:
    """Shares of the strategies, in the order of STRATEGIES; all equal without a classifier."""
    if classifier is None:
        return (1 / len(STRATEGIES),) * len(STRATEGIES)
    if isinstance(classifier, NamesStrategies):
        return classifier.strategies(dialogue)
    return classifier.respond(dialogue, ONE_TOKEN, seed).trace.strategies


def most_likely(shares: tuple[float, ...]) -> str:
    """The name of the most likely strategy; "" when all are equal."""
    return "" if len(set(shares)) == 1 else STRATEGIES[shares.index(max(shares))]
