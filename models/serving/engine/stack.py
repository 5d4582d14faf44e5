"""The low-rank changes of all nets on one base under one another, so that one product serves the rows of every net.

    x W^T + (x A^T * mask) B      A, B of all nets; the mask leaves each row the part of its own net

Rows of a single net take its part alone. Shapes: n rows, R ranks of all changes, D width, S sources, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from models.backbones.causal import Causal, CausalLayer
from models.backbones.low_rank import SourceChange


@dataclass(frozen=True)
class LayerChanges:
    """The changes of one layer for some rows; of queries, keys, values and the sources' queries in one matrix A."""

    ask: Tensor
    """(R', D)"""
    qkv: Tensor
    """(R', (H + 2 K) d)"""
    sources: Tensor
    """(R', S H d)"""
    o: tuple[Tensor, Tensor]
    gate_up: tuple[Tensor, Tensor]
    down: tuple[Tensor, Tensor]
    gates: Tensor
    """(nets, S, H, 1)"""

    def of(self, net: int, ask: slice, rest: slice) -> LayerChanges:
        """Those of one net, whose ranks lie there."""
        o, gate_up, down = ((a[rest], b[rest]) for a, b in (self.o, self.gate_up, self.down))
        gates = self.gates[net : net + 1]
        return LayerChanges(self.ask[ask], self.qkv[ask], self.sources[ask], o, gate_up, down, gates)


@dataclass(frozen=True)
class Mix:
    """The changes of all layers for the rows of a step, in the order of the rows."""

    layers: list[LayerChanges]
    ask_mask: Tensor | None
    """(n, R'); None: all rows are of one net"""
    mask: Tensor | None
    """(n, R)"""
    nets: Tensor | None
    """(n,) whose gates; None: of the only net"""

    def asked(self, x: Tensor, layer: LayerChanges) -> Tensor:
        """(n, R') what A makes of x (n, D)."""
        inner = x @ layer.ask.T
        return inner if self.ask_mask is None else inner * self.ask_mask

    def change(self, out: Tensor, x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        """`out` of x, changed."""
        inner = x @ pair[0].T
        return torch.addmm(out, inner if self.mask is None else inner * self.mask, pair[1])


class Stack:
    """The changes of nets in `dtype`; a net's number is its place."""

    def __init__(self, backbones: Sequence[Causal], dtype: torch.dtype) -> None:
        self.names = [tuple(cast(CausalLayer, b.layers[0]).sources) for b in backbones]
        self.slots = max(1, *(len(names) for names in self.names))
        self.layers = [
            self._layer([cast(CausalLayer, b.layers[at]) for b in backbones], dtype)
            for at in range(len(backbones[0].layers))
        ]
        firsts = [cast(CausalLayer, b.layers[0]) for b in backbones]
        ranks = [layer.o.parts()[0].shape[0] for layer in firsts]
        asks = [layer.qkv.parts()[0].shape[0] + sum(map(len, _queries(layer))) for layer in firsts]
        device = firsts[0].o.a.device
        self._ask_mask, self._asks = _blocks(asks, dtype, device)
        self._mask, self._rests = _blocks(ranks, dtype, device)
        self._alone = [
            Mix([layer.of(n, ask, rest) for layer in self.layers], None, None, None)
            for n, (ask, rest) in enumerate(zip(self._asks, self._rests, strict=True))
        ]

    def gates(self, net: int) -> Tensor:
        """(L, S, H, 1) of a net's sources."""
        return torch.stack([layer.gates[net] for layer in self.layers])

    def mix(self, nets: Sequence[int]) -> Mix:
        """The changes for rows of these nets."""
        if len(set(nets)) == 1:
            return self._alone[nets[0]]
        numbers = torch.tensor(nets, device=self._mask.device)
        return Mix(self.layers, self._ask_mask[numbers], self._mask[numbers], numbers)

    def _layer(self, layers: Sequence[CausalLayer], dtype: torch.dtype) -> LayerChanges:
        shape = layers[0].shape
        ask, qkv, sources = list[Tensor](), list[Tensor](), list[Tensor]()
        gates = torch.zeros(len(layers), self.slots, shape.heads, 1, dtype=dtype, device=layers[0].o.a.device)
        for number, layer in enumerate(layers):
            a, b = layer.qkv.parts()
            ask.append(a)
            qkv.append(b)
            sources.append(b.new_zeros(len(b), self.slots * shape.query_width))
            for slot, name in enumerate(layer.sources):
                a, b = _source(layer, name).q.parts()
                wide = b.new_zeros(len(b), self.slots, shape.query_width)
                wide[:, slot] = b
                ask.append(a)
                qkv.append(b.new_zeros(len(b), shape.query_width + 2 * shape.key_width))
                sources.append(wide.flatten(1))
                gates[number, slot, :, 0] = _source(layer, name).gate.value

        def under(parts: Sequence[Tensor]) -> Tensor:
            return torch.cat([part.detach().to(dtype) for part in parts])

        o, gate_up, down = (
            (under([c.parts()[0] for c in changes]), under([c.parts()[1] for c in changes]))
            for changes in ([x.o for x in layers], [x.gate_up for x in layers], [x.down for x in layers])
        )
        return LayerChanges(under(ask), under(qkv), under(sources), o, gate_up, down, gates)


def _queries(layer: CausalLayer) -> list[Tensor]:
    """A of the queries of each source."""
    return [_source(layer, name).q.parts()[0] for name in layer.sources]


def _source(layer: CausalLayer, name: str) -> SourceChange:
    return cast(SourceChange, layer.sources[name])


def _blocks(sizes: Sequence[int], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, list[slice]]:
    """(nets, sum of sizes) 1 where a rank belongs to a net, and where each net's ranks lie."""
    ends = torch.tensor(sizes).cumsum(0).tolist()
    spans = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    mask = torch.zeros(len(sizes), sum(sizes), dtype=dtype, device=device)
    for number, span in enumerate(spans):
        mask[number, span] = 1
    return mask, spans
