"""Similar talks by vectors of the default base: its middle-layer states of the seeker's latest messages.

    v(text) = mean of the states after the base's first LAYERS layers, less the mean of v over all cases, length 1
    like    = cosine of v(what the seeker says now) and v(case)

These are not sentence embeddings: nothing was trained to give texts of the same meaning similar vectors, as was
Sentence-BERT, which the published KEMI also used for its search. They are the states of a small language model, the
same that the emotion detector uses. Most of such a vector is the same for all texts, so the mean over the cases is
subtracted; otherwise every text would resemble every other. `models/EXPERIMENTS.md` compares with BM25 how often the
talks found have the seeker's kind of problem.

The vectors are computed when a case base is opened, once for each distinct text, and kept in memory (28 MB for ESConv's
train part); this takes minutes on a CPU, where BM25 takes a second.
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
    """See the module and `SearchedCases`. Thread-safe."""

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
        """See `SearchedCases`; no case is left out, however dissimilar."""
        likeness = self._placed(self._states(asked)) @ self._vectors.T
        return likeness.topk(count, dim=1).indices.tolist()

    def _states(self, texts: Sequence[str]) -> Tensor:
        """(N, D) mean states of the texts."""
        return self._reader.read(texts)[:, : self._reader.backbone.width]

    def _placed(self, states: Tensor) -> Tensor:
        return F.normalize(states - self._centre, dim=1)


def reader_of(base: CausalBase, device: str = "cpu") -> TextReader:
    """A text reader for `EmbeddedCases`."""
    reader = TextReader.of(base, LAYERS)
    reader.backbone.to(device)
    return reader
