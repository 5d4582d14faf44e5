"""Examples -> endless batches of similar length; a step always has the same batch, which a resumed run needs.

`Batches` has one example per row; `WholeBatches` has whole dialogues, all turns of which are learnt from one reading.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from models.data.batches import Batch, make_batch, make_whole_batch
from models.data.examples import Example, Whole

POOL = 16
"""number of batches drawn together and sorted by length"""


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
    """Endless batches of whole dialogues, each of at most `tokens` ids with padding (but at least one dialogue)."""

    dialogues: Sequence[Whole]
    tokens: int
    seed: int

    def at(self, step: int) -> Batch:
        """Batch number `step`; always the same."""
        return make_whole_batch(self._chosen(step))

    def apart_at(self, step: int) -> list[Batch]:
        """The turns of batch number `step` as one example each, in batches with contexts of at most `tokens` ids."""
        turns = [turn for whole in self._chosen(step) for turn in whole.turns]
        lengths = [len(turn.context) for turn in turns]
        groups = _cut(sorted(range(len(turns)), key=lengths.__getitem__), lengths, self.tokens)
        return [make_batch([turns[i] for i in group]) for group in groups]

    def _chosen(self, step: int) -> list[Whole]:
        epoch = 0
        while step >= len(order := self._order(epoch)):  # epochs differ a little in length
            step, epoch = step - len(order), epoch + 1
        return [self.dialogues[i] for i in order[step]]

    def each(self) -> list[Batch]:
        """Every dialogue once, ordered by length, for validation."""
        lengths = self._lengths()
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        return [make_whole_batch([self.dialogues[i] for i in group]) for group in _cut(order, lengths, self.tokens)]

    def _order(self, epoch: int) -> list[list[int]]:
        known: dict[int, list[list[int]]] = self.__dict__.setdefault("_orders", {})
        if epoch not in known:
            rng, lengths = random.Random(f"{self.seed}:{epoch}"), self._lengths()
            order = list(range(len(lengths)))
            rng.shuffle(order)
            groups: list[list[int]] = []
            for start in range(0, len(order), 8 * POOL):
                pool = sorted(order[start : start + 8 * POOL], key=lengths.__getitem__)
                groups += _cut(pool, lengths, self.tokens)
            rng.shuffle(groups)
            known[epoch] = groups
        return known[epoch]

    def _lengths(self) -> list[int]:
        return [len(dialogue.ids) for dialogue in self.dialogues]


def _cut(order: Sequence[int], lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Cuts `order`, ascending in length, into groups of at most `tokens` ids when padded to the longest of each."""
    groups: list[list[int]] = []
    for i in order:
        if groups and (len(groups[-1]) + 1) * lengths[i] <= tokens:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups
