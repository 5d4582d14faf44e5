"""Our own sentences that answer a trouble or a feeling named in a message, ask about it, or suggest something.

They are in `themes.json` and used for answers by rule (`rule_answers.py`): the message decides which of them fits, so
that a net learns to choose.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

WHO = "{who}"
"""in a sentence, stands for the person that the message names: the first group of the theme's pattern"""
_JUDGED = "stupid|dumb|idiot|useless|worthless|pathetic|lazy|selfish|weak|fool|failure|loser|burden|fraud|coward"
_BLAMED = (
    r"(?<!isn't )(?<!not )(?<!wasn't )my (?:own )?fault|blam(?:e|ing) myself|hate myself|ashamed of (?:myself|what i)"
    r"|i(?:'ve| have)? (?:lied|cheated|stole|stolen|betrayed|ruined|wasted)|i(?:'m| am|'ve been| have been) lying to"
    r"|i(?:'ve| have)? (?:let|messed|screwed) (?:\w+ ){0,3}(?:down|up)|i made (?:a|the|so many) (?:\w+ )?mistakes?"
    r"|i(?:'m| am| feel| felt)(?: so| very| really| just| always| still)? guilty"
    rf"|i(?:'m| am| was|'ve been| feel) (?:\w+ ){{0,4}}(?:{_JUDGED})|i(?:'m| am) (?:\w+ )?not good enough"
    r"|i(?:'m| am| was) (?:\w+ ){0,3}(?:bad|terrible|awful|horrible) (?:mother|father|parent|friend|daughter|son|person"
    r"|wife|husband|partner|mum|mom|dad)|i should have (?:been|done|known|said|stayed|called|visited)"
    r"|(?:did|done) something (?:awful|terrible|horrible|bad)|what kind of (?:mother|father|parent|friend|person)"
)


@dataclass(frozen=True)
class Theme:
    """The words that name a theme, and what to answer, ask and suggest."""

    named: re.Pattern[str]
    answers: tuple[str, ...]
    questions: tuple[str, ...]
    steps: tuple[str, ...]


def _theme(row: dict[str, Any], words: str = "") -> Theme:
    lists = (tuple(cast(list[str], row[name])) for name in ("answers", "questions", "steps"))
    return Theme(re.compile(rf"\b(?:{row.get('words', words)})\b", re.IGNORECASE), *lists)


_FILE = json.loads(Path(__file__).with_name("themes.json").read_text("utf-8"))
BLAME = _theme(_FILE["blame"], _BLAMED)
"""messages in which speakers think badly of themselves: they are answered, but never said back"""
THANKS = _theme(_FILE["thanks"])
UNSURE = _theme(_FILE["unsure"])
"""for short messages only"""
PLAN = _theme(_FILE["plan"])
"""messages in which speakers mean to do something"""
BETTER = _theme(_FILE["better"])
"""messages that tell of something good, and of nothing bad beside it"""
GREETING = _theme(_FILE["greeting"])
"""messages that only greet"""
TROUBLES = tuple(map(_theme, _FILE["troubles"]))
FEELINGS = tuple(map(_theme, _FILE["feelings"]))
ANY = _theme(_FILE["any"])
"""for a message that names no trouble or feeling"""
LATER = tuple(_FILE["later"])
"""questions that fit any message in the middle of a talk"""
PLAIN = 0.6
"""how often a question about a trouble or a feeling is replaced by one that fits any message"""
SHORT = 6
"""maximum number of words of a short message"""
TROUBLE_FIRST = 0.65
"""how often the question is about the trouble if a message names both a trouble and a feeling"""


def feeling_in(message: str) -> Theme | None:
    """In this order: a greeting, short thanks, a plan, a short "I do not know", good news, self-blame, the first of
    the feelings named."""
    if GREETING.named.search(message):
        return GREETING
    is_short = len(message.split()) <= SHORT
    first = (THANKS, PLAN, UNSURE) if is_short else (PLAN,)
    return _first((*first, BETTER, BLAME, *FEELINGS), message)


def trouble_in(message: str) -> Theme | None:
    """The first trouble that the message names."""
    return _first(TROUBLES, message)


def answer_to(message: str, rng: random.Random) -> str:
    """A sentence about the feeling in a message, else about its trouble."""
    theme = feeling_in(message) or trouble_in(message) or ANY
    return _said(theme, theme.answers, message, rng)


def question_about(message: str, rng: random.Random, later: bool = False) -> str:
    """A question that fits a message: often one that fits any, which a net unsure of the trouble can ask.

    `later` in a talk there are more of these.
    """
    theme = _asked(message, rng)
    theme = ANY if theme in (*TROUBLES, *FEELINGS) and rng.random() < PLAIN else theme
    return _said(theme, theme.questions + (LATER if later and theme is ANY else ()), message, rng)


def step_for(message: str, rng: random.Random) -> str:
    """A small thing that the writer of the message could do."""
    theme = _asked(message, rng)
    return _said(theme, theme.steps, message, rng)


def _asked(message: str, rng: random.Random) -> Theme:
    feeling, trouble = feeling_in(message), trouble_in(message)
    if feeling in (BETTER, BLAME, GREETING, PLAN, THANKS, UNSURE):
        return feeling
    trouble_first = rng.random() < TROUBLE_FIRST
    return (trouble or feeling if trouble_first else feeling or trouble) or ANY


def _first(themes: Sequence[Theme], message: str) -> Theme | None:
    return next((theme for theme in themes if theme.named.search(message)), None)


def _said(theme: Theme, sentences: Sequence[str], message: str, rng: random.Random) -> str:
    sentence, found = rng.choice(sentences), theme.named.search(message)
    return sentence.replace(WHO, found[1].lower()) if WHO in sentence and found else sentence
