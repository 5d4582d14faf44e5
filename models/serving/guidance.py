"""Method "guided": tokens that are likely here, and would be less so after a mere "hi".

    score(token) = log p(token | dialogue) + topicality * (log p(token | dialogue) - log p(token | "hi"))

Classifier-free guidance (Sanchez et al. 2023) with the plausibility bound of contrastive decoding (Li et al. 2023):
only tokens with at least `PLAUSIBLE` of the best one's probability in the dialogue are weighed. Both rows run in one
batch, so that words stream nearly as fast as plain ones; the best of whole replies (`rerank`) cannot stream.
"""

from __future__ import annotations

import torch
from torch import Tensor

PLAUSIBLE = 0.1


def guided_scores(scores: Tensor, topicality: float) -> Tensor:
    """(1, V) scores from those of the reply and of what would be said to anybody, (2, V)."""
    here, anywhere = scores.log_softmax(dim=-1)
    found = here + topicality * (here - anywhere)
    implausible = (here < here.max() + torch.tensor(PLAUSIBLE).log()) | here.isneginf()
    return found.masked_fill(implausible, -torch.inf)[None]
