"""The tables, in SQLAlchemy 2's typed form. They refuse what must never happen (CHECK, UNIQUE, foreign keys).

    encounter 1-n post 1-n reply        one reply per post, side and attempt
    encounter 1-n ballot 1-n judgment   one ballot per encounter and rater, one judgment per criterion
    encounter 1-n event                 what happened, append-only

Deleting an encounter deletes everything below it. As long as it exists, triggers (made by the migrations) prevent
changes to and deletions of its posts, ended replies, ballots, judgments and events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from annotation.choices import EventKind, HeldBack, Mode, Outcome, Pick, ReplyState, Side
from annotation.talks.stages import Stage


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC on every database; by itself SQLite would drop the zone and return naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database, in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, with the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """The present time, aware, in UTC."""
    return datetime.now(UTC)


def choice_column(kind: type[StrEnum], name: str | None) -> Enum:
    """A text column limited by a CHECK to the values of `kind`; the constraint is named after the column.

    Without a name there is no CHECK here: a column that was added to a table later brings its own.
    """
    return Enum(
        kind,
        native_enum=False,
        create_constraint=name is not None,
        length=16,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """Names every constraint, so that later migrations can address it on any database."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: UtcDateTime}  # noqa: RUF012  (SQLAlchemy reads it from the class)


class Encounter(Base):
    """One visitor's talk with two systems, and its stage."""

    __tablename__ = "encounter"
    __table_args__ = (
        CheckConstraint("system_1 <> system_2", "systems_differ"),
        CheckConstraint("side_a IN (system_1, system_2)", "side_a_is_one_of_them"),
        CheckConstraint("mode = 'demo' OR study IS NOT NULL", "study_named"),
        CheckConstraint("intensity_before BETWEEN 1 AND 5", "intensity_before"),
        CheckConstraint("seed >= 0", "seed"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    visitor: Mapped[str] = mapped_column(String(64), index=True)
    """sha256 of the browser's token, hexadecimal; the token itself is never stored"""
    mode: Mapped[Mode] = mapped_column(choice_column(Mode, "mode"))
    blind: Mapped[bool | None]
    """True: in the demo, the visitor chose to see no names before the vote; in a study nobody sees them anyway"""
    study: Mapped[str | None]
    stage: Mapped[Stage] = mapped_column(choice_column(Stage, "stage"))
    system_1: Mapped[str]
    system_2: Mapped[str]
    side_a: Mapped[str]
    """the system on side a; the other one is on side b"""
    seed: Mapped[int] = mapped_column(BigInteger)
    situation: Mapped[str]
    emotion_type: Mapped[str]
    problem_type: Mapped[str]
    intensity_before: Mapped[int | None]
    role_card: Mapped[str | None]
    consent_version: Mapped[str]
    rubric: Mapped[str]
    created_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    """time of the last change"""

    def side_b(self) -> str:
        """The system on side b."""
        return self.system_2 if self.side_a == self.system_1 else self.system_1

    def system_on(self, side: Side) -> str:
        """The system on that side."""
        return self.side_a if side is Side.A else self.side_b()


class Post(Base):
    """One message of the seeker; both systems answer it."""

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint("encounter_id", "key"),
        CheckConstraint("turn_index >= 0", "turn_index"),
    )

    encounter_id: Mapped[str] = mapped_column(ForeignKey("encounter.id", ondelete="CASCADE"), primary_key=True)
    turn_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    key: Mapped[str]
    """chosen by the page for each message; sending the same key again stores nothing"""
    created_at: Mapped[datetime]


class Reply(Base):
    """One attempt of one side to answer one post. The row exists from the moment the reply is requested."""

    __tablename__ = "reply"
    __table_args__ = (
        ForeignKeyConstraint(
            ["encounter_id", "turn_index"], ["post.encounter_id", "post.turn_index"], ondelete="CASCADE"
        ),
        CheckConstraint("attempt >= 0", "attempt"),
        CheckConstraint("(state = 'done') = (reply_json IS NOT NULL)", "done_has_reply"),
        CheckConstraint("(state = 'failed') = (error IS NOT NULL)", "failed_has_error"),
    )

    encounter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    turn_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    side: Mapped[Side] = mapped_column(choice_column(Side, "side"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    system: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ReplyState] = mapped_column(choice_column(ReplyState, "state"), index=True)
    text: Mapped[str | None]
    strategy: Mapped[str | None]
    checkpoint: Mapped[str | None]
    options_json: Mapped[str | None]
    """decode options with which the reply was made"""
    reply_json: Mapped[str | None] = mapped_column(deferred=True)
    """the whole reply with its trace, from `Reply.to_dict`; tens of KB, so loaded only on request"""
    error: Mapped[str | None]
    held_back: Mapped[HeldBack | None] = mapped_column(
        choice_column(HeldBack, None), CheckConstraint("held_back IN ('redrawn', 'replaced')", name="held_back")
    )
    """what the safety screen changed; None: nothing"""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Ballot(Base):
    """One rater's vote on one encounter: what all its judgments have in common."""

    __tablename__ = "ballot"
    __table_args__ = (
        UniqueConstraint("encounter_id", "rater"),
        CheckConstraint("intensity_after BETWEEN 1 AND 5", "intensity_after"),
        CheckConstraint("seconds >= 0", "seconds"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    encounter_id: Mapped[str] = mapped_column(ForeignKey("encounter.id", ondelete="CASCADE"))
    rater: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None]
    intensity_after: Mapped[int | None]
    seconds: Mapped[float]
    """time between the opening of the form and the vote"""
    created_at: Mapped[datetime]


class Judgment(Base):
    """One answer to one question. Each row alone says who was compared, on which sides, and what was shown."""

    __tablename__ = "judgment"
    __table_args__ = (
        UniqueConstraint("ballot_id", "criterion"),
        CheckConstraint("system_1 <> system_2", "systems_differ"),
        CheckConstraint("side_a IN (system_1, system_2)", "side_a_is_one_of_them"),
        CheckConstraint("(picked = 'tie') = (outcome = 'tie')", "tie_is_tie"),
        CheckConstraint(
            "picked = 'tie' OR ((picked = 'a') = (side_a = system_1)) = (outcome = 'win')", "outcome_follows_pick"
        ),
        CheckConstraint("seconds >= 0", "seconds"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ballot_id: Mapped[int] = mapped_column(ForeignKey("ballot.id", ondelete="CASCADE"))
    encounter_id: Mapped[str] = mapped_column(ForeignKey("encounter.id", ondelete="CASCADE"), index=True)
    criterion: Mapped[str]
    picked: Mapped[Pick] = mapped_column(choice_column(Pick, "picked"))
    outcome: Mapped[Outcome] = mapped_column(choice_column(Outcome, "outcome"))
    system_1: Mapped[str]
    system_2: Mapped[str]
    side_a: Mapped[str]
    shown_first: Mapped[Side] = mapped_column(choice_column(Side, "shown_first"))
    checkpoint_1: Mapped[str]
    checkpoint_2: Mapped[str]
    rubric: Mapped[str]
    rubric_version: Mapped[int]
    seconds: Mapped[float]
    app_version: Mapped[str]
    created_at: Mapped[datetime]


class Event(Base):
    """One thing that happened, with the server's time. Rows are only ever added and hold no text of a seeker."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    encounter_id: Mapped[str] = mapped_column(ForeignKey("encounter.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    kind: Mapped[EventKind] = mapped_column(choice_column(EventKind, "kind"))
    actor: Mapped[str]
    """the visitor's hash, or "server" """
    turn_index: Mapped[int | None]
    side: Mapped[Side | None] = mapped_column(choice_column(Side, "side"))
    attempt: Mapped[int | None]
    criterion: Mapped[str | None]
    new_value: Mapped[str | None]
    app_version: Mapped[str]


class Erasure(Base):
    """A deletion whose data may still be in SQLite's files; the row is deleted once they are not (see `erasure`)."""

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime]
