"""Examples -> endless batches of like length, the same at every step whatever ran before: what a resumed run needs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.data.batches import Batch, make_batch
from models.data.examples import Example

POOL = 16
"""batches drawn together and sorted by length"""


@dataclass(frozen=True)
class Batches:
    """Endless batches of examples of like length; batch number n is always the same."""

    examples: Sequence[Example]
    size: int
    seed: int

    def at(self, step: int) -> Batch:
        """Batch number `step`."""
        each = -(-len(self.examples) // self.size)
        epoch, place = divmod(step, each)
        return make_batch([self.examples[i] for i in self._order(epoch)[place]])

    def _order(self, epoch: int) -> list[list[int]]:
        known: dict[int, list[list[int]]] = self.__dict__.setdefault("_orders", {})
        if epoch not in known:
            rng = random.Random(f"{self.seed}:{epoch}")
            order = list(range(len(self.examples)))
            rng.shuffle(order)
            groups: list[list[int]] = []
            for start in range(0, len(order), self.size * POOL):
                pool = sorted(order[start : start + self.size * POOL], key=self._length)
                groups += [pool[i : i + self.size] for i in range(0, len(pool), self.size)]
            rng.shuffle(groups)
            known.clear()
            known[epoch] = groups
        return known[epoch]

    def _length(self, index: int) -> tuple[int, int]:
        example = self.examples[index]
        return len(example.context) // 8, len(example.target)
