"""Items are imported in batches, which gather in a study without members until all of them are there.

A column is added; it is empty in stored rows. Revision: 0010, follows 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("study", sa.Column("gathers_for", sa.String(length=32), nullable=True))


def downgrade() -> None:
    """Drop it, and delete what interrupted imports have left."""
    op.execute("DELETE FROM study WHERE gathers_for IS NOT NULL")
    op.drop_column("study", "gathers_for")
