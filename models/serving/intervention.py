"""What if: one reply made again with something changed inside the net, everything else the same.

Same dialogue, seed and options; an `Intervention` says what is changed, `Levers` say what can be changed in a net.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.data.strategies import STRATEGIES
from models.knowledge.comet import Block
from models.knowledge.emotion import EMOTIONS

LIKELIHOOD = "log-likelihood per token"
"""the row of a trace with the four values named by LIKELIHOODS, in nats; the end mark counts as a token"""
LIKELIHOODS = (
    "original, net as it is",
    "original, with the change",
    "new reply, net as it is",
    "new reply, with the change",
)


@dataclass(frozen=True)
class Intervention:
    """A change; without arguments, no change. Raises ValueError for an invalid value, saying what is allowed."""

    strategy: str | None = None
    """the strategy that the reply has to follow, by name"""
    mixture: tuple[float, ...] | None = None
    """shares of the strategies, in the order of STRATEGIES, instead of the predicted ones; they sum to 1"""
    knowledge: bool = True
    """False: no commonsense block at all"""
    blocks_off: frozenset[Block] = frozenset()
    """commonsense blocks that are hidden from the net"""
    emotion: str | None = None
    """emotion of the last message that replaces the detector's reading, one of EMOTIONS"""
    beside: str = ""
    """the original reply, which changes nothing: if it is given, the trace compares the likelihoods"""

    def __post_init__(self) -> None:
        if self.strategy is not None and self.strategy not in STRATEGIES:
            raise ValueError(f"strategy is {self.strategy!r:.60}; allowed: {', '.join(STRATEGIES)}")
        if self.emotion is not None and self.emotion not in EMOTIONS:
            raise ValueError(f"emotion is {self.emotion!r:.60}; allowed: {', '.join(EMOTIONS)}")
        if self.mixture is not None:
            if self.strategy is not None:
                raise ValueError("both a strategy and a mixture are given; leave one of them out")
            self._check_mixture(self.mixture)

    def _check_mixture(self, mixture: Sequence[float]) -> None:
        fits = len(mixture) == len(STRATEGIES) and all(math.isfinite(share) and share >= 0 for share in mixture)
        if not fits or not math.isclose(sum(mixture), 1.0, abs_tol=1e-3):
            raise ValueError(
                f"the mixture has {len(mixture)} shares with sum {sum(mixture):.3f}; allowed: {len(STRATEGIES)} shares"
                " of 0 or more that sum to 1"
            )

    def left_of(self, blocks: Sequence[Block]) -> tuple[Block, ...]:
        """The blocks that stay."""
        return tuple(block for block in blocks if self.knowledge and block not in self.blocks_off)


NO_CHANGE = Intervention()


@dataclass(frozen=True)
class Levers:
    """The changes for which a net has an input; others would have no effect."""

    strategy: bool = False
    mixture: bool = False
    knowledge: bool = False
    emotion: bool = False

    def any(self) -> bool:
        """Whether anything can be changed."""
        return self.strategy or self.mixture or self.knowledge or self.emotion

    def check(self, net: str, change: Intervention) -> None:
        """Raises ValueError when the net called `net` has no input for `change`."""
        asked = {
            "strategy": change.strategy is not None,
            "mixture": change.mixture is not None,
            "knowledge": bool(change.blocks_off) or not change.knowledge,
            "emotion": change.emotion is not None,
        }
        missing = [name for name, wanted in asked.items() if wanted and not getattr(self, name)]
        if missing:
            there = [name for name in asked if getattr(self, name)]
            raise ValueError(
                f"{net} has no input for {' and '.join(missing)}; it can change: {', '.join(there) or 'nothing'}"
            )
