"""Replies that say back what makes no sense without the rest: a piece torn out of a sentence, or a mere aside.

    "since I told him about art school"    -> "You told him about art school."
    "They keep hurting my little girl ..." -> "So your little girl ..."
    "I hope that's fine"                   -> "You hope that's fine."

Pure; knows nothing of nets.
"""

from __future__ import annotations

import re

from models.data.mixed_up import Word, sentences

SHARED = 4
"""minimum number of words in a row that a sentence of a reply begins with and a message has, before it counts as saying
it back"""
_BEFORE = {
    *("since", "when", "whenever", "if", "unless", "until", "till", "after", "before", "while", "whether", "than"),
    *("what", "who", "which", "wish", "said", "says", "say", "told", "tells", "tell"),
}
"""words after which something begins that depends on them"""
_DOING = {
    *("am", "is", "are", "was", "were", "be", "been"),
    *("keep", "keeps", "kept", "stop", "stopped", "start", "started"),
}
"""words before a form in -ing whose object may follow"""
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
    told = sentences(re.sub(r"[,;:]", ".", _HOW_LONG.sub("", message)), "", "")  # what follows a comma stands alone
    return any(_ASIDE.fullmatch(one.rstrip(".! ")) or _begins_amid(one, told) for one in said)


def _begins_amid(said: str, told: list[list[Word]]) -> bool:
    """Whether the first words of a sentence stand only behind words that they depend on."""
    begins = [_roots(run[:SHARED]) for run in sentences(said, "", "")[:1] if len(run) >= SHARED]
    found = [
        sentence[:at]
        for begin in begins
        for sentence in told
        for at in range(len(sentence) - SHARED + 1)
        if _roots(sentence[at : at + SHARED]) == begin
    ]
    return bool(found) and all(map(_depends, found))


def _depends(before: list[Word]) -> bool:
    """Whether what follows these words of a sentence depends on the last of them."""
    *_, earlier, last = ["", "", *(word.plain for word in before)]
    return last in _BEFORE or (last.endswith("ing") and earlier in _DOING)


def _roots(words: list[Word]) -> list[str]:
    """The words in forms that are the same for every person."""
    return [word.root for word in words]
