"""Studies: plans, members, contexts with the systems' replies, items, claims, answers, reviews, events.

The tables of revision 0001 and their data stay unchanged. Revision: 0002, follows 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, parents first, then the triggers."""
    _create_study()
    _create_study_failed_sign_in()
    _create_study_context()
    _create_study_event()
    _create_study_member()
    _create_study_item()
    _create_study_reply()
    _create_study_claim()
    _create_study_review()
    _create_study_answer()
    _create_study_review_answer()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    elif op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()


def downgrade() -> None:
    """Drop what this revision created."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS refuse_study_change")


_TABLES = (
    "study",
    "study_failed_sign_in",
    "study_context",
    "study_event",
    "study_member",
    "study_item",
    "study_reply",
    "study_claim",
    "study_review",
    "study_answer",
    "study_review_answer",
)


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=16)


_CLOSED = (
    "EXISTS (SELECT 1 FROM study_claim JOIN study_item ON study_item.id = study_claim.item_id "
    "WHERE study_claim.id = NEW.claim_id AND study_item.closed_at IS NOT NULL)"
)
_STUDY_EXISTS = "EXISTS (SELECT 1 FROM study WHERE id = OLD.study_id)"


def _guard_sqlite() -> None:
    """Events can only be added, and are deleted only with their whole study. Answers of a closed item cannot change."""
    op.execute(
        "CREATE TRIGGER study_event_no_update BEFORE UPDATE ON study_event "
        "BEGIN SELECT RAISE(ABORT, 'study_event rows cannot be changed'); END"
    )
    op.execute(
        f"CREATE TRIGGER study_event_no_delete BEFORE DELETE ON study_event WHEN {_STUDY_EXISTS} "
        "BEGIN SELECT RAISE(ABORT, 'study_event rows cannot be deleted'); END"
    )
    for change in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER study_answer_closed_{change.lower()} BEFORE {change} ON study_answer WHEN {_CLOSED} "
            "BEGIN SELECT RAISE(ABORT, 'answers of a closed item cannot be changed'); END"
        )


def _guard_postgresql() -> None:
    """The same, with one function for all triggers."""
    op.execute(
        "CREATE FUNCTION refuse_study_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_TABLE_NAME = 'study_answer' THEN IF NOT {_CLOSED} THEN RETURN NEW; END IF; "
        f"ELSIF TG_OP = 'DELETE' THEN IF NOT {_STUDY_EXISTS} THEN RETURN OLD; END IF; END IF; "
        "RAISE EXCEPTION '% rows cannot be changed or deleted', TG_TABLE_NAME; END $$"
    )
    for name, when in {"study_event": "UPDATE OR DELETE", "study_answer": "INSERT OR UPDATE"}.items():
        op.execute(
            f"CREATE TRIGGER {name}_guard BEFORE {when} ON {name} FOR EACH ROW EXECUTE FUNCTION refuse_study_change()"
        )


def _create_study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", _choice("kind", "live", "frozen"), nullable=False),
        sa.Column("state", _choice("state", "draft", "open", "paused", "closed"), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("plan_json", sa.Text(), nullable=False),
        sa.Column("rubric_json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_study_seed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
    )


def _create_study_failed_sign_in() -> None:
    op.create_table(
        "study_failed_sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_failed_sign_in")),
    )
    op.create_index(op.f("ix_study_failed_sign_in_origin_at"), "study_failed_sign_in", ["origin", "at"], unique=False)


def _create_study_context() -> None:
    op.create_table(
        "study_context",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("dialogue", sa.Text(), nullable=False),
        sa.Column("purpose", _choice("purpose", "main", "gold", "onboarding"), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("turns_json", sa.Text(), nullable=False),
        sa.Column("problem_type", sa.Text(), nullable=True),
        sa.Column("emotion_type", sa.Text(), nullable=True),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("gold_json", sa.Text(), nullable=True),
        sa.Column("encounter_id", sa.String(length=32), nullable=True),
        sa.CheckConstraint("turn >= 0", name=op.f("ck_study_context_turn")),
        sa.ForeignKeyConstraint(
            ["encounter_id"], ["encounter.id"], name=op.f("fk_study_context_encounter_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_context_study_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_context")),
        sa.UniqueConstraint("study_id", "key", name=op.f("uq_study_context_study_id_key")),
    )
    op.create_index(op.f("ix_study_context_encounter_id"), "study_context", ["encounter_id"], unique=False)


def _create_study_event() -> None:
    op.create_table(
        "study_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("claim_id", sa.Integer(), nullable=True),
        sa.Column("item_id", sa.String(length=32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            _choice(
                "kind",
                "created",
                "imported",
                "opened",
                "paused",
                "resumed",
                "closed",
                "invited",
                "revoked",
                "signed_in",
                "consented",
                "break_begun",
                "break_ended",
                "claimed",
                "released",
                "answered",
                "undone",
                "noted",
                "submitted",
                "review_claimed",
                "review_blind",
                "reviewed",
            ),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=True),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("old_value", sa.Text(), nullable=True),
        sa.Column("new_value", sa.Text(), nullable=True),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_event_study_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_event")),
    )
    op.create_index(op.f("ix_study_event_claim_id"), "study_event", ["claim_id"], unique=False)
    op.create_index(op.f("ix_study_event_study_id"), "study_event", ["study_id"], unique=False)


def _create_study_member() -> None:
    op.create_table(
        "study_member",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("role", _choice("role", "lead", "rater", "reviewer"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("break_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_member_study_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_member")),
        sa.UniqueConstraint("study_id", "role", "number", name=op.f("uq_study_member_study_id_role_number")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_study_member_token_hash")),
    )


def _create_study_item() -> None:
    op.create_table(
        "study_item",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("context_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("purpose", _choice("purpose", "main", "gold", "onboarding"), nullable=False),
        sa.Column("systems_json", sa.Text(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("duplicate_of", sa.String(length=32), nullable=True),
        sa.Column("in_sample", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("duplicate_of <> id", name=op.f("ck_study_item_duplicate_of_another")),
        sa.CheckConstraint("seats >= 1", name=op.f("ck_study_item_seats")),
        sa.ForeignKeyConstraint(
            ["context_id"], ["study_context.id"], name=op.f("fk_study_item_context_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of"], ["study_item.id"], name=op.f("fk_study_item_duplicate_of"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_item_study_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_item")),
        sa.UniqueConstraint("study_id", "position", name=op.f("uq_study_item_study_id_position")),
    )
    op.create_index(op.f("ix_study_item_context_id"), "study_item", ["context_id"], unique=False)
    op.create_index(op.f("ix_study_item_duplicate_of"), "study_item", ["duplicate_of"], unique=False)


def _create_study_reply() -> None:
    op.create_table(
        "study_reply",
        sa.Column("context_id", sa.String(length=32), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("turns_json", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["context_id"], ["study_context.id"], name=op.f("fk_study_reply_context_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("context_id", "system", name=op.f("pk_study_reply")),
    )


def _create_study_claim() -> None:
    op.create_table(
        "study_claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", _choice("state", "active", "done", "released"), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("arrangement", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("declined", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name=op.f("ck_study_claim_done_has_time")),
        sa.CheckConstraint("(state = 'released') = (seat IS NULL)", name=op.f("ck_study_claim_seat_while_held")),
        sa.CheckConstraint("seat >= 0 AND (seats IS NULL OR seat < seats)", name=op.f("ck_study_claim_seat_exists")),
        sa.CheckConstraint("seconds >= 0", name=op.f("ck_study_claim_seconds")),
        sa.ForeignKeyConstraint(
            ["item_id"], ["study_item.id"], name=op.f("fk_study_claim_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["study_member.id"], name=op.f("fk_study_claim_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_claim")),
        sa.UniqueConstraint("item_id", "member_id", name=op.f("uq_study_claim_item_id_member_id")),
        sa.UniqueConstraint("item_id", "seat", name=op.f("uq_study_claim_item_id_seat")),
    )
    op.create_index(op.f("ix_study_claim_member_id_state"), "study_claim", ["member_id", "state"], unique=False)


def _create_study_review() -> None:
    op.create_table(
        "study_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("member_id", sa.String(length=32), nullable=False),
        sa.Column("arrangement", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", _choice("decision", "confirm", "correct", "discard"), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "decision IS NULL OR decision = 'confirm' OR cause IS NOT NULL",
            name=op.f("ck_study_review_change_has_cause"),
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_study_review_decision_has_time")),
        sa.CheckConstraint("decided_at IS NULL OR blind_at IS NOT NULL", name=op.f("ck_study_review_blind_first")),
        sa.ForeignKeyConstraint(
            ["item_id"], ["study_item.id"], name=op.f("fk_study_review_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["study_member.id"], name=op.f("fk_study_review_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_review")),
        sa.UniqueConstraint("item_id", name=op.f("uq_study_review_item_id")),
    )
    op.create_index(op.f("ix_study_review_member_id"), "study_review", ["member_id"], unique=False)


def _create_study_answer() -> None:
    op.create_table(
        "study_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["study_claim.id"], name=op.f("fk_study_answer_claim_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_answer")),
        sa.UniqueConstraint("claim_id", "criterion", "system", name=op.f("uq_study_answer_claim_id_criterion_system")),
    )


def _create_study_review_answer() -> None:
    op.create_table(
        "study_review_answer",
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("blind_value", sa.Text(), nullable=False),
        sa.Column("final_value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["review_id"], ["study_review.id"], name=op.f("fk_study_review_answer_review_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("review_id", "criterion", "system", name=op.f("pk_study_review_answer")),
    )
