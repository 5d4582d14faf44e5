"""The compact detector: batches change nothing, saved weights come back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.backbones.adapters import merge
from models.backbones.compact_base import load_base
from models.files.checkpoint import WeightsError
from models.knowledge.emotion import EMOTIONS
from models.knowledge.emotion_compact import (
    TEXT_TOKENS,
    CompactEmotion,
    EmotionNet,
    load_emotion,
    save_emotion,
    text_ids,
)
from tests.tiny import tiny_backbone, tiny_base, tiny_tokenizer

TEXTS = ("i am sad", "it is hard to hear that you feel tired", "", "hello")


def test_a_text_reads_the_same_alone_and_in_a_batch() -> None:
    detector = CompactEmotion(tiny_tokenizer(), EmotionNet(tiny_backbone()), "tiny", batch=3)
    together = detector.probabilities(TEXTS)
    alone = torch.cat([detector.probabilities([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    readings = detector.read(TEXTS)
    assert [len(reading) for reading in readings] == [len(EMOTIONS)] * len(TEXTS)
    assert detector.read([]) == []


def test_a_long_text_keeps_its_end() -> None:
    tokenizer = tiny_tokenizer()
    ids = text_ids(tokenizer, "sad " * 300 + "tired")
    assert len(ids) == TEXT_TOKENS + 2
    assert tokenizer.decode(ids).endswith("tired")


def test_only_the_encoder_and_the_head_train() -> None:
    net = EmotionNet(tiny_backbone(), rank=4)
    names = {name for name, parameter in net.named_parameters() if parameter.requires_grad}
    assert all(name.startswith(("backbone.model.encoder.layers.", "hidden.", "out.")) for name in names)
    assert not any(name.endswith("original") for name in names)


def test_saved_weights_come_back_merged(tmp_path: Path) -> None:
    base, folder = tiny_base(tmp_path / "base"), tmp_path / "emotion"
    tokenizer, backbone = load_base(base)
    net = EmotionNet(backbone)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.requires_grad:
                parameter.copy_((parameter * 64).round() / 64 if name.endswith("bias") else parameter.half().float())
    save_emotion(net, {"minutes": 1}, folder, base)
    again = load_emotion(folder, base)
    merge(net)
    expected = CompactEmotion(tokenizer, net, "x").probabilities(TEXTS)
    torch.testing.assert_close(again.probabilities(TEXTS), expected, atol=0.01, rtol=0)
    tiny_base(base, seed=5)
    with pytest.raises(WeightsError, match=r"another base .* train it again"):
        load_emotion(folder, base)
