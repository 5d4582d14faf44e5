"""Connections to the database and their settings; SQLite needs its own, since its defaults lose writes.

Measured with 12 threads writing: transactions that SQLite starts late (its default) fail at once when two of them want
to write, whatever the time-out; started as IMMEDIATE they queue and none fails. Within one process the queue is our own
(`write_queue`), in order of arrival; between processes it is SQLite's.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from annotation.store.write_queue import WriteQueue

DEFAULT_URL = "sqlite:///escdemo.db"
BUSY_TIMEOUT_MS = 5_000
"""how long a writer waits for its turn"""
READ_ONLY = "escdemo_read_only"
"""execution option of connections that only read"""


class DatabaseUnavailable(ValueError):  # noqa: N818  (reads as the sentence it is)
    """The database cannot be opened. The message says which one and what to do."""


def open_engine(url: str, create: bool = True) -> Engine:
    """A connected engine with the settings of this module; the database is not migrated.

    With `create`, a missing SQLite file is made. Raises DatabaseUnavailable.
    """
    address = _parse(url)
    if address.get_backend_name() != "sqlite":
        return _open_server(address)
    path = _prepare_file(address, create)
    # hide_parameters: an error's message must not carry a seeker's text into a log.
    waiting = {"timeout": BUSY_TIMEOUT_MS / 1000}
    engine = create_engine(address, pool_size=16, max_overflow=48, hide_parameters=True, connect_args=waiting)
    event.listen(engine, "connect", _set_up_connection)
    _take_turns(engine)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:  # takes the write lock, so a read-only file shows here
            connection.exec_driver_sql("SELECT 1")
    except (DatabaseError, sqlite3.Error) as error:
        engine.dispose()
        raise DatabaseUnavailable(
            f"cannot use {path} as the database: {_reason(error)}. Check that the file is an escdemo database and that "
            f"you may write to it and to its folder {path.parent}, or name another file with --database sqlite:///FILE."
        ) from error
    return engine


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
        if "@" not in (address.host or ""):  # else a part of a password that contains "@" and is not escaped
            return address
    except (ArgumentError, ValueError):  # ValueError: of the port; either may quote the password
        pass
    shown = re.sub(r"^(\w[\w+.-]*:/*)?.*@", r"\1***@", url, flags=re.DOTALL).partition("?")[0]
    raise DatabaseUnavailable(
        f"{shown!r} is not a database address; allowed: sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME"
    )


def _open_server(address: URL) -> Engine:
    shown = address.render_as_string(hide_password=True)
    try:
        engine = create_engine(address, pool_pre_ping=True, hide_parameters=True)
        with engine.connect():
            pass
    except (ImportError, ArgumentError) as error:  # of the dialect, or the package it needs
        raise DatabaseUnavailable(f"the driver for {shown} is missing: {error}. Install it with pip.") from error
    except DatabaseError as error:
        raise DatabaseUnavailable(f"cannot reach {shown}: {_reason(error)}. Is the server running?") from error
    return engine


def _prepare_file(address: URL, create: bool) -> Path:
    """Path of the SQLite file; its folder is made if missing, and must be writable."""
    if not address.database or address.database == ":memory:":
        raise DatabaseUnavailable("an in-memory database would lose every judgment; use sqlite:///FILE")
    path = Path(address.database.removeprefix("file:")).absolute()  # "file:" begins SQLite's URI form
    if not create and not path.exists():
        raise DatabaseUnavailable(f"there is no database {path}; name the right one with --database sqlite:///FILE")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the folder {path.parent} for the database cannot be made: {error.strerror}. "
            "Make it yourself, or name a file elsewhere with --database sqlite:///FILE."
        ) from error
    _make_private(path)
    # SQLite writes its journal beside the file, so the folder itself must be writable.
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise DatabaseUnavailable(
            f"the folder {path.parent} is not writable, so {path.name} cannot be kept there. "
            "Change its permissions, or name a file elsewhere with --database sqlite:///FILE."
        )
    return path


def _make_private(path: Path) -> None:
    """Let only the owner read the file, which is made if missing; SQLite gives new journals the mode of the file."""
    try:
        if not path.exists():  # never open an existing file: closing it would release this process's SQLite locks
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        for one in (path, *(path.with_name(f"{path.name}{part}") for part in ("-wal", "-shm"))):
            if one.exists():
                one.chmod(one.stat().st_mode & 0o600)
    except OSError:
        return  # the file of another user, or a folder without write access: opening it reports what is wrong


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)


def _set_up_connection(connection: Any, _record: Any) -> None:
    """Settings of every SQLite connection."""
    # None: the driver starts no transactions by itself, `_begin` does. The default mode starts them late, so two
    # readers may both decide to write, and then one fails at once, whatever the time-out.
    connection.isolation_level = None
    cursor = connection.cursor()
    mode = _ask_for_wal(cursor)
    if mode != "wal":  # requested but silently refused, as on some network drives
        raise sqlite3.OperationalError(f"write-ahead log refused (journal mode is {mode!r}); use a local disk")
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        "synchronous = NORMAL",  # in WAL mode a killed process loses nothing that was committed
        "secure_delete = ON",  # deleted texts are overwritten, not only unlinked
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _ask_for_wal(cursor: sqlite3.Cursor) -> str:
    """Switch to write-ahead logging and return the resulting mode. Programs that open a new file at once take turns.

    SQLite does not wait for this lock by itself: the second program gets "database is locked" at once.
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return str(cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


_TURN = "escdemo_turn"
"""marks a connection whose transaction holds the turn"""


def _take_turns(engine: Engine) -> None:
    """Let the writers of this process begin one after the other; a turn ends when the connection is returned."""
    queue = WriteQueue()

    def enter(connection: Connection) -> None:
        reads = connection.get_execution_options().get(READ_ONLY, False)
        # If the turn does not come in time, SQLite's own waiting decides.
        if not reads and _TURN not in connection.info and queue.enter(BUSY_TIMEOUT_MS / 1000):
            connection.info[_TURN] = True

    def leave(_connection: Any, record: Any, *_error: Any) -> None:
        if record.info.pop(_TURN, False):
            queue.leave()

    event.listen(engine, "begin", enter)
    event.listen(engine, "checkin", leave)
    event.listen(engine, "invalidate", leave)


def _begin(connection: Connection) -> None:
    """Start each SQLite transaction as a reader that cannot write, or as the one writer."""
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")


def empty_log(engine: Engine, wait_ms: int) -> bool:
    """Move SQLite's write-ahead log into the database file and truncate it; False while readers need it.

    Writers wait meanwhile, for `wait_ms` milliseconds at most. True on other databases, which have no such file.
    """
    if engine.dialect.name != "sqlite":
        return True
    with outside_transactions(engine, wait_ms) as cursor:
        return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


@contextmanager
def outside_transactions(engine: Engine, wait_ms: int) -> Iterator[sqlite3.Cursor]:
    """A cursor of the driver for what SQLite does only outside transactions; it waits `wait_ms` for locks."""
    connection = engine.raw_connection()
    try:
        cursor: Any = connection.cursor()
        cursor.execute("PRAGMA query_only = OFF")  # the connection may have served a reader
        cursor.execute(f"PRAGMA busy_timeout = {wait_ms}")
        yield cursor
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    except BaseException:
        connection.invalidate()  # else it would keep the changed time-out
        raise
    finally:
        connection.close()


def add_database_argument(parser: ArgumentParser) -> None:
    """Add the flag --database, the same for every command."""
    parser.add_argument(
        "--database", metavar="URL", default=DEFAULT_URL, help="SQLAlchemy URL of the database (SQLite file or server)"
    )
