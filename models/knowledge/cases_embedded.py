"""Similar talks by vectors of the default base: what it makes of the seeker's latest messages half-way up.

    v(text) = mean of the states after the base's first LAYERS layers, less the mean of v over all cases, length 1
    like    = cosine of v(what the seeker says now) and v(case)

These are no sentence embeddings: nothing was trained to bring texts together that mean the same, as Sentence-BERT is,
with which the published KEMI also searched. They are the states that a small language model reads texts with, the same
that the emotion detector stands on. Most of such a vector is alike for all texts, so the mean of the cases is taken
off; without that every text is like every other. How often the talks found are of the seeker's kind of problem, beside
BM25, stands in `models/EXPERIMENTS.md`.

The vectors are made when a case base is opened, each distinct text once, and kept in memory (28 MB for ESConv's train
part); that takes minutes on a CPU, where BM25 takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from models.backbones.causal_base import CausalBase
from models.data.esconv import Target
from models.knowledge.cases import EMBEDDINGS, SearchedCases
from models.knowledge.emotion_shipped import LAYERS, TextReader


class EmbeddedCases(SearchedCases):
    """See the module and `SearchedCases`. Safe to call from several threads."""

    retriever = EMBEDDINGS

    def __init__(self, targets: Sequence[Target], reader: TextReader) -> None:
        """`reader` reads texts with LAYERS layers of the base."""
        super().__init__(targets)
        self._reader = reader
        texts = {text: row for row, text in enumerate(dict.fromkeys(case.asked for case in self.cases))}
        found = self._states(list(texts))[[texts[case.asked] for case in self.cases]]
        self._centre = found.mean(dim=0)
        self._vectors = self._placed(found)  # (N, D)

    def nearest(self, asked: Sequence[str], count: int) -> list[list[int]]:
        """See `SearchedCases`; no case is left out, however little alike."""
        likeness = self._placed(self._states(asked)) @ self._vectors.T
        return likeness.topk(count, dim=1).indices.tolist()

    def _states(self, texts: Sequence[str]) -> Tensor:
        """(N, D) means of the states of texts."""
        return self._reader.read(texts)[:, : self._reader.backbone.width]

    def _placed(self, states: Tensor) -> Tensor:
        return F.normalize(states - self._centre, dim=1)


def reader_of(base: CausalBase, device: str = "cpu") -> TextReader:
    """What reads texts for `EmbeddedCases`."""
    reader = TextReader.of(base, LAYERS)
    reader.backbone.to(device)
    return reader
