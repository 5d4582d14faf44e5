"""Bring a database to the current schema: apply the revisions in `migrations/` that it lacks, all or none."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from annotation.store.engine import DatabaseUnavailable

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 73_561_209
"""any number that no other program on the same server uses"""


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's settings in code; with `connection`, env.py uses it instead of opening one."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))  # % is special in its settings
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Apply the missing revisions, all or none; returns (revision before, revision now).

    Two processes may call this at once: the second waits for the lock and then finds nothing to do. Raises
    DatabaseUnavailable when the database was made by a newer version of this program.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    newest = scripts.get_current_head()
    assert newest is not None
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # SQLite's transactions lock by themselves
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = MigrationContext.configure(connection).get_current_revision()
        if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
            raise DatabaseUnavailable(
                f"the database has schema {before!r}, which this version does not know (newest known: {newest!r}). "
                "Update the program, or name another file with --database sqlite:///FILE."
            )
        if before != newest:
            command.upgrade(alembic_config(connection), "head")
    return before, newest
