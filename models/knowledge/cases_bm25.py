"""Similar talks by their words: BM25 (Robertson et al. 1994, in Lucene's variant), without English stop words."""

from __future__ import annotations

from collections.abc import Sequence

import bm25s

from models.data.esconv import Target
from models.knowledge.cases import BM25, SearchedCases


class Bm25Cases(SearchedCases):
    """See the module and `SearchedCases`."""

    retriever = BM25

    def __init__(self, targets: Sequence[Target]) -> None:
        super().__init__(targets)
        self._index = bm25s.BM25()
        self._index.index(_words([case.asked for case in self.cases]), show_progress=False)

    def nearest(self, asked: Sequence[str], count: int) -> list[list[int]]:
        """See `SearchedCases`; cases that share no word are left out."""
        rows, scores = self._index.retrieve(_words(asked), k=count, show_progress=False)
        return [
            [row for row, score in zip(own_rows, own_scores, strict=True) if score > 0]
            for own_rows, own_scores in zip(rows.tolist(), scores.tolist(), strict=True)
        ]


def _words(texts: Sequence[str]) -> list[list[str]]:
    words: list[list[str]] = bm25s.tokenize(list(texts), stopwords="en_plus", return_ids=False, show_progress=False)
    return words
