"""What may be said to a feeling that a message names, and asked about it: sentences of ours by words of the message.

Used for answers by rule (`restated.py`): which question fits is told by the message, so that a net learns to choose.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Feeling:
    """Words that name it, what to answer, and what to ask."""

    named: re.Pattern[str]
    answers: tuple[str, ...]
    questions: tuple[str, ...]


def _feeling(words: str, answers: tuple[str, ...], questions: tuple[str, ...]) -> Feeling:
    return Feeling(re.compile(rf"\b(?:{words})\b", re.IGNORECASE), answers, questions)


_JUDGED = "stupid|dumb|idiot|useless|worthless|pathetic|lazy|selfish|weak|fool|failure|loser|burden|fraud|coward"
BLAME = _feeling(
    r"(?<!isn't )(?<!not )(?<!wasn't )my (?:own )?fault|blam(?:e|ing) myself|hate myself|ashamed of (?:myself|what i)"
    r"|i(?:'ve| have)? (?:lied|cheated|stole|stolen|betrayed|ruined|wasted)|i(?:'m| am|'ve been| have been) lying to"
    r"|i(?:'ve| have)? (?:let|messed|screwed) (?:\w+ ){0,3}(?:down|up)|i made (?:a|the|so many) (?:\w+ )?mistakes?"
    r"|i(?:'m| am| feel| felt)(?: so| very| really| just| always| still)? guilty"
    rf"|i(?:'m| am| was|'ve been| feel) (?:\w+ ){{0,4}}(?:{_JUDGED})|i(?:'m| am) (?:\w+ )?not good enough"
    r"|i(?:'m| am| was) (?:\w+ ){0,3}(?:bad|terrible|awful|horrible) (?:mother|father|parent|friend|daughter|son|person"
    r"|wife|husband|partner|mum|mom|dad)|i should have (?:been|done|known|said|stayed|called|visited)",
    (
        "You are being hard on yourself.",
        "That is a painful thought to live with.",
        "It takes courage to say that.",
        "I am glad you told me.",
    ),
    (
        "What would you say to a friend who told you this?",
        "How long have you carried this with you?",
        "What led up to it?",
        "Who else knows how you feel?",
    ),
)
"""what its speaker thinks badly of: such a message is answered, and never said back"""
FEELINGS = (
    BLAME,
    _feeling(
        r"scared|afraid|terrified|fright\w+|nervous|anxi\w+|worr\w+|panic\w*|fear\w*|dread\w*|shak[ey]\w*|in knots",
        ("That sounds frightening.", "No wonder you are on edge.", "That is a lot of fear to carry."),
        ("What worries you most about it?", "What do you fear could happen?", "What calms you, even a little?"),
    ),
    _feeling(
        r"angry|anger|furious|mad|rage|unfair|lied|liar|cheat\w*|stole\w*|betray\w*|shout\w*|yell\w*|insult\w*",
        ("Your anger makes sense.", "That must hurt.", "That was not fair to you."),
        ("What hurts most about it?", "What would you most like to say about it?"),
    ),
    _feeling(
        r"miss|missed|missing|lost|losing|left me|broke up|break ?up|dumped|divorc\w+|funeral|grie\w+|moved out|ended",
        ("That is a real loss.", "I am sorry.", "That leaves an empty place."),
        ("What do you miss most?", "How are you getting through the days?", "When is it hardest for you?"),
    ),
    _feeling(
        r"alone|lonely|no one|ignor\w+|left out|without me|strangers?|isolat\w+|invit\w+|homesick",
        ("That sounds lonely.", "Being left alone with it is hard."),
        ("Who would you like to have near you?", "Who have you been able to talk to about it?"),
    ),
    _feeling(
        r"tired|exhaust\w+|sleep\w*|awake|burn\w* out|rested?|night shifts?|overtime|hours",
        ("That sounds exhausting.", "No wonder you are tired."),
        ("How long has it been like this?", "What would give you a little rest?"),
    ),
    _feeling(
        r"sad|cry|crying|cried|tears|depress\w*|down|empty|flat|numb|unhappy|heartbroken|feel nothing",
        ("That sounds so heavy.", "I can hear how sad that is."),
        ("How long have you felt this way?", "When is it hardest for you?"),
    ),
    _feeling(
        r"asham\w*|embarrass\w*|laugh\w* at|mirror|humiliat\w*|gross|weird",
        ("That is a painful feeling to carry.", "That must sting."),
        ("When do you feel it most?", "Who could you tell about it?"),
    ),
    _feeling(
        r"stress\w*|overwhelm\w*|exams?|tests?|deadline|boss|work\w*|jobs?|manager|school|college|money|rent|bills?|debts?",
        ("That sounds stressful.", "That is a lot of pressure."),
        ("What is the hardest part of it?", "What weighs on you most?", "How are you coping with it?"),
    ),
)
"""the first that a message names counts"""
ANY = Feeling(
    re.compile(""),
    ("That sounds hard.", "That is a lot to carry.", "I can hear how much this weighs on you."),
    (
        "What has that been like for you?",
        "What is the hardest part of it?",
        "What goes through your mind when you think about it?",
        "How are you coping with it?",
        "How is it for you today?",
    ),
)
"""of a message that names none of them"""


def feeling_in(message: str) -> Feeling:
    """The feeling that a message names, or `ANY`."""
    return next((feeling for feeling in FEELINGS if feeling.named.search(message)), ANY)


def answer_to_feeling(message: str, rng: random.Random) -> str:
    """A sentence about the feeling in a message."""
    return rng.choice(feeling_in(message).answers)


def question_about(message: str, rng: random.Random) -> str:
    """A question that fits a message."""
    return rng.choice(feeling_in(message).questions)
