"""Signs of danger in a seeker's messages. Phrase-level, for English and a few plain phrases of other languages.

    danger_in("I have the rope ready") -> "self"        danger_in("This deadline is killing me") -> None

Everyday phrases are removed first. A phrase that is denied ("I would never hurt myself"), overcome ("years ago ... I am
well") or only cited (news, fiction) does not count. This is no diagnosis, and it misses some signs. The phrases are in
`messages.toml`; `python -m escdemo.screening measure` measures how good they are.
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
"""danger to oneself, by not eating, from others (abuse), to others; contempt: deep contempt for oneself"""

FOLLOWING = 3
"""This many messages after a sign of danger still count as said in danger. "ok", "thanks", "so should I do it?" or
"just kidding" do not end the danger, and every new sign, or a phrase that refers back, starts the count again. After
three messages without one, the talk has moved on; it never could if every later reply had to speak of danger."""

HINTS = 2
"""this many different hints in one message are a sign"""
CLAUSE = re.compile(r"[.,;:!?\n]| but | and | because | so | then ")


KNOWN = 4096
"""how many results are kept, so that messages are not read again; keyed by hash, so no text is kept"""


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
    """The gravest kind of danger that the message suggests; None without a sign.

    `after_danger`: there was a sign of danger earlier in the talk, so phrases such as "tonight is the night" count too.
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
    """A sign of danger: its kind and the index of its message, -1 for the situation."""

    kind: Danger
    place: int


def last_sign(situation: str, messages: Sequence[str]) -> Sign | None:
    """The latest sign of danger in a talk, however long ago. The situation comes before the first message."""
    found: Sign | None = None
    for place, text in enumerate((situation, *messages), start=-1):
        kind = danger_in(text, after_danger=found is not None)
        if kind:
            found = Sign(kind, place)
    return found


def danger_now(situation: str, messages: Sequence[str]) -> Danger | None:
    """The danger that the reply to the last message must take seriously: its sign is at most FOLLOWING messages old."""
    sign = last_sign(situation, messages)
    return sign.kind if sign is not None and len(messages) - 1 - sign.place <= FOLLOWING else None


def _is_overcome(plain: str) -> bool:
    """Whether the danger is in the past and overcome."""
    past, now, again = (found_in(_RECOVERED[name], plain) for name in ("past", "now", "again"))
    return past and now and not again


def _counts(phrase: Phrase, pattern: re.Pattern[str], plain: str) -> bool:
    """Whether the phrase occurs and is not denied in its own clause."""
    return any(phrase.plain or not _is_denied(plain, found) for found in pattern.finditer(plain))


def _is_denied(plain: str, found: re.Match[str]) -> bool:
    clause = CLAUSE.split(plain[: found.start()])[-1]
    if found_in(_DENIED["unless"], plain[found.start() - len(clause) :]):
        return False
    return found_in(_DENIED["by"], clause) or found_in(_DENIED["inside"], clause + found[0])
