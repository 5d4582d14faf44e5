"""A visitor of the demo may choose not to see the names before the vote.

A column is added; it is empty in stored rows. Revision: 0009, follows 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("encounter", sa.Column("blind", sa.Boolean(), nullable=True))


def downgrade() -> None:
    """Drop it; the record of which demo talks were blind is lost."""
    op.drop_column("encounter", "blind")
