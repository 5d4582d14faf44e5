"""The shipped emotion detector: a head for GoEmotions' 28 labels on the default base's own lower layers.

Layers in the middle of the base show best what a text feels like; those above prepare the next word. The base is not
changed: only the head is trained, in minutes, on states that are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from models.backbones.adapters import load_trained, trained
from models.backbones.causal import Causal
from models.backbones.causal_base import Bases, CausalBase
from models.data.batches import pad_with_mask
from models.data.dialogue import Speaker, Turn
from models.data.tokenizer import Tokenizer
from models.files.checkpoint import WEIGHTS, WeightsError, fingerprint, load_packed, read_card, save_packed
from models.knowledge.emotion import GO_EMOTIONS, Reading, to_reading
from models.training.device import device_of

EMOTION = WEIGHTS / "emotion"
TEXT_TOKENS = 48
"""maximum number of tokens of a text; its last ones are kept"""
LAYERS = 16
"""number of layers of the base that read a text; the default base has 30"""


class EmotionHead(nn.Module):
    """Features of texts from a `TextReader` (B, 2 D) -> one hidden layer -> 28 logits."""

    def __init__(self, width: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(2 * width, width), nn.Linear(width, len(GO_EMOTIONS))
        self.dropout = nn.Dropout(dropout)

    def forward(self, found: Tensor) -> Tensor:
        """Logits (B, 28)."""
        return self.out(self.dropout(torch.tanh(self.hidden(self.dropout(found)))))


@dataclass(frozen=True)
class TextReader:
    """Texts -> features for a head: mean and last of the states (N, 2 D) after the base's first `layers` layers."""

    tokenizer: Tokenizer
    backbone: Causal
    layers: int
    batch: int = 64

    @classmethod
    def of(cls, base: CausalBase, layers: int, batch: int = 64) -> TextReader:
        """A reader on a base; `layers` is limited to the number of layers that the base has."""
        return cls(base.tokenizer, base.backbone(rank=1).eval(), min(layers, base.weights.shape.layers), batch)

    @torch.inference_mode()
    def read(self, texts: Sequence[str], on_batch: Callable[[int], object] | None = None) -> Tensor:
        """(N, 2 D) float32; `on_batch` is called with the number of texts in each batch."""
        device = device_of(self.backbone)
        ids = [text_ids(self.tokenizer, text) for text in texts]
        order = sorted(range(len(ids)), key=lambda n: len(ids[n]))
        result = torch.zeros(len(ids), 2 * self.backbone.width)
        for start in range(0, len(order), self.batch):
            chunk = order[start : start + self.batch]
            found = self.backbone.read_lower(
                *pad_with_mask([ids[n] for n in chunk], self.tokenizer.pad, device), self.layers
            )
            result[chunk] = torch.cat((found.mean, found.summary), dim=1).float().cpu()
            if on_batch is not None:
                on_batch(len(chunk))
        return result


class ShippedEmotion:
    """Readings from a reader and the head trained on it. Thread-safe."""

    def __init__(self, reader: TextReader, head: EmotionHead, version: str) -> None:
        self.reader, self.head, self.version = reader, head.eval(), version

    def to(self, device: str) -> Self:
        """Moves the detector to a device and returns it."""
        self.reader.backbone.to(device)
        self.head.to(device)
        return self

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """One reading per text."""
        rows = self.probabilities(texts).tolist()
        return [to_reading(dict(zip(GO_EMOTIONS, row, strict=True))) for row in rows]

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """(N, 28) probability of each GoEmotions label, independent of the others."""
        return self.head(self.reader.read(texts).to(device_of(self.head))).sigmoid().float().cpu()


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of a text as the seeker's only turn."""
    kept = tokenizer.decode(tokenizer.encode(text)[-TEXT_TOKENS:])
    return tokenizer.turn_ids(Turn(Speaker.SEEKER, kept), None)


def save_emotion(
    head: EmotionHead, base: CausalBase, layers: int, card: Mapping[str, Any], folder: Path = EMOTION
) -> None:
    """Save the head, with the order of the labels."""
    about = {"kind": "emotion", "layers": layers, "base": base.label, "labels": list(GO_EMOTIONS)}
    save_packed(folder, trained(head), about | dict(card))


def load_emotion(folder: Path = EMOTION, bases: Bases | None = None) -> ShippedEmotion:
    """The trained detector on the base's shared weights.

    Raises WeightsError when files are missing or damaged, or were made for another base or other labels.
    """
    card = read_card(folder)
    if card.get("labels") != list(GO_EMOTIONS):
        raise WeightsError(f"{folder} was made for other labels ({card.get('labels')}); train it again")
    base = (bases or Bases()).labelled(card.get("base"), folder)
    tensors, _ = load_packed(folder)
    head = EmotionHead(base.weights.shape.width)
    load_trained(head, tensors)
    head.requires_grad_(requires_grad=False)
    return ShippedEmotion(TextReader.of(base, card["layers"]), head, fingerprint(folder))
