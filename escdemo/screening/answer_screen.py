"""Message and reply judged together: which replies must not answer a sign of danger.

    may_answer("I'm sure you'll be fine.", "self") -> False
    may_answer("I'm worried about you. Are you safe right now?", "self") -> True

After a sign of danger a reply is shown only if it takes the danger seriously: it shows concern, asks about safety, or
points to help or to people. Agreement, praise, jokes, reassurance that denies the danger, blame, goodbyes, unrelated
talk and evasive questions are held back. So is everything that is not recognised: a fixed sentence that points to help
costs little, and a wrong reply may cost much. After deep contempt for oneself, sympathy is enough. Pure; the phrases
are in `answers.toml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from escdemo.screening.message_screen import Danger
from escdemo.screening.normal_form import normal_form
from escdemo.screening.phrases import Patterns, PhraseTable, found_in
from escdemo.screening.reply_screen import harms, must_not_show

Held = Danger | Literal["belittling", "harmful"]
"""Why a reply is held back: a danger that it does not take seriously, or its own content."""

_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]*")


@dataclass(frozen=True)
class Mark:
    """One entry of the table."""

    about: str
    find: Patterns
    always: bool = False
    apart: bool = False
    weak: bool = False


_TABLE = PhraseTable(Path(__file__).with_name("answers.toml"))
_HARMFUL = tuple(Mark(**entry) for entry in _TABLE.entries("harmful"))
_CARING = tuple(Mark(**entry) for entry in _TABLE.entries("caring"))
_MATTER = _TABLE.lists("matter")["find"]


def may_answer(reply: str, danger: Danger | None) -> bool:
    """Whether the reply may be shown after a sign of `danger` in the talk (None: no sign)."""
    if must_not_show(reply):
        return False
    if danger is None:
        return True
    sentences = [found.strip() for found in _SENTENCE.findall(normal_form(reply)) if re.search(r"\w", found)]
    strong = [_cares(sentence, weak=False) for sentence in sentences]
    weak = [_cares(sentence, weak=True) for sentence in sentences]
    if any(_harms(sentence, caring, any(strong)) for sentence, caring in zip(sentences, strong, strict=True)):
        return False
    keeps = [found_in(_MATTER, sentence) for sentence in sentences]
    asked = [sentence.endswith("?") for sentence in sentences]
    if any(ask and not (keep or cares) for ask, keep, cares in zip(asked, keeps, strong, strict=True)):
        return False
    if any(strong):
        return True
    on_the_matter = all(cares or (ask and keep) for cares, ask, keep in zip(weak, asked, keeps, strict=True))
    return on_the_matter and (
        (any(weak) and (danger == "contempt" or any(asked))) or (danger == "contempt" and any(asked))
    )


def held_for(reply: str, danger: Danger | None) -> Held:
    """Why a reply that `may_answer` refuses is held back: the danger if there is one, else what the reply does."""
    return danger or ("harmful" if harms(reply) else "belittling")


def _harms(sentence: str, caring: bool, elsewhere: bool) -> bool:
    marks = (mark for mark in _HARMFUL if mark.always or not (caring or (mark.apart and elsewhere)))
    return any(found_in(mark.find, sentence) for mark in marks)


def _cares(sentence: str, weak: bool) -> bool:
    return any(found_in(mark.find, sentence) for mark in _CARING if mark.weak == weak)
