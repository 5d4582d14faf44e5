"""A reply as words, joined from its pieces, with values per word; and how two texts differ. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.serving.trace import Trace


@dataclass(frozen=True)
class Word:
    """One word of a reply."""

    text: str
    pieces: tuple[int, ...]
    """indices of its pieces in `Trace.tokens`"""
    probability: float
    """product over its pieces"""


def words_of(trace: Trace) -> tuple[Word, ...]:
    """The pieces of a reply joined into words; a leading blank starts a new word."""
    groups: list[list[int]] = []
    for at, token in enumerate(trace.tokens):
        if groups and not token.text[:1].isspace():
            groups[-1].append(at)
        else:
            groups.append([at])
    words = []
    for group in groups:
        chance = 1.0
        for at in group:
            chance *= trace.tokens[at].probability
        words.append(Word("".join(trace.tokens[at].text for at in group).strip(), tuple(group), chance))
    return tuple(words)


def per_word(words: Sequence[Word], values: Sequence[float]) -> tuple[float, ...]:
    """Values of the pieces (T,) -> their mean for each word."""
    return tuple(sum(values[at] for at in word.pieces) / len(word.pieces) for word in words)


@dataclass(frozen=True)
class Part:
    """A run of words of one of two texts."""

    text: str
    kind: Literal["same", "out", "in"]
    """in both, in the first only, in the second only"""


def compare(first: str, second: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both texts in parts: what they share, and what is in only one of them."""
    one, two = first.split(), second.split()
    parts_one, parts_two = [], []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=one, b=two, autojunk=False).get_opcodes():
        if b > a:
            parts_one.append(Part(" ".join(one[a:b]), "same" if kind == "equal" else "out"))
        if d > c:
            parts_two.append(Part(" ".join(two[c:d]), "same" if kind == "equal" else "in"))
    return tuple(parts_one), tuple(parts_two)
