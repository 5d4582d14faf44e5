"""The one way into the database: `open_sessions(url)` checks, migrates and hands back a session factory.

    sessions = open_sessions("sqlite:///escdemo.db")
    with sessions.begin() as session:                  # one user action: stored whole or not at all
        add_post(session=session, ...)
    with for_reading(sessions)() as session:           # never waits for a writer
        get_encounter(session=session, ...)

SQLite is the default; any other URL (PostgreSQL) is passed to SQLAlchemy unchanged and needs an installed driver.
"""

from __future__ import annotations

import logging
import sqlite3

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.engine import BUSY_TIMEOUT_MS, READ_ONLY, DatabaseUnavailable, empty_log, open_engine
from annotation.store.migrate import upgrade

__all__ = ["DatabaseUnavailable", "close_sessions", "for_reading", "open_sessions"]

_log = logging.getLogger(__name__)


def open_sessions(url: str, create: bool = True) -> sessionmaker[Session]:
    """Open and migrate the database at `url`; with `create`, a missing SQLite file is made. Thread-safe.

    Sessions begun from the result may write: on SQLite they take the write lock at their start (BEGIN IMMEDIATE), so
    that they queue (engine.BUSY_TIMEOUT_MS) instead of making each other fail. Raises DatabaseUnavailable.
    """
    engine = open_engine(url, create)
    upgrade(engine)
    return sessionmaker(engine, expire_on_commit=False)


def for_reading(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """A factory over the same connections whose sessions see one snapshot and cannot write."""
    engine: Engine = sessions.kw["bind"]
    return sessionmaker(engine.execution_options(**{READ_ONLY: True, "postgresql_readonly": True}))


def close_sessions(sessions: sessionmaker[Session]) -> None:
    """At the end of a program: merge SQLite's write-ahead log into the database file, close all connections."""
    engine: Engine = sessions.kw["bind"]
    try:
        empty_log(engine, BUSY_TIMEOUT_MS)
    except (SQLAlchemyError, sqlite3.Error) as error:  # nothing is lost: the next start reads the log
        _log.warning("the write-ahead log was not folded in: %s", error)
    engine.dispose()
