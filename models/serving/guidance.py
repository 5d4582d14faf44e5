"""Method "guided": tokens that are likely here, and would be less so after a mere "hi".

    score(token) = log p(token | dialogue) + topicality * (log p(token | dialogue) - log p(token | "hi"))

Classifier-free guidance (Sanchez et al. 2023) with the plausibility bound of contrastive decoding (Li et al. 2023):
only tokens with at least `PLAUSIBLE` of the best one's probability in the dialogue are weighed. Both rows run in one
batch, so that words stream nearly as fast as plain ones; the best of whole replies (`rerank`) cannot stream.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

PLAUSIBLE = 0.1


def guided_scores(scores: Tensor, anywhere: Tensor, topicality: float) -> Tensor:
    """(B, V) scores of replies: from those in their dialogues and those of what would be said to anybody, (B, V)."""
    here = scores.log_softmax(dim=-1)
    found = here + topicality * (here - anywhere.log_softmax(dim=-1))
    implausible = (here < here.amax(dim=1, keepdim=True) + math.log(PLAUSIBLE)) | here.isneginf()
    return found.masked_fill_(implausible, -torch.inf)
