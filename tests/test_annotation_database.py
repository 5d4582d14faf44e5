"""Opening, migrating and sharing the database: settings, bad places, twelve writers at once, a process killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import DatabaseUnavailable, for_reading, open_sessions
from annotation.store.engine import open_engine
from annotation.store.migrate import alembic_config, upgrade
from annotation.store.schema import Ballot, Base, Encounter, Event, Judgment, Post, utc_now
from annotation.talks.encounters import visitor_of
from annotation.talks.stages import Stage, StageError
from tests.encounters import Story

WRITERS = 12
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("busy_timeout", 5000), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_every_connection_has_the_settings(sessions: sessionmaker[Session], pragma: str, value: object) -> None:
    with sessions() as first, for_reading(sessions)() as second:
        assert [s.scalar(text(f"PRAGMA {pragma}")) for s in (first, second)] == [value, value]


def test_readers_cannot_write_and_do_not_wait(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    with sessions.begin() as writer, for_reading(sessions)() as reader:
        writer.execute(text("UPDATE encounter SET situation = 'changed'"))
        assert reader.scalar(select(Encounter.situation)) == ""
        with pytest.raises(DatabaseError, match="readonly"):
            reader.execute(text("UPDATE encounter SET situation = 'mine'"))
    assert story.view().situation == "changed"


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    open_sessions(f"sqlite:///{tmp_path}/new/deeper/judgments.db")
    assert (tmp_path / "new/deeper/judgments.db").is_file()


def _a_file(tmp_path: Path) -> str:
    (tmp_path / "plain").write_text("a file")
    return f"sqlite:///{tmp_path}/plain/judgments.db"


def _no_database(tmp_path: Path) -> str:
    (tmp_path / "notes.db").write_text("these are notes, not a database\n" * 100)
    return f"sqlite:///{tmp_path}/notes.db"


def _a_folder(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (_a_file, r"the folder .*plain for the database cannot be made.*--database"),
        (_no_database, r"cannot use .*notes.db as the database: file is not a database"),
        (_a_folder, r"cannot use .* as the database: unable to open"),
        (lambda _: "sqlite://", "in-memory database would lose"),
        (lambda _: "sqlite:///:memory:", "in-memory database would lose"),
        (lambda _: "judgments.db", "not a database address; allowed: sqlite:///FILE"),
        (lambda _: "oracle+nothing://host/name", "the driver for oracle.nothing://host/name is missing"),
        (lambda _: "postgresql+psycopg://someone@localhost:1/name", "driver for|cannot reach"),
    ],
)
def test_a_bad_place_is_named_with_a_way_out(tmp_path: Path, address: Callable[[Path], str], message: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=message):
        open_sessions(address(tmp_path))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql:/me:secret@host/judgments", "'postgresql:/***@host/judgments'"),
        ("postgresql://me:sec/ret@secret@host/judgments", "'postgresql://***@host/judgments'"),
        ("postgresql://me:secret@host:port/judgments", "'postgresql://***@host:port/judgments'"),
        ("me:secret@host", "'me:***@host'"),
        ("me@secret@host", "'***@host'"),
        ("judgments?password=secret", "'judgments'"),
    ],
)
def test_an_address_that_cannot_be_read_is_named_without_its_password(address: str, shown: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="is not a database address") as caught:
        open_engine(address)
    assert str(caught.value).startswith(shown)
    assert caught.value.__context__ is None


def test_an_unwritable_folder_is_named(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is stubbed, since the administrator may write everywhere."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DatabaseUnavailable, match=rf"the folder {tmp_path} is not writable.*permissions"):
        open_sessions(database_url)


def test_a_file_system_without_write_ahead_log_is_refused(tmp_path: Path) -> None:
    """SQLite then keeps its old journal mode without an error; without file locks it does the same."""
    with pytest.raises(DatabaseUnavailable, match=r"write-ahead log refused.*use a local disk"):
        open_sessions(f"sqlite:///file:{tmp_path}/test.db?vfs=unix-none&uri=true")


def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    migrated, direct = (open_engine(f"sqlite:///{tmp_path}/{name}.db") for name in ("migrated", "direct"))
    assert upgrade(migrated) == (None, "0011")
    assert upgrade(migrated) == ("0011", "0011")
    Base.metadata.create_all(direct)

    def tables(engine: object) -> dict[str, list[str]]:
        statement = text("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL")
        with engine.connect() as connection:  # type: ignore[attr-defined]
            found = {name: sql for name, sql in connection.execute(statement) if not name.startswith("alembic")}
        # A column that was added later stands on its neighbour's line: cut at commas that are in no brackets, too.
        parts = {name: re.split(r"\n|,(?![^()]*\))", sql) for name, sql in found.items()}
        return {name: sorted(part.strip() for part in cut if part.strip(" ,")) for name, cut in parts.items()}

    assert tables(migrated) == tables(direct)
    migrated.dispose()
    direct.dispose()


def test_a_migration_can_be_taken_back(database_url: str) -> None:
    engine = open_engine(database_url)
    upgrade(engine)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert upgrade(engine) == (None, "0011")
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(sessions: sessionmaker[Session], database_url: str) -> None:
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailable, match=r"'9999'.*newest known: '0011'.*Update the program"):
        open_sessions(database_url)


@pytest.mark.parametrize("table", ["post", "reply", "ballot", "judgment", "event"])
@pytest.mark.parametrize("change", ["UPDATE {} SET encounter_id = encounter_id", "DELETE FROM {}"])
def test_what_was_stored_stays_as_it_was(sessions: sessionmaker[Session], table: str, change: str) -> None:
    Story(sessions).told_until("judged")
    with pytest.raises(DatabaseError, match="cannot be"), sessions.begin() as session:
        session.execute(text(change.format(table)))


def test_an_error_does_not_repeat_what_was_said(sessions: sessionmaker[Session]) -> None:
    """Errors are logged, and no text of a seeker may be."""
    story = Story(sessions)
    story.post("my secret")
    again = Post(encounter_id=story.id, turn_index=0, text="my other secret", key="k", created_at=utc_now())
    with pytest.raises(DatabaseError) as caught, sessions.begin() as session:
        session.add(again)
    assert "secret" not in str(caught.value)


def _at_once(action: Callable[[int], object]) -> list[object]:
    """Results or errors of `action` run by all writers, started together."""
    barrier = threading.Barrier(WRITERS)

    def attempt(number: int) -> object:
        barrier.wait()
        try:
            return action(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(attempt, range(WRITERS)))


def test_twelve_writers_lose_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # SQLite's waiting is not fair: on a busy machine one of twelve may wait longer than a visitor should.
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 60_000)
    sessions = open_sessions(database_url)
    stories = _at_once(lambda number: Story(sessions, visitor=visitor_of(str(number))).told_until("revealed"))
    assert [story for story in stories if isinstance(story, Exception)] == []
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Judgment)) == 5 * WRITERS
        assert session.scalar(select(func.count()).select_from(Event)) == 11 * WRITERS
    sessions.kw["bind"].dispose()


def test_twelve_votes_on_one_encounter_leave_one(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("frozen")
    ended = Counter(type(result) for result in _at_once(lambda _: story.judge()))
    assert ended[StageError] == WRITERS - 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Ballot)) == 1
        assert session.scalar(select(func.count()).select_from(Judgment)) == 5


def test_twelve_sends_of_one_message_leave_one(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    turns = _at_once(lambda _: story.post("Hello", key="k"))
    assert len(set(turns)) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Post)) == 1


def test_twelve_servers_can_start_at_once(database_url: str) -> None:
    opened = _at_once(lambda _: open_sessions(database_url))
    assert [error for error in opened if isinstance(error, Exception)] == []


VOTER = """
import os, signal, sys
from sqlalchemy import event
from annotation.store.database import open_sessions
from annotation.talks.encounters import visitor_of
from tests.encounters import Story

url, moment = sys.argv[1:]
sessions = open_sessions(url)
story = Story(sessions, visitor=visitor_of("first")).told_until("frozen")
print(story.id, flush=True)
if moment == "any":
    while True:
        story.judge()
        print("judged", story.id, flush=True)
        story = Story(sessions).told_until("frozen")
event.listen(sessions, moment, lambda session: os.kill(os.getpid(), signal.SIGKILL))
story.judge()
"""


@pytest.mark.parametrize(("moment", "stored"), [("before_commit", 0), ("after_commit", 5)])
def test_a_kill_leaves_a_vote_whole_or_absent(database_url: str, moment: str, stored: int) -> None:
    """SIGKILL with all rows of the vote written and not committed, and right after the commit."""
    vote = [sys.executable, "-c", VOTER, database_url, moment]
    run = subprocess.run(vote, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    sessions = open_sessions(database_url)
    with sessions() as session:
        encounter = session.get_one(Encounter, run.stdout.strip())
        assert encounter.stage is (Stage.JUDGED if stored else Stage.FROZEN)
        assert session.scalar(select(func.count()).select_from(Judgment)) == stored
        assert session.scalar(select(func.count()).select_from(Ballot)) == bool(stored)
    sessions.kw["bind"].dispose()


def test_a_kill_at_any_moment_loses_no_committed_vote(database_url: str) -> None:
    for lines in (4, 9):
        votes = [sys.executable, "-c", VOTER, database_url, "any"]
        process = subprocess.Popen(votes, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        reported = "".join(process.stdout.readline() for _ in range(lines))
        process.kill()
        reported += process.communicate()[0]
        whole_lines = reported.split("\n")[:-1]
        judged = {line.split()[1] for line in whole_lines if line.startswith("judged ")}
        assert judged
        sessions = open_sessions(database_url)
        with sessions() as session:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
            stages = dict(tuple(row) for row in session.execute(select(Encounter.id, Encounter.stage)))
            rows = Counter(session.scalars(select(Judgment.encounter_id)))
        assert judged <= {name for name, stage in stages.items() if stage is Stage.JUDGED}
        assert rows == {name: 5 for name, stage in stages.items() if stage is Stage.JUDGED}
        sessions.kw["bind"].dispose()
