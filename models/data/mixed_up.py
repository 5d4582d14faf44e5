"""Replies that say a message back with its persons mixed up: "He spends every break alone." -> "You spend every break
alone."

A small base copies words well, but loses sight of whose they are. Pure; knows nothing of nets.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

SHARED = 3
"""minimum number of words in a row, persons aside, that a reply shares with a message before it counts as saying it
back"""
_SPEAKER = {"i", "me", "my", "mine", "myself", "we", "us", "our", "ours", "ourselves"}
_ADDRESSED = {"you", "your", "yours", "yourself", "yourselves"}
_OTHERS = {
    *("he", "him", "his", "himself", "she", "her", "hers", "herself"),
    *("they", "them", "their", "theirs", "themselves", "themself"),
}
_OWNERS = {"my", "our", "your", "his", "their"}
"""words before a noun. "her" is left out, since it also stands alone"""
_CONTRACTED = {"m": "are", "re": "are", "s": "are", "ve": "have", "d": "d", "ll": "will"}
_FOLLOWING = {"is": "are", "am": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
_FOLLOWING |= {f"{one}n't": f"{other}n't" for one, other in _FOLLOWING.items()}
"""forms of verbs that change with the person -> the form that "you" has"""
_QUOTED = re.compile(r"[\"\u201c][^\"\u201d]*[\"\u201d]|(?<!\w)'[^']*'(?!\w)")
"""words given as somebody said them, whose persons stay as they are"""
_WORD, _SENTENCE = re.compile(r"[a-z]+(?:'[a-z]+)*"), re.compile(r"[^.!?\n]+")


class Word(NamedTuple):
    """A word of a sentence."""

    root: str
    """what the word has in common with its forms for other persons"""
    person: str
    """the seeker, the supporter, others, or nobody ("")"""
    owns: bool
    """whether a noun follows"""
    plain: str
    """the word itself"""


def mixes_up_persons(reply: str, message: str) -> bool:
    """Whether the reply says words of the message back and puts another person in the place of one."""
    told, said = sentences(message, "seeker", "supporter"), sentences(reply, "supporter", "seeker")
    return any(_differ(one, other) for one in said for other in told)


def sentences(text: str, speaker: str, addressed: str) -> list[list[Word]]:
    """The words of each sentence of a text by `speaker` to `addressed`."""
    persons = dict.fromkeys(_SPEAKER, speaker) | dict.fromkeys(_ADDRESSED, addressed) | dict.fromkeys(_OTHERS, "others")
    plain = _QUOTED.sub(" ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return [
        [word for found in _WORD.findall(sentence) for word in _parts(found, persons)]
        for sentence in _SENTENCE.findall(plain)
    ]


def _parts(found: str, persons: dict[str, str]) -> list[Word]:
    word, _, verb = found.partition("'")
    if word in persons and (not verb or verb in _CONTRACTED):
        somebody = Word("*", persons[word], word in _OWNERS, word)
        return [somebody, _nobody(_CONTRACTED[verb])] if verb else [somebody]
    return [_nobody(found)]


def _nobody(word: str) -> Word:
    return Word(root(word), "", owns=False, plain=word)


def root(word: str) -> str:
    """What a verb has in common with its form for other persons: "misses" and "miss", "cries" and "cry"."""
    return re.sub(r"(?:ie|e|y)$", "", re.sub(r"(?<!s)s$", "", _FOLLOWING.get(word, word)))


def _differ(said: list[Word], told: list[Word]) -> bool:
    match = SequenceMatcher(None, [word.root for word in told], [word.root for word in said], autojunk=False)
    for block in match.get_matching_blocks():
        pairs = list(zip(told[block.a : block.a + block.size], said[block.b : block.b + block.size], strict=True))
        if pairs and (pairs[-1][0].owns or pairs[-1][1].owns):
            pairs.pop()  # "my mother" may well be "her"
        if sum(not one.person for one, _ in pairs) >= SHARED and any(one.person != two.person for one, two in pairs):
            return True
    return False
