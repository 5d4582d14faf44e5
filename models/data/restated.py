"""Answers that restate what was said in its own words: "I lost my job last week" -> "You lost your job last week. ..."

A small base gets wrong what it retells in other words ("fired" becomes "left"), but copies well. These answers are made
by rule from seekers' own sentences, so that none is wrong: the sentence with its persons exchanged, then a question or
a word about the feeling that the message names (`feelings.py`). Sentences that judge their speaker or speak of harm are
never said back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.feelings import BLAME, answer_to_feeling, question_about
from models.data.own_talks import unvoiced, voiced

RESTATED = 1500
"""so many of these answers come beside one copy of our own talks, unless told"""
ASKS, RESTATES, REFLECTS = "Question", "Restatement or Paraphrasing", "Reflection of feelings"
SHARES = {ASKS: 0.55, RESTATES: 0.2, REFLECTS: 0.25}
BARE = 0.5
"""share of the restatements that ask nothing"""
WORDS = range(4, 16)
"""words of a sentence that is said back"""
EARLY = 12
"""turns of a dialogue that are looked at: trouble is told early"""
EARLIER = 3
"""turns before the message that stay in the talk, at most"""
FRAMES = ("{said}.", "{said}.", "So {said}.", "It sounds like {said}.", "I hear that {said}.")
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
"""before persons are exchanged"""
_VERBS = {"am": "are", "was": "were", "wasn't": "weren't"}
"""after "I", at most one adverb between"""
_STARTS = ("i", "i'm", "i've", "i'd", "my", "we", "we're", "we've", "our")
_OTHERS_START = ("the", "she", "he", "they", "everyone", "everybody", "people", "mum", "mom", "dad", "every", "last")
_ME = re.compile(r"\b(?:i|i'm|me|my|us|our)\b")
"""what a sentence about somebody else must have to be about the speaker too"""
_FILLERS = re.compile(
    r"^(?:(?:and|but|so|well|because|also|then|yes|yeah|no|ok|okay|oh|hi|hello|hey|honestly|actually|basically|now|um+|uh+"
    r"|er+|hmm+|like|sure|anyway|lol)\b"
    r"[, ]*)+",
    re.IGNORECASE,
)
_HARM = re.compile(
    r"\b(?:kill\w*|die|dying|dead|death|suicid\w*|hurt\w*|harm\w*|rap(?:e|ed|es|ist)|abus\w*|assault\w*|hit\w*|beat\w*"
    r"|cut\w*|pills|overdos\w*|drunk|gun|knife|revenge|punch\w*|murder\w*|no point|point to live|live any|end it"
    r"|giv\w+ up|smash\w*)\b",
    re.IGNORECASE,
)
"""of a talk with one of these nothing is answered by rule"""
_JUDGED = re.compile(
    r"\b(?:hate\w*|stupid|dumb|idiot\w*|loser|worthless|useless|failure|fail\w*|burden|ugly|fat|pathetic|weak|worst|trash"
    r"|disgusting|lazy|fool\w*|selfish|hopeless|coward|unlovable|deserv\w*|fault|blam\w*|monster|nobody|no friends"
    r"|wrong with)\b",
    re.IGNORECASE,
)
"""of a talk with one of these nothing is said back"""
_OTHER = re.compile(
    r"\b(?:you|your|yours|bad|terrible|awful|crazy|nothing|never|thank\w*|think|guess|hope|wish|know|mean|agree|try|will"
    r"|would|could|should|might|can|better|good|great|glad|happy|love\w*|like\w*|enjoy\w*|nice|fun|looking forward|won"
    r"|proud|prize|excited|mistakes?|um+|uh+|this|that|these|those|here|it)\b",
    re.IGNORECASE,
)
"""What speaks to the supporter, plans, opinions, joy, and what only makes sense after the sentence before"""
_ODD = re.compile(r"[?\"()\[\]:;@#*/\d.]|\b[Aa]m [Ii]\b|\b(?:HIS|HER|ME|MY|THE|NOT|NO|AND|SO)\b")
"""Marks, verbs before their persons, and words that are shouted"""
_BEING = re.compile(r"^i(?:'m| am| was| feel)\b(?: \w+ly| so| very| just| really| still| not)? (\w+)")
_FEELINGS = re.compile(
    r"(?:sad|upset|worried|anxious|lonely|alone|tired|exhausted|scared|afraid|stressed|overwhelmed|nervous|frustrated|angry"
    r"|mad|depressed|down|confused|disappointed|heartbroken|ashamed|embarrassed|guilty|jealous|stuck|lost|unhappy"
    r"|desperate|devastated|isolated|\w+ing)"
)
"""what one may be said to be, or to be doing"""


def said_back(text: str) -> list[str]:
    """The sentences of a message that can be said back, each with its persons exchanged and without its end mark."""
    text, found = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"), list[str]()
    if _HARM.search(text) or _JUDGED.search(text) or BLAME.named.search(text) or "!!" in text:
        return found
    for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
        words = [_SPELLED.get(word.lower(), word) for word in _FILLERS.sub("", sentence.strip().rstrip(".! ")).split()]
        if len(words) in WORDS and not _ODD.search(" ".join(words)) and _may_be_said(words):
            words[0] = words[0].lower()
            found.append(" ".join(_exchanged(words)))
    return found


def _may_be_said(words: list[str]) -> bool:
    """About the speaker's own life, a fact or a feeling."""
    plain = " ".join(words).lower().replace(",", "")
    being = _BEING.match(plain)
    is_feeling = being is None or _FEELINGS.fullmatch(being[1]) is not None
    first = plain.split()[0]
    about_self = first in _STARTS or (first in _OTHERS_START and _ME.search(plain) is not None)
    return about_self and is_feeling and not _OTHER.search(plain)


def _exchanged(words: list[str]) -> list[str]:
    """Every word, its person exchanged, and the verb of "I" with it."""
    found, since = list[str](), 9  # words since the last "I"
    for word in words:
        bare, comma = word.rstrip(","), "," if word.endswith(",") else ""
        small = bare.lower()
        since = 0 if small == "i" else since + 1
        known = _VERBS.get(small) if since in (1, 2) else None
        found.append((known or _SWAPPED.get(small) or bare) + comma)
    return found


Sayable = tuple[Dialogue, int, str]
"""a dialogue, the number of a message in it, and what of it can be said back: "" where its speaker takes the blame"""


def sayable(dialogues: Iterable[Dialogue]) -> list[Sayable]:
    """The early messages that can be answered by rule; of several sentences to say back the longest."""
    return [(dialogue, at, said) for dialogue in dialogues for at, said in _answered(dialogue)]


def _answered(dialogue: Dialogue) -> Iterable[tuple[int, str]]:
    posts = dialogue.seeker_posts()
    if any(map(_HARM.search, posts)):
        return
    judged = any(map(_JUDGED.search, posts))
    for at, turn in enumerate(dialogue.turns[:EARLY]):
        if turn.speaker is Speaker.SEEKER:
            if BLAME.named.search(turn.text):
                yield at, ""
            elif found := [] if judged else said_back(turn.text):
                yield at, max(found, key=len)


def restated_talks(found: Sequence[Sayable], seed: int, most: int) -> list[Dialogue]:
    """At most `most` short talks under the mark of our own, each ending with an answer that says a sentence back."""
    rng = random.Random(seed)
    return [_talk(*one, rng) for one in rng.sample(found, min(most, len(found)))]


def _talk(dialogue: Dialogue, at: int, said: str, rng: random.Random) -> Dialogue:
    start = max(0, at - rng.randrange(EARLIER + 1))
    shares = SHARES if said else {ASKS: 0.5, REFLECTS: 0.5}
    turns, (strategy,) = dialogue.turns[start : at + 1], rng.choices(tuple(shares), tuple(shares.values()))
    answer = Turn(Speaker.SUPPORTER, _answer(turns[-1].text, said, strategy, rng), strategy)
    situation = unvoiced(dialogue.situation) if rng.random() < 0.5 else ""
    return Dialogue((*turns, answer), voiced(situation), id=f"restated-{dialogue.id}-{at}")


def _answer(post: str, said: str, strategy: str, rng: random.Random) -> str:
    if not said:
        parts = [answer_to_feeling(post, rng)] if strategy != ASKS or rng.random() >= BARE else []
        parts += [question_about(post, rng)] if strategy == ASKS or rng.random() >= BARE else []
    elif strategy == REFLECTS:
        parts = [f"{said}.", answer_to_feeling(post, rng)]
        rng.shuffle(parts)
    else:
        parts = [rng.choice(FRAMES).format(said=said)]
        parts += [question_about(post, rng)] if strategy == ASKS or rng.random() >= BARE else []
    return " ".join(part[0].upper() + part[1:] for part in parts)
