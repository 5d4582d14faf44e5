"""Examples -> endless batches of similar length, the same at every step whatever ran before: what a resumed run needs.

`Batches` has one example a row; `WholeBatches` has whole dialogues, every turn of them learnt from one reading.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.data.batches import Batch, make_batch, make_whole_batch
from models.data.examples import Example, Whole

POOL = 16
"""batches drawn together and sorted by length"""


@dataclass(frozen=True)
class Batches:
    """Endless batches of examples of similar length; batch number n is always the same."""

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


@dataclass(frozen=True)
class WholeBatches:
    """Endless batches of whole dialogues, each of at most `tokens` ids, padding included (one dialogue at least)."""

    dialogues: Sequence[Whole]
    tokens: int
    seed: int

    def at(self, step: int) -> Batch:
        """Batch number `step`; the same for ever."""
        epoch = 0
        while step >= len(order := self._order(epoch)):  # epochs differ a little in length
            step, epoch = step - len(order), epoch + 1
        return make_whole_batch([self.dialogues[i] for i in order[step]])

    def each(self) -> list[Batch]:
        """Every dialogue once, in order of length: for validation."""
        order = sorted(range(len(self.dialogues)), key=self._length)
        return [make_whole_batch([self.dialogues[i] for i in group]) for group in self._cut(order)]

    def _order(self, epoch: int) -> list[list[int]]:
        known: dict[int, list[list[int]]] = self.__dict__.setdefault("_orders", {})
        if epoch not in known:
            rng = random.Random(f"{self.seed}:{epoch}")
            order = list(range(len(self.dialogues)))
            rng.shuffle(order)
            groups: list[list[int]] = []
            for start in range(0, len(order), 8 * POOL):
                groups += self._cut(sorted(order[start : start + 8 * POOL], key=self._length))
            rng.shuffle(groups)
            known[epoch] = groups
        return known[epoch]

    def _cut(self, order: Sequence[int]) -> list[list[int]]:
        groups: list[list[int]] = []
        for i in order:  # ascending lengths: the latest is the longest
            if groups and (len(groups[-1]) + 1) * self._length(i) <= self.tokens:
                groups[-1].append(i)
            else:
                groups.append([i])
        return groups

    def _length(self, index: int) -> int:
        return len(self.dialogues[index].ids)
