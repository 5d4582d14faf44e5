"""A way to answer talks, which the benchmark compares with others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.data.dialogue import Dialogue
from models.serving.speed.talks import Answered

Answer = Callable[[Sequence[Dialogue]], list[Answered]]


@dataclass(frozen=True)
class Contender:
    """A way to answer talks that all arrive at the same moment."""

    name: str
    answer: Answer
    prepare: Callable[[Sequence[Dialogue]], object] = lambda talks: None
    """does what the earlier turns of a talk have done already (such as filling caches); not measured"""
