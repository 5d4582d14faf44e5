"""A talk while the database is locked by another program or its disk is full: told, nothing lost, nothing twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import open_sessions
from annotation.store.schema import Post, Reply
from escdemo import texts
from escdemo.chat.build import build_app
from escdemo.chat.handlers import Page
from escdemo.settings import Settings
from models.serving.service import GenerationService
from tests.api_server import LONG_S, Gated
from tests.full_disk import in_child, largest_file
from tests.visitor import TOKEN, Visitor

SAID = "The evenings are long."


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program writes to the file and does not end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def impatient(sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> sessionmaker[Session]:
    """The store gives up a locked database at once."""
    engine = sessions.kw["bind"]
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 50)
    engine.dispose()  # new connections have the new setting
    return sessions


def stored(sessions: sessionmaker[Session]) -> tuple[list[str], list[str]]:
    """The messages, and the states of all replies, whichever attempt."""
    with sessions() as session:
        replies = [reply.state.value for reply in session.scalars(select(Reply))]
        return list(session.scalars(select(Post.text))), replies


def open_gates(nets: dict[str, Gated]) -> None:
    for net in nets.values():
        assert vars(net)["started"].wait(LONG_S)
        vars(net)["gate"].set()


def retry(page: Page, visitor: Visitor) -> None:
    """Whichever side is asked for, all that is owed is made."""
    visitor.take(page.retry(TOKEN, visitor.talk, "a"))
    visitor.follow()


def test_a_message_that_finds_the_database_locked_is_told_and_can_be_sent_again(
    make_page: Any, impatient: sessionmaker[Session], tmp_path: Path
) -> None:
    page = make_page()
    visitor = Visitor(page).start()
    with locked(tmp_path / "test.db"):
        refused = page.send(TOKEN, visitor.talk, 0, SAID)
    assert texts.STORE_DOWN in refused[page.parts.chat.note]
    assert page.parts.seen not in refused
    assert stored(impatient) == ([], [])
    visitor.say(SAID)
    assert stored(impatient) == ([SAID], ["done", "done"])


def test_replies_that_find_the_database_locked_are_told_and_made_again(
    make_page: Any, impatient: sessionmaker[Session], tmp_path: Path
) -> None:
    nets = {name: Gated(name) for name in ("joint", "misc")}
    page = make_page(**nets)
    visitor = Visitor(page).start()
    visitor.take(page.send(TOKEN, visitor.talk, 0, SAID))
    with locked(tmp_path / "test.db"):
        open_gates(nets)
        visitor.follow()
    assert all(texts.FAILED in visitor.of(side) for side in page.parts.chat.sides)
    assert stored(impatient) == ([SAID], ["pending", "pending"])
    retry(page, visitor)
    assert all("You said" in visitor.of(side) for side in page.parts.chat.sides)
    assert stored(impatient) == ([SAID], ["done", "done"])


def talk_on_a_full_disk(url: str) -> str:
    """Two messages; the disk is full while the replies to the first are saved, and when the second is sent."""
    nets = {name: Gated(name) for name in ("joint", "misc")}
    sessions, service = open_sessions(url), GenerationService(nets)
    demo = build_app(service, sessions, Settings(nets=tuple(nets)))
    page: Any = next(fn for fn in demo.fns.values() if fn.api_name == "restore").fn.__self__  # type: ignore[union-attr]
    visitor = Visitor(page).start()
    visitor.take(page.send(TOKEN, visitor.talk, 0, SAID))
    log = Path(f"{url.removeprefix('sqlite:///')}-wal")
    with largest_file(log.stat().st_size):
        open_gates(nets)
        visitor.follow()
        assert all(texts.FAILED in visitor.of(side) for side in page.parts.chat.sides)
    assert stored(sessions) == ([SAID], ["pending", "pending"])
    retry(page, visitor)
    assert stored(sessions) == ([SAID], ["done", "done"])
    with largest_file(log.stat().st_size):
        refused = page.send(TOKEN, visitor.talk, 1, "More.")
        assert texts.STORE_DOWN in refused[page.parts.chat.note]
    visitor.say("More.")
    assert stored(sessions) == ([SAID, "More."], ["done"] * 4)
    service.close()
    with sessions() as session:
        return str(session.scalar(text("PRAGMA integrity_check")))


def test_a_full_disk_is_told_and_all_goes_on_when_there_is_room(database_url: str) -> None:
    assert in_child(talk_on_a_full_disk, database_url).stdout.strip() == "ok"
