"""Delete my data: all rows of the visitor, and every byte of their texts in the files."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import close_sessions, for_reading, open_sessions
from annotation.store.engine import empty_log
from annotation.store.erasure import Erased, Remains, delete_visitor, finish_erasures, remains
from annotation.store.schema import Base, Encounter, Post, utc_now
from annotation.store.sweeper import Sweeper, pause_after
from annotation.talks.conversation import save_reply
from annotation.talks.encounters import EncounterSetup, latest_encounter, start_encounter, visitor_of
from annotation.talks.judgments import Vote
from annotation.talks.open_talks import tallies
from tests.encounters import CRITERIA, SYSTEMS, Story, answer
from tests.full_disk import in_child, largest_file

SECRET = "my neighbour Zebedee Quillfeather"


def _rows(sessions: sessionmaker[Session]) -> dict[str, int]:
    with sessions() as session:
        counted = {table.name: select(func.count()).select_from(table) for table in Base.metadata.sorted_tables}
        return {name: session.scalar(statement) or 0 for name, statement in counted.items()}


def test_nothing_of_the_visitor_is_left(sessions: sessionmaker[Session], tmp_path: Path) -> None:
    kept = Story(sessions, visitor=visitor_of("someone else")).told_until("revealed")
    before = _rows(sessions)
    story = Story(sessions, EncounterSetup(SYSTEMS, situation=f"I dread {SECRET}. " * 80))
    for number in range(3):
        story.post(f"{number}: {SECRET} shouts. " * 50)
        story.reply()
    story.freeze()
    story.judge(Vote(dict.fromkeys(CRITERIA, "b"), reason=f"It named {SECRET}."))
    assert SECRET.encode() in b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))

    with sessions.begin() as session:
        erased = delete_visitor(session=session, visitor=story.visitor)
    assert erased == Erased(encounters=(story.id,), posts=3, replies=6, ballots=1, judgments=5, events=16)
    assert _rows(sessions) == before
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))

    with for_reading(sessions)() as session:
        assert latest_encounter(session=session, visitor=story.visitor) is None
        assert all(tally.total() == 1 for tally in tallies(session=session))
    with pytest.raises(LookupError, match="start a new one"):
        story.view()
    assert kept.view().judgments


def test_a_reply_that_comes_after_the_deletion_is_dropped(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions)
    story.post()
    task, _ = story.owed()
    with sessions.begin() as session:
        delete_visitor(session=session, visitor=story.visitor)
    with sessions.begin() as session:
        assert save_reply(session=session, slot=task.slot, reply=answer(task)) is False
    assert set(_rows(sessions).values()) == {0}


def test_a_deletion_not_committed_changes_nothing(sessions: sessionmaker[Session]) -> None:
    story = Story(sessions).told_until("judged")
    before = _rows(sessions)
    with sessions() as session:
        delete_visitor(session=session, visitor=story.visitor)
        session.rollback()
    assert _rows(sessions) == before


def _files(folder: Path) -> bytes:
    """Every byte of the database file, its write-ahead log and its index of that."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("test.db*")))


def _delete(story: Story) -> None:
    with story.sessions.begin() as session:
        delete_visitor(session=session, visitor=story.visitor)


def _remains(sessions: sessionmaker[Session]) -> Remains:
    with for_reading(sessions)() as session:
        return remains(session)


@pytest.mark.parametrize("seed", [2, 6, 7])
def test_no_copy_stays_in_unused_space_of_a_page(sessions: sessionmaker[Session], tmp_path: Path, seed: int) -> None:
    """Rows move to other pages as others come between them, and leave copies where they were."""
    drawn = random.Random(seed)
    visitors = [f"{number:064x}" for number in range(60)]
    with sessions.begin() as session:
        for number in range(60):
            setup = EncounterSetup(SYSTEMS, situation=f"{SECRET}, visitor {number}. ")
            start_encounter(session=session, visitor=visitors[number], setup=setup)
        ids = dict(tuple(row) for row in session.execute(select(Encounter.visitor, Encounter.id)))
    said = dict.fromkeys(range(60), 0)
    for _ in range(20):
        with sessions.begin() as session:
            for _ in range(100):
                number = drawn.randrange(60)
                filler = "x" * drawn.choice((5, 30, 100, 400, 1500))
                post = Post(
                    encounter_id=ids[visitors[number]],
                    turn_index=said[number],
                    text=f"{SECRET}, visitor {number}. {filler}",
                    key=str(said[number]),
                    created_at=utc_now(),
                )
                said[number] += 1
                session.add(post)
    for number in range(30):
        with sessions.begin() as session:
            delete_visitor(session=session, visitor=visitors[number])
        assert f"{SECRET}, visitor {number}. ".encode() not in _files(tmp_path)
    assert f"{SECRET}, visitor 45. ".encode() in _files(tmp_path)


def test_while_another_program_reads_it_is_said_and_tried_again(
    sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log cannot be emptied while someone reads from it; the rows are gone all the same."""
    monkeypatch.setattr("annotation.store.erasure.WAIT_MS", 1)
    monkeypatch.setattr("annotation.store.sweeper.SOONEST_S", 0.01)
    story = Story(sessions)
    story.post(SECRET)
    with closing(sqlite3.connect(tmp_path / "test.db")) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM post").fetchone()
        _delete(story)
        assert _remains(sessions) is Remains.FILES
        assert SECRET.encode() in _files(tmp_path)
        rows = _rows(sessions)
        assert {name for name, count in rows.items() if count} == {"erasure"}
        sweeper = Sweeper(sessions)
        assert finish_erasures(sessions.kw["bind"]) is False
    until = time.monotonic() + 10
    while _remains(sessions) is not Remains.NONE and time.monotonic() < until:
        time.sleep(0.01)
    sweeper.close()
    assert _remains(sessions) is Remains.NONE
    assert SECRET.encode() not in _files(tmp_path)
    assert set(_rows(sessions).values()) == {0}


def test_what_could_not_be_finished_is_finished_at_the_next_start(
    sessions: sessionmaker[Session], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big database is not rebuilt while people use it."""
    monkeypatch.setattr("annotation.store.erasure.REBUILD_BYTES", 4096)
    story = Story(sessions)
    story.post(SECRET)
    _delete(story)
    assert _remains(sessions) is Remains.FILES
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("test.db-*"))  # the log is empty
    sessions.kw["bind"].dispose()
    again = open_sessions(database_url)
    assert finish_erasures(again.kw["bind"], largest=math.inf)
    assert _remains(again) is Remains.NONE
    again.kw["bind"].dispose()


def test_pauses_grow_up_to_a_minute() -> None:
    assert [pause_after(failed) for failed in (0, 1, 2, 3, 6, 7, 5000)] == [5, 1, 2, 4, 32, 60, 60]


def _delete_on_a_full_disk(url: str) -> str:
    """The log holds what is written, but the file may not grow while it is written anew."""
    sessions = open_sessions(url)
    story = Story(sessions)
    with sessions.begin() as session:
        session.add_all(
            Post(encounter_id=story.id, turn_index=at, text=SECRET, key=str(at), created_at=utc_now())
            for at in range(5)
        )
    kept = Story(sessions, visitor=visitor_of("someone else"))
    with sessions.begin() as session:
        session.add_all(
            Post(encounter_id=kept.id, turn_index=at, text="mine " * 2000, key=str(at), created_at=utc_now())
            for at in range(100)
        )
    empty_log(sessions.kw["bind"], 1000)
    with largest_file(300_000):
        _delete(story)
        told = _remains(sessions)
    assert finish_erasures(sessions.kw["bind"])
    with sessions() as session:
        left = session.scalar(select(func.count()).select_from(Post))
    return f"{told} then {_remains(sessions)}, {left} posts left"


def test_a_full_disk_after_the_deletion_is_no_exception(database_url: str, tmp_path: Path) -> None:
    done = in_child(_delete_on_a_full_disk, database_url)
    assert done.stdout.strip() == "files then none, 100 posts left"
    assert SECRET.encode() not in _files(tmp_path)


def test_a_clean_end_folds_the_log_in(database_url: str, tmp_path: Path) -> None:
    sessions = open_sessions(database_url)
    with for_reading(sessions)() as reader:  # its connection would keep SQLite from doing so by itself
        Story(sessions).post(SECRET)
        assert (tmp_path / "test.db-wal").stat().st_size > 0
        reader.execute(select(1))
        reader.rollback()
        close_sessions(sessions)
        assert SECRET.encode() in (tmp_path / "test.db").read_bytes()
        assert not (tmp_path / "test.db-wal").exists() or (tmp_path / "test.db-wal").stat().st_size == 0
