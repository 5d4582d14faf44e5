"""Turns, dialogues and speakers.

First stop of the flow: dialogue -> example -> batch -> net -> reply + trace. Plain frozen values, no tensors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Speaker(StrEnum):
    """The two roles of an emotional-support conversation (ESConv, Liu et al. 2021)."""

    SEEKER = "seeker"
    SUPPORTER = "supporter"


def says_something(text: str) -> bool:
    """Whether anything in a text is visible: a text of zero-width characters looks empty."""
    return any(letter.isprintable() and not letter.isspace() for letter in text)


@dataclass(frozen=True)
class Turn:
    """One utterance. `strategy` is the ESConv strategy name of a supporter turn if known, else None."""

    speaker: Speaker
    text: str
    strategy: str | None = None


@dataclass(frozen=True)
class Feedback:
    """How the seeker of a recorded talk rated the help, if known."""

    ratings: tuple[int, ...] = ()
    """for each turn, the rating given with it: 1 (not helpful) to 5 stars, 0 = none; () = no ratings at all. The
    beginning of a talk keeps those given later: they rate its last reply too"""
    relief: int | None = None
    """how much less intense the emotion was at the end, -4 to 4"""


@dataclass(frozen=True)
class Dialogue:
    """A conversation so far, oldest turn first, with the seeker's survey answers if known."""

    turns: tuple[Turn, ...]
    situation: str = ""
    emotion_type: str = ""
    problem_type: str = ""
    id: str = ""
    feedback: Feedback = field(default=Feedback(), repr=False, compare=False)
    """nets may learn from it but never get it as input; not part of the conversation or of its JSON form"""

    def last_post(self) -> str:
        """The text of the last seeker turn ("last post" x of MISC, section 3.2), "" when there is none."""
        return next((turn.text for turn in reversed(self.turns) if turn.speaker is Speaker.SEEKER), "")

    def seeker_posts(self) -> tuple[str, ...]:
        """The texts of the seeker's turns, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.speaker is Speaker.SEEKER)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` restores an equal dialogue."""
        return {name: value for name, value in asdict(self).items() if name != "feedback"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`. Raises KeyError or ValueError on a missing field or an unknown speaker."""
        turns = tuple(Turn(Speaker(t["speaker"]), t["text"], t.get("strategy")) for t in data["turns"])
        return cls(turns, *(data.get(name, "") for name in ("situation", "emotion_type", "problem_type", "id")))
