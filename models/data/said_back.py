"""Sentences of a seeker's message that can be said back with first and second person swapped: "I lost my job" -> "you
lost your job".

A small base makes mistakes when it rephrases ("fired" becomes "left"), but copies well. Sentences that judge their
speaker, mention harm, or make no sense on their own are left out.
"""

from __future__ import annotations

import re

from models.data.themes import BLAME

WORDS = range(4, 16)
"""allowed number of words of a sentence that is said back"""
_SWAPPED = {
    "i": "you",
    "i'm": "you're",
    "im": "you're",
    "i've": "you've",
    "i'd": "you'd",
    "i'll": "you'll",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "we": "you",
    "we're": "you're",
    "we've": "you've",
    "we'd": "you'd",
    "we'll": "you'll",
    "us": "you",
    "our": "your",
    "ours": "yours",
    "ourselves": "yourselves",
}
_SPELLED = {
    "dont": "don't",
    "didnt": "didn't",
    "doesnt": "doesn't",
    "cant": "can't",
    "couldnt": "couldn't",
    "wont": "won't",
    "wasnt": "wasn't",
    "isnt": "isn't",
    "havent": "haven't",
    "hasnt": "hasn't",
    "hadnt": "hadn't",
    "ive": "I've",
}
"""spellings corrected before persons are swapped"""
_VERBS = {"am": "are", "was": "were", "wasn't": "weren't"}
"""verbs changed after "I", with at most one adverb in between"""
_STARTS = ("i", "i'm", "i've", "i'd", "my", "we", "we're", "we've", "our")
_OTHERS_START = ("the", "she", "he", "they", "everyone", "everybody", "people", "mum", "mom", "dad", "every", "last")
_ME = re.compile(r"\b(?:i|i'm|me|my|us|our)\b")
"""words that a sentence about somebody else must contain to be about the speaker too"""
_FILLERS = re.compile(
    r"^(?:(?:and|but|so|well|because|also|then|yes|yeah|no|ok|okay|oh|hi|hello|hey|honestly|actually|basically|now|um+|uh+"
    r"|er+|hmm+|like|sure|anyway|lol)\b"
    r"[, ]*)+",
    re.IGNORECASE,
)
_HESITATION = re.compile(r"(?:^|[,\s]+)(?:um+|uh+m?|erm+)\b[,.…]*(?=\s|$)", re.IGNORECASE)
HARM = re.compile(
    r"\b(?:kill\w*|die|dying|dead|death|suicid\w*|hurt\w*|harm\w*|rap(?:e|ed|es|ist)|abus\w*|assault\w*|hit\w*|beat\w*"
    r"|cut\w*|pills|overdos\w*|drunk|gun|knife|revenge|punch\w*|murder\w*|no point|point to live|live any|end it"
    r"|giv\w+ up|smash\w*|medication|meds)\b",
    re.IGNORECASE,
)
"""if a talk contains one of these, none of its messages are answered by rule"""
JUDGED = re.compile(
    r"\b(?:hate\w*|stupid|dumb|idiot\w*|loser|worthless|useless|failure|fail\w*|burden|ugly|fat|pathetic|weak|worst|trash"
    r"|disgusting|lazy|fool\w*|selfish|hopeless|coward|unlovable|deserv\w*|fault|blam\w*|monster|nobody|no friends"
    r"|wrong with)\b",
    re.IGNORECASE,
)
"""if a talk contains one of these, none of its sentences are said back"""
_OTHER = re.compile(
    r"\b(?:you|your|yours|bad|terrible|awful|crazy|nothing|never|thank\w*|think|guess|hope|wish|know|mean|agree|try|will"
    r"|would|could|should|might|can|better|good|great|glad|happy|love\w*|like\w*|enjoy\w*|nice|fun|looking forward|won"
    r"|proud|prize|excited|mistakes?|um+|uh+|this|that|these|those|here|it)\b",
    re.IGNORECASE,
)
"""words that address the supporter, plans, opinions, joy, and words that need the sentence before to make sense"""
_ODD = re.compile(
    r"[?\"()\[\]:;@#*/\d.]|\b[Aa]m [Ii]\b|\b(?:and|but|then) (?:am|was|wasn't|been)\b"
    r"|\b(?:HIS|HER|ME|MY|THE|NOT|NO|AND|SO)\b"
)
"""marks, verbs before their subjects, and words in capitals"""
_BEING = re.compile(r"^i(?:'m| am| was| feel)\b(?: \w+ly| so| very| just| really| still| not)? (\w+)")
_FEELINGS = re.compile(
    r"(?:sad|upset|worried|anxious|lonely|alone|tired|exhausted|scared|afraid|stressed|overwhelmed|nervous|frustrated|angry"
    r"|mad|depressed|down|confused|disappointed|heartbroken|ashamed|embarrassed|guilty|jealous|stuck|lost|unhappy"
    r"|desperate|devastated|isolated|\w+ing)"
)
"""what the speaker may be said to be or to be doing"""


def without_hesitation(text: str) -> str:
    """The text without "um" and "uh", which read as mockery when they are said back."""
    return _HESITATION.sub("", text).strip()


def said_back(text: str) -> list[str]:
    """The sentences of a message that can be said back, each with its persons swapped and without its end mark."""
    text, found = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), list[str]()
    if HARM.search(text) or JUDGED.search(text) or BLAME.named.search(text) or "!!" in text:
        return found
    for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
        words = [_SPELLED.get(word.lower(), word) for word in _FILLERS.sub("", sentence.strip().rstrip(".! ")).split()]
        if len(words) in WORDS and not _ODD.search(" ".join(words)) and _may_be_said(words):
            words[0] = words[0].lower()
            found.append(exchanged(" ".join(words)))
    return found


def _may_be_said(words: list[str]) -> bool:
    """Whether a sentence states a fact or a feeling from the speaker's own life."""
    plain = " ".join(words).lower().replace(",", "")
    being = _BEING.match(plain)
    is_feeling = being is None or _FEELINGS.fullmatch(being[1]) is not None
    first = plain.split()[0]
    about_self = first in _STARTS or (first in _OTHERS_START and _ME.search(plain) is not None)
    return about_self and is_feeling and not _OTHER.search(plain)


def exchanged(text: str) -> str:
    """The text with the person of every word swapped, and the verbs of "I" adapted."""
    found, since = list[str](), 9  # words since the last "I"
    for word in text.split():
        bare, comma = word.rstrip(","), "," if word.endswith(",") else ""
        small = bare.lower()
        since = 0 if small == "i" else since + 1
        known = _VERBS.get(small) if since in (1, 2) else None
        found.append((known or _SWAPPED.get(small) or bare) + comma)
    return " ".join(found)
