"""The tables of studies, which add to `schema`; like those, they refuse what must never happen.

    study 1-n study_member                       lead, raters, reviewers, each with a hashed token
    study 1-n study_context 1-n study_reply      what was said, and what each system replied
    study_context 1-n study_item                 what is judged: a pair of replies, or all replies
    study_item 1-n study_claim 1-n study_answer  one claim per item and rater, one answer per question
    study_item 1-1 study_review 1-n study_review_answer
    study 1-n study_event                        what happened, append-only

An import in batches gathers in a row of `study` that has no members, so nobody sees a part of it; then all its contexts
move to their study at once. Deleting a study deletes everything below it; deleting an encounter deletes the contexts
that were made from it. Triggers (made by the migrations) refuse to delete events, to change them (except to blank the
answers of a rater who withdraws), and to change answers of a closed item.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from annotation.choices import ClaimState, Decision, Purpose, Role, StudyEventKind, StudyKind, StudyState
from annotation.store.schema import Base, choice_column


class Study(Base):
    """A planned evaluation: who judges what, how often, and with which questions."""

    __tablename__ = "study"
    __table_args__ = (UniqueConstraint("name"), CheckConstraint("seed >= 0", "seed"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    kind: Mapped[StudyKind] = mapped_column(choice_column(StudyKind, "kind"))
    state: Mapped[StudyState] = mapped_column(choice_column(StudyState, "state"))
    seed: Mapped[int] = mapped_column(BigInteger)
    plan_json: Mapped[str]
    """the whole plan, from `StudyPlan.to_json`"""
    rubric_json: Mapped[str]
    """the questions as they were when the study was made"""
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    gathers_for: Mapped[str | None] = mapped_column(String(32))
    """the draft that receives these contexts when the import is complete; None: a study, not a part of one"""


class Member(Base):
    """One person in one study. A token is stored only as its sha256, a password only as its scrypt hash."""

    __tablename__ = "study_member"
    __table_args__ = (UniqueConstraint("token_hash"), UniqueConstraint("study_id", "role", "number"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    role: Mapped[Role] = mapped_column(choice_column(Role, "role"))
    number: Mapped[int]
    """1, 2, ... within the role"""
    token_hash: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str | None]
    invited_at: Mapped[datetime]
    consented_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    break_since: Mapped[datetime | None]

    def pseudonym(self) -> str:
        """The member's name in results: r1 for the first rater, lead1, reviewer1."""
        return f"{'r' if self.role is Role.RATER else self.role.value}{self.number}"


class Context(Base):
    """What was said before the replies that are judged."""

    __tablename__ = "study_context"
    __table_args__ = (UniqueConstraint("study_id", "key"), CheckConstraint("turn >= 0", "turn"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    key: Mapped[str]
    """the id in the import file"""
    dialogue: Mapped[str]
    """contexts of one dialogue share it: no rater sees a dialogue twice"""
    purpose: Mapped[Purpose] = mapped_column(choice_column(Purpose, "purpose"))
    situation: Mapped[str]
    turns_json: Mapped[str]
    """list of {"speaker", "text"}, oldest first"""
    problem_type: Mapped[str | None]
    emotion_type: Mapped[str | None]
    strategy: Mapped[str | None]
    """annotated for the turn that is replied to, if known"""
    turn: Mapped[int | None]
    gold_json: Mapped[str | None]
    """known answers: {criterion: the better system, or "tie"}, or {criterion: {system: score}}"""
    encounter_id: Mapped[str | None] = mapped_column(ForeignKey("encounter.id", ondelete="CASCADE"), index=True)
    """the live conversation it was made from"""


class SystemReply(Base):
    """What one system replied to one context: one turn, or its whole side of a live conversation."""

    __tablename__ = "study_reply"

    context_id: Mapped[str] = mapped_column(ForeignKey("study_context.id", ondelete="CASCADE"), primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    turns_json: Mapped[str]
    """list of {"speaker", "text"}"""
    strategy: Mapped[str | None]
    checkpoint: Mapped[str | None]
    replies_json: Mapped[str | None] = mapped_column(deferred=True)
    """list of its replies with their traces, see `stored_replies`; tens of KB each, so loaded only on request"""


class Item(Base):
    """What one rater judges at a time: replies of some systems to one context."""

    __tablename__ = "study_item"
    __table_args__ = (
        UniqueConstraint("study_id", "position"),
        CheckConstraint("seats >= 1", "seats"),
        CheckConstraint("duplicate_of <> id", "duplicate_of_another"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    context_id: Mapped[str] = mapped_column(ForeignKey("study_context.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    """place in the plan's order"""
    purpose: Mapped[Purpose] = mapped_column(choice_column(Purpose, "purpose"))
    systems_json: Mapped[str]
    """the systems compared, in sorted order"""
    seats: Mapped[int | None]
    """how many raters judge it; None: every rater does (gold and onboarding items)"""
    duplicate_of: Mapped[str | None] = mapped_column(ForeignKey("study_item.id", ondelete="CASCADE"), index=True)
    in_sample: Mapped[bool]
    """drawn for the reviewer, however the raters vote"""
    closed_at: Mapped[datetime | None]
    """from then on no answer can change"""


class Claim(Base):
    """One rater's work on one item. A released claim gives its seat back and keeps its drafts."""

    __tablename__ = "study_claim"
    __table_args__ = (
        UniqueConstraint("item_id", "member_id"),
        UniqueConstraint("item_id", "seat"),
        CheckConstraint("(state = 'released') = (seat IS NULL)", "seat_while_held"),
        CheckConstraint("seat >= 0 AND (seats IS NULL OR seat < seats)", "seat_exists"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", "done_has_time"),
        CheckConstraint("seconds >= 0", "seconds"),
        Index(None, "member_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("study_item.id", ondelete="CASCADE"))
    member_id: Mapped[str] = mapped_column(ForeignKey("study_member.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    """1 for the rater's first item, 2 for the second, ..."""
    state: Mapped[ClaimState] = mapped_column(choice_column(ClaimState, "state"))
    seat: Mapped[int | None]
    seats: Mapped[int | None]
    """how many seats the item has, so that the table itself refuses a claim too many"""
    arrangement: Mapped[str]
    """where the systems stand: "1,0" puts the second of the item's systems first"""
    claimed_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    """last sign of life while working on it; None during a break"""
    seconds: Mapped[float]
    """time worked on it so far"""
    done_at: Mapped[datetime | None]
    note: Mapped[str | None]
    """the rater's reason, in the rater's words"""
    declined: Mapped[bool]
    """the rater gave it back and does not get it again"""

    def places(self) -> tuple[int, ...]:
        """For each place on the screen, first place first, the index into the item's systems."""
        return tuple(int(place) for place in self.arrangement.split(","))


class Answer(Base):
    """The current answer to one question; earlier ones are in the events."""

    __tablename__ = "study_answer"
    __table_args__ = (UniqueConstraint("claim_id", "criterion", "system"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("study_claim.id", ondelete="CASCADE"))
    criterion: Mapped[str]
    system: Mapped[str]
    """the system whose reply was scored; empty when pairwise"""
    value: Mapped[str]
    """in terms of systems: "a" (the first in sorted order is better), "tie", "b"; or the score"""
    saved_at: Mapped[datetime]


class Review(Base):
    """A reviewer's second look at one item: first blind, then with the votes."""

    __tablename__ = "study_review"
    __table_args__ = (
        UniqueConstraint("item_id"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", "decision_has_time"),
        CheckConstraint("decided_at IS NULL OR blind_at IS NOT NULL", "blind_first"),
        CheckConstraint("decision IS NULL OR decision = 'confirm' OR cause IS NOT NULL", "change_has_cause"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("study_item.id", ondelete="CASCADE"))
    member_id: Mapped[str] = mapped_column(ForeignKey("study_member.id", ondelete="CASCADE"), index=True)
    arrangement: Mapped[str]
    claimed_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    blind_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[Decision | None] = mapped_column(choice_column(Decision, "decision"))
    cause: Mapped[str | None]


class ReviewAnswer(Base):
    """The reviewer's own answer to one question, and what counts after the decision.

    `final_value` is the majority if the item was confirmed. If it was corrected, it is the reviewer's new answer, None
    for a question that they left as it was: there the raters' answers count.
    """

    __tablename__ = "study_review_answer"

    review_id: Mapped[int] = mapped_column(ForeignKey("study_review.id", ondelete="CASCADE"), primary_key=True)
    criterion: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    blind_value: Mapped[str]
    final_value: Mapped[str | None]


class StudyEvent(Base):
    """One change in a study, with the server's time. Rows are only ever added and hold no text of a person.

    The one exception: when a rater withdraws, both values of their answers become None.
    """

    __tablename__ = "study_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[str] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"), index=True)
    claim_id: Mapped[int | None] = mapped_column(index=True)
    item_id: Mapped[str | None] = mapped_column(String(32))
    at: Mapped[datetime]
    kind: Mapped[StudyEventKind] = mapped_column(choice_column(StudyEventKind, "kind"))
    actor: Mapped[str]
    """pseudonym of the member, or "server" """
    criterion: Mapped[str | None]
    system: Mapped[str | None]
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]
    app_version: Mapped[str]
