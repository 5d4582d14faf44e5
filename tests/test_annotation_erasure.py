"""Delete my data: all rows of the visitor, and every byte of their texts in the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import for_reading
from annotation.store.erasure import Erased, delete_visitor
from annotation.store.schema import Base
from annotation.talks.conversation import save_reply
from annotation.talks.encounters import EncounterSetup, latest_encounter, visitor_of
from annotation.talks.judgments import Vote
from annotation.talks.open_talks import tallies
from tests.encounters import CRITERIA, SYSTEMS, Story, answer

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
    assert erased == Erased(encounters=1, posts=3, replies=6, ballots=1, judgments=5, events=16)
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


def test_an_open_reader_only_delays_the_last_step(
    sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log cannot be emptied while someone reads from it; the rows are gone all the same, and it is said."""
    monkeypatch.setattr("annotation.store.erasure.WAIT_MS", 1)
    story = Story(sessions)
    with for_reading(sessions)() as reader:
        latest_encounter(session=reader, visitor=story.visitor)
        with sessions.begin() as session:
            delete_visitor(session=session, visitor=story.visitor)
    assert set(_rows(sessions).values()) == {0}
    assert "until the last reader is done" in caplog.text
