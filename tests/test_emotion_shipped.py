"""The shipped detector: batches change nothing, saved weights come back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.files.checkpoint import CARD, WeightsError
from models.knowledge.emotion import EMOTIONS
from models.knowledge.emotion_shipped import (
    TEXT_TOKENS,
    EmotionHead,
    ShippedEmotion,
    TextReader,
    load_emotion,
    save_emotion,
    text_ids,
)
from tests.tiny import Moved, tiny_causal, tiny_chat_tokenizer

TEXTS = ("i am sad", "it is hard to hear that you feel tired", "", "hello")


def detector(batch: int = 64) -> ShippedEmotion:
    base = tiny_causal()
    return ShippedEmotion(TextReader.of(base, 1, batch), EmotionHead(base.weights.shape.width), "tiny")


def test_a_text_reads_the_same_alone_and_in_a_batch() -> None:
    reader = detector(batch=3)
    together = reader.probabilities(TEXTS)
    alone = torch.cat([reader.probabilities([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    readings = reader.read(TEXTS)
    assert [len(reading) for reading in readings] == [len(EMOTIONS)] * len(TEXTS)
    assert reader.read([]) == []


def test_a_long_text_keeps_its_end() -> None:
    tokenizer = tiny_chat_tokenizer()
    ids = text_ids(tokenizer, "sad " * 300 + "tired")
    assert "tired" in tokenizer.decode(ids)
    assert tokenizer.decode(ids).count("sad") == (TEXT_TOKENS - len("tired")) // 4


def test_the_reader_stops_at_its_layer() -> None:
    base = tiny_causal()
    lower, all_of_it, beyond = (TextReader.of(base, layers).read(TEXTS) for layers in (1, 2, 9))
    assert not torch.allclose(lower, all_of_it)
    torch.testing.assert_close(all_of_it, beyond)
    ids = torch.tensor([text_ids(base.tokenizer, TEXTS[0])])
    whole = base.backbone(rank=1).eval().read(ids, torch.ones_like(ids).bool())
    torch.testing.assert_close(all_of_it[:1], torch.cat((whole.mean, whole.summary), dim=1))


def test_saved_weights_come_back(tmp_path: Path) -> None:
    base, folder = tiny_causal(), tmp_path / "emotion"
    bases, head = Moved(base), EmotionHead(base.weights.shape.width)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randint(-1, 2, parameter.shape) * 0.125)
    save_emotion(head, base, 1, {"minutes": 1}, folder)
    again = load_emotion(folder, bases)
    expected = ShippedEmotion(TextReader.of(base, 1), head, "x").probabilities(TEXTS)
    torch.testing.assert_close(again.probabilities(TEXTS), expected, atol=0.01, rtol=0)
    assert again.reader.backbone.weights is base.weights  # one copy
    bases.base = replace(base, digest="1" * 12)
    with pytest.raises(WeightsError, match=r"changes base .* train it again"):
        load_emotion(folder, bases)
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"labels": ["joy"]}))
    with pytest.raises(WeightsError, match=r"made for other labels .* train it again"):
        load_emotion(folder, Moved(base))
