"""What supporters replied in similar talks: a case base, searched by what the seeker says now.

Place in the flow: dialogue -> cases -> the nets that want them (KEMI). KEMI looks up its knowledge in HEAL, a graph of
distress that is not available; here the train part of ESConv is the case base, from a file that the user has. The
similarity of two talks is measured by words (`cases_bm25.py`) or by vectors (`cases_embedded.py`). A case:
    seeker: "i was fired last week, nobody calls me back"  ->  [Affirmation and Reassurance] "You will find a way."
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from models.data.dialogue import Dialogue
from models.data.esconv import Target

FOUND = 3
"""number of cases per reply"""
SEARCHED = 4
"""this many times as many cases are searched for, since only the nearest of each talk is taken"""
POSTS = 2
"""number of the seeker's latest messages that are compared"""
BM25, EMBEDDINGS = "bm25", "embeddings"
RETRIEVERS = (BM25, EMBEDDINGS)
"""ways to search, as named by the flag `--retriever`; the first is the default"""


@dataclass(frozen=True)
class Case:
    """One supporter reply."""

    dialogue: str
    """id of its talk"""
    asked: str
    """the messages that it answered"""
    strategy: str
    reply: str


class Cases(Protocol):
    """A case base and a way to search it. `version` names both: nets are trained and hosted with the same version."""

    version: str

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """For each dialogue at most FOUND cases, each from a different talk but never its own, nearest first."""
        ...


class NoCases:
    """An empty case base."""

    version = "none"

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """No cases for any dialogue."""
        return [() for _ in dialogues]


class SearchedCases:
    """A case base over the seeker's latest messages; subclasses implement a way to search it in `nearest`.

    Raises ValueError when there is no supporter turn with a strategy that answers a seeker.
    """

    retriever: ClassVar[str]
    """name of the way to search, in `version` and in RETRIEVERS"""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.cases = tuple(
            Case(target.dialogue.id, asked, target.gold.strategy, target.gold.text)
            for target in targets
            if target.gold.strategy and (asked := asked_in(target.context))
        )
        if not self.cases:
            raise ValueError("a case base needs supporter turns with a strategy that answer a seeker; give ESConv")
        digest = hashlib.sha256("\n".join(map(repr, self.cases)).encode()).hexdigest()
        self.version = f"{self.retriever} over {len(self.cases)} replies, {digest[:12]}"
        self._most_of_one = max(Counter(case.dialogue for case in self.cases).values())

    def nearest(self, asked: Sequence[str], count: int) -> list[list[int]]:
        """For each text, the rows of at most `count` of `cases`, nearest first, without dissimilar ones."""
        raise NotImplementedError

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """See `Cases`."""
        asked = [asked_in(dialogue) for dialogue in dialogues]
        told = [text for text in asked if text]
        count = min(len(self.cases), SEARCHED * FOUND + self._most_of_one)  # those of the talk itself are dropped
        rows = dict(zip(told, self.nearest(told, count), strict=True)) if told else {}
        pairs = zip(dialogues, asked, strict=True)
        return [self._of_other_talks(dialogue, rows[text] if text else ()) for dialogue, text in pairs]

    def _of_other_talks(self, dialogue: Dialogue, rows: Sequence[int]) -> tuple[Case, ...]:
        near: dict[str, Case] = {}
        for row in rows:
            case = self.cases[row]
            if not dialogue.id or case.dialogue != dialogue.id:
                near.setdefault(case.dialogue, case)
        return tuple(near.values())[:FOUND]


def asked_in(dialogue: Dialogue) -> str:
    """The seeker's latest messages, which are compared; "" if there are none."""
    return " ".join(dialogue.seeker_posts()[-POSTS:]).strip()
