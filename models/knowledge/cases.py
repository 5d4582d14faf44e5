"""What supporters replied in similar talks: a case base, searched by what the seeker says now.

Place in the flow: dialogue -> cases -> the nets that want them (KEMI). KEMI looks its knowledge up in HEAL, a graph of
distress that cannot be had; here the train part of ESConv is the case base, from a file that the user has. `Bm25Cases`
compares words; another way to search is another class with `find`. A case:
    seeker: "i was fired last week, nobody calls me back"  ->  [Affirmation and Reassurance] "You will find a way."
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import bm25s

from models.data.dialogue import Dialogue
from models.data.esconv import Target, read_esconv, split_dialogues

FOUND = 3
"""cases per reply"""
SEARCHED = 4
"""times as many are looked at, since of each talk only the nearest is taken"""
POSTS = 2
"""latest messages of the seeker that are compared"""


@dataclass(frozen=True)
class Case:
    """One reply of a supporter."""

    dialogue: str
    """id of its talk"""
    asked: str
    """the messages that it answered"""
    strategy: str
    reply: str


class Cases(Protocol):
    """A case base and a way to search it. `version` names both: nets are trained and hosted on the same one."""

    version: str

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """For each dialogue at most FOUND cases, each of another talk, nearest first."""
        ...


class NoCases:
    """Knows no other talk."""

    version = "none"

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """Nothing for anybody."""
        return [() for _ in dialogues]


class Bm25Cases:
    """BM25 (Robertson et al. 1994, as Lucene counts) over the seeker's latest messages; English stop words left out.

    Raises ValueError when there is no supporter turn with a strategy that answers a seeker.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        self._cases = [
            Case(target.dialogue.id, asked, target.gold.strategy, target.gold.text)
            for target in targets
            if target.gold.strategy and (asked := _asked(target.context))
        ]
        if not self._cases:
            raise ValueError("a case base needs supporter turns with a strategy that answer a seeker; give ESConv")
        digest = hashlib.sha256("\n".join(map(repr, self._cases)).encode()).hexdigest()
        self.version = f"bm25 over {len(self._cases)} replies, {digest[:12]}"
        self._most_of_one = max(Counter(case.dialogue for case in self._cases).values())
        self._index = bm25s.BM25()
        self._index.index(_words([case.asked for case in self._cases]), show_progress=False)

    def find(self, dialogues: Sequence[Dialogue]) -> list[tuple[Case, ...]]:
        """See `Cases`; a case that shares no word is none."""
        if not dialogues:
            return []
        wanted = min(len(self._cases), SEARCHED * FOUND + self._most_of_one)  # those of the talk itself are dropped
        rows, scores = self._index.retrieve(
            _words([_asked(dialogue) for dialogue in dialogues]), k=wanted, show_progress=False
        )
        return [
            tuple(self._near(dialogue, own_rows, own_scores))
            for dialogue, own_rows, own_scores in zip(dialogues, rows.tolist(), scores.tolist(), strict=True)
        ]

    def _near(self, dialogue: Dialogue, rows: Sequence[int], scores: Sequence[float]) -> list[Case]:
        near: dict[str, Case] = {}
        for row, score in zip(rows, scores, strict=True):
            case = self._cases[row]
            if score > 0 and (not dialogue.id or case.dialogue != dialogue.id):
                near.setdefault(case.dialogue, case)
        return list(near.values())[:FOUND]


def _asked(dialogue: Dialogue) -> str:
    return " ".join(dialogue.seeker_posts()[-POSTS:])


def _words(texts: Sequence[str]) -> list[list[str]]:
    words: list[list[str]] = bm25s.tokenize(list(texts), stopwords="en_plus", return_ids=False, show_progress=False)
    return words


def open_cases(path: str | Path | None, split: str = "D") -> Cases:
    """The case base of the train part of an ESConv file; without a path there is none. Raises as `read_esconv`."""
    return NoCases() if path is None else Bm25Cases(split_dialogues(read_esconv(path), split).train)
