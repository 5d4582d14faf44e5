"""The shipped COMET: the shared base with low-rank changes, decoding all queries of all events in one beam search.

encoder  [CLS] i lost my job last week [EOS]      once per event
decoder  [BOS] [xReact] sad [EOS]                 one query, 5 beams
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.backbones.adapters import adapt, load_trained, merge, trained
from models.backbones.compact_base import BASE, load_base
from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.interface import CONTEXT, Memory, Past, Stream, select
from models.data.batches import pad_with_mask
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, load_packed, read_card, save_packed
from models.knowledge.comet import Comet, Query, check_relations, clean
from models.training.device import device_of

COMET = WEIGHTS / "comet"
EVENT_TOKENS = 48
"""an event is cut after this many tokens"""
RANK = 16
"""rank of the changes to the base"""


@dataclass(frozen=True)
class Search:
    """How tails are looked for."""

    beams: int = 5
    """beam width, and tails per query at most"""
    max_tokens: int = 8
    """tokens of a tail at most; beams that have not ended by then are dropped when another has"""
    rows: int = 4096
    """queries x beams decoded together"""
    bfloat16: bool = False
    """autocast: faster in big batches, but a tail may then depend on what else is in the batch"""


class CompactComet(Comet):
    """Tails from a compact backbone whose changes are merged. Safe to call from several threads."""

    def __init__(
        self, tokenizer: Tokenizer, backbone: EncoderDecoder, version: str, search: Search | None = None
    ) -> None:
        self.tokenizer, self.backbone, self.version = tokenizer, backbone.eval(), version
        self.search = search or Search()

    @torch.inference_mode()
    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Tails per query, best first."""
        check_relations(relation for _, relation in queries)
        ids = {event: event_ids(self.tokenizer, event) for event, _ in queries}
        # events of similar length next to each other: less padding in the encoder
        order = sorted(range(len(queries)), key=lambda n: (len(ids[queries[n][0]]), queries[n][0]))
        size = max(1, self.search.rows // self.search.beams)
        answers: dict[int, tuple[str, ...]] = {}
        for start in range(0, len(order), size):
            chunk = order[start : start + size]
            found = self._decode([queries[n] for n in chunk], ids)
            answers |= dict(zip(chunk, found, strict=True))
        return [answers[n] for n in range(len(queries))]

    def _decode(self, queries: Sequence[Query], ids: dict[str, list[int]]) -> list[tuple[str, ...]]:
        device = device_of(self.backbone)
        events = list(dict.fromkeys(event for event, _ in queries))
        place = {event: n for n, event in enumerate(events)}
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.search.bfloat16):
            source, mask = pad_with_mask([ids[event] for event in events], self.tokenizer.pad, device)
            memories = self.backbone.project({CONTEXT: Stream(self.backbone.encode(source, mask), mask)})
            owner = torch.tensor([place[event] for event, _ in queries], device=device)
            prefix = [[self.tokenizer.bos, self.tokenizer.relations[relation]] for _, relation in queries]
            beams = Beams(self.backbone, self.tokenizer, self.search)
            found = beams.search(torch.tensor(prefix, device=device), memories, owner)
        return [clean(self.tokenizer.decode(tail).lower() for tail in tails) for tails in found]


@dataclass
class _Live:
    """The queries still searched, Q of them with K beams: row q * K + k is beam k of query q."""

    place: Tensor  # (Q,) which query of the call
    scores: Tensor  # (Q, K) summed log-probability
    tokens: Tensor  # (Q, K, t) so far, padded after the end
    ended: Tensor  # (Q, K) bool
    memories: list[dict[str, Memory]] = field(default_factory=list)


class Beams:
    """Beam search over many queries at once; those that are through leave the batch."""

    def __init__(self, backbone: EncoderDecoder, tokenizer: Tokenizer, search: Search) -> None:
        self.backbone, self.tokenizer, self.width, self.limit = backbone, tokenizer, search.beams, search.max_tokens
        banned = torch.zeros(len(tokenizer))
        banned[list(tokenizer.special - {tokenizer.eos})] = -torch.inf
        self.banned = banned.to(device_of(backbone))

    def search(self, prefix: Tensor, memories: list[dict[str, Memory]], owner: Tensor) -> list[list[list[int]]]:
        """Token ids of the beams of each query, best first.

        prefix (Q, 2) ids; `memories` of the E events; owner (Q,) the event of each query.
        """
        past = Past()
        states = self.backbone.decode(prefix, select(memories, owner), past)
        first = self._log_probabilities(states)
        first[:, self.tokenizer.eos] = -torch.inf
        scores, tokens = first.topk(self.width)
        queries = torch.arange(len(prefix), device=prefix.device)
        live = _Live(queries, scores, tokens[..., None], torch.zeros_like(tokens, dtype=torch.bool))
        live.memories = select(memories, owner.repeat_interleave(self.width))
        past.select(queries.repeat_interleave(self.width))
        found: list[list[list[int]]] = [[] for _ in prefix]
        for _ in range(self.limit):
            parents = self._step(live, past)
            past.select(parents)
            if bool(live.ended.all(dim=1).float().mean() >= 0.25):
                self._retire(live, past, found)
            if not len(live.place):
                return found
        live.ended |= ~live.ended.any(dim=1, keepdim=True)  # none has ended: better cut tails than no tails
        self._collect(live, torch.ones_like(live.place, dtype=torch.bool), found)
        return found

    def _log_probabilities(self, states: Tensor) -> Tensor:
        scores = self.backbone.logits(states[:, -1]).float() + self.banned
        return scores.log_softmax(dim=-1)

    def _step(self, live: _Live, past: Past) -> Tensor:
        """Grow every beam by one token; returns the rows the new beams continue."""
        count, width = live.scores.shape
        states = self.backbone.decode(live.tokens[..., -1].reshape(-1, 1), live.memories, past)
        scores, tokens = self._log_probabilities(states).topk(width)
        scores, tokens = scores.view(count, width, width), tokens.view(count, width, width)
        # an ended beam stays as it is, once
        stay = torch.full_like(scores[0, 0], -torch.inf)
        stay[0] = 0.0
        scores = torch.where(live.ended[..., None], stay, scores) + live.scores[..., None]
        tokens = tokens.masked_fill(live.ended[..., None], self.tokenizer.pad)
        live.scores, best = scores.view(count, -1).topk(width)
        parents = best // width
        added = tokens.view(count, -1).gather(1, best)
        kept = live.tokens.gather(1, parents[..., None].expand(-1, -1, live.tokens.shape[2]))
        live.tokens = torch.cat((kept, added[..., None]), dim=2)
        live.ended = live.ended.gather(1, parents) | (added == self.tokenizer.eos)
        return (parents + torch.arange(count, device=parents.device)[:, None] * width).view(-1)

    def _retire(self, live: _Live, past: Past, found: list[list[list[int]]]) -> None:
        """Take the queries whose beams have all ended out of the batch."""
        done = live.ended.all(dim=1)
        self._collect(live, done, found)
        queries = (~done).nonzero()[:, 0]
        rows = (queries[:, None] * self.width + torch.arange(self.width, device=queries.device)).view(-1)
        live.place, live.scores, live.tokens, live.ended = (
            t[queries] for t in (live.place, live.scores, live.tokens, live.ended)
        )
        live.memories = select(live.memories, rows)
        past.select(rows)

    def _collect(self, live: _Live, which: Tensor, found: list[list[list[int]]]) -> None:
        for place, tokens, ended in zip(
            live.place[which].tolist(), live.tokens[which].tolist(), live.ended[which].tolist(), strict=True
        ):
            found[place] = [beam for beam, through in zip(tokens, ended, strict=True) if through]


def event_ids(tokenizer: Tokenizer, event: str) -> list[int]:
    """Encoder ids of an event, at most `EVENT_TOKENS` of text."""
    return [tokenizer.cls, *tokenizer.encode(event)[:EVENT_TOKENS], tokenizer.eos]


def save_comet(backbone: EncoderDecoder, card: dict[str, Any], folder: Path = COMET, base: Path = BASE) -> None:
    """Pack what training changed in an adapted base."""
    save_packed(folder, trained(backbone), {"kind": "comet", "rank": RANK, "base": fingerprint(base)} | card)


def load_comet(folder: Path = COMET, base: Path = BASE, search: Search | None = None) -> CompactComet:
    """The trained COMET, changes merged into its own copy of the base.

    Raises WeightsError when files are missing or damaged, or made for another base.
    """
    card = read_card(folder)
    if card.get("base") != fingerprint(base):
        raise WeightsError(
            f"{folder} changes base {card.get('base')}, but {base} is {fingerprint(base)}; train it again"
        )
    tensors, _ = load_packed(folder)
    tokenizer, backbone = load_base(base)
    adapt(backbone, card["rank"])
    load_trained(backbone, tensors)
    merge(backbone)
    return CompactComet(tokenizer, backbone.requires_grad_(requires_grad=False), fingerprint(folder), search)
