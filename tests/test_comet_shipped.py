"""The batched beam search against a plain one, and weights that come back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.backbones.causal import Causal
from models.backbones.causal_base import Bases
from models.data.relations import RELATIONS
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WeightsError, read_card
from models.knowledge.comet import clean
from models.knowledge.comet_shipped import (
    ASKED,
    EVENT_TOKENS,
    RANK,
    Search,
    ShippedComet,
    event_ids,
    load_comet,
    prefixes,
    save_comet,
    tail_ids,
)
from tests.tiny import Moved, tiny_causal, tiny_chat_tokenizer, tiny_llama_folder, tiny_tokenizer

EVENTS = ("i lost my job", "it is hard to hear that you feel tired", "hello")


@pytest.fixture
def comet() -> ShippedComet:
    return tiny_comet()


def tiny_comet() -> ShippedComet:
    base = tiny_causal()
    return ShippedComet(base.tokenizer, base.backbone(RANK).eval(), "tiny", Search(beams=3, max_tokens=4))


@torch.inference_mode()
def plain_beams(backbone: Causal, tokenizer: Tokenizer, event: str, relation: str, search: Search) -> list[str]:
    """One query, one hypothesis at a time, no cache: (score, ids) pairs, the best `beams` kept each step."""
    ids = torch.tensor([event_ids(tokenizer, event)])
    mask = torch.ones_like(ids, dtype=torch.bool)
    memories = backbone.attach(backbone.read(ids, mask), {})
    prefix = prefixes(tokenizer)[relation]
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


def likely_end(monkeypatch: pytest.MonkeyPatch, comet: ShippedComet) -> None:
    """A score of the end mark that is higher by 3."""
    scores = comet.backbone.logits

    def raised(states: Tensor) -> Tensor:
        found = scores(states).clone()
        found[..., comet.tokenizer.eos] += 3.0
        return found

    monkeypatch.setattr(comet.backbone, "logits", raised)


def test_the_batched_search_finds_what_a_plain_one_finds(monkeypatch: pytest.MonkeyPatch, comet: ShippedComet) -> None:
    """Against a search with neither batch, cache nor padding, for events of different lengths."""
    likely_end(monkeypatch, comet)  # tails of different lengths, some through early
    found = comet.tails(EVENTS)
    lengths = set()
    for event, tails in zip(EVENTS, found, strict=True):
        for relation in RELATIONS:
            expected = plain_beams(comet.backbone, comet.tokenizer, event, relation, comet.search)
            assert tails[relation] == clean(expected)
            lengths |= {len(tail) for tail in tails[relation]}
    assert len(lengths) > 1


def test_small_batches_give_the_same_tails(comet: ShippedComet) -> None:
    expected = comet.tails(EVENTS)
    comet.search = Search(beams=3, max_tokens=4, rows=6)
    assert comet.tails(EVENTS) == expected
    assert comet.tails(EVENTS[:1]) == expected[:1]


def test_none_is_no_tail(monkeypatch: pytest.MonkeyPatch, comet: ShippedComet) -> None:
    tokenizer = comet.tokenizer
    beams = [tokenizer.encode(text) for text in ("sad", "none", "tired")]

    def found(*_: object) -> Generator[None, None, list[list[list[int]]]]:
        yield
        return [beams]

    monkeypatch.setattr("models.knowledge.comet_shipped.Beams.search", found)
    assert comet.answer([("hello", "xReact")]) == [("sad", "tired")]


def test_nothing_asked_nothing_answered(comet: ShippedComet) -> None:
    assert comet.answer([]) == []
    with pytest.raises(ValueError, match="unknown relation 'y'"):
        comet.answer([("hello", "y")])


def test_a_long_event_is_cut() -> None:
    tokenizer = tiny_chat_tokenizer()
    ids = event_ids(tokenizer, "sad " * 500)
    assert tokenizer.decode(ids).count("sad") == EVENT_TOKENS // 4
    assert ids[-len(tokenizer.closing()) :] == tokenizer.closing()


def test_every_relation_is_asked_in_words_of_one_length() -> None:
    for tokenizer in (tiny_tokenizer(), tiny_chat_tokenizer()):
        found = prefixes(tokenizer)
        assert list(found) == list(RELATIONS)
        assert len({len(ids) for ids in found.values()}) == 1
        assert all(ids[:2] == [tokenizer.bos, tokenizer.relations[name]] for name, ids in found.items())
    whole = tokenizer.encode(f"{ASKED['xReact']} sad")
    assert found["xReact"][-len(tokenizer.encode(ASKED["xReact"])) :] + tail_ids(tokenizer, "xReact", "sad") == whole


def test_saved_weights_come_back(tmp_path: Path) -> None:
    bases, folder = Bases(), tmp_path / "comet"
    base = bases.open(str(tiny_llama_folder(tmp_path / "llama")))
    backbone = base.backbone(RANK)
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if name.endswith((".a", ".b", "added.vectors")):  # on a grid that int8 keeps exactly
                parameter.copy_(torch.randint(-1, 2, parameter.shape) * 0.125)
    save_comet(backbone, base, {"minutes": 1}, folder)
    card = read_card(folder)
    assert (card["kind"], card["base"], card["rank"]) == ("comet", base.label, RANK)
    backbone.settle()
    expected = ShippedComet(base.tokenizer, backbone.eval(), "x").tails(EVENTS)
    moved = Moved(base)
    again = load_comet(folder, moved)
    assert again.tails(EVENTS) == expected
    assert again.backbone.weights is base.weights  # one copy
    assert not any(parameter.requires_grad for parameter in again.backbone.parameters())
    moved.base = replace(base, digest="1" * 12)
    with pytest.raises(WeightsError, match=r"changes base .*, but .* here is 1{12}; train it again"):
        load_comet(folder, moved)


def test_when_memory_runs_out_queries_are_answered_fewer_at_a_time(
    monkeypatch: pytest.MonkeyPatch, comet: ShippedComet
) -> None:
    queries = [(event, relation) for event in EVENTS for relation in RELATIONS]
    expected, search, sizes = comet.answer(queries), comet._pieces, list[int]()

    def short_of_memory(
        some: list[tuple[str, str]], ids: dict[str, list[int]]
    ) -> Generator[None, None, list[tuple[str, ...]]]:
        sizes.append(len(some))
        if len(some) > room:
            raise torch.OutOfMemoryError("no room")
        return (yield from search(some, ids))

    monkeypatch.setattr(comet, "_pieces", short_of_memory)
    room = 8
    assert comet.answer(queries) == expected
    assert sizes[0] == len(queries)
    assert sum(size for size in sizes if size <= room) == len(queries)
    room = 0
    with pytest.raises(torch.OutOfMemoryError):
        comet.answer(queries)
