"""Method "guided": prefers tokens that are likely in this dialogue, and less likely after a mere "hi".

    score(token) = log p(token | dialogue) + topicality * (log p(token | dialogue) - log p(token | "hi"))

Classifier-free guidance (Sanchez et al. 2023) with the plausibility bound of contrastive decoding (Li et al. 2023):
only tokens with at least `PLAUSIBLE` of the best one's probability in the dialogue are allowed. Both rows run in one
batch, so that words stream nearly as fast as in plain sampling; `rerank`, which compares whole replies, cannot stream.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

PLAUSIBLE = 0.1


def guided_scores(scores: Tensor, anywhere: Tensor, topicality: float) -> Tensor:
    """(B, V) scores, from the scores (B, V) in the dialogues and those (B, V) of what would be said to anybody."""
    here = scores.log_softmax(dim=-1)
    found = here + topicality * (here - anywhere.log_softmax(dim=-1))
    implausible = (here < here.amax(dim=1, keepdim=True) + math.log(PLAUSIBLE)) | here.isneginf()
    return found.masked_fill_(implausible, -torch.inf)
