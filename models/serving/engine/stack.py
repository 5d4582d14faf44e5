"""The low-rank changes of the nets in a step, stacked, so that one product serves the rows of every net.

    x W^T + (x A * mask) B        A, B of these nets; the mask keeps for each row the part of its own net

Rows of a single net use its part alone. Shapes: n rows, R ranks of the nets' changes, D width, S sources, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from models.backbones.causal import Causal, CausalLayer
from models.backbones.low_rank import SourceChange

Pair = tuple[Tensor, Tensor]
"""A (D, R), column by column in memory, and B (R, ...) of a change"""


@dataclass(frozen=True)
class LayerChanges:
    """The changes of one layer."""

    qkv: Pair
    """(D, R), (R, (H + 2 K) d)"""
    sources: Pair
    """(D, R'), (R', S H d) of the queries of all sources"""
    o: Pair
    gate_up: Pair
    down: Pair
    gates: Tensor
    """(nets, S, H, 1)"""

    def of(self, net: int, ranks: slice, listening: slice) -> LayerChanges:
        """The changes of one net, given the places of its ranks."""
        qkv, o, gate_up, down = ((a[:, ranks], b[ranks]) for a, b in (self.qkv, self.o, self.gate_up, self.down))
        sources = self.sources[0][:, listening], self.sources[1][listening]
        return LayerChanges(qkv, sources, o, gate_up, down, self.gates[net : net + 1])


def _under(layers: Sequence[LayerChanges]) -> LayerChanges:
    """The changes of several nets, stacked."""

    def joined(name: str) -> Pair:
        pairs = [cast(Pair, getattr(layer, name)) for layer in layers]
        return torch.cat([a.T for a, _ in pairs]).T, torch.cat([b for _, b in pairs])

    gates = torch.cat([layer.gates for layer in layers])
    return LayerChanges(joined("qkv"), joined("sources"), joined("o"), joined("gate_up"), joined("down"), gates)


@dataclass(frozen=True)
class Mix:
    """The changes of all layers for the rows of a step, in the order of the rows."""

    layers: list[LayerChanges]
    mask: Tensor | None = None
    """(n, R); None: all rows are of one net"""
    listening: Tensor | None = None
    """(n, R')"""
    nets: Tensor | None = None
    """(n,) whose gates each row uses; None: those of the only net"""

    def change(self, out: Tensor, x: Tensor, pair: Pair) -> Tensor:
        """`out` of x, changed."""
        return torch.addmm(out, _inner(x, pair[0], self.mask), pair[1])

    def listen(self, x: Tensor, pair: Pair) -> Tensor:
        """(n, R') the product of x (n, D) with A of the sources' queries."""
        return _inner(x, pair[0], self.listening)


def _inner(x: Tensor, a: Tensor, mask: Tensor | None) -> Tensor:
    inner = torch.mm(x, a)
    return inner if mask is None else inner * mask


class Stack:
    """The changes of nets in `dtype`; a net's number is its place in the order given."""

    def __init__(self, backbones: Sequence[Causal], dtype: torch.dtype) -> None:
        self.names = [tuple(cast(CausalLayer, b.layers[0]).sources) for b in backbones]
        self.slots = max(1, *(len(names) for names in self.names))
        owns = [[self._own(cast(CausalLayer, layer), dtype) for layer in b.layers] for b in backbones]
        self.layers = [_under(layers) for layers in zip(*owns, strict=True)]
        spans = zip(*map(_spans, _sizes([own[0] for own in owns])), strict=True)
        self._alone = [Mix([layer.of(net, *span) for layer in self.layers]) for net, span in enumerate(spans)]
        self._present = tuple(range(len(backbones)))
        self._together = self._mixed()

    def gates(self, net: int) -> Tensor:
        """(L, S, H, 1) of a net's sources."""
        return torch.stack([layer.gates[net] for layer in self.layers])

    def mix(self, nets: Sequence[int]) -> Mix:
        """The changes for rows of these nets. Other nets are left out, since theirs would be read for nothing."""
        present = tuple(sorted(set(nets)))
        if len(present) == 1:
            return self._alone[present[0]]
        if present != self._present:
            self._present = present
            self._together = self._mixed()
        numbers = torch.tensor([present.index(net) for net in nets], device=self.layers[0].gates.device)
        mix = self._together
        return Mix(mix.layers, cast(Tensor, mix.mask)[numbers], cast(Tensor, mix.listening)[numbers], numbers)

    def _mixed(self) -> Mix:
        """The changes of the nets that are present, with a row of the masks for each of them."""
        parts = [self._alone[net].layers for net in self._present]
        everyone = len(parts) == len(self._alone)
        layers = self.layers if everyone else [_under(layer) for layer in zip(*parts, strict=True)]
        mask, listening = (_blocks(sizes, layers[0].gates) for sizes in _sizes([part[0] for part in parts]))
        return Mix(layers, mask, listening)

    def _own(self, layer: CausalLayer, dtype: torch.dtype) -> LayerChanges:
        """The changes of one net, with room for as many sources as any has."""
        shape = layer.shape
        gates = layer.o.a.new_zeros(1, self.slots, shape.heads, 1)
        asked, wide = [layer.o.a.new_zeros(0, shape.width)], [layer.o.a.new_zeros(0, self.slots, shape.query_width)]
        for slot, name in enumerate(layer.sources):
            source = _source(layer, name)
            a, b = source.q.parts()
            asked.append(a)
            wide.append(b.new_zeros(len(b), self.slots, shape.query_width))
            wide[-1][:, slot] = b
            gates[0, slot, :, 0] = source.gate.value

        def held(pair: Pair) -> Pair:
            return pair[0].detach().to(dtype).T, pair[1].detach().to(dtype)

        return LayerChanges(
            held(layer.qkv.parts()),
            held((torch.cat(asked), torch.cat(wide).flatten(1))),
            held(layer.o.parts()),
            held(layer.gate_up.parts()),
            held(layer.down.parts()),
            gates.detach().to(dtype),
        )


def _source(layer: CausalLayer, name: str) -> SourceChange:
    return cast(SourceChange, layer.sources[name])


def _sizes(layers: Sequence[LayerChanges]) -> tuple[list[int], list[int]]:
    """How many ranks the changes of each net have, and how many those of the queries to its sources."""
    return [len(layer.qkv[1]) for layer in layers], [len(layer.sources[1]) for layer in layers]


def _spans(sizes: Sequence[int]) -> list[slice]:
    """Where each net's ranks lie."""
    ends = torch.tensor(sizes).cumsum(0).tolist()
    return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]


def _blocks(sizes: Sequence[int], like: Tensor) -> Tensor:
    """(nets, sum of sizes) 1 where a rank belongs to a net."""
    mask = like.new_zeros(len(sizes), sum(sizes))
    for number, span in enumerate(_spans(sizes)):
        mask[number, span] = 1
    return mask
