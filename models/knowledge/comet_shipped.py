"""The shipped COMET: the default base with low-rank changes; one beam search decodes all queries of all events.

context  <|im_start|>user\\ni lost my job last week<|im_end|>\\n<|im_start|>assistant      once per event
decoder  \\n[xReact]They feel sad<|im_end|>                                              one query, 3 beams

A tail is the end of a sentence (`ASKED`), so that the base understands the query even before it is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from models.backbones.adapters import load_trained, trained
from models.backbones.causal import Causal
from models.backbones.causal_base import Bases, CausalBase
from models.backbones.interface import Memories, Past, select, shared
from models.data.batches import pad_with_mask
from models.data.dialogue import Speaker, Turn
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WEIGHTS, fingerprint, load_packed, read_card, save_packed
from models.knowledge.comet import Comet, Query, check_relations, clean
from models.training.device import device_of

COMET = WEIGHTS / "comet"
EVENT_TOKENS = 48
"""maximum number of tokens of an event; the rest is cut off"""
RANK = 8
"""rank of the changes to the base"""
ASKED = {
    "xAttr": "They seem",
    "xEffect": "So they",
    "xIntent": "They wanted",
    "xNeed": "They needed",
    "xReact": "They feel",
    "xWant": "They want",
    "oWant": "Others want",
    "oEffect": "So others",
    "oReact": "Others feel",
}
"""beginnings of the sentences that tails complete"""


@dataclass(frozen=True)
class Search:
    """Settings of the search for tails."""

    beams: int = 3
    """beam width, and maximum number of tails per query: as many as the shipped nets learned from; the papers have 5"""
    max_tokens: int = 8
    """maximum number of tokens of a tail; beams that have not ended by then are dropped if another one has"""
    rows: int = 1536
    """queries x beams decoded together"""
    bfloat16: bool = False
    """autocast on a base with float32 weights: faster in big batches, but a tail may then depend on the others"""


T = TypeVar("T")


class Drive(Protocol):
    """Computes what a generator returns, piece by piece."""

    def __call__(self, begin: Callable[[], Generator[None, None, T]], /) -> T:
        """See the class."""
        ...


def at_once(begin: Callable[[], Generator[None, None, T]], /) -> T:
    """All pieces one after the other, in the calling thread."""
    pieces = begin()
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value


def precision(search: Search, device: torch.device) -> torch.autocast:
    """The number type of a pass."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=search.bfloat16)


class ShippedComet(Comet):
    """Tails from a backbone trained to generate them. Thread-safe."""

    def __init__(self, tokenizer: Tokenizer, backbone: Causal, version: str, search: Search | None = None) -> None:
        self.tokenizer, self.backbone, self.version = tokenizer, backbone, version
        self.search = search or Search()
        self.drive: Drive = at_once
        """computes a search, pass by pass"""
        self._prefixes = prefixes(tokenizer)

    @torch.inference_mode()
    def answer(self, queries: Sequence[Query]) -> list[tuple[str, ...]]:
        """Tails per query, best first."""
        check_relations(relation for _, relation in queries)
        ids = {event: event_ids(self.tokenizer, event) for event, _ in queries}
        # events of similar length are put next to each other, for less padding
        order = sorted(range(len(queries)), key=lambda n: (len(ids[queries[n][0]]), queries[n][0]))
        size = max(1, self.search.rows // self.search.beams)
        answers: dict[int, tuple[str, ...]] = {}
        for start in range(0, len(order), size):
            chunk = order[start : start + size]
            found = self._that_fits([queries[n] for n in chunk], ids)
            answers |= dict(zip(chunk, found, strict=True))
        return [answers[n] for n in range(len(queries))]

    def lay_out(self) -> None:
        """See `Comet`."""
        self.backbone.lay_out()

    def _that_fits(self, queries: Sequence[Query], ids: dict[str, list[int]]) -> list[tuple[str, ...]]:
        """Tails per query, from one search or, when memory runs out, from smaller ones."""
        try:
            return self.drive(lambda: self._pieces(queries, ids))
        except torch.OutOfMemoryError:
            if len(queries) == 1:
                raise
        half = len(queries) // 2  # only here: what the failed search held is free now
        return [*self._that_fits(queries[:half], ids), *self._that_fits(queries[half:], ids)]

    def _pieces(
        self, queries: Sequence[Query], ids: dict[str, list[int]]
    ) -> Generator[None, None, list[tuple[str, ...]]]:
        """Yields between two passes over the weights, and returns the tails per query."""
        device = device_of(self.backbone)
        events = list(dict.fromkeys(event for event, _ in queries))
        place = {event: n for n, event in enumerate(events)}
        source, mask = pad_with_mask([ids[event] for event in events], self.tokenizer.pad, device)
        with precision(self.search, device):
            memories = self.backbone.attach(self.backbone.read(source, mask), {})
        owner = torch.tensor([place[event] for event, _ in queries], device=device)
        prefix = [self._prefixes[relation] for _, relation in queries]
        beams = Beams(self.backbone, self.tokenizer, self.search)
        found = yield from beams.search(torch.tensor(prefix, device=device), memories, owner)
        return [clean(self.tokenizer.decode(tail).lower() for tail in tails) for tails in found]


@dataclass
class _Grown:
    """The beams of Q queries, K for each."""

    scores: Tensor  # (Q, K) summed log-probability
    tokens: Tensor  # (Q, K, t) so far, padded after the end
    ended: Tensor  # (Q, K) bool


class Beams:
    """Beam search over many queries at once. Beams that have ended cause no further cost."""

    def __init__(self, backbone: Causal, tokenizer: Tokenizer, search: Search) -> None:
        self.backbone, self.tokenizer, self.settings = backbone, tokenizer, search
        self.banned = torch.tensor(sorted(tokenizer.special - {tokenizer.eos}), device=device_of(backbone))

    def search(self, prefix: Tensor, memories: Memories, owner: Tensor) -> Generator[None, None, list[list[list[int]]]]:
        """Token ids of the beams of each query, best first; yields before each pass.

        prefix (Q, P) are ids, `memories` those of the E events, owner (Q,) the event of each query.
        """
        past = Past()
        yield
        first = self._pass(prefix, select(memories, owner), past)
        first[:, self.tokenizer.eos] = -torch.inf
        scores, tokens = first.topk(self.settings.beams)
        beams = _Grown(scores, tokens[..., None], torch.zeros_like(tokens, dtype=torch.bool))
        owners = owner[:, None].expand(-1, self.settings.beams)
        rows = torch.arange(len(prefix), device=prefix.device).repeat_interleave(self.settings.beams)
        for _ in range(self.settings.max_tokens):
            yield
            past.select(rows)
            rows = self._grow(beams, past, shared(memories, owners[~beams.ended]))
            if not len(rows):
                break
        beams.ended |= ~beams.ended.any(dim=1, keepdim=True)  # none has ended: cut tails are better than none
        return [
            [beam for beam, through in zip(tokens, ended, strict=True) if through]
            for tokens, ended in zip(beams.tokens.tolist(), beams.ended.tolist(), strict=True)
        ]

    def _pass(self, ids: Tensor, memories: Memories, past: Past) -> Tensor:
        """(B, V) log-probabilities of what follows `ids` (B, T)."""
        with precision(self.settings, ids.device):
            states = self.backbone.decode(ids, memories, past)
            scores = self.backbone.logits(states[:, -1]).float()
        scores[:, self.banned] = -torch.inf
        return scores.log_softmax(dim=-1)

    def _grow(self, beams: _Grown, past: Past, memories: Memories) -> Tensor:
        """Adds one token to every beam that has not ended; `past` and `memories` have one row for each of these.

        Returns, for each beam that goes on, the row that it continues.
        """
        count, width = beams.scores.shape
        growing = ~beams.ended
        found = self._pass(beams.tokens[..., -1][growing][:, None], memories, past).topk(width)
        # an ended beam is kept unchanged, once
        scores = beams.scores.new_full((count, width, width), -torch.inf)
        scores[..., 0] = 0.0
        tokens = torch.full_like(scores, self.tokenizer.pad, dtype=torch.long)
        scores[growing], tokens[growing] = found.values, found.indices
        beams.scores, best = (scores + beams.scores[..., None]).view(count, -1).topk(width)
        parents, added = best // width, tokens.view(count, -1).gather(1, best)
        kept = beams.tokens.gather(1, parents[..., None].expand(-1, -1, beams.tokens.shape[2]))
        beams.tokens = torch.cat((kept, added[..., None]), dim=2)
        beams.ended = beams.ended.gather(1, parents) | (added == self.tokenizer.eos)
        numbers = growing.view(-1).cumsum(dim=0).view(count, width) - 1
        return numbers.gather(1, parents)[~beams.ended]


def event_ids(tokenizer: Tokenizer, event: str) -> list[int]:
    """Ids of an event as the seeker's only turn, with at most `EVENT_TOKENS` tokens of text."""
    text = tokenizer.decode(tokenizer.encode(event)[:EVENT_TOKENS])
    return [*tokenizer.turn_ids(Turn(Speaker.SEEKER, text), None), *tokenizer.closing()]


def prefixes(tokenizer: Tokenizer) -> dict[str, list[int]]:
    """What the decoder reads before the tail, by relation: begin token, relation, the words of `ASKED`. The relation's
    token is repeated so that all prefixes have the same length."""
    words = {relation: tokenizer.encode(asked) for relation, asked in ASKED.items()}
    longest = max(map(len, words.values()))
    return {
        relation: [tokenizer.bos, *[tokenizer.relations[relation]] * (1 + longest - len(ids)), *ids]
        for relation, ids in words.items()
    }


def tail_ids(tokenizer: Tokenizer, relation: str, tail: str) -> list[int]:
    """Ids of a tail as the end of its sentence, at most `Search.max_tokens` tokens."""
    asked = ASKED[relation]
    return tokenizer.encode(f"{asked} {tail}")[len(tokenizer.encode(asked)) :][: Search.max_tokens]


def save_comet(backbone: Causal, base: CausalBase, card: Mapping[str, Any], folder: Path = COMET) -> None:
    """Save what training changed."""
    save_packed(folder, trained(backbone), {"kind": "comet", "rank": RANK, "base": base.label} | dict(card))


def load_comet(folder: Path = COMET, bases: Bases | None = None, search: Search | None = None) -> ShippedComet:
    """The trained COMET, settled beside the base's shared weights.

    Raises WeightsError when files are missing or damaged, or were made for another base.
    """
    card = read_card(folder)
    base = (bases or Bases()).labelled(card.get("base"), folder)
    tensors, _ = load_packed(folder)
    backbone = base.backbone(card["rank"])
    load_trained(backbone, tensors)
    backbone.settle(remember=False)
    return ShippedComet(
        base.tokenizer, backbone.eval().requires_grad_(requires_grad=False), fingerprint(folder), search
    )
