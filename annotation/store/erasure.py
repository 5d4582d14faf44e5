"""Delete my data: everything a visitor left, for good."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, delete, event, func, select
from sqlalchemy.orm import Session

from annotation.store.engine import BUSY_TIMEOUT_MS
from annotation.store.schema import Ballot, Base, Encounter, Event, Judgment, Post, Reply

WAIT_MS = 1_000
"""how long to wait for readers before the emptying of the log is left to the next occasion"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Erased:
    """How many rows of each kind are gone."""

    encounters: int
    posts: int
    replies: int
    ballots: int
    judgments: int
    events: int


def delete_visitor(*, session: Session, visitor: str) -> Erased:
    """Delete all encounters of `visitor` with their texts, traces, votes and events.

    On SQLite the freed space is overwritten, and once the caller has committed, the write-ahead log is emptied too, so
    that the texts are in no file any more. (Copies made by `backup` or `export` are out of reach.)
    """
    own = select(Encounter.id).where(Encounter.visitor == visitor)
    erased = Erased(
        encounters=_count(session, Encounter, Encounter.visitor == visitor),
        posts=_count(session, Post, Post.encounter_id.in_(own)),
        replies=_count(session, Reply, Reply.encounter_id.in_(own)),
        ballots=_count(session, Ballot, Ballot.encounter_id.in_(own)),
        judgments=_count(session, Judgment, Judgment.encounter_id.in_(own)),
        events=_count(session, Event, Event.encounter_id.in_(own)),
    )
    session.execute(delete(Encounter).where(Encounter.visitor == visitor))  # foreign keys take the rest along
    empty_log_after_commit(session)
    return erased


def empty_log_after_commit(session: Session) -> None:
    """Once the caller has committed, empty SQLite's write-ahead log: what was deleted is in no file any more."""
    event.listen(session, "after_commit", _empty_log, once=True)


def _count(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0


def _empty_log(session: Session) -> None:
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    if engine.dialect.name != "sqlite":
        return
    connection = engine.raw_connection()  # outside any transaction, where alone this works
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    finally:
        connection.close()
    if busy:
        _log.warning("deleted texts stay in the write-ahead log until the last reader is done")
