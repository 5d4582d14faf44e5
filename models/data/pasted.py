"""Reads a dialogue that a user pastes: one line per turn, or one record of ESConv.

seeker: I moved and know nobody here.
supporter [Question]: What do you miss most?
seeker: My friends.
"""

from __future__ import annotations

import re

from models.data.dialogue import Dialogue, Speaker, Turn, says_something
from models.data.esconv import SPEAKERS, dialogue_of
from models.data.strategies import STRATEGIES, strategy_id
from models.reading.json_values import parse_json

MAX_TURNS = 400
"""maximum number of turns of a pasted dialogue; ESConv's longest has 121"""
MAX_TURN_CHARS = 4_000
NAMES = SPEAKERS | {
    "user": Speaker.SEEKER,
    "client": Speaker.SEEKER,
    "assistant": Speaker.SUPPORTER,
    "bot": Speaker.SUPPORTER,
    "system": Speaker.SUPPORTER,
}
"""names that a line may use for its speaker, ignoring case"""
_LINE = re.compile(r"\s*([a-z]+)\s*(?:[\[(]([^\])]*)[\])])?\s*[:：]\s*(.*)", re.IGNORECASE)
ADVICE = 'write a line for each turn, such as "seeker: I feel alone" and "supporter: Since when?"'


def read_pasted(text: str) -> Dialogue:
    """The pasted dialogue. Raises ValueError saying which line is wrong and what to do, without quoting the text."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ValueError(f"There is no dialogue here yet: {ADVICE}.")
    if text.lstrip()[:1] in ("{", "["):
        dialogue = _record(text)
    else:
        if len(lines) > MAX_TURNS:
            raise ValueError(f"This has {len(lines):,} lines and {MAX_TURNS} can be read; paste the part in question.")
        dialogue = Dialogue(tuple(_turn(number, line) for number, line in lines))
    if len(dialogue.turns) > MAX_TURNS:
        raise ValueError(
            f"This has {len(dialogue.turns):,} turns and {MAX_TURNS} can be read; paste the part in question."
        )
    speakers = {turn.speaker for turn in dialogue.turns}
    if len(speakers) == 1:
        raise ValueError(f"Only the {speakers.pop()} speaks here, but it takes two: {ADVICE}.")
    return dialogue


def _record(text: str) -> Dialogue:
    try:
        value = parse_json(text)
        records = value if isinstance(value, list) else [value]
        if len(records) != 1:
            raise ValueError(f"{len(records):,} records; paste one")
        return dialogue_of(records[0], "the record")
    except ValueError as error:
        raise ValueError(f"This looks like JSON, but it is no dialogue of ESConv: {error}. Or {ADVICE}.") from error


def _turn(number: int, line: str) -> Turn:
    found = _LINE.fullmatch(line)
    speaker = NAMES.get(found[1].lower()) if found else None
    if found is None or speaker is None:
        raise ValueError(f"Line {number} does not begin with a speaker: {ADVICE}.")
    said = " ".join(found[3].split())
    if not says_something(said):
        raise ValueError(f"Line {number} says nothing after the speaker; write a text there or take the line out.")
    if len(said) > MAX_TURN_CHARS:
        raise ValueError(f"Line {number} has {len(said):,} characters and {MAX_TURN_CHARS:,} can be read; shorten it.")
    if speaker is Speaker.SEEKER or not found[2]:
        return Turn(speaker, said)
    try:
        return Turn(speaker, said, STRATEGIES[strategy_id(found[2])])
    except ValueError as error:
        raise ValueError(
            f"Line {number} names an unknown strategy in brackets; allowed: {', '.join(STRATEGIES)}."
        ) from error
