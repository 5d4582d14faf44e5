"""Deletions of which copies may still lie in SQLite's files are remembered until none does.

A table is added; what is stored stays. Revision: 0006, follows 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from annotation.store.schema import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, with a row for what was deleted before: copies of it may be left too."""
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("erased_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO erasure (erased_at) SELECT max(at) FROM event HAVING count(*) > 0")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("erasure")
