"""The frozen values that leave this package. They hold only what may be shown: what is hidden is None, not masked.

While names are hidden, nothing here distinguishes the two systems: no name, checkpoint, seed, strategy or trace,
no error text, and no reply before both sides have answered (else the faster one would be recognised).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from annotation.choices import HeldBack, Mode, Outcome, Pick, ReplyState, Side
from annotation.talks.stages import Stage


@dataclass(frozen=True)
class ReplySlot:
    """Identifies a reply in the database: one attempt of one side to answer one post."""

    encounter_id: str
    turn_index: int
    side: Side
    attempt: int

    def job_id(self) -> str:
        """The slot as one string, e.g. to name a generation job."""
        return f"{self.encounter_id}:{self.turn_index}:{self.side}:{self.attempt}"


@dataclass(frozen=True)
class ReplyView:
    """The latest attempt of one side to answer one post."""

    slot: ReplySlot
    state: ReplyState
    text: str | None
    error: str | None
    """why there is no reply, when state is failed"""
    strategy: str | None
    checkpoint: str | None
    seed: int | None
    has_reasons: bool = False
    """`encounters.whole_reply` returns it with its trace; tens of KB, so no view holds it"""
    held_back: HeldBack | None = None
    """what the safety screen changed; while names are hidden, set only if a sentence of the page replaced the reply"""


@dataclass(frozen=True)
class TurnView:
    """One post of the seeker and both sides' answers."""

    index: int
    text: str
    a: ReplyView
    b: ReplyView

    def side(self, side: Side | str) -> ReplyView:
        """The reply on that side."""
        return self.a if Side(side) is Side.A else self.b

    def answered(self) -> bool:
        """Whether both replies are there."""
        return self.a.state is ReplyState.DONE and self.b.state is ReplyState.DONE

    def pending(self) -> bool:
        """Whether at least one reply is still being made."""
        return ReplyState.PENDING in (self.a.state, self.b.state)


@dataclass(frozen=True)
class JudgmentView:
    """One answer of the rater; `outcome` is that of the first system in sorted order, None while names are hidden."""

    criterion: str
    picked: Pick
    outcome: Outcome | None


@dataclass(frozen=True)
class EncounterView:
    """An encounter as its visitor may see it now."""

    id: str
    mode: Mode
    study: str | None
    stage: Stage
    systems: tuple[str | None, str | None]
    """names on side a and side b; (None, None) while they are hidden, in a study or in a blind talk of the demo"""
    situation: str
    emotion_type: str
    problem_type: str
    intensity_before: int | None
    intensity_after: int | None
    role_card: str | None
    consent_version: str
    rubric: str
    turns: tuple[TurnView, ...]
    judgments: tuple[JudgmentView, ...]
    reason: str | None
    created_at: datetime
    saved_at: datetime
    """time of the last stored change, UTC"""

    def hidden(self) -> bool:
        """Whether names and reasons must not be shown yet."""
        return self.systems == (None, None)

    def can_post(self) -> bool:
        """Whether the seeker may write: the stage allows it and nothing is left to answer."""
        return self.stage in (Stage.CONSENTED, Stage.CHATTING) and all(turn.answered() for turn in self.turns)

    def can_freeze(self) -> bool:
        """Whether the conversation may be finished: both sides answered at least once and no reply is being made."""
        answered = any(turn.answered() for turn in self.turns)
        return self.stage is Stage.CHATTING and answered and not any(turn.pending() for turn in self.turns)


@dataclass(frozen=True)
class StoredTalk:
    """A talk in the list of its visitor."""

    id: str
    created_at: datetime
    situation: str
    systems: tuple[str | None, str | None]
    """as in `EncounterView`"""


@dataclass(frozen=True)
class PostAndReply:
    """One post and one side's reply to it, None if there is none (yet)."""

    post: str
    reply: str | None
    strategy: str | None


@dataclass(frozen=True)
class ReplyTask:
    """All that the server needs to make a missing reply. It holds the system's name: never give it to a page."""

    slot: ReplySlot
    system: str
    seed: int
    situation: str
    emotion_type: str
    problem_type: str
    exchanges: tuple[PostAndReply, ...]
    """the conversation as this side knows it, oldest first; the last post is to be answered"""
