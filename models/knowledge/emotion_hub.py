"""A full emotion detector: any GoEmotions classifier with the 28 labels, from the Hub or a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models.files.hub import from_hub, net_from_hub, revision
from models.knowledge.emotion import GO_EMOTIONS, Reading, to_reading


class HubEmotion:
    """Readings of a sequence classifier whose `id2label` names GoEmotions' labels.

    Raises FileNotFoundError when it cannot be loaded, ValueError when it is of another kind or has other labels.
    """

    def __init__(self, name: str | Path, device: str = "cpu", batch: int = 32) -> None:
        self.tokenizer = from_hub(AutoTokenizer, name, "emotion tokenizer")
        self.model = net_from_hub(AutoModelForSequenceClassification, name, "emotion checkpoint").to(device)
        self.version, self.batch = revision(self.model.config, name), batch
        names = self.model.config.id2label
        self.labels = tuple(str(names[n]).lower() for n in range(len(names)))
        if set(self.labels) != set(GO_EMOTIONS):
            odd = sorted(set(self.labels) ^ set(GO_EMOTIONS))
            raise ValueError(
                f"{name} has other labels than GoEmotions' 28, e.g. {odd[0]!r}; give a GoEmotions classifier"
            )

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """One reading per text."""
        return [to_reading(dict(zip(GO_EMOTIONS, row, strict=True))) for row in self.probabilities(texts).tolist()]

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> Tensor:
        """(N, 28) probability of each GoEmotions label, by sigmoid or softmax as the checkpoint was trained."""
        parts = [torch.zeros(0, len(GO_EMOTIONS))]
        order = [self.labels.index(label) for label in GO_EMOTIONS]
        for start in range(0, len(texts), self.batch):
            part = list(texts[start : start + self.batch])
            inputs = self.tokenizer(part, return_tensors="pt", padding=True, truncation=True).to(self.model.device)
            logits = self.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits.float()
            many = self.model.config.problem_type == "multi_label_classification"
            scores = logits.sigmoid() if many else logits.softmax(dim=-1)
            parts.append(scores[:, order].cpu())
        return torch.cat(parts)
