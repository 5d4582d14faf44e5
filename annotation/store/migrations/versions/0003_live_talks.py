"""Live talks: a rater's conversation with two systems, preferences per turn, stars.

Studies of kind "live" used to judge finished, imported conversations, which is what kind "frozen" is for, so they
become frozen. Revision: 0003, follows 0002.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the trigger, then rename the old kind."""
    _create_study_talk()
    _create_study_preference()
    _create_study_star()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER study_talk_takes_encounter AFTER DELETE ON study_talk "
            "BEGIN DELETE FROM encounter WHERE id = OLD.encounter_id; END"
        )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION delete_encounter_of_talk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN DELETE FROM encounter WHERE id = OLD.encounter_id; RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER study_talk_takes_encounter AFTER DELETE ON study_talk "
            "FOR EACH ROW EXECUTE FUNCTION delete_encounter_of_talk()"
        )
    _live_becomes_frozen()


def downgrade() -> None:
    """Drop what this revision created; the conversations themselves stay."""
    for table in ("study_star", "study_preference", "study_talk"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS delete_encounter_of_talk")


def _live_becomes_frozen() -> None:
    study = sa.table("study", sa.column("id"), sa.column("kind"), sa.column("plan_json"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(study).where(study.c.kind == "live")).all():
        values = json.loads(row.plan_json)
        if "turn_preference" in values:  # made under this revision before a downgrade
            continue
        plan = json.dumps(values | {"kind": "frozen"}, ensure_ascii=False, sort_keys=True)
        connection.execute(sa.update(study).where(study.c.id == row.id).values(kind="frozen", plan_json=plan))


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def _create_study_talk() -> None:
    op.create_table(
        "study_talk",
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("intensity_after", sa.Integer(), nullable=True),
        sa.CheckConstraint("intensity_after BETWEEN 1 AND 5", name=op.f("ck_study_talk_intensity_after")),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["study_claim.id"], name=op.f("fk_study_talk_claim_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_study_talk_encounter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_study_talk")),
        sa.UniqueConstraint("encounter_id", name=op.f("uq_study_talk_encounter_id")),
    )


def _create_study_preference() -> None:
    op.create_table(
        "study_preference",
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("turn_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("picked", _choice("picked", "a", "tie", "b"), nullable=False),
        sa.Column("continues", _choice("continues", "a", "b"), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter_id", "turn_index"],
            ["post.encounter_id", "post.turn_index"],
            name=op.f("fk_study_preference_encounter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("encounter_id", "turn_index", name=op.f("pk_study_preference")),
    )


def _create_study_star() -> None:
    op.create_table(
        "study_star",
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("turn_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("side", _choice("side", "a", "b"), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_study_star_stars")),
        sa.ForeignKeyConstraint(
            ["encounter_id", "turn_index"],
            ["post.encounter_id", "post.turn_index"],
            name=op.f("fk_study_star_encounter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("encounter_id", "turn_index", "side", name=op.f("pk_study_star")),
    )
