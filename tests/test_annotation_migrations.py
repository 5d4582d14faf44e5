"""Every released schema can be brought forward with the judgments in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DatabaseError

from annotation.choices import Decision, StudyKind
from annotation.store.database import open_sessions
from annotation.store.engine import open_engine
from annotation.store.migrate import alembic_config, upgrade
from annotation.store.study_events import blank_answers
from annotation.studies.answers import Given
from annotation.studies.review import Ruling, decide, give_verdict, open_review
from annotation.studies.studies import get_study
from annotation.studies.withdrawal import withdraw
from tests.encounters import Story
from tests.live import LiveRoom
from tests.studies import PLAN, StudyRoom, item

RELEASED = ("0001", "0002")
TABLES = ("encounter", "post", "reply", "ballot", "judgment", "event")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    server = request.getfixturevalue("postgresql_url")
    engine = open_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE DATABASE old"))
        yield make_url(server).set(database="old").render_as_string(hide_password=False)
        connection.execute(text("DROP DATABASE old WITH (FORCE)"))
    engine.dispose()


def _finished_study(url: str) -> tuple[Engine, StudyRoom]:
    """A study of the newest schema whose items are all judged."""
    sessions = open_sessions(url)
    room = StudyRoom(sessions)
    room.finish()
    return sessions.kw["bind"], room


def _rows(engine: Engine, tables: Sequence[str] = TABLES) -> dict[str, list[tuple[object, ...]]]:
    """Each row's values by column; empty ones are left out, so that a column added later changes nothing."""
    with engine.connect() as connection:
        return {
            table: sorted(
                (
                    tuple(sorted((name, value) for name, value in row.items() if value is not None))
                    for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()
                ),
                key=repr,
            )
            for table in tables
        }


@pytest.mark.parametrize("revision", RELEASED)
def test_judgments_of_a_released_schema_come_along(new_url: str, revision: str) -> None:
    """Told with today's code, taken back to the old schema, brought forward again."""
    told = open_sessions(new_url)
    engine: Engine = told.kw["bind"]
    Story(told).told_until("revealed")
    Story(told).told_until("chatting")
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), revision)
    before = _rows(engine)
    assert all(before.values())
    assert upgrade(engine) == (revision, "0011")
    assert _rows(engine) == before
    engine.dispose()
    sessions = open_sessions(new_url)
    assert StudyRoom(sessions).judge is not None
    Story(sessions).told_until("judged")
    assert len(_rows(sessions.kw["bind"])["judgment"]) == 2 * len(before["judgment"])
    sessions.kw["bind"].dispose()


def test_studies_of_the_old_live_kind_become_frozen(new_url: str) -> None:
    """They judged imported conversations; the raters' claims and answers stay."""
    sessions = open_sessions(new_url)
    room = StudyRoom(sessions)
    room.finish()
    engine: Engine = sessions.kw["bind"]
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0002")
        later = ("min_turns", "turn_preference", "passwords")
        known = {name: value for name, value in json.loads(room.plan.to_json()).items() if name not in later}
        old = json.dumps(known | {"kind": "live"})
        connection.execute(text("UPDATE study SET kind = 'live', plan_json = :plan"), {"plan": old})
        answers = connection.execute(text("SELECT * FROM study_answer ORDER BY id")).all()
    assert upgrade(engine) == ("0002", "0011")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM study_answer ORDER BY id")).all() == answers
        assert connection.scalar(text("SELECT kind FROM study")) == "frozen"
    assert room.do(get_study, room.lead).plan.kind is StudyKind.FROZEN
    engine.dispose()


def test_live_studies_stay_what_they_are_when_the_step_is_taken_back_and_made_again(new_url: str) -> None:
    sessions = open_sessions(new_url)
    room = LiveRoom(sessions, turn_preference="own")
    room.finish_item(room.people[0], picked="a")
    engine: Engine = sessions.kw["bind"]
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0002")
    assert upgrade(engine) == ("0002", "0011")
    assert room.do(get_study, room.lead).plan == room.plan
    engine.dispose()


def test_a_study_comes_along_and_its_replies_have_no_traces_yet(new_url: str) -> None:
    engine, _ = _finished_study(new_url)
    tables = ("study", "study_member", "study_context", "study_reply", "study_item", "study_claim", "study_answer")
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0002")
    before = _rows(engine, tables)
    assert all(before.values())
    assert upgrade(engine) == ("0002", "0011")
    after = _rows(engine, tables)
    assert after == before
    assert not any(name == "replies_json" for row in after["study_reply"] for name, _ in row)  # type: ignore[misc]
    engine.dispose()


def test_events_come_along_and_lose_answers_only_in_the_newer_schema(new_url: str) -> None:
    engine, room = _finished_study(new_url)
    before = _rows(engine, ["study_event"])
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0004")
    with pytest.raises(DatabaseError, match="cannot be"), room.sessions.begin() as session:
        blank_answers(session, room.lead.study_id, room.people[0].pseudonym)
    assert upgrade(engine) == ("0004", "0011")
    assert _rows(engine, ["study_event"]) == before
    assert room.do(withdraw, room.people[0])
    for change in ("UPDATE study_event SET new_value = NULL", "DELETE FROM study_event"):
        with pytest.raises(DatabaseError, match="cannot be"), engine.begin() as connection:
            connection.execute(text(change))
    engine.dispose()


def test_who_withdrew_before_loses_the_answers_too(new_url: str) -> None:
    engine, _ = _finished_study(new_url)
    withdrawn = (
        "INSERT INTO study_event (study_id, at, kind, actor, old_value, new_value, app_version) "
        "SELECT study_id, at, 'revoked', actor, '4', actor, app_version FROM study_event "
        "WHERE kind = 'answered' AND actor = 'r1' LIMIT 1"
    )
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0004")
    with engine.begin() as connection:
        assert connection.execute(text(withdrawn)).rowcount == 1
    assert upgrade(engine) == ("0004", "0011")
    told = "SELECT DISTINCT actor FROM study_event WHERE kind = 'answered' AND new_value IS NOT NULL"
    with engine.begin() as connection:
        actors = set(connection.scalars(text(told)))
    assert actors
    assert "r1" not in actors
    engine.dispose()


@pytest.mark.parametrize("withdrawn", [False, True])
def test_where_one_question_was_corrected_the_others_lose_the_majority(new_url: str, withdrawn: bool) -> None:
    """Unless a rater has withdrawn: then the majority is no longer known, and what was stored stays."""
    sessions = open_sessions(new_url)
    room = StudyRoom(sessions, replace(PLAN, raters=3, review_share=1.0), (item(0),), raters=3)
    room.finish()
    reviewer, names = room.invited("reviewer"), room.plan.rubric.names()
    view = room.do(open_review, reviewer)
    assert view is not None
    room.do(give_verdict, reviewer, review_id=view.review_id, verdict=[Given(name, "tie") for name in names])
    corrected = (Given("Overall", "tie"),)
    room.do(decide, reviewer, review_id=view.review_id, ruling=Ruling(Decision.CORRECT, "slip", corrected))
    engine: Engine = sessions.kw["bind"]
    told = "SELECT criterion, final_value FROM study_review_answer"
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0010")
        before = dict(row for row in connection.execute(text(told)))
    assert before["Overall"] == "tie"
    assert None not in before.values()
    if withdrawn:
        room.do(withdraw, room.people[0])
    assert upgrade(engine) == ("0010", "0011")
    with engine.begin() as connection:
        after = dict(row for row in connection.execute(text(told)))
    assert after == (before if withdrawn else dict.fromkeys(names) | {"Overall": "tie"})
    engine.dispose()


def test_a_newer_step_can_be_taken_back_without_loss(new_url: str) -> None:
    sessions = open_sessions(new_url)
    engine: Engine = sessions.kw["bind"]
    Story(sessions).told_until("revealed")
    before = _rows(engine)
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0001")
    assert _rows(engine) == before
    assert upgrade(engine) == ("0001", "0011")
    engine.dispose()
