"""The closed sets of values that columns and views hold; each is also a CHECK in the tables."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """demo: names and reasons shown from the start. study: hidden until the vote is in."""

    DEMO = "demo"
    STUDY = "study"


class Side(StrEnum):
    """Where a system stands in one encounter; a is shown first (left, or on top on a phone)."""

    A = "a"
    B = "b"


class Pick(StrEnum):
    """A rater's answer to one question."""

    A = "a"
    TIE = "tie"
    B = "b"


class Outcome(StrEnum):
    """A pick seen from `system_1`, the first of the two systems in sorted order."""

    WIN = "win"
    TIE = "tie"
    LOSE = "lose"


class ReplyState(StrEnum):
    """pending: asked for and not yet saved. failed: ended without a reply, by error, stop or time-out."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class EventKind(StrEnum):
    """What an event row records."""

    STARTED = "started"
    POSTED = "posted"
    REPLY_DONE = "reply_done"
    REPLY_FAILED = "reply_failed"
    REPLY_RETRIED = "reply_retried"
    FROZEN = "frozen"
    JUDGED = "judged"
    REVEALED = "revealed"
