"""Made-up analyses for tests: a net that asks too often, on six dialogues."""

from __future__ import annotations

from dataclasses import replace

from models.analysis.analysis import Analysis, Counted, Interference, Source, analysis_of
from models.analysis.cosine import Cosine
from models.analysis.strategy_turns import StrategyTurn
from models.data.strategies import STRATEGIES
from models.evaluation.uncertainty import Interval

SOURCE = Source("joint", "c0ffee", "b95bb59af109", "34d63a609a18", "D", "test", "D test", "da7a", "")


def turn(place: float, dialogue: str = "one", gold: int = 0, best: int = 0) -> StrategyTurn:
    """A turn whose most probable strategy is `best`."""
    return StrategyTurn(dialogue, place, gold, tuple(0.3 if at == best else 0.1 for at in range(len(STRATEGIES))))


def made_up(net: str = "joint", source: Source = SOURCE, *, asks: int = 3) -> Analysis:
    """Six dialogues of ten turns: every strategy in turn is annotated, and of each `asks` turns one is Question."""
    turns = [
        turn(at / 10, f"talk {number}", (number + at) % 8, 0 if (number + at) % asks == 0 else (number + at) % 8)
        for number in range(6)
        for at in range(10)
    ]
    cosines = tuple(
        Cosine(group, "reply", "strategy", mean, 0.1, 4) for group, mean in (("all", -0.3), ("encoder", 0.2))
    )
    replies = Counted("words", True, (Interval("bleu_2", 6.1, 5.8, 6.5), Interval("rouge_l", 17.0, 16.0, 18.0)))
    return analysis_of(replace(source, net=net), turns, Interference(4, 16, cosines), (replies,), seed=1, rounds=100)
