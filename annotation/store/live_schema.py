"""The tables of live studies, in which a rater talks with the systems; they add to `schema` and `study_schema`.

    study_claim 1-1 study_talk 1-1 encounter    the talk that belongs to a rater's item
    post 1-1 study_preference                   which of the two replies to it is better
    post 1-n study_star                         how helpful each side was up to that post

Deleting a claim, a rater or a study deletes the talks with all their messages (by a trigger that the migration makes),
and deleting an encounter deletes its row here.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from annotation.choices import Pick, Side
from annotation.store.schema import Base, choice_column
from annotation.store.study_schema import Claim


class StudyTalk(Base):
    """Links an encounter to the claim whose talk it is, with the answers asked for after it."""

    __tablename__ = "study_talk"
    __table_args__ = (
        UniqueConstraint("encounter_id"),
        CheckConstraint("intensity_after BETWEEN 1 AND 5", "intensity_after"),
    )

    claim_id: Mapped[int] = mapped_column(ForeignKey(Claim.id, ondelete="CASCADE"), primary_key=True)
    encounter_id: Mapped[str] = mapped_column(String(32), ForeignKey("encounter.id", ondelete="CASCADE"))
    intensity_after: Mapped[int | None]


class TurnPreference(Base):
    """The rater's choice between the two replies to one post."""

    __tablename__ = "study_preference"
    __table_args__ = (
        ForeignKeyConstraint(
            ["encounter_id", "turn_index"], ["post.encounter_id", "post.turn_index"], ondelete="CASCADE"
        ),
    )

    encounter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    turn_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    picked: Mapped[Pick] = mapped_column(choice_column(Pick, "picked"))
    continues: Mapped[Side | None] = mapped_column(choice_column(Side, "continues"))
    """the side whose reply goes into the history of both; None: each side keeps its own"""
    saved_at: Mapped[datetime]


class TurnStar(Base):
    """How helpful one side was, 1 to 5, asked after every second post (ESConv's survey)."""

    __tablename__ = "study_star"
    __table_args__ = (
        ForeignKeyConstraint(
            ["encounter_id", "turn_index"], ["post.encounter_id", "post.turn_index"], ondelete="CASCADE"
        ),
        CheckConstraint("stars BETWEEN 1 AND 5", "stars"),
    )

    encounter_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    turn_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    side: Mapped[Side] = mapped_column(choice_column(Side, "side"), primary_key=True)
    stars: Mapped[int]
    saved_at: Mapped[datetime]


def continued_sides(session: Session, encounter_id: str) -> dict[int, Side]:
    """Turn -> the side whose reply both sides have in their history; turns that are not shared are left out."""
    statement = select(TurnPreference).where(
        TurnPreference.encounter_id == encounter_id, TurnPreference.continues.is_not(None)
    )
    return {row.turn_index: row.continues for row in session.scalars(statement) if row.continues is not None}
