"""Failed sign-ins are no longer stored: password guessing is slowed down in memory, and links cannot be guessed.

A table is dropped; it held hashes of addresses. Revision: 0007, follows 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the table."""
    op.drop_index("ix_study_failed_sign_in_origin_at", "study_failed_sign_in")
    op.drop_table("study_failed_sign_in")


def downgrade() -> None:
    """Create it again, empty."""
    op.create_table(
        "study_failed_sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_failed_sign_in")),
    )
    op.create_index(op.f("ix_study_failed_sign_in_origin_at"), "study_failed_sign_in", ["origin", "at"], unique=False)
