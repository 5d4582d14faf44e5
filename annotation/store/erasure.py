"""Delete my data: everything a visitor left, for good and in every file.

On SQLite the rows are gone with the commit, and secure_delete overwrites them. Two kinds of copies are left then:
- pages as they were before, in the write-ahead log. It can be emptied when nobody reads an older state any more.
- rows as they were before they moved to another page (as they do when a page is split), in unused space of the page
  that they came from. Only writing the file anew (VACUUM, 100 MB a second) is sure to remove these.
Both are done right after the commit. A mark (`Erasure`), stored together with the deletion, says that it is still to be
done; so the pages can tell, and whoever tries next knows: the `Sweeper` of a running app, or its next start.
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
from annotation.store.schema import Ballot, Base, Encounter, Erasure, Event, Judgment, Post, Reply, utc_now

WAIT_MS = 500
"""how long to wait for readers before the rest is left to the next try; writers wait as long"""
REBUILD_BYTES = 256 * 2**20
"""largest database that is rebuilt while people use it: 2.5 s, half of what a writer waits for its turn"""
_log = logging.getLogger(__name__)


class Remains(StrEnum):
    """Where copies of deleted texts may still lie."""

    NONE = "none"
    FILES = "files"
    """in the files of SQLite: `finish_erasures` will take them out"""
    SERVER = "server"
    """in those of a database server, which reuses freed space in its own time"""


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

    `remains` tells whether copies are left in the files. (Those made by `backup` or `export` are out of reach.)
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
    mark_erasure(session)
    return erased


def mark_erasure(session: Session) -> None:
    """Store with a deletion that it is not in all files yet; once the caller has committed, see to it at once."""
    if session.get_bind().dialect.name != "sqlite":
        return
    session.add(Erasure(erased_at=utc_now()))
    event.listen(session, "after_commit", _committed, once=True)


def remains(session: Session) -> Remains:
    """Whether copies of deleted texts, anybody's, may still lie in the files."""
    if session.get_bind().dialect.name != "sqlite":
        return Remains.SERVER
    return Remains.FILES if session.scalar(select(exists().where(Erasure.id.is_not(None)))) else Remains.NONE


def finish_erasures(engine: Engine, *, largest: float | None = None) -> bool:
    """Take what was deleted out of all files; False when that must be tried again.

    A database of more than `largest` bytes (REBUILD_BYTES) is not rebuilt. Never raises for what the database does: the
    rows are gone already, and a locked file or a full disk is a reason to try again.
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
    """Write the whole file anew, out of the rows there are."""
    with outside_transactions(engine, WAIT_MS) as cursor:
        pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if pages * size > largest:
            _log.warning("the database is tidied of deleted texts when the app starts next: it is too big for now")
            return False
        cursor.execute("VACUUM")
    return empty_log(engine, WAIT_MS)


def _committed(session: Session) -> None:
    # The session still holds its connection, and with it the writer's turn; it has given both back a moment later.
    event.listen(session, "after_transaction_end", _ended, once=True)


def _ended(session: Session, _transaction: SessionTransaction) -> None:
    engine = session.get_bind()
    assert isinstance(engine, Engine)
    finish_erasures(engine)


def _count(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0
