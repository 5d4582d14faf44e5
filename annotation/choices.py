"""The closed sets of values in columns and views; each is also a CHECK in the tables."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """demo: names and reasons are shown from the start, unless the visitor opts out. study: hidden until the vote."""

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
    """pending: requested and not yet saved. failed: ended without a reply, by error, stop or time-out."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class HeldBack(StrEnum):
    """What the safety screen changed about a reply. redrawn: an earlier draft was held back, this one is the net's own.
    replaced: a fixed sentence of the page takes its place."""

    REDRAWN = "redrawn"
    REPLACED = "replaced"


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


class Scale(StrEnum):
    """The form of a rubric's questions. pairwise: which of two replies is better. pointwise: a score for each reply."""

    PAIRWISE = "pairwise"
    POINTWISE = "pointwise"


class Majority(StrEnum):
    """When an item counts: if at least half of its raters agree (AdMISC), or if more than half do."""

    AT_LEAST_HALF = "at_least_half"
    MORE_THAN_HALF = "more_than_half"

    def in_words(self) -> str:
        """E.g. "more than half"."""
        return self.value.replace("_", " ")


class StudyKind(StrEnum):
    """live: each rater plays a seeker, talks with two systems, then judges them. frozen: items are imported."""

    LIVE = "live"
    FROZEN = "frozen"


class Preference(StrEnum):
    """Whether the rater of a live talk compares each pair of replies, and which reply then continues the talk."""

    NONE = "none"
    """not asked; each side keeps its own history"""
    OWN = "own"
    """asked; each side keeps its own history"""
    PREFERRED = "preferred"
    """asked; the preferred reply goes into the history of both sides"""


class StudyState(StrEnum):
    """How far a study has come: draft -> open <-> paused -> closed."""

    DRAFT = "draft"
    """items can be imported; nobody is invited"""
    OPEN = "open"
    """the items are planned, raters are at work"""
    PAUSED = "paused"
    """no new items are handed out; what was begun can be finished"""
    CLOSED = "closed"
    """nothing changes any more"""


class Role(StrEnum):
    """What a member of a study may do."""

    LEAD = "lead"
    RATER = "rater"
    REVIEWER = "reviewer"


class Purpose(StrEnum):
    """Why an item is in a study. Only main items count in results."""

    MAIN = "main"
    GOLD = "gold"
    ONBOARDING = "onboarding"


class ClaimState(StrEnum):
    """active: a rater works on it, until the lease ends. done: handed in. released: the seat is free again."""

    ACTIVE = "active"
    DONE = "done"
    RELEASED = "released"


class Decision(StrEnum):
    """What a reviewer decides on an item."""

    CONFIRM = "confirm"
    CORRECT = "correct"
    DISCARD = "discard"


class StudyEventKind(StrEnum):
    """What an event of a study records."""

    CREATED = "created"
    IMPORTED = "imported"
    OPENED = "opened"
    PAUSED = "paused"
    RESUMED = "resumed"
    CLOSED = "closed"
    INVITED = "invited"
    REVOKED = "revoked"
    SIGNED_IN = "signed_in"
    CONSENTED = "consented"
    BREAK_BEGUN = "break_begun"
    BREAK_ENDED = "break_ended"
    CLAIMED = "claimed"
    RELEASED = "released"
    ANSWERED = "answered"
    UNDONE = "undone"
    NOTED = "noted"
    SUBMITTED = "submitted"
    REVIEW_CLAIMED = "review_claimed"
    REVIEW_BLIND = "review_blind"
    REVIEWED = "reviewed"
