"""Where the keys and values of running replies are kept: rows of equal room, allocated once and used again.

All rows of a lane have room for the same number of tokens; a reply takes the narrowest lane that it fits into. The rows
in use are always the first ones, so that a step reads them in place: when a reply ends, the last row takes its place.
Shapes: L layers, R rows, K key heads of d numbers, C tokens of room, S sources of N vectors, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.backbones.interface import CONTEXT, Memories, Memory
from models.backbones.llama_weights import LlamaShape

if TYPE_CHECKING:
    from models.serving.engine.writing import Writing

WIDTHS = (192, 384, 768, 1536)
"""room of the lanes in tokens; a longer reply gets a lane for as many as the base reads"""
FIRST_ROWS = 4
"""rows that a lane starts with; it doubles when they are taken"""
FIRST_VECTORS = 32
"""vectors of room for each source"""


@dataclass(eq=False)
class Row:
    """What one row of a step belongs to, and its place."""

    writing: Writing
    net: int
    """number of its net in the stack"""
    length: int
    """tokens whose keys and values are stored"""
    prefix: Tensor
    """(P, D) vectors of what precedes the reply"""
    place: int = -1
    """in its lane"""
    lane: Lane | None = None
    sources: dict[str, Where] = field(default_factory=dict)


@dataclass(frozen=True)
class Where:
    """Where a source of a row lies."""

    slot: int
    """-1: a source of one vector, which adds a constant"""
    count: int
    """vectors"""
    there: bool
    """whether there is anything to attend to"""


class Lane:
    """Rows for `room` tokens."""

    def __init__(self, shape: LlamaShape, room: int, like: Tensor, work: torch.dtype) -> None:
        """`like`: a tensor with the type and device of keys and values; `work`: the type of everything else."""
        self.shape, self.room, self.rows = shape, room, list[Row]()
        # zeros: what is masked must be a number all the same
        self.talk = like.new_zeros(shape.layers, FIRST_ROWS, 2 * shape.key_heads, room, shape.head_width)
        """(L, R, 2 K, C, d) keys, then values, of the dialogue and of the reply so far"""
        self.constants = like.new_zeros(shape.layers, FIRST_ROWS, shape.query_width, dtype=work)
        sources = (FIRST_ROWS, 0, FIRST_VECTORS)
        self.source_keys = like.new_zeros(shape.layers, *_by_head(sources, shape), dtype=work)
        self.source_values = torch.zeros_like(self.source_keys)
        self.bias = like.new_zeros(*sources, dtype=work)
        """(R, S, N) 0 = attend, -inf = do not"""

    def add(self, row: Row, memories: Memories, names: tuple[str, ...], gates: Tensor) -> None:
        """Add a row with the keys and values of `memories`; `gates` (L, S, H, 1) of the net's sources `names`."""
        row.place, row.lane = len(self.rows), self
        if row.place == self.talk.shape[1]:
            self._grow_rows()
        wanted = {
            name: Where(
                names.index(name) if memory.constant is None else -1, memory.keys.shape[2], not bool(memory.empty[0])
            )
            for name, memory in memories[0].items()
            if name != CONTEXT
        }
        self._make_room(wanted)
        self.bias[row.place] = 0.0
        self.source_values[:, row.place] = 0.0
        self.constants[:, row.place] = 0.0
        for layer, memory in enumerate(memories):
            context = memory[CONTEXT]
            for held, read in zip(self.talk[layer, row.place].chunk(2), (context.keys, context.values), strict=True):
                held[:, : row.length] = read[0, :, : row.length]
            for name, where in wanted.items():
                self._take_source(layer, row.place, memory[name], where, gates[layer, names.index(name)])
        row.sources = wanted
        self.rows.append(row)

    def _take_source(self, layer: int, place: int, memory: Memory, where: Where, gate: Tensor) -> None:
        if not where.there:
            return
        if memory.constant is not None:
            heads = memory.constant[0, 0].to(gate.dtype).view(self.shape.heads, -1)
            self.constants[layer, place] += (heads * gate).flatten()
            return
        span = slice(where.slot * self.shape.key_heads, (where.slot + 1) * self.shape.key_heads)
        self.source_keys[layer, place, span, : where.count] = memory.keys[0].to(gate.dtype)
        self.source_values[layer, place, span, : where.count] = memory.values[0].to(gate.dtype)
        if layer == 0:
            self.bias[place, where.slot] = -torch.inf
            self.bias[place, where.slot, : where.count].copy_(torch.where(memory.mask[0, 0, 0], 0.0, -torch.inf))

    def remove(self, row: Row) -> None:
        """Free a row; the last one takes its place."""
        last = self.rows.pop()
        if last is not row:
            into, out = row.place, last.place
            self.talk[:, into, :, : last.length] = self.talk[:, out, :, : last.length]
            for held in (self.constants, self.source_keys, self.source_values):
                held[:, into] = held[:, out]
            self.bias[into] = self.bias[out]
            last.place = into
            self.rows[into] = last
        row.place, row.lane = -1, None

    @property
    def grown(self) -> bool:
        """Whether it has more rows than it started with."""
        return self.talk.shape[1] > FIRST_ROWS

    @property
    def slots(self) -> int:
        """Slots of sources that rows in use attend to."""
        return max((where.slot + 1 for row in self.rows for where in row.sources.values()), default=0)

    @property
    def has_constants(self) -> bool:
        """Whether a row in use has a source of one vector."""
        return any(where.slot < 0 and where.there for row in self.rows for where in row.sources.values())

    @property
    def vectors(self) -> int:
        """Vectors of the longest source in use that is no constant."""
        counts = [where.count for row in self.rows for where in row.sources.values() if where.slot >= 0]
        return max(counts, default=0)

    def _grow_rows(self) -> None:
        for name in ("talk", "constants", "source_keys", "source_values"):
            held = getattr(self, name)
            grown = held.new_zeros(held.shape[0], 2 * held.shape[1], *held.shape[2:])
            grown[:, : held.shape[1]] = held
            setattr(self, name, grown)
        self.bias = torch.cat((self.bias, torch.zeros_like(self.bias)))

    def _make_room(self, wanted: dict[str, Where]) -> None:
        rows, slots, vectors = self.bias.shape
        more = (
            rows,
            max([slots, *(where.slot + 1 for where in wanted.values())]),
            max([vectors, *(where.count for where in wanted.values() if where.slot >= 0)]),
        )
        if more == (rows, slots, vectors):
            return
        heads = slots * self.shape.key_heads
        for name in ("source_keys", "source_values"):
            held = getattr(self, name)
            grown = held.new_zeros(held.shape[0], *_by_head(more, self.shape))
            grown[:, :, :heads, :vectors] = held
            setattr(self, name, grown)
        bias = self.bias.new_full(more, -torch.inf)
        bias[:, :slots, :vectors] = self.bias
        bias[:, slots:] = 0.0
        self.bias = bias


def _by_head(size: tuple[int, int, int], shape: LlamaShape) -> tuple[int, int, int, int]:
    rows, slots, vectors = size
    return rows, slots * shape.key_heads, vectors, shape.head_width
