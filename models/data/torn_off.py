"""Replies that say back what makes no sense without the rest: a piece torn out of a sentence, or a mere aside.

    "since I told him about art school"    -> "You told him about art school."
    "They keep hurting my little girl ..." -> "So your little girl ..."
    "I hope that's fine"                   -> "You hope that's fine."

Pure; knows nothing of nets.
"""

from __future__ import annotations

import re

from models.data.mixed_up import root, sentences

SHARED = 4
"""minimum number of words in a row that a sentence of a reply begins with and a message has, before it counts as saying
it back"""
_BEFORE = {
    *("since", "when", "whenever", "if", "unless", "until", "till", "after", "before", "while", "whether", "than"),
    *("what", "why", "how", "who", "which", "where", "wish", "said", "says", "say", "told", "tells"),
    *("of", "for", "about", "from", "with", "without", "to", "by", "at", "in", "on", "not"),
}
"""words after which something begins that depends on them"""
_BEFORE_ROOTS = {root(word) for word in _BEFORE}
_LED_IN = re.compile(
    r"^(?:(?:so|and|i (?:hear|see|understand|am sorry|can hear) that|it (?:sounds|seems) (?:like|that|as if)"
    r"|you (?:said|say|told me) that)\s+)+",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"you (?:really |just )?(?:hope|guess|know|mean|suppose) (?:that's|that is|this is|it's|that was) \w+",
    re.IGNORECASE,
)
_HOW_LONG = re.compile(r"\bit(?:'s| has| is) (?:been )?[^,.!?]*? since\b", re.IGNORECASE)
"""such a beginning tells how long ago something was, and nothing depends on it"""
_STATEMENT = re.compile(r"[^.!?\n]+[.!\n]|[^.!?\n]+$")


def is_torn_off(reply: str, message: str) -> bool:
    """Whether a statement of the reply is such a piece of the message, or takes up an aside."""
    reply, message = (text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") for text in (reply, message))
    said = [_LED_IN.sub("", found.strip()) for found in _STATEMENT.findall(reply)]
    told = _roots(re.sub(r"[,;:]", ".", _HOW_LONG.sub("", message)))  # what follows a comma depends on nothing
    return any(_ASIDE.fullmatch(one.rstrip(".! ")) or _begins_amid(one, told) for one in said)


def _begins_amid(said: str, told: list[list[str]]) -> bool:
    """Whether the first words of a sentence stand only behind a word that they depend on."""
    begins = [run[:SHARED] for run in _roots(said)[:1] if len(run) >= SHARED]
    found = [
        sentence[at - 1] if at else ""
        for begin in begins
        for sentence in told
        for at in range(len(sentence) - SHARED + 1)
        if sentence[at : at + SHARED] == begin
    ]
    return bool(found) and all(before in _BEFORE_ROOTS or before.endswith("ing") for before in found)


def _roots(text: str) -> list[list[str]]:
    """The sentences of a text as words that are the same for every person."""
    return [[word.root for word in sentence] for sentence in sentences(text, "", "")]
