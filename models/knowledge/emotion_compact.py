"""The shipped emotion detector: the base's encoder with low-rank changes and a head for GoEmotions' 28 labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.backbones.adapters import adapt, load_trained, merge, trained
from models.backbones.compact_base import BASE, load_base
from models.backbones.encoder_decoder import EncoderDecoder
from models.data.batches import pad_with_mask
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, load_packed, read_card, save_packed
from models.knowledge.emotion import GO_EMOTIONS, Reading, to_reading
from models.training.device import device_of

EMOTION = WEIGHTS / "emotion"
TEXT_TOKENS = 48
"""a text keeps its last tokens, at most this many"""
RANK = 16
"""rank of the changes to the encoder"""


class EmotionNet(nn.Module):
    """Encoder states -> [mean; first] -> one hidden layer -> 28 logits."""

    def __init__(self, backbone: EncoderDecoder, rank: int = RANK, dropout: float = 0.1) -> None:
        super().__init__()
        backbone.requires_grad_(requires_grad=False)
        backbone.model.decoder.layers = nn.ModuleList()  # never used here; an eighth of the memory
        self.backbone = backbone
        layers = backbone.model.encoder.layers
        layers.requires_grad_(requires_grad=True)
        adapt(layers, rank)
        width = backbone.config.d_model
        self.hidden, self.out = nn.Linear(2 * width, width), nn.Linear(width, len(GO_EMOTIONS))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, 28) of ids (B, S) under mask (B, S), True = token."""
        states = self.backbone.encode(ids, mask)
        mean = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        pooled = self.dropout(torch.cat((mean, states[:, 0]), dim=1))
        return self.out(self.dropout(torch.tanh(self.hidden(pooled))))


class CompactEmotion:
    """Readings from an `EmotionNet` whose changes are merged. Safe to call from several threads."""

    def __init__(self, tokenizer: Tokenizer, net: EmotionNet, version: str, batch: int = 64) -> None:
        self.tokenizer, self.net, self.version, self.batch = tokenizer, net.eval(), version, batch

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """One reading per text."""
        rows = self.probabilities(texts).tolist()
        return [to_reading(dict(zip(GO_EMOTIONS, row, strict=True))) for row in rows]

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """(N, 28) probability of each label of GoEmotions, each on its own."""
        device = device_of(self.net)
        ids = [text_ids(self.tokenizer, text) for text in texts]
        order = sorted(range(len(ids)), key=lambda n: len(ids[n]))
        result = torch.zeros(len(ids), len(GO_EMOTIONS))
        for start in range(0, len(order), self.batch):
            chunk = order[start : start + self.batch]
            result[chunk] = (
                self.net(*pad_with_mask([ids[n] for n in chunk], self.tokenizer.pad, device)).sigmoid().float().cpu()
            )
        return result


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Encoder ids of a text: `[CLS] text [EOS]`."""
    return [tokenizer.cls, *tokenizer.encode(text)[-TEXT_TOKENS:], tokenizer.eos]


def save_emotion(net: EmotionNet, card: dict[str, Any], folder: Path = EMOTION, base: Path = BASE) -> None:
    """Pack what training changed, with the order of the labels."""
    about = {"kind": "emotion", "rank": RANK, "base": fingerprint(base), "labels": list(GO_EMOTIONS)}
    save_packed(folder, trained(net), about | card)


def load_emotion(folder: Path = EMOTION, base: Path = BASE) -> CompactEmotion:
    """The trained detector, changes merged into its own copy of the base's encoder.

    Raises WeightsError when files are missing or damaged, or made for another base or other labels.
    """
    card = read_card(folder)
    if card.get("base") != fingerprint(base) or card.get("labels") != list(GO_EMOTIONS):
        raise WeightsError(f"{folder} was made for another base or other labels than {base}; train it again")
    tensors, _ = load_packed(folder)
    tokenizer, backbone = load_base(base)
    net = EmotionNet(backbone, card["rank"])
    load_trained(net, tensors)
    merge(net)
    return CompactEmotion(tokenizer, net.requires_grad_(requires_grad=False), fingerprint(folder))
