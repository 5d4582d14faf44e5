"""A causal language model of the Llama type under a net: frozen weights, low-rank changes beside them, extra sources.

The published nets add attention sources to a decoder (MISC, eq. 7). Here A^c, the attention to the context, is the
model's own self-attention over the prefix. Each further source goes through the layer's *own* projections, slightly
changed and without rotary positions, and enters through a gate per head that starts at 0:

    x <- x + W_o (selfattn(n(x)) + sum over sources s of gate_s * attn(n(x), n(s)));   x <- x + ffn(n'(x))

So training starts at the pretrained model; without sources, this is `LlamaForCausalLM`. The context is read without
sources: its keys and values do not depend on what a reply attends to. Low-rank changes (LoRA, Hu et al. 2021) are
applied beside the frozen weights, x W^T + (x A^T) B^T, so that all nets share one copy of the weights.
Shapes: as in `interface`; K key heads of width d, G = H / K query heads for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.backbones.grouped_attention import attend_grouped, heads_of, repeated, turn
from models.backbones.interface import CONTEXT, Memories, Memory, Past, Reading, Stream, attend, squashed
from models.backbones.llama_weights import LlamaLayer, LlamaShape, LlamaWeights
from models.backbones.low_rank import AddedTokens, Change, SourceChange
from models.data.batches import pad

Cache = tuple[tuple[Tensor, Tensor], ...]
"""keys and values (B, K, S, d) for every layer"""


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a batch (B, T) are. Padding costs nothing outside attention: tokens are packed to (1, N)."""

    rows: int
    steps: int
    index: Tensor | None
    """(N,) places of the tokens in B x T; None = all places, nothing to pack"""

    @classmethod
    def of(cls, ids: Tensor) -> Layout:
        """The layout of ids (B, T), padded on the right with 0."""
        rows, steps = ids.shape
        kept = ids != 0
        kept[:, 0] = True
        return cls(rows, steps, None if bool(kept.all()) else kept.flatten().nonzero()[:, 0])

    def pack(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (1, N, C)."""
        return x if self.index is None else x.flatten(0, 1).index_select(0, self.index)[None]

    def unpack(self, x: Tensor) -> Tensor:
        """(1, N, C) -> (B, T, C), 0 at the padding."""
        if self.index is None:
            return x
        empty = x.new_zeros(self.rows * self.steps, x.shape[-1])
        return empty.index_copy(0, self.index, x[0]).view(self.rows, self.steps, -1)


class CausalLayer(nn.Module):
    """A net's changes to one layer; the layer's frozen weights are passed in, not owned."""

    def __init__(self, shape: LlamaShape, index: int, rank: int, streams: tuple[str, ...], source_rank: int) -> None:
        super().__init__()
        self.shape, self.index = shape, index
        self.qkv = Change(shape.width, shape.query_width + 2 * shape.key_width, rank)
        self.o = Change(shape.query_width, shape.width, rank)
        self.gate_up = Change(shape.width, 2 * shape.ffn, rank)
        self.down = Change(shape.ffn, shape.width, rank)
        self.sources = nn.ModuleDict({name: SourceChange(shape, source_rank) for name in streams})

    def ask(self, w: LlamaLayer, n: Tensor, changed: bool) -> Tensor:
        """Queries, keys and values of n (B, T, D), concatenated: (B, T, (H + 2 K) d)."""
        qkv = w.qkv(n)
        return self.qkv(qkv, n) if changed else qkv

    def turned(self, qkv: Tensor, turns: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, d), keys and values (B, K, T, d), with rotary positions applied to queries and keys."""
        s = self.shape
        q, k, v = qkv.split((s.query_width, s.key_width, s.key_width), dim=-1)
        return turn(heads_of(q, s.heads), turns), turn(heads_of(k, s.key_heads), turns), heads_of(v, s.key_heads)

    def project(self, w: LlamaLayer, name: str, stream: Stream) -> Memory:
        """Keys and values of a source, computed once per reply."""
        s, change = self.shape, cast(SourceChange, self.sources[name])
        n = F.rms_norm(stream.states.to(w.qkv.dtype), (s.width,), w.attention_norm, s.epsilon)
        kv = change.kv(self.qkv(w.qkv(n, s.query_width), n, s.query_width), n)
        k, v = kv.split(s.key_width, dim=-1)
        empty = ~stream.mask.any(dim=1)[:, None, None]
        constant = repeated(heads_of(v, s.key_heads), s).transpose(1, 2).flatten(2) if v.shape[1] == 1 else None
        return Memory(heads_of(k, s.key_heads), heads_of(v, s.key_heads), stream.mask[:, None, None], empty, constant)

    def read_sources(
        self,
        plain: Tensor,
        n: Tensor,
        memories: Mapping[str, Memory],
        record: dict[str, list[Tensor]] | None,
        at: Layout,
    ) -> Tensor | None:
        """Gated attention summed over sources, (B, T, H d); `plain` are the queries of n; both are packed."""
        s, total = self.shape, None
        for name, memory in memories.items():
            if name == CONTEXT:
                continue
            change = cast(SourceChange, self.sources[name])
            if memory.constant is not None:
                weights = (~memory.empty).to(n.dtype).expand(-1, at.steps, 1)
                found = memory.constant
            else:
                asked = heads_of(at.unpack(change.q(plain.clone(), n)), s.heads)
                mask = memory.mask | memory.empty[..., None]  # a fully masked row would be nan: attend, then drop it
                mixed, weights = attend(asked, repeated(memory.keys, s), repeated(memory.values, s), mask)
                found, weights = mixed.transpose(1, 2).flatten(2), weights.mean(dim=1).masked_fill(memory.empty, 0.0)
            if record is not None:
                record.setdefault(name, []).append(weights)
            gate = change.gate.value.to(n.dtype).repeat_interleave(s.head_width)
            part = (found * gate).masked_fill(memory.empty, 0.0)
            total = part if total is None else total + part
        return total

    def finish(self, w: LlamaLayer, x: Tensor, mixed: Tensor, changed: bool) -> Tensor:
        """Output projection and feed-forward network: states (B, T, D) after the attention's `mixed` (B, T, H d)."""
        s = self.shape
        out = w.o(mixed)
        x = x + (self.o(out, mixed) if changed else out)
        n = F.rms_norm(x, (s.width,), w.ffn_norm, s.epsilon)
        gate_up = w.gate_up(n)
        if changed:
            gate_up = self.gate_up(gate_up, n)
        gate, up = gate_up.chunk(2, dim=-1)
        inner = F.silu(gate) * up
        out = w.down(inner)
        return x + (self.down(out, inner) if changed else out)


class Causal(nn.Module):
    """See the module and `interface.Backbone`. `added` holds the tokens behind the base's vocabulary."""

    causal = True
    longest_reply = 256

    def __init__(
        self, weights: LlamaWeights, added: Tensor, rank: int, streams: tuple[str, ...] = (), source_rank: int = 8
    ) -> None:
        """`added` (n, D): initial vectors of the added tokens, which are trained."""
        super().__init__()
        shape = weights.shape
        self.weights, self.shape = weights, shape
        self.width, self.heads, self.ffn_width = shape.width, shape.heads, shape.ffn
        self.added = AddedTokens(added)
        self.layers = nn.ModuleList(
            CausalLayer(shape, index, rank, streams, source_rank) for index in range(shape.layers)
        )
        self.dropout = 0.0
        self.owner: int | None = None
        self._turns = dict[tuple[int, torch.device], tuple[Tensor, Tensor]]()

    def set_dropout(self, rate: float) -> None:
        """Sets the dropout of the embeddings only: the changes are small, and the base is frozen."""
        self.dropout = rate

    def lay_out(self) -> None:
        """See `interface`; the frozen weights, and with them all nets that share them."""
        self.weights.pack(short=False)

    def _layers(self) -> Iterator[tuple[CausalLayer, LlamaLayer]]:
        """Every layer with its frozen weights."""
        for layer, weights in zip(self.layers, self.weights.layers, strict=True):
            yield cast(CausalLayer, layer), cast(LlamaLayer, weights)

    def settle(self, *, remember: bool = True) -> None:
        """Prepare the backbone for hosting: it no longer trains, and its changes take the base's number type.

        With `remember`, it keeps recently read contexts, for talks that continue.
        """
        for module in self.modules():
            if isinstance(module, Change):
                module.settle(self.weights.dtype)
        self.owner = self.weights.prefixes.owner() if remember else None

    def changes(self) -> dict[str, Change]:
        """The changes to the base's own matrices, by name, without those for sources."""
        parts = ("qkv", "o", "gate_up", "down")
        return {f"layers.{n}.{part}": getattr(layer, part) for n, layer in enumerate(self.layers) for part in parts}

    def embed(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, D)."""
        known = self.shape.vocabulary
        x = F.embedding(ids.clamp_max(known - 1), self.weights.embedding)
        new = ids >= known
        if bool(new.any()):
            x = torch.where(new[..., None], F.embedding((ids - known).clamp_min(0), self.added.vectors).to(x.dtype), x)
        return F.dropout(x, self.dropout, self.training) if self.dropout else x

    def logits(self, states: Tensor) -> Tensor:
        """See `interface`."""
        states = states.to(self.weights.dtype)
        return torch.cat(
            (self.weights.vocabulary(states), F.linear(states, self.added.vectors.to(states.dtype))), dim=-1
        )

    def read(self, ids: Tensor, mask: Tensor) -> Reading:
        """See `interface`; the summary is the state of each context's last token.

        A hosted net (`settle`) reads a single context from where it first differs from an earlier one: the next message
        of a talk costs only its own tokens.
        """
        if self.owner is None or len(ids) > 1:
            return self._reading(mask, *self._read(ids, changed=True))
        for reading in self.read_in_pieces(ids, ids.shape[1]):
            last = reading
        return last

    def read_in_pieces(self, ids: Tensor, size: int) -> Iterator[Reading]:
        """Readings by a hosted net of a single context (1, S), growing by `size` tokens; the last one is complete.

        What was read before is not read again. The readings are cached, so that `read` continues from there.
        """
        assert self.owner is not None
        key, prefixes = tuple(ids[0].tolist()), self.weights.prefixes
        done, known = prefixes.longest(self.owner, key)
        states = known.states[:, :done] if known else None
        cache = [(k[:, :, :done], v[:, :, :done]) for k, v in known.cache] if known else []
        while True:
            if done < len(key):
                found, grown = self._read(ids[:, done : done + size], changed=True, past=cache)
                states, cache = found if states is None else torch.cat((states, found), dim=1), list(grown)
                done = min(done + size, len(key))
            assert states is not None
            reading = self._reading(torch.ones_like(ids[:, :done], dtype=torch.bool), states, tuple(cache))
            prefixes.keep(self.owner, key[:done], reading)
            yield reading
            if done == len(key):
                return

    @staticmethod
    def _reading(mask: Tensor, states: Tensor, cache: Cache) -> Reading:
        last = states[torch.arange(len(mask), device=mask.device), mask.sum(dim=1) - 1]
        return Reading(states, mask, squashed(last), cache, bounded=True)

    @torch.no_grad()
    def read_lower(self, ids: Tensor, mask: Tensor, layers: int) -> Reading:
        """Reading of texts (B, S) by the base without this net's changes, after `layers` layers."""
        return self._reading(mask, *self._read(ids, changed=False, layers=layers))

    def _read(
        self, ids: Tensor, changed: bool, past: Sequence[tuple[Tensor, Tensor]] = (), layers: int | None = None
    ) -> tuple[Tensor, Cache]:
        """States of ids (B, S), and keys and values including `past`, those of the (unpadded) tokens before.

        Runs all layers, or only the first `layers`.
        """
        s, before = self.shape, past[0][0].shape[2] if past else 0
        total = before + ids.shape[1]
        if total > s.positions:
            raise ValueError(f"the context has {total} tokens, the base reads {s.positions} at most; shorten it")
        x = self.embed(ids)
        turns, cache = self._turns_of(total, x), list[tuple[Tensor, Tensor]]()
        at = (turns[0][None, None, before:], turns[1][None, None, before:])
        mask = torch.ones(ids.shape[1], total, dtype=torch.bool, device=ids.device).tril(before)
        for index, (layer, w) in enumerate(islice(self._layers(), layers)):
            n = F.rms_norm(x, (s.width,), w.attention_norm, s.epsilon)
            q, k, v = layer.turned(layer.ask(w, n, changed), at)
            if past:
                k, v = torch.cat((past[index][0], k), dim=2), torch.cat((past[index][1], v), dim=2)
            mixed = attend_grouped(q, k, v, mask)
            x = layer.finish(w, x, mixed.transpose(1, 2).flatten(2), changed)
            cache.append((k, v))
        return self._states(x), tuple(cache)

    def _states(self, x: Tensor) -> Tensor:
        """The states that nets see, in float32 like their own modules."""
        return F.rms_norm(x, (self.width,), self.weights.norm, self.shape.epsilon).float()

    @torch.no_grad()
    def summaries(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See `interface`. The base reads the texts without this net's changes and without added tokens, so that a text
        has one vector for all nets, kept with the base. The published nets read blocks with their own encoder, also
        without gradient.
        """
        return self.weights.vectors.of(self._texts(ids, mask), self._last_states)

    def unread(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(u,) the rows among short texts (U, L) whose vectors are not computed yet."""
        texts = self._texts(ids, mask)
        return torch.tensor([n for n, text in enumerate(texts) if text not in self.weights.vectors], dtype=torch.int64)

    def already_read(self, ids: Tensor) -> int:
        """How many tokens at the start of a single context (1, S) this hosted net has already read."""
        assert self.owner is not None
        return self.weights.prefixes.longest(self.owner, tuple(ids[0].tolist()))[0]

    def _texts(self, ids: Tensor, mask: Tensor) -> list[tuple[int, ...]]:
        """Short texts as ids, without padding and added tokens."""
        return [
            tuple(i for i in row[: int(keep.sum())].tolist() if i < self.shape.vocabulary)
            for row, keep in zip(ids, mask, strict=True)
        ]

    def _last_states(self, texts: list[tuple[int, ...]]) -> Tensor:
        """(U, D) last states of texts given as ids, without changes; an empty text is read as padding."""
        ids = pad([text or (0,) for text in texts], 0).to(self.added.vectors.device)
        states, _ = self._read(ids, changed=False)
        last = torch.tensor([max(len(text), 1) - 1 for text in texts], device=ids.device)
        return states[torch.arange(len(texts), device=ids.device), last]

    def attach(self, reading: Reading, streams: Mapping[str, Stream]) -> Memories:
        """See `interface`."""
        mask, empty = reading.mask[:, None, None], ~reading.mask.any(dim=1)[:, None, None]
        context = [{CONTEXT: Memory(k, v, mask, empty)} for k, v in reading.cache]
        return [own | extra for own, extra in zip(context, self.project(streams), strict=True)]

    def project(self, streams: Mapping[str, Stream]) -> Memories:
        """See `interface`."""
        return [
            {name: layer.project(w, name, stream) for name, stream in streams.items()} for layer, w in self._layers()
        ]

    def decode(
        self, ids: Tensor, memories: Memories, past: Past | None = None, record: dict[str, list[Tensor]] | None = None
    ) -> Tensor:
        """See `interface`."""
        s, x = self.shape, self.embed(ids)
        count, earlier = ids.shape[1], past.length if past is not None else 0
        seen, readers = memories[0][CONTEXT].mask, memories[0][CONTEXT].readers  # (B, 1, 1, S)
        lengths = seen.sum(dim=-1).flatten()  # (B,)
        lengths = lengths if readers is None else lengths[readers.owner]
        places = lengths[:, None] + earlier + torch.arange(count, device=ids.device)
        longest = seen.shape[-1] + earlier + count
        if longest > s.positions:
            raise ValueError(f"context and reply have {longest} tokens, the base reads {s.positions}; shorten them")
        cos, sin = self._turns_of(longest, x)
        turns = (cos[places][:, None], sin[places][:, None])
        mask = self._mask(seen, earlier, count) if readers is None else None
        at = Layout.of(ids)
        x = at.pack(x)
        for (layer, w), memory in zip(self._layers(), memories, strict=True):
            n = F.rms_norm(x, (s.width,), w.attention_norm, s.epsilon)
            qkv = layer.ask(w, n, changed=True)
            q, k, v = layer.turned(at.unpack(qkv), turns)
            context, own = memory[CONTEXT], Past() if past is None else past
            if readers is None:
                mixed = attend_grouped(q, *own.after(context, layer.index, k, v), mask)
            else:
                said = own.extend(layer.index, k, v)
                mixed = readers.attend(q, (context.keys, context.values), seen[:, 0, 0], said)
            mixed = mixed.transpose(1, 2).flatten(2)
            extra = layer.read_sources(qkv[..., : s.query_width], n, memory, record, at)
            x = layer.finish(w, x, at.pack(mixed if extra is None else mixed + extra), changed=True)
        return at.unpack(self._states(x))

    @staticmethod
    def _mask(seen: Tensor, earlier: int, count: int) -> Tensor | None:
        """(B, 1, T, S + t) mask of what each new token may attend to; None = everything."""
        if count == 1 and bool(seen.all()):
            return None
        new = torch.ones(count, earlier + count, dtype=torch.bool, device=seen.device).tril(earlier)
        rows = len(seen)
        return torch.cat((seen.expand(-1, -1, count, -1), new.expand(rows, 1, -1, -1)), dim=-1)

    def _turns_of(self, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (length, d) of the rotary positions, cut from a cached, larger table."""
        size = max(256, 1 << (length - 1).bit_length())
        key = (size, like.device)
        if key not in self._turns:
            with torch.inference_mode(mode=False):  # a net that has answered may need gradients later
                half = torch.arange(0, self.shape.head_width, 2, device=like.device).float() / self.shape.head_width
                angles = torch.arange(size, device=like.device).float()[:, None] / self.shape.theta**half
                angles = torch.cat((angles, angles), dim=-1)
                self._turns[key] = (angles.cos().to(like.dtype), angles.sin().to(like.dtype))
        cos, sin = self._turns[key]
        return cos[:length], sin[:length]
