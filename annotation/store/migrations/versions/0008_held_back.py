"""Replies record whether the safety screen changed them, so that votes on such replies can be told apart.

A column is added; it is empty in stored rows. Revision: 0008, follows 0007.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. In plain SQL, since SQLite accepts a new column with a CHECK only in one statement."""
    op.execute(
        "ALTER TABLE reply ADD COLUMN held_back VARCHAR(16) "
        "CONSTRAINT ck_reply_held_back CHECK (held_back IN ('redrawn', 'replaced'))"
    )


def downgrade() -> None:
    """Drop it; the record of which replies were held back is lost."""
    op.execute("ALTER TABLE reply DROP COLUMN held_back")
