"""What a seeker's message says about danger. Pure, phrase-level, English with a few plain phrases of other languages.

    danger_in("I have the rope ready") -> "self"        danger_in("This deadline is killing me") -> None

Everyday talk is taken out first; a phrase that is denied ("I would never hurt myself"), overcome ("years ago ... I am
well") or only cited (news, fiction) does not count. It is no diagnosis and misses some; the phrases are in
`messages.toml`, and `python -m escdemo.screening measure` says how good they are.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from escdemo.screening.normal_form import normal_form
from escdemo.screening.phrases import Patterns, PhraseTable, found_in

Danger = Literal["self", "eating", "abuse", "others", "contempt"]
"""to oneself, by not eating, from others, to others; contempt: deep contempt for oneself"""

FOLLOWING = 3
"""So many messages after a sign of danger are still read as said in danger. People answer "ok", "thanks" or "so should
I do it?" next, and such a word takes no danger away, nor does "just kidding"; every new sign, or a word that refers
back, counts anew. After three messages without one the talk is about something else, which it could never be if each
reply had to speak of danger for good."""

HINTS = 2
"""so many different hints in one message are a sign"""
CLAUSE = re.compile(r"[.,;:!?\n]| but | and | because | so | then ")


KNOWN = 4096
"""so many messages are not read again; only their hashes are kept, never their texts"""


@dataclass(frozen=True)
class Phrase:
    """One entry of the table."""

    kind: Danger
    about: str
    find: Patterns
    hint: bool = False
    cited: bool = False
    plain: bool = False
    follows: bool = False


_TABLE = PhraseTable(Path(__file__).with_name("messages.toml"))
_PHRASES = tuple(Phrase(**entry) for entry in _TABLE.entries("danger"))
_EVERYDAY = tuple(pattern for entry in _TABLE.entries("everyday") for pattern in entry["find"])
_KEY = secrets.token_bytes(32)
_KNOWN: dict[bytes, Danger | None] = {}
_CITED, _RECOVERED, _DENIED = (_TABLE.lists(name) for name in ("cited", "recovered", "denied"))


def danger_in(text: str, after_danger: bool = False) -> Danger | None:
    """The kind of danger the message suggests, the gravest first; None without a sign.

    `after_danger`: a sign of danger came earlier in the talk, so that words such as "tonight is the night" count too.
    """
    key = hashlib.blake2b(text.encode(errors="surrogatepass"), key=_KEY, salt=bytes([after_danger])).digest()
    try:
        return _KNOWN[key]
    except KeyError:
        found = _KNOWN[key] = _danger_in(text, after_danger)
    while len(_KNOWN) > KNOWN:
        _KNOWN.pop(next(iter(_KNOWN)), None)
    return found


def _danger_in(text: str, after_danger: bool) -> Danger | None:
    plain = normal_form(text)
    for pattern in _EVERYDAY:
        plain = pattern.sub(" ... ", plain)
    if _is_overcome(plain):
        return None
    cited = found_in(_CITED["find"], plain)
    hints = 0
    found: set[Danger] = set()
    for phrase in _PHRASES:
        if (phrase.follows and not after_danger) or (phrase.cited and cited):
            continue
        if phrase.hint:
            hints += sum(bool(pattern.search(plain)) for pattern in phrase.find)
        elif phrase.kind not in found and any(_counts(phrase, pattern, plain) for pattern in phrase.find):
            found.add(phrase.kind)
    if hints >= HINTS:
        found.add("self")
    return next((kind for kind in get_args(Danger) if kind in found), None)


@dataclass(frozen=True)
class Sign:
    """Where in a talk danger stands last: its kind and the place of the message, -1 for the situation."""

    kind: Danger
    place: int


def last_sign(situation: str, messages: Sequence[str]) -> Sign | None:
    """The latest sign of danger in a talk, however long ago. The situation counts as said before the first message."""
    found: Sign | None = None
    for place, text in enumerate((situation, *messages), start=-1):
        kind = danger_in(text, after_danger=found is not None)
        if kind:
            found = Sign(kind, place)
    return found


def danger_now(situation: str, messages: Sequence[str]) -> Danger | None:
    """The danger that the reply to the last message must take seriously: seen in it, or at most FOLLOWING before it."""
    sign = last_sign(situation, messages)
    return sign.kind if sign is not None and len(messages) - 1 - sign.place <= FOLLOWING else None


def _is_overcome(plain: str) -> bool:
    """About the past, and over."""
    past, now, again = (found_in(_RECOVERED[name], plain) for name in ("past", "now", "again"))
    return past and now and not again


def _counts(phrase: Phrase, pattern: re.Pattern[str], plain: str) -> bool:
    """Whether the phrase occurs without being denied in its own clause."""
    return any(phrase.plain or not _is_denied(plain, found) for found in pattern.finditer(plain))


def _is_denied(plain: str, found: re.Match[str]) -> bool:
    clause = CLAUSE.split(plain[: found.start()])[-1]
    if found_in(_DENIED["unless"], plain[found.start() - len(clause) :]):
        return False
    return found_in(_DENIED["by"], clause) or found_in(_DENIED["inside"], clause + found[0])
