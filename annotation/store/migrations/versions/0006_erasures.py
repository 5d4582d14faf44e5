"""Deletions are remembered as long as copies of the deleted data may be left in SQLite's files.

A table is added; stored data stay. Revision: 0006, follows 0005.
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
    """Create the table, with a row for earlier deletions, of which copies may be left too."""
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
