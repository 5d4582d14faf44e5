"""Delete a visitor's data: everything they left, permanently and from every file.

On SQLite the commit removes the rows, and secure_delete overwrites them. Two kinds of copies may be left then:
- old versions of pages, in the write-ahead log. It can be emptied when nobody reads an older state any more.
- old copies of rows that moved to another page (as they do when a page is split), in unused space of the page that
  they came from. Only rewriting the whole file (VACUUM, 100 MB per second) is sure to remove these.
Both are removed right after the commit. A mark (`Erasure`), stored with the deletion, records that this is still to be
done: for the pages, and for the next try (by the `Sweeper` of a running app, or at its next start).
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Engine, delete, event, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction

from annotation.store.engine import READ_ONLY, empty_log, outside_transactions
from annotation.store.live_schema import StudyTalk
from annotation.store.schema import Ballot, Base, Encounter, Erasure, Event, Judgment, Post, Reply, utc_now

WAIT_MS = 500
"""how long to wait for readers before the rest is left to the next try; meanwhile writers wait"""
REBUILD_BYTES = 256 * 2**20
"""largest database that is rebuilt while people use it: it takes 2.5 s, half of what a writer waits for its turn"""
_log = logging.getLogger(__name__)


class Remains(StrEnum):
    """Where copies of deleted texts may still exist."""

    NONE = "none"
    FILES = "files"
    """in the files of SQLite: `finish_erasures` will remove them"""
    SERVER = "server"
    """in the files of a database server, which reuses freed space at some later time"""


@dataclass(frozen=True)
class Erased:
    """The encounters that were deleted, by id, and how many rows of each other kind."""

    encounters: tuple[str, ...]
    posts: int
    replies: int
    ballots: int
    judgments: int
    events: int


def delete_visitor(*, session: Session, visitor: str) -> Erased:
    """Delete all encounters of `visitor` with their texts, traces, votes and events.

    Talks of live studies stay: their rater withdraws from the study (see `withdrawal`).
    `remains` says whether copies are left in the files. (Files made by `backup` or `export` are out of reach.)
    """
    in_study = select(StudyTalk.encounter_id)
    own = select(Encounter.id).where(Encounter.visitor == visitor, Encounter.id.not_in(in_study))
    erased = Erased(
        encounters=tuple(session.scalars(own)),
        posts=_count(session, Post, Post.encounter_id.in_(own)),
        replies=_count(session, Reply, Reply.encounter_id.in_(own)),
        ballots=_count(session, Ballot, Ballot.encounter_id.in_(own)),
        judgments=_count(session, Judgment, Judgment.encounter_id.in_(own)),
        events=_count(session, Event, Event.encounter_id.in_(own)),
    )
    session.execute(delete(Encounter).where(Encounter.id.in_(own)))  # foreign keys delete the rest
    mark_erasure(session)
    return erased


def mark_erasure(session: Session) -> None:
    """Record with a deletion that copies may be left in files; right after the caller's commit, remove them."""
    if session.get_bind().dialect.name != "sqlite":
        return
    session.add(Erasure(erased_at=utc_now()))
    event.listen(session, "after_commit", _committed, once=True)


def remains(session: Session) -> Remains:
    """Whether copies of deleted texts, anybody's, may still be in the files."""
    if session.get_bind().dialect.name != "sqlite":
        return Remains.SERVER
    return Remains.FILES if session.scalar(select(exists().where(Erasure.id.is_not(None)))) else Remains.NONE


def finish_erasures(engine: Engine, *, largest: float | None = None) -> bool:
    """Remove deleted data from all files; False when that must be tried again.

    A database of more than `largest` bytes (REBUILD_BYTES) is not rebuilt. Never raises errors of the database: the
    rows are gone already, and a locked file or a full disk is only a reason to try again.
    """
    try:
        return _finish(engine, REBUILD_BYTES if largest is None else largest)
    except (SQLAlchemyError, sqlite3.Error) as error:
        _log.warning("deleted texts may still lie in the database's files: %s", getattr(error, "orig", None) or error)
        return False


def _finish(engine: Engine, largest: float) -> bool:
    if engine.dialect.name != "sqlite":
        return True
    with Session(engine.execution_options(**{READ_ONLY: True})) as session:
        marks = session.scalars(select(Erasure.id)).all()
    if not marks:
        return True
    if not empty_log(engine, WAIT_MS):
        _log.warning("deleted texts stay in the write-ahead log until the last reader is done")
        return False
    if not _rebuild(engine, largest):
        return False
    with Session(engine) as session, session.begin():
        session.execute(delete(Erasure).where(Erasure.id.in_(marks)))
    return True


def _rebuild(engine: Engine, largest: float) -> bool:
    """Write the whole file anew from the present rows."""
    with outside_transactions(engine, WAIT_MS) as cursor:
        pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if pages * size > largest:
            _log.warning("the database is tidied of deleted texts when the app starts next: it is too big for now")
            return False
        cursor.execute("VACUUM")
    return empty_log(engine, WAIT_MS)


def _committed(session: Session) -> None:
    # The session still holds its connection and the writer's turn; it returns both a moment later.
    event.listen(session, "after_transaction_end", _ended, once=True)


def _ended(session: Session, _transaction: SessionTransaction) -> None:
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    finish_erasures(engine)


def _count(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0
