"""The interface between a net and the language model under it.

    read      contexts -> Reading: states, a summary, and what the decoder attends to
    attach    Reading + extra sources -> memories, once per reply
    project   extra sources alone -> memories, to replace some (another strategy; nothing is read again)
    decode    ids -> decoder states, after the context and the contents of `Past`
    logits    decoder states -> scores of all ids
    summaries short texts (COMET blocks) -> one vector each

Two implementations: `encoder_decoder.EncoderDecoder` (the papers' BlenderbotSmall) and `causal.Causal` (Llama type).
Shapes: B batch, R distinct contexts, S context tokens, T reply tokens, N vectors of a source, D width, H heads,
V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.shared_context import Readers

CONTEXT = "context"


@dataclass(frozen=True)
class Stream:
    """A source of vectors: `states` (B, N, D) and `mask` (B, N) bool, True = attend."""

    states: Tensor
    mask: Tensor

    @property
    def mean(self) -> Tensor:
        """(B, D) mean of the unmasked vectors; zero where there are none."""
        keep = self.mask[..., None].to(self.states.dtype)
        return (self.states * keep).sum(dim=1) / keep.sum(dim=1).clamp_min(1)


@dataclass
class Memory:
    """Keys and values of one source in one layer, (B, H, N, D/H), with key heads for H on a causal base; `mask`
    (B, 1, 1, N)."""

    keys: Tensor
    values: Tensor
    mask: Tensor
    empty: Tensor
    """(B, 1, 1) bool, True where the source has nothing to attend to: its contribution is zero"""
    constant: Tensor | None = None
    """(B, 1, D) what a source of one vector always contributes: its only key has weight 1 for every query"""
    readers: Readers | None = None
    """the rows that read each of B contexts; None: each context has one row"""

    def select(self, rows: Tensor) -> Memory:
        """The memory of the given batch rows, in that order (beam search: one reply, several hypotheses)."""
        constant = None if self.constant is None else self.constant[rows]
        return Memory(self.keys[rows], self.values[rows], self.mask[rows], self.empty[rows], constant)

    def nothing(self) -> Memory:
        """A memory of the same size with nothing to attend to."""
        constant = None if self.constant is None else torch.zeros_like(self.constant)
        keys, mask = torch.zeros_like(self.keys), torch.zeros_like(self.mask)
        return Memory(keys, torch.zeros_like(self.values), mask, torch.ones_like(self.empty), constant)

    def beside(self, other: Memory) -> Memory:
        """The rows of both memories, the shorter one padded."""
        count = max(self.keys.shape[2], other.keys.shape[2])
        room = [count - memory.keys.shape[2] for memory in (self, other)]
        constants = [m.constant for m in (self, other) if m.constant is not None]
        return Memory(
            torch.cat([F.pad(m.keys, (0, 0, 0, free)) for m, free in zip((self, other), room, strict=True)]),
            torch.cat([F.pad(m.values, (0, 0, 0, free)) for m, free in zip((self, other), room, strict=True)]),
            torch.cat([F.pad(m.mask, (0, free)) for m, free in zip((self, other), room, strict=True)]),
            torch.cat((self.empty, other.empty)),
            torch.cat(constants) if len(constants) == 2 else None,
        )


Memories = list[dict[str, Memory]]
"""for each layer, the memories by name of the source"""


def beside(one: Memories, other: Memories) -> Memories:
    """The rows of both; a source that only one of them has is empty in the rows of the other."""
    return [
        {
            name: (here[name] if name in here else there[name].nothing()).beside(
                there[name] if name in there else here[name].nothing()
            )
            for name in here | there
        }
        for here, there in zip(one, other, strict=True)
    ]


def shared(memories: Memories, owner: Tensor) -> Memories:
    """Memories of contexts alone, each read by all rows whose `owner` (B,) it is; for one token of each row."""
    readers = Readers.of(owner, len(memories[0][CONTEXT].keys))
    return [{CONTEXT: replace(layer[CONTEXT], readers=readers)} for layer in memories]


def select(memories: Memories, rows: Tensor) -> Memories:
    """The memories of the given batch rows in every layer, in that order."""
    return [{name: memory.select(rows) for name, memory in layer.items()} for layer in memories]


def squashed(states: Tensor) -> Tensor:
    """States of a language model squashed to (-1, 1) for the heads of nets: whatever was read, a few of their elements
    are near 40 and the others near 1, and a randomly initialised head would notice only these few."""
    return F.softsign(states)


@dataclass(frozen=True)
class Reading:
    """A backbone's reading of contexts, one row per context."""

    states: Tensor
    """(B, S, D)"""
    mask: Tensor
    """(B, S) bool"""
    summary: Tensor
    """(B, D) the state that stands for the whole context"""
    cache: tuple[tuple[Tensor, Tensor], ...] = ()
    """only on causal backbones: keys and values (B, K, S, d) of every layer"""
    bounded: bool = False
    """whether `summary` and `mean` come from states squashed to (-1, 1), see `squashed`"""

    @property
    def stream(self) -> Stream:
        """The context as a source."""
        return Stream(self.states, self.mask)

    @property
    def mean(self) -> Tensor:
        """(B, D) mean of the states of each context."""
        return Stream(squashed(self.states), self.mask).mean if self.bounded else self.stream.mean

    def at(self, places: Tensor) -> Tensor:
        """(B, N, D) the states at places (B, N), squashed if `bounded`."""
        found = self.states.gather(1, places[..., None].expand(-1, -1, self.states.shape[2]))
        return squashed(found) if self.bounded else found

    def pick(self, rows: Tensor, lengths: Tensor) -> Reading:
        """B contexts, each the first `lengths` (B,) tokens of one of the rows that were read, given in `rows` (B,).

        Several may be parts of one row: the turns of one dialogue. The summary is then the last state of each part,
        which makes sense only for a causal backbone.
        """
        if len(rows) == len(self.states):
            in_order = rows == torch.arange(len(rows), device=rows.device)
            if bool((in_order & (lengths == self.mask.sum(dim=1))).all()):
                return self  # each row once, in full
        longest = int(lengths.max())
        mask = torch.arange(longest, device=rows.device) < lengths[:, None]
        states = self.states.index_select(0, rows)[:, :longest]
        last = states[torch.arange(len(rows), device=rows.device), lengths - 1]
        cache = tuple(
            (k.index_select(0, rows)[:, :, :longest], v.index_select(0, rows)[:, :, :longest]) for k, v in self.cache
        )
        summary = squashed(last) if self.bounded else last
        return replace(self, states=states, mask=mask, summary=summary, cache=cache)

    def following(self, rows: Tensor, lengths: Tensor, count: int) -> Tensor:
        """(B, T, D) `count` states from each reply's begin token on, for replies in the same row (whole dialogues).

        `rows` and `lengths` as in `pick`; only for a causal backbone.
        """
        places = lengths[:, None] + torch.arange(count, device=lengths.device)
        return self.states[rows[:, None], places.clamp_max(self.states.shape[1] - 1)]


@dataclass
class Past:
    """Self-attention keys and values of the reply so far, one pair of (B, H, t, D/H) per layer that has decoded."""

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)
    room: int = 0
    """above 0: a context and about so many tokens after it lie together, so that a step does not copy the context"""
    whole: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """keys and values (B, K, S + room, d) of such layers"""

    @property
    def length(self) -> int:
        """Number of tokens already decoded."""
        return next(iter(self.keys.values())).shape[2] if self.keys else 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append this step's keys and values of `layer` and return all of them."""
        if layer in self.keys:
            keys = torch.cat((self.keys[layer], keys), dim=2)
            values = torch.cat((self.values[layer], values), dim=2)
        self.keys[layer], self.values[layer] = keys, values
        return self.keys[layer], self.values[layer]

    def after(self, context: Memory, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Append this step's keys and values of `layer`; returns those of the context, then all of the reply's."""
        own, before = self.extend(layer, keys, values), context.keys.shape[2]
        if not self.room:
            return torch.cat((context.keys, own[0]), dim=2), torch.cat((context.values, own[1]), dim=2)
        end = before + own[0].shape[2]
        if layer not in self.whole or self.whole[layer][0].shape[2] < end:
            size = (*keys.shape[:2], end + self.room, keys.shape[3])
            self.whole[layer] = keys.new_empty(size), values.new_empty(size)
            for held, read, said in zip(self.whole[layer], (context.keys, context.values), own, strict=True):
                held[:, :, :before], held[:, :, before:end] = read, said
        else:
            for held, new in zip(self.whole[layer], (keys, values), strict=True):
                held[:, :, end - new.shape[2] : end] = new
        return self.whole[layer][0][:, :, :end], self.whole[layer][1][:, :, :end]

    def select(self, rows: Tensor) -> None:
        """Keep the given batch rows, in that order (beam search)."""
        self.whole = {}
        self.keys = {layer: keys[rows] for layer, keys in self.keys.items()}
        self.values = {layer: values[rows] for layer, values in self.values.items()}


class Backbone(Protocol):
    """See the module. A backbone is also an `nn.Module`."""

    width: int
    """D"""
    heads: int
    ffn_width: int
    """inner width of the feed-forward networks"""
    causal: bool
    """whether a state sees only what precedes it"""
    longest_reply: int
    """maximum number of tokens of a reply, including its end mark"""

    def read(self, ids: Tensor, mask: Tensor) -> Reading:
        """Reads contexts `ids` (B, S) with `mask` (B, S) bool, padded on the right."""
        ...

    def summaries(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(U, D) one vector for each short text (U, L); without gradient, as published."""
        ...

    def attach(self, reading: Reading, streams: Mapping[str, Stream]) -> Memories:
        """Everything that the decoder attends to. A stream named CONTEXT replaces the context's own states."""
        ...

    def project(self, streams: Mapping[str, Stream]) -> Memories:
        """Memories of extra sources alone."""
        ...

    def decode(
        self,
        ids: Tensor,
        memories: Memories,
        past: Past | None = None,
        record: dict[str, list[Tensor]] | None = None,
    ) -> Tensor:
        """States (B, T, D) of `ids` (B, T); adds the attention to each source (B, T, N) to `record`, layer by layer."""
        ...

    def logits(self, states: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        ...

    def set_dropout(self, rate: float) -> None:
        """Sets the dropout rate of every layer for training."""
        ...

    def lay_out(self) -> None:
        """Makes reading and decoding faster, for nets that will not train any more (they could, but slowly); apart from
        rounding, the results stay as they are."""
        ...


def split_heads(states: Tensor, heads: int) -> Tensor:
    """(B, S, D) -> (B, H, S, D/H)."""
    return states.view(*states.shape[:2], heads, -1).transpose(1, 2)


def join_heads(states: Tensor) -> Tensor:
    """(B, H, S, D/H) -> (B, S, D)."""
    return states.transpose(1, 2).flatten(2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention: mixed values (B, H, T, D/H) and weights (B, H, T, S).

    `mask` broadcasts to (B, H, T, S), True = attend. Written out because torch's fused CPU kernel spends more time in
    its backward pass than all projections of the layer together (sequences here are short).
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(2, 3)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(dim=-1)
    return weights.to(v.dtype) @ v, weights


def token_loss(backbone: Backbone, states: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy over labels >= 0, and their number. Only those positions are projected to the vocabulary.

    states (B, T, D), labels (B, T) with -100 where there is nothing to learn; `smoothing` 0..1 is the share of the
    target spread over all ids.
    """
    keep = labels >= 0
    scores = backbone.logits(states[keep]).float()
    return F.cross_entropy(scores, labels[keep], reduction="sum", label_smoothing=smoothing), keep.sum()
