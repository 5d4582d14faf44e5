"""First light: encounters, posts, replies, ballots, judgments and events, and the triggers that guard them.

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = ("encounter", "ballot", "event", "post", "judgment", "reply")


def upgrade() -> None:
    """Create the tables, parents first, then the triggers."""
    _create_encounter()
    _create_ballot()
    _create_event()
    _create_post()
    _create_judgment()
    _create_reply()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()


def downgrade() -> None:
    """Drop everything."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS refuse_change")


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


def _guard_sqlite() -> None:
    """Refuse changes, and deletions other than those that follow from deleting the whole encounter."""
    for table, when in _GUARDED.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows cannot be changed'); END"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM encounter WHERE id = OLD.encounter_id) "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows cannot be deleted'); END"
        )


def _guard_postgresql() -> None:
    """The same, with one function for all triggers."""
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT 1 FROM encounter WHERE id = OLD.encounter_id) THEN RETURN OLD; "
        "END IF; RAISE EXCEPTION '% rows cannot be changed or deleted', TG_TABLE_NAME; END $$"
    )
    for table, when in _GUARDED.items():
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({when}) EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


_ALWAYS = "OLD.encounter_id IS NOT NULL"
_GUARDED = {
    "post": _ALWAYS,
    "reply": "OLD.state <> 'pending'",
    "ballot": _ALWAYS,
    "judgment": _ALWAYS,
    "event": _ALWAYS,
}
"""Which rows of a table may not be changed: all of them, except replies that have not ended."""


def _create_encounter() -> None:
    op.create_table(
        "encounter",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("visitor", sa.String(length=64), nullable=False),
        sa.Column("mode", _choice("mode", "demo", "study"), nullable=False),
        sa.Column("study", sa.Text(), nullable=True),
        sa.Column(
            "stage",
            _choice("stage", "consented", "chatting", "frozen", "judged", "revealed", "reviewed"),
            nullable=False,
        ),
        sa.Column("system_1", sa.Text(), nullable=False),
        sa.Column("system_2", sa.Text(), nullable=False),
        sa.Column("side_a", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("emotion_type", sa.Text(), nullable=False),
        sa.Column("problem_type", sa.Text(), nullable=False),
        sa.Column("intensity_before", sa.Integer(), nullable=True),
        sa.Column("role_card", sa.Text(), nullable=True),
        sa.Column("consent_version", sa.Text(), nullable=False),
        sa.Column("rubric", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mode = 'demo' OR study IS NOT NULL", name=op.f("ck_encounter_study_named")),
        sa.CheckConstraint("intensity_before BETWEEN 1 AND 5", name=op.f("ck_encounter_intensity_before")),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_encounter_seed")),
        sa.CheckConstraint("side_a IN (system_1, system_2)", name=op.f("ck_encounter_side_a_is_one_of_them")),
        sa.CheckConstraint("system_1 <> system_2", name=op.f("ck_encounter_systems_differ")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounter")),
    )
    op.create_index(op.f("ix_encounter_visitor"), "encounter", ["visitor"], unique=False)


def _create_ballot() -> None:
    op.create_table(
        "ballot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("rater", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("intensity_after", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("intensity_after BETWEEN 1 AND 5", name=op.f("ck_ballot_intensity_after")),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_ballot_seconds")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_ballot_encounter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ballot")),
        sa.UniqueConstraint("encounter_id", "rater", name=op.f("uq_ballot_encounter_id_rater")),
    )


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            _choice(
                "kind",
                "started",
                "posted",
                "reply_done",
                "reply_failed",
                "reply_retried",
                "frozen",
                "judged",
                "revealed",
            ),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("turn_index", sa.Integer(), nullable=True),
        sa.Column("side", _choice("side", "a", "b"), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("criterion", sa.Text(), nullable=True),
        sa.Column("new_value", sa.Text(), nullable=True),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_event_encounter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_encounter_id"), "event", ["encounter_id"], unique=False)


def _create_post() -> None:
    op.create_table(
        "post",
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("turn_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("turn_index >= 0", name=op.f("ck_post_turn_index")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_post_encounter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("encounter_id", "turn_index", name=op.f("pk_post")),
        sa.UniqueConstraint("encounter_id", "key", name=op.f("uq_post_encounter_id_key")),
    )


def _create_judgment() -> None:
    op.create_table(
        "judgment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ballot_id", sa.Integer(), nullable=False),
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("picked", _choice("picked", "a", "tie", "b"), nullable=False),
        sa.Column("outcome", _choice("outcome", "win", "tie", "lose"), nullable=False),
        sa.Column("system_1", sa.Text(), nullable=False),
        sa.Column("system_2", sa.Text(), nullable=False),
        sa.Column("side_a", sa.Text(), nullable=False),
        sa.Column("shown_first", _choice("shown_first", "a", "b"), nullable=False),
        sa.Column("checkpoint_1", sa.Text(), nullable=False),
        sa.Column("checkpoint_2", sa.Text(), nullable=False),
        sa.Column("rubric", sa.Text(), nullable=False),
        sa.Column("rubric_version", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(picked = 'tie') = (outcome = 'tie')", name=op.f("ck_judgment_tie_is_tie")),
        sa.CheckConstraint(
            "picked = 'tie' OR ((picked = 'a') = (side_a = system_1)) = (outcome = 'win')",
            name=op.f("ck_judgment_outcome_follows_pick"),
        ),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_judgment_seconds")),
        sa.CheckConstraint("side_a IN (system_1, system_2)", name=op.f("ck_judgment_side_a_is_one_of_them")),
        sa.CheckConstraint("system_1 <> system_2", name=op.f("ck_judgment_systems_differ")),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballot.id"], name=op.f("fk_judgment_ballot_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_judgment_encounter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_judgment")),
        sa.UniqueConstraint("ballot_id", "criterion", name=op.f("uq_judgment_ballot_id_criterion")),
    )
    op.create_index(op.f("ix_judgment_encounter_id"), "judgment", ["encounter_id"], unique=False)


def _create_reply() -> None:
    op.create_table(
        "reply",
        sa.Column("encounter_id", sa.String(length=32), nullable=False),
        sa.Column("turn_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("side", _choice("side", "a", "b"), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("state", _choice("state", "pending", "done", "failed"), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("options_json", sa.Text(), nullable=True),
        sa.Column("reply_json", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'done') = (reply_json IS NOT NULL)", name=op.f("ck_reply_done_has_reply")),
        sa.CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name=op.f("ck_reply_failed_has_error")),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_reply_attempt")),
        sa.ForeignKeyConstraint(
            ["encounter_id", "turn_index"],
            ["post.encounter_id", "post.turn_index"],
            name=op.f("fk_reply_encounter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("encounter_id", "turn_index", "side", "attempt", name=op.f("pk_reply")),
    )
    op.create_index(op.f("ix_reply_state"), "reply", ["state"], unique=False)
