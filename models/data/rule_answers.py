"""Answers made by rule from seekers' own messages, for nets to learn from.

    only greets             a greeting, and what it is about              Question
    takes the blame         a kind word, often with a question            Affirmation and Reassurance
    thanks, in short        a friendly word, and a wish                   Others
    knows no answer         a kind word, and a question                   Question
    means to do something   a word for it, often with a question          Affirmation and Reassurance
    tells good news         a glad word, often with a question            Affirmation and Reassurance
    asks whether to do it   whose decision it is, and a question          Question
    asks what to do         a small thing to do                           Providing Suggestions
    names a feeling         a word about it, what was said, a question    Reflection of feelings
    tells at length, or     what was said, mostly with a question         Restatement or Paraphrasing
    names no trouble
    names a trouble         what was said, and a question                 Question
    nothing to say back     a kind word, and a question                   Question, Reflection of feelings

What was said is repeated in its own words (`said_back.py`); the rest is chosen by what the message is about
(`themes.py`). So strategy, words and message fit together, and no answer claims what was not said. Readers were content
with none of a net's first replies that asked nothing. No answer begins a sentence as an earlier one of its talk
does, if one of `TRIES` is found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.own_talks import unvoiced, voiced
from models.data.said_back import HARM, JUDGED, exchanged, said_back
from models.data.themes import (
    BETTER,
    BLAME,
    GREETING,
    PLAN,
    THANKS,
    UNSURE,
    answer_to,
    feeling_in,
    question_about,
    step_for,
    trouble_in,
)

RULE_ANSWERS = 1500
"""default number of these answers for each copy of our own talks"""
ASKS, RESTATES, REFLECTS = "Question", "Restatement or Paraphrasing", "Reflection of feelings"
SUGGESTS, AFFIRMS, OTHERS = "Providing Suggestions", "Affirmation and Reassurance", "Others"
EARLY = 12
"""number of turns at the start of a dialogue that are considered: seekers name their trouble early"""
EARLIER = 8
"""maximum number of turns before the message that are kept in the talk; those of the supporter are answered anew"""
TRIES = 20
"""number of answers drawn to find one that does not begin as an earlier one does"""
UNSAID = 0.4
"""how often nothing is said back in the middle of a talk"""
LONG = 24
"""minimum number of words of a message that tells something at length"""
FRAMES = ("{said}.", "{said}.", "So {said}.", "It sounds like {said}.", "I hear that {said}.")
WHETHER = (
    "Whether to {doing} is for you to decide.",
    "I cannot tell you whether to {doing}, but I can think it over with you.",
    "You do not have to know yet whether to {doing}.",
)
WEIGH = (
    "What speaks for it, and what against?",
    "What do you hope would happen?",
    "What holds you back?",
    "What does your heart say first?",
)
_WHETHER = re.compile(
    r"(?:(?:^|[.!?,]\s+|\b(?:so|and|but|or|then)\s+)should i|\byou think i should) ([^?.!;:()\"\d]+)\?", re.IGNORECASE
)
_DOING = re.compile(r"(?!do\b|be\b|feel\b|have\b|even\b|just\b|not\b|i\b)[a-z]+(?: [a-z']+){0,7}", re.IGNORECASE)
_ADVICE = re.compile(
    r"what (?:should|can|could|do|would) (?:i|you) do\b|\b(?:any|some|your) (?:advice|suggestions?|ideas?|tips)\b"
    r"|\bhow (?:do|can|should|could) i (?!know|say)|\bwhat would you\b",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thank\w*|appreciate\w*|great|good (?:idea|advice)|will try|bye)\b", re.IGNORECASE)


class Answerable(NamedTuple):
    """A message that one of the rules answers."""

    dialogue: Dialogue
    at: int
    """its index among the turns"""
    said: str
    """what can be said back; "" if the message greets, asks, thanks, plans, tells good news, knows no answer or takes
    the blame"""


def answerable(dialogues: Iterable[Dialogue]) -> list[Answerable]:
    """The messages that can be answered by rule; if several sentences can be said back, the longest is taken."""
    return [found for dialogue in dialogues for found in _answerable(dialogue)]


def _answerable(dialogue: Dialogue) -> Iterator[Answerable]:
    posts = dialogue.seeker_posts()
    if any(map(HARM.search, posts)):
        return
    judged = any(map(JUDGED.search, posts))
    for at, turn in enumerate(dialogue.turns):
        if turn.speaker is not Speaker.SEEKER:
            continue
        text = turn.text
        feeling = feeling_in(text)
        short = feeling is GREETING or (at and feeling in (BETTER, PLAN, THANKS, UNSURE))
        if doing_asked_about(text) or _asks_what(text) or feeling is BLAME or short:
            yield Answerable(dialogue, at, "")
        elif at < EARLY and not judged and feeling not in (BETTER, PLAN) and (said := _longest(text)):
            yield Answerable(dialogue, at, said)


def _longest(post: str) -> str:
    """The longest sentence of a message that can be said back, the last one of several; "" if none can."""
    return max(reversed(said_back(post)), key=len, default="")


def doing_asked_about(text: str) -> str:
    """What the seeker asks whether to do, with persons swapped: "Should I call my mum?" -> "call your mum"; else ""."""
    found = _WHETHER.search(text)
    return exchanged(found[1]) if found and _DOING.fullmatch(found[1]) and not JUDGED.search(found[1]) else ""


def _asks_what(text: str) -> bool:
    """Whether a message asks for advice and does not thank for it."""
    return _ADVICE.search(text) is not None and not _THANKS.search(text)


def rule_talks(found: Sequence[Answerable], seed: int, most: int) -> list[Dialogue]:
    """At most `most` short talks marked with the voice of our own talks, each ending with an answer by rule.

    Each has the id of the dialogue that its messages are from, whose replies are no similar cases for it (KEMI).
    """
    rng = random.Random(seed)
    return [_talk(one, rng) for one in rng.sample(found, min(most, len(found)))]


def _talk(found: Answerable, rng: random.Random) -> Dialogue:
    dialogue, at, said = found
    turns, told, begun = dialogue.turns[max(0, at - rng.randrange(EARLIER + 1)) : at + 1], list[Turn](), set[str]()
    judged = any(map(JUDGED.search, dialogue.seeker_posts()))
    for turn in turns:
        if turn.speaker is Speaker.SEEKER:
            told.append(turn)
        elif told and told[-1].speaker is Speaker.SEEKER:
            told.append(_unlike(begun, told[-1].text, "" if judged else _longest(told[-1].text), rng))
    told.append(_unlike(begun, told[-1].text, said, rng))
    situation = unvoiced(dialogue.situation) if rng.random() < 0.5 else ""
    return Dialogue(tuple(told), voiced(situation), id=dialogue.id)


def _unlike(begun: set[str], post: str, said: str, rng: random.Random) -> Turn:
    """An answer with no sentence that begins as one of the earlier answers does, if one is found; `begun` are their
    beginnings, those of the answer are added. Nets that never saw it said the same question in every turn."""
    for _ in range(TRIES):
        strategy, text = answer(post, said, rng, later=bool(begun))
        if begun.isdisjoint(beginnings(text)):
            break
    begun |= beginnings(text)
    return Turn(Speaker.SUPPORTER, text, strategy)


def beginnings(text: str) -> set[str]:
    """The first two words of each sentence, in lower case."""
    return {" ".join(sentence.split()[:2]).lower() for sentence in re.split(r"(?<=[.!?])\s+", text) if sentence}


def answer(post: str, said: str, rng: random.Random, *, later: bool = False) -> tuple[str, str]:
    """Strategy and text of an answer to a message; `said` as in `Answerable`, also "" where nothing can be said back.

    `later`: in the middle of a talk, where not everything is said back any more.
    """
    feeling, doing = feeling_in(post), doing_asked_about(post)
    if doing:
        strategy, parts = ASKS, [rng.choice(WHETHER).format(doing=doing), rng.choice(WEIGH)]
    elif _asks_what(post):
        strategy, parts = SUGGESTS, [*_perhaps(answer_to(post, rng), rng), step_for(post, rng)]
    elif feeling is THANKS:
        strategy, parts = OTHERS, [answer_to(post, rng), step_for(post, rng)]
    elif feeling in (GREETING, UNSURE):
        strategy, parts = ASKS, [answer_to(post, rng), question_about(post, rng)]
    elif feeling in (BETTER, BLAME, PLAN):
        strategy, parts = AFFIRMS, [answer_to(post, rng), *_perhaps(question_about(post, rng), rng)]
    elif not said or (later and rng.random() < UNSAID):
        strategy = ASKS if feeling is None else REFLECTS
        parts = [answer_to(post, rng), question_about(post, rng, later)]
    elif feeling is not None:
        strategy, parts = REFLECTS, [answer_to(post, rng), f"{said}."]
        rng.shuffle(parts)
        parts.append(question_about(post, rng, later))
    elif trouble_in(post) is None or len(post.split()) >= LONG:
        strategy, parts = RESTATES, [rng.choice(FRAMES).format(said=said)]
        parts.append(answer_to(post, rng) if rng.random() < 0.15 else question_about(post, rng, later))
    else:
        strategy, parts = ASKS, [rng.choice(FRAMES).format(said=said), question_about(post, rng, later)]
    return strategy, " ".join(part[0].upper() + part[1:] for part in parts)


def _perhaps(sentence: str, rng: random.Random) -> list[str]:
    return [sentence] if rng.random() < 0.5 else []
