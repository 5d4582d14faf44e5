"""The batched beam search against a plain one, and weights that come back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.backbones.adapters import adapt, merge
from models.backbones.compact_base import load_base
from models.backbones.encoder_decoder import EncoderDecoder
from models.backbones.interface import CONTEXT, Stream
from models.data.relations import RELATIONS
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WeightsError
from models.knowledge.comet import clean
from models.knowledge.comet_compact import EVENT_TOKENS, CompactComet, Search, event_ids, load_comet, save_comet
from tests.tiny import tiny_backbone, tiny_base, tiny_tokenizer

EVENTS = ("i lost my job", "it is hard to hear that you feel tired", "hello")


@pytest.fixture
def comet() -> CompactComet:
    return CompactComet(tiny_tokenizer(), tiny_backbone(), "tiny", Search(beams=3, max_tokens=4))


@torch.inference_mode()
def plain_beams(backbone: EncoderDecoder, tokenizer: Tokenizer, event: str, relation: str, search: Search) -> list[str]:
    """One query, one hypothesis at a time, no cache: (score, ids) pairs, the best `beams` kept each step."""
    ids = torch.tensor([event_ids(tokenizer, event)])
    mask = torch.ones_like(ids, dtype=torch.bool)
    memories = backbone.project({CONTEXT: Stream(backbone.encode(ids, mask), mask)})
    prefix = [tokenizer.bos, tokenizer.relations[relation]]
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    for step in range(search.max_tokens + 1):
        grown = []
        for score, tail in beams:
            if tail[-1:] == [tokenizer.eos]:
                grown.append((score, tail))
                continue
            scores = backbone.logits(backbone.decode(torch.tensor([prefix + tail]), memories))[0, -1]
            scores[list(tokenizer.special - {tokenizer.eos})] = -torch.inf
            logp = scores.log_softmax(dim=-1)
            allowed = [t for t in range(len(logp)) if t != tokenizer.eos or step]
            grown += [(score + float(logp[t]), [*tail, t]) for t in allowed]
        beams = sorted(grown, key=lambda beam: -beam[0])[: search.beams]
    ended = [tail for _, tail in beams if tail[-1] == tokenizer.eos] or [tail for _, tail in beams]
    return [tokenizer.decode(tail).lower() for tail in ended]


def test_the_batched_search_finds_what_a_plain_one_finds(comet: CompactComet) -> None:
    """Against a search with neither batch, cache nor padding, for events of different lengths."""
    with torch.no_grad():
        comet.backbone.final_logits_bias[0, comet.tokenizer.eos] = 3.0  # tails of different lengths, some through early
    found = comet.tails(EVENTS)
    lengths = set()
    for event, tails in zip(EVENTS, found, strict=True):
        for relation in RELATIONS:
            expected = plain_beams(comet.backbone, comet.tokenizer, event, relation, comet.search)
            assert tails[relation] == clean(expected)
            lengths |= {len(tail) for tail in tails[relation]}
    assert len(lengths) > 1


def test_small_batches_give_the_same_tails(comet: CompactComet) -> None:
    expected = comet.tails(EVENTS)
    comet.search = Search(beams=3, max_tokens=4, rows=6)
    assert comet.tails(EVENTS) == expected
    assert comet.tails(EVENTS[:1]) == expected[:1]


def test_none_is_no_tail(monkeypatch: pytest.MonkeyPatch, comet: CompactComet) -> None:
    tokenizer = comet.tokenizer
    beams = [tokenizer.encode(text) for text in ("sad", "none", "tired")]
    monkeypatch.setattr("models.knowledge.comet_compact.Beams.search", lambda *_: [beams])
    assert comet.answer([("hello", "xReact")]) == [("sad", "tired")]


def test_nothing_asked_nothing_answered(comet: CompactComet) -> None:
    assert comet.answer([]) == []
    with pytest.raises(ValueError, match="unknown relation 'y'"):
        comet.answer([("hello", "y")])


def test_a_long_event_is_cut() -> None:
    tokenizer = tiny_tokenizer()
    ids = event_ids(tokenizer, "sad " * 500)
    assert (len(ids), ids[0], ids[-1]) == (EVENT_TOKENS + 2, tokenizer.cls, tokenizer.eos)


def test_saved_weights_come_back_merged(tmp_path: Path) -> None:
    base, folder, tokenizer = tiny_base(tmp_path / "base"), tmp_path / "comet", tiny_tokenizer()
    backbone = load_adapted(base)
    save_comet(backbone, {"rank": 4}, folder, base)
    again = load_comet(folder, base)
    assert not any(parameter.requires_grad for parameter in again.backbone.parameters())
    merge(backbone)
    expected = CompactComet(tokenizer, backbone, "x").tails(EVENTS)
    assert again.tails(EVENTS) == expected
    tiny_base(base, seed=5)
    with pytest.raises(WeightsError, match=r"changes base .* train it again"):
        load_comet(folder, base)


def load_adapted(base: Path) -> EncoderDecoder:
    """The base with changes that are not nothing, on a grid that int8 keeps exactly."""
    _, backbone = load_base(base)
    adapt(backbone, 4)
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if name.endswith((".0.b", ".0.a")):
                parameter.copy_(torch.randint(-1, 2, parameter.shape) * 0.125)
    return backbone
