"""llama.cpp as a contender of `python -m models benchmark`, played by a library that writes down what it is given."""

from __future__ import annotations

import importlib.machinery
import sys
from ctypes import c_float
from itertools import takewhile
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from models.backbones.causal import Causal
from models.data.examples import context_ids
from models.serving.speed import llama_cpp as ours
from models.serving.speed.llama_cpp import llama_cpp
from models.serving.speed.talks import a_turn_before, made_up_talks
from models.serving.trace import DecodeOptions
from tests.tiny import settled_nets

OPTIONS = DecodeOptions(min_tokens=1, max_tokens=3)


class Played(ModuleType):
    """After a token comes the token that is one greater."""

    def __init__(self, words: int) -> None:
        super().__init__("llama_cpp")
        self.__spec__ = importlib.machinery.ModuleSpec("llama_cpp", None)
        self.words, self.status, self.freed = words, 0, 0
        self.sequences: list[list[int]] = []
        self.calls: list[int] = []
        self.settings: Any = None

    def Llama(self, path: str, n_ctx: int, verbose: bool) -> Any:  # noqa: N802  (the library's name)
        return SimpleNamespace(n_vocab=lambda: self.words, model="the model")

    def llama_context_default_params(self) -> Any:
        return SimpleNamespace()

    def llama_batch_init(self, tokens: int, embd: int, sequences: int) -> Any:
        rows = [[0] * tokens for _ in range(4)]
        token, pos, count, logits = rows
        return SimpleNamespace(token=token, pos=pos, n_seq_id=count, logits=logits, seq_id=[[0] for _ in token])

    def llama_init_from_model(self, model: str, settings: Any) -> str:
        self.settings, self.sequences = settings, [[] for _ in range(settings.n_seq_max)]
        return "a context"

    def llama_free(self, context: str) -> None:
        self.freed += 1

    def llama_get_memory(self, context: str) -> Any:
        return self.sequences

    def llama_memory_seq_rm(self, memory: Any, sequence: int, first: int, last: int) -> None:
        del memory[sequence][first:]

    def llama_decode(self, context: str, batch: Any) -> int:
        self.calls.append(batch.n_tokens)
        for at in range(batch.n_tokens):
            sequence = self.sequences[batch.seq_id[at][0]]
            assert batch.pos[at] == len(sequence), "positions follow one another"
            sequence.append(batch.token[at])
            if len(sequence) > self.settings.n_ctx // self.settings.n_seq_max:
                return 1
        self.asked = [(batch.token[at], batch.logits[at]) for at in range(batch.n_tokens)]
        return self.status

    def llama_get_logits_ith(self, context: str, at: int) -> Any:
        token, asks = self.asked[at]
        assert asks, "only what was asked for is there"
        scores = (c_float * self.words)()
        scores[(token + 1) % self.words] = 1.0
        return scores


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    backbone = settled_nets("joint")[0].backbone
    assert isinstance(backbone, Causal)
    found = Played(backbone.shape.vocabulary)
    monkeypatch.setitem(sys.modules, "llama_cpp", found)
    monkeypatch.setattr(ours, "PIECE", 16)
    return found


def test_talks_are_sequences_that_read_only_what_is_new(played: Played) -> None:
    net = settled_nets("joint")[0]
    contender, talks = llama_cpp(net, OPTIONS), made_up_talks(3, 2)
    contender.prepare(talks)
    texts = [[i for i in context_ids(talk, net.tokenizer, net.shape) if i < played.words] for talk in talks]
    before = [
        [i for i in context_ids(a_turn_before(talk), net.tokenizer, net.shape) if i < played.words] for talk in talks
    ]
    assert played.sequences == before
    assert played.settings.n_ctx >= 3 * (max(map(len, texts)) + OPTIONS.max_tokens)
    read = sum(played.calls)
    answered = contender.answer(talks)
    ends = [text[-1] for text in texts]
    written = [[(end + n) % played.words for n in (1, 2)] for end in ends]
    assert played.sequences == [text + new for text, new in zip(texts, written, strict=True)]
    assert max(played.calls) <= ours.PIECE
    pairs = [zip(text[:-1], earlier, strict=False) for text, earlier in zip(texts, before, strict=True)]
    kept = [len(list(takewhile(lambda pair: pair[0] == pair[1], each))) for each in pairs]
    written_count = len(talks) * (OPTIONS.max_tokens - 1)
    assert sum(played.calls) - read == sum(map(len, texts)) - sum(kept) + written_count
    assert [one.tokens for one in answered] == [OPTIONS.max_tokens] * 3
    assert all(0 < (one.first_s or 0) <= one.total_s for one in answered)
    contender.prepare(talks[:1])
    assert played.freed == 1


def test_what_it_cannot_read_is_said(played: Played) -> None:
    contender, talks = llama_cpp(settled_nets("joint")[0], OPTIONS), made_up_talks(1, 1)
    played.status = 1
    with pytest.raises(RuntimeError, match=r"could not read \d+ tokens \(status 1\)"):
        contender.prepare(talks)
