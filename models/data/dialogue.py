"""What is said: turns, dialogues and who speaks.

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
    """Whether something of a text can be seen: one of zero-width characters is empty to everyone."""
    return any(letter.isprintable() and not letter.isspace() for letter in text)


@dataclass(frozen=True)
class Turn:
    """One utterance. `strategy` is the ESConv strategy name of a supporter turn where it is known, else None."""

    speaker: Speaker
    text: str
    strategy: str | None = None


@dataclass(frozen=True)
class Feedback:
    """What the seeker of a recorded talk said of the help, where it is known."""

    ratings: tuple[int, ...] = ()
    """for each turn what was given with it: 1 (not helpful) to 5 stars, 0 = none; () = none at all"""
    relief: int | None = None
    """by how much the emotion was less intense at the end, -4 to 4"""


@dataclass(frozen=True)
class Dialogue:
    """A conversation so far, oldest turn first, with the seeker's survey answers where they are known."""

    turns: tuple[Turn, ...]
    situation: str = ""
    emotion_type: str = ""
    problem_type: str = ""
    id: str = ""
    feedback: Feedback = field(default=Feedback(), repr=False, compare=False)
    """nets may learn from it and never read it; no part of what is said, nor of its JSON form"""

    def last_post(self) -> str:
        """The text of the last seeker turn ("last post" x of MISC, section 3.2), "" when there is none."""
        return next((turn.text for turn in reversed(self.turns) if turn.speaker is Speaker.SEEKER), "")

    def seeker_posts(self) -> tuple[str, ...]:
        """The texts of the seeker's turns, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.speaker is Speaker.SEEKER)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` gives the equal dialogue back."""
        return {name: value for name, value in asdict(self).items() if name != "feedback"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_dict`. Raises KeyError or ValueError on a missing field or an unknown speaker."""
        turns = tuple(Turn(Speaker(t["speaker"]), t["text"], t.get("strategy")) for t in data["turns"])
        return cls(turns, *(data.get(name, "") for name in ("situation", "emotion_type", "problem_type", "id")))
