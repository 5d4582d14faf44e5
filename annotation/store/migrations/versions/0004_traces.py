"""Replies of a study keep their traces (how they came about), so that votes can be compared with them.

A column is added; stored data stay. Revision: 0004, follows 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is empty if no trace is known."""
    op.add_column("study_reply", sa.Column("replies_json", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it; the traces are lost."""
    op.drop_column("study_reply", "replies_json")
