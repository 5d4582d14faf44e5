"""What exactly the text figures count: kinds of tokens, and the definition that is printed with every figure.

A figure means nothing without its definition: on the same outputs the choice of tokens alone moves B-2 by 1.9 points,
more than the gaps between published systems. So the definition is a value (`Definition`); `MISC` is the one behind that
paper's table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

Tokenise = Callable[[str], list[str]]
Tokens = Sequence[str]


def words(text: str) -> list[str]:
    """Lower-cased words and punctuation marks as NLTK splits them, the default.

    `nltk.word_tokenize` without its downloaded list of abbreviations: a full stop ends a sentence after "dr" too.
    """
    sentences = PunktSentenceTokenizer().tokenize(text.lower())
    return [token for sentence in sentences for token in NLTKWordTokenizer().tokenize(sentence)]


def emstremo(text: str) -> list[str]:
    """The tokens of the Emstremo code: first runs of letters and punctuation marks, then NLTK's words in these."""
    return words(" ".join(re.findall(r"[\w']+|[.,!?;]", text.lower())))


def whitespace(text: str) -> list[str]:
    """Lower-cased and split at white space only; punctuation stays with its word."""
    return text.lower().split()


TOKENISERS: dict[str, Tokenise] = {"words": words, "emstremo": emstremo, "ws": whitespace}
"""By value of the flag `--tokens`; "bpe" needs the tokenizer of a net and is passed as a callable."""


@dataclass(frozen=True)
class Definition:
    """What exactly the text figures count."""

    tokens: str = "words"
    """a name in TOKENISERS, or "bpe" """
    legacy_distinct: bool = False
    """leave the last n-gram of every reply out of D-n, as the public ESC code does"""

    def told(self, pieces: str) -> str:
        """What a token is, in words; `pieces` is the `Pieces.source` of word pieces, "" if it is not known."""
        return f"bpe ({pieces or 'whose is not known'})" if self.tokens == "bpe" else self.tokens


@dataclass(frozen=True)
class Pieces:
    """The word pieces of one tokenizer, for `Definition("bpe")`. Vocabularies differ, so figures name their source."""

    source: str
    """OWN, a name on the Hub, or the name of a folder with a hash of its vocabulary; never a path"""
    cut: Tokenise

    def __call__(self, text: str) -> list[str]:
        """The pieces of `text`."""
        return self.cut(text)


OWN = "own"
"""source of a net's own pieces"""
WORDS = Definition()
"""the default"""
MISC = Definition("bpe", legacy_distinct=True)
"""Gives table 2 of MISC exactly on the authors' outputs, with their word pieces; B-n and R-L as everywhere here."""
ESCONV = Definition("words", legacy_distinct=True)
"""the metrics of the public ESConv code (Liu et al. 2021), which GLHG, FADO, KEMI and STAR keep using"""
EMSTREMO = Definition("emstremo", legacy_distinct=True)
"""the metrics of Emstremo's code"""
BY_PAPER: dict[str, Definition] = {
    **{"joint": ESCONV, "glhg": ESCONV, "fado": ESCONV, "kemi": ESCONV, "star": ESCONV},
    **{"misc": MISC, "admisc": MISC, "transesc": MISC, "supporter": MISC},
    "emstremo": EMSTREMO,
}
"""value of the flag `--definitions` -> what that paper's code counts; AdMISC has no code, its older rows are MISC's"""


def tokeniser(name: str, bpe: Tokenise | None = None) -> Tokenise:
    """The tokenisation of that name. Raises ValueError when it is unknown, or is "bpe" and `bpe` is missing."""
    known: Mapping[str, Tokenise] = TOKENISERS | ({"bpe": bpe} if bpe else {})
    if name not in known:
        hint = "; bpe needs the tokenizer of a net" if name == "bpe" else ""
        raise ValueError(f"unknown tokens {name!r}; allowed: {', '.join(known)}{hint}")
    return known[name]
