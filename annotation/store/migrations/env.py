"""Run by Alembic; applies the revisions over the connection of `annotation.store.migrate`, in its transaction."""

from __future__ import annotations

from alembic import context

from annotation.store import live_schema
from annotation.store.schema import Base

assert live_schema.StudyTalk.metadata is Base.metadata  # imported to register its tables and those they need
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite can roll back CREATE TABLE; Alembic assumes it cannot
    render_as_batch=True,  # later revisions: SQLite changes a column by copying the table
)
with context.begin_transaction():
    context.run_migrations()
