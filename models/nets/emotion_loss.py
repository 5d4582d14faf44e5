"""The loss of nets that predict the seeker's emotion."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def emotion_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of emotion scores (B, 11) over the dialogues whose emotion is known (label >= 0), or 0."""
    total = F.cross_entropy(scores.float(), labels, ignore_index=-1, reduction="sum")
    return total / (labels >= 0).sum().clamp_min(1)
