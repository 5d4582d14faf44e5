"""A reply that the engine writes: what was asked, what has been written, and who is notified."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from models.backbones.interface import Past
from models.nets.net import Net, Plan
from models.serving.choosing import marks_for
from models.serving.decoding import Decoded, OnTokens, told
from models.serving.engine.lanes import Row
from models.serving.trace import DecodeOptions


@dataclass(eq=False)
class Writing:
    """One reply in the making. Method "guided" has two rows: the dialogue, and what would be said to anybody."""

    net: Net
    plans: Sequence[Plan]
    """each of a single reply; the first is that of the dialogue"""
    options: DecodeOptions
    seed: int
    on_tokens: OnTokens | None = None
    first_banned: Collection[int] = ()
    done: Future[Decoded] = field(default_factory=Future)
    rows: list[Row] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    past: Past = field(default_factory=Past)
    """what the net itself keeps besides the backbone (STAR's pool)"""
    fed: int = 0
    """tokens of the prefix that have been read"""
    record: dict[str, list[Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = torch.Generator().manual_seed(self.seed)
        self.eos, self.marks = self.net.tokenizer.eos, marks_for(self.options, self.net.tokenizer)
        self.prefix: list[int] = self.plans[0].prefix[0].tolist()
        self.finishes = type(self.net).finish is not Net.finish
        self.chosen = None if self.plans[0].chosen is None else torch.cat([plan.chosen for plan in self.plans])  # type: ignore[misc]

    def afresh(self) -> Writing:
        """The same reply, begun again for the same caller."""
        return replace(self, rows=[], ids=[], probabilities=[], past=Past(), fed=0, record={})

    @property
    def guided(self) -> bool:
        """Whether tokens are compared with what would be said to anybody."""
        return self.options.method == "guided"

    @property
    def opens(self) -> bool:
        """Whether its next input belongs to the prefix."""
        return self.fed < len(self.prefix)

    @property
    def next_input(self) -> int:
        """The id that the net reads next."""
        return self.prefix[self.fed] if self.opens else self.ids[-1]

    def take(self, token: int, probability: float, attention: dict[str, Tensor]) -> bool:
        """Add a token, notify `on_tokens`, and return whether the reply goes on.

        Raises what `on_tokens` raises.
        """
        if token == self.eos:
            return False
        self.ids.append(token)
        self.probabilities.append(probability)
        for name, weights in attention.items():
            self.record.setdefault(name, []).append(weights)
        if self.on_tokens is not None:
            self.on_tokens(list(self.ids))
        return len(self.ids) < self.options.max_tokens

    def decoded(self) -> Decoded:
        """The whole reply."""
        rows = {name: torch.stack(found) for name, found in self.record.items()}
        return Decoded(tuple(self.ids), tuple(self.probabilities), *told(rows, self.net.traced))
