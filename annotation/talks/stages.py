"""The stages of an encounter, and which steps each allows: the server decides, buttons only follow.

consented -> chatting -> frozen -> judged -> revealed -> reviewed
   post        post      judge     reveal
               freeze
"""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """How far an encounter has come."""

    CONSENTED = "consented"
    """the seeker agreed and may write the first message"""
    CHATTING = "chatting"
    """at least one message was sent"""
    FROZEN = "frozen"
    """the conversation is over, the vote is open"""
    JUDGED = "judged"
    """the vote is in, the names are still hidden in a study"""
    REVEALED = "revealed"
    """the names were shown; nothing can change any more"""
    REVIEWED = "reviewed"
    """a second person has looked at the vote"""


class StageError(ValueError):
    """A step that the encounter's stage does not allow. The message is written for the user; nothing was stored."""

    def __init__(self, message: str, stage: Stage) -> None:
        super().__init__(message)
        self.stage = stage


_ALLOWED: dict[str, tuple[Stage, ...]] = {
    "post": (Stage.CONSENTED, Stage.CHATTING),
    "retry": (Stage.CHATTING,),
    "freeze": (Stage.CHATTING,),
    "judge": (Stage.FROZEN,),
    "reveal": (Stage.JUDGED,),
}

_NOW: dict[Stage, str] = {
    Stage.CONSENTED: "The conversation has not begun; write a first message.",
    Stage.CHATTING: "The conversation is still going on; finish it first, then judge it.",
    Stage.FROZEN: "The conversation is finished and waits for your judgment.",
    Stage.JUDGED: "This conversation has already been judged; a judgment is given once. You can show the names now.",
    Stage.REVEALED: "This conversation has been judged and its names were shown; nothing can be changed any more.",
    Stage.REVIEWED: "This conversation has been judged and reviewed; nothing can be changed any more.",
}


def require_step(step: str, stage: Stage) -> None:
    """Return when `stage` allows `step` ("post", "retry", "freeze", "judge", "reveal"), else raise StageError."""
    if stage not in _ALLOWED[step]:
        raise StageError(f"{_NOW[stage]} (step: {step}, stage: {stage})", stage)
