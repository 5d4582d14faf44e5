"""The frozen values of live studies: what a rater's page may show of a talk, and what statistics count.

`TalkView` is for the rater and names no system; the rows below it are for the study's lead.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotation.choices import Pick, Preference, Side
from annotation.talks.stages import Stage
from annotation.talks.views import EncounterView

STARS_EVERY = 2
"""the stars are asked for after every second message of the seeker"""


@dataclass(frozen=True)
class TalkView:
    """The talk of one item, as its rater may see it."""

    opening: str
    """a first message to send or to change"""
    emotion_type: str
    problem_type: str
    form: Preference
    least: int
    """messages needed before the talk can end"""
    encounter: EncounterView | None
    """None before the first question is answered; its systems are never named here"""
    preferences: tuple[tuple[int, Pick], ...] = ()
    """(turn, which reply is better)"""
    continued: tuple[tuple[int, Side], ...] = ()
    """(turn, the side whose reply both continue from)"""
    stars: tuple[tuple[int, Side, int], ...] = ()
    """(turn, side, stars)"""
    intensity_after: int | None = None

    def answered(self) -> tuple[int, ...]:
        """The indices of the turns that both sides have answered."""
        turns = () if self.encounter is None else self.encounter.turns
        return tuple(turn.index for turn in turns if turn.answered())

    def left(self) -> int:
        """How many messages are still needed before the talk can end."""
        return max(0, self.least - len(self.answered()))

    def ended(self) -> bool:
        """Whether the talk is over and can be judged."""
        return self.encounter is not None and self.encounter.stage not in (Stage.CONSENTED, Stage.CHATTING)

    def to_prefer(self) -> int | None:
        """The turn whose replies are to be compared now (or whose choice may still be changed), or None."""
        if self.form is Preference.NONE or self.encounter is None or self.ended() or not self.encounter.turns:
            return None
        last = self.encounter.turns[-1]
        return last.index if last.answered() else None

    def picked(self, turn: int | None) -> Pick | None:
        """The choice at that turn."""
        return dict(self.preferences).get(turn) if turn is not None else None

    def must_prefer(self) -> bool:
        """Whether a choice is needed before the talk continues."""
        turn = self.to_prefer()
        return turn is not None and self.picked(turn) is None

    def to_star(self) -> int | None:
        """The turn up to which helpfulness is rated now; None before the first time and after the talk."""
        due = [turn for turn in self.answered() if (turn + 1) % STARS_EVERY == 0]
        return due[-1] if due and not self.ended() else None

    def stars_of(self, turn: int | None, side: Side) -> int | None:
        """The stars given to a side at that turn."""
        return next((stars for at, of, stars in self.stars if (at, of) == (turn, side)), None)


@dataclass(frozen=True)
class TalkRow:
    """One talk whose item was handed in."""

    study: str
    item_id: str
    rater: str
    """pseudonym within the study"""
    talk: str
    """id of the conversation, as in the export of conversations"""
    system_a: str
    """the first of the two systems in sorted order, wherever it stood on the screen"""
    system_b: str
    first_shown: str
    turns: int
    """messages that both sides answered"""
    intensity_before: int
    intensity_after: int
    problem_type: str | None = None
    discard_cause: str | None = None
    """why the reviewer discarded the item; None: the item counts"""
    context: str | None = None
    """id of the role card that was played"""
    held_back: int = 0
    """replies that the safety screen changed, of both systems"""


@dataclass(frozen=True)
class TurnVote:
    """One choice between the two replies to one message."""

    study: str
    item_id: str
    rater: str
    talk: str
    turn: int
    """0 for the first message"""
    system_a: str
    system_b: str
    outcome: str
    """"a" (system_a is better), "tie" or "b": in terms of systems, not of sides"""
    first_shown: str
    continued: str | None = None
    """the system whose reply went into both histories; None: each side kept its own"""
    problem_type: str | None = None
    discard_cause: str | None = None
    held_back: str | None = None
    """which of the two replies the safety screen changed: "a", "b" (of systems, not sides) or "ab"; None: neither"""
    majority: str | None = None
    """how many of a talk's turns must agree, as in `Ballot`"""


@dataclass(frozen=True)
class StarRow:
    """How helpful one system was up to one message."""

    study: str
    item_id: str
    rater: str
    talk: str
    turn: int
    system: str
    stars: int
    """1 to 5"""
    first_shown: str
    problem_type: str | None = None
    discard_cause: str | None = None
