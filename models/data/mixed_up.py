"""Replies that say a message back with its persons mixed up: "He spends every break alone." -> "You spend every break
alone."

A small base copies words well, but loses sight of whose they are. Pure; knows nothing of nets.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from models.data.said_back import exchanged

_FORMS = {
    "seeker": "you your yours yourself you're you've you'd you'll",
    "supporter": "i me my mine myself i'm i've i'd i'll we us our ours ourselves we're we've",
    "others": "he him his himself he's she her hers herself she's they them their theirs themselves they're they've",
}
PERSONS = {word: person for person, words in _FORMS.items() for word in words.split()}
"""word -> whom it stands for in a reply"""
_FOLLOWING = {"is": "are", "am": "are", "was": "were", "has": "have", "does": "do"}
_FOLLOWING |= {f"{one}n't": f"{other}n't" for one, other in _FOLLOWING.items()}
"""verbs that change with the person, as they follow "you\""""
SHARED = 3
"""minimum number of words in a row, persons aside, that a reply shares with a message before it counts as saying it
back"""
_WORD, _SENTENCE = re.compile(r"[a-z']+"), re.compile(r"[^.!?\n]+")
_SOMEBODY = "*"


def mixes_up_persons(reply: str, message: str) -> bool:
    """Whether the reply says words of the message back and puts another person in the place of one."""
    told, said = _sentences(exchanged(_plain(message))), _sentences(_plain(reply))
    return any(_differ(one, other) for one in said for other in told)


def _plain(text: str) -> str:
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def _sentences(text: str) -> list[list[str]]:
    return [_WORD.findall(sentence) for sentence in _SENTENCE.findall(text.lower())]


def _differ(said: list[str], told: list[str]) -> bool:
    match = SequenceMatcher(None, [*map(_root, told)], [*map(_root, said)], autojunk=False)
    for block in match.get_matching_blocks():
        pairs = zip(told[block.a : block.a + block.size], said[block.b : block.b + block.size], strict=True)
        persons = [(PERSONS.get(one), PERSONS.get(other)) for one, other in pairs]
        if persons.count((None, None)) >= SHARED and any(one != other for one, other in persons):
            return True
    return False


def _root(word: str) -> str:
    """What a word has in common with its forms for other persons."""
    return _SOMEBODY if word in PERSONS else _FOLLOWING.get(word, word.removesuffix("s"))
