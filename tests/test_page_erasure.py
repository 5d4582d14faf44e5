"""Deleting one's data when something is in the way: clear words on both pages and in the command, nothing half-done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.__main__ import main
from annotation.store.database import open_sessions
from annotation.store.erasure import finish_erasures
from escdemo import texts
from escdemo.chat.build import build_app
from escdemo.chat.talks import OWN_TALKS, Start
from escdemo.settings import Settings
from escdemo.study import texts as study_texts
from escdemo.study.build import build_studies
from models.serving.service import GenerationService
from tests.fakes import EchoResponder, SlowResponder
from tests.full_disk import in_child, largest_file
from tests.studies import StudyRoom
from tests.visitor import TOKEN, Visitor


@pytest.fixture
def impatient(sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> sessionmaker[Session]:
    """The store whose writers give up after 20 ms."""
    monkeypatch.setattr("annotation.store.engine.BUSY_TIMEOUT_MS", 20)
    monkeypatch.setattr("annotation.store.erasure.WAIT_MS", 20)
    sessions.kw["bind"].dispose()  # connections made from now on
    return sessions


@dataclass(frozen=True)
class RememberingResponder(EchoResponder):
    """Notes when its caches are emptied."""

    forgot: list[bool] = field(default_factory=list, hash=False, compare=False)

    def forget_texts(self) -> None:
        self.forgot.append(True)


@contextmanager
def another_program(folder: Path, begin: str) -> Iterator[None]:
    """Holds a transaction on the same file."""
    with closing(sqlite3.connect(folder / "test.db", isolation_level=None)) as connection:
        connection.execute(begin)
        connection.execute("SELECT count(*) FROM encounter").fetchone()
        yield


def test_deleting_stops_the_replies_of_every_talk(make_page: Any) -> None:
    """Two tabs: the older talk's reply is being made as well."""
    page = make_page(joint=SlowResponder("joint"), misc=SlowResponder("misc"))
    tabs = [Visitor(page).start() for _ in range(2)]
    for number, tab in enumerate(tabs):
        page.send(TOKEN, tab.talk, 0, f"The words of tab {number}.")
    service = page.talks.service
    assert len(service._running) == 4
    page.erase(TOKEN)
    assert not service.busy
    assert not service._records


def test_deleting_forgets_every_talk_and_not_only_the_latest(
    make_page: Any, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = make_page()
    first = Visitor(page).start().say("The first talk of many.").talk
    for _ in range(OWN_TALKS):
        page.talks.start(TOKEN, Start("Another.", "sadness", "Sleep Problems", 3, None, ("joint", "misc")))
    forgotten: list[str] = []
    monkeypatch.setattr(page.talks.map_work, "forget", lambda _, talks: forgotten.extend(talks))
    page.erase(TOKEN)
    assert first in forgotten
    assert len(forgotten) == OWN_TALKS + 1
    assert not page.talks.service._records


def test_deleting_empties_the_caches_of_the_nets(make_page: Any) -> None:
    net = RememberingResponder("joint")
    page = make_page(joint=net)
    page.erase(TOKEN)
    assert net.forgot == []  # nothing was deleted
    Visitor(page).start().say("Hello there.")
    page.erase(TOKEN)
    assert net.forgot == [True]


def test_no_further_draft_is_asked_for_a_deleted_talk(make_page: Any) -> None:
    """The first drafts have ended and are being judged when the talk is deleted."""
    page = make_page()
    tab = Visitor(page).start()
    tasks: list[Any] = []
    ask_again = page.talks._ask_again
    page.talks._keep_unless_poor = lambda draft, made: tasks.append(draft)
    page.talks.options = replace(page.talks.options, temperature=0.9)
    page.send(TOKEN, tab.talk, 0, "Hello there.")
    for job in list(page.talks.service._records):
        page.talks.service.wait(job, 60)
    page.erase(TOKEN)
    assert len(tasks) == 2
    ask_again(tasks[0].next())
    assert not page.talks.service._records
    assert not page.talks.service.busy


def account_handlers(sessions: sessionmaker[Session]) -> Any:
    handlers = {fn.api_name: fn.fn for fn in build_studies(GenerationService({}), sessions, Settings()).fns.values()}
    return handlers["withdraw"].__self__  # type: ignore[union-attr]


def test_a_locked_database_deletes_nothing_and_says_so(
    make_page: Any, impatient: sessionmaker[Session], tmp_path: Path
) -> None:
    page = make_page()
    Visitor(page).start().say("Hello there.")
    about = page.parts.about
    with another_program(tmp_path, "BEGIN IMMEDIATE"):
        refused = page.erase(TOKEN)
    assert texts.ERASE_FAILED.replace("'", "&#x27;") in refused[about.note]
    assert page.parts.token not in refused  # the browser is still known
    assert page.talks.find(TOKEN).turns[0].answered()
    assert texts.ERASED["none"] in page.erase(TOKEN)[about.note]


def test_without_a_loaded_page_nothing_breaks(make_page: Any) -> None:
    page = make_page()
    assert "not finished loading" in page.erase("")[page.parts.about.note]


def test_while_a_backup_reads_the_page_says_so_and_looks_again(
    make_page: Any, impatient: sessionmaker[Session], tmp_path: Path
) -> None:
    page = make_page()
    Visitor(page).start().say("Hello there.")
    about = page.parts.about
    with another_program(tmp_path, "BEGIN"):
        told = page.erase(TOKEN)
        assert texts.ERASED["files"] in told[about.note]
        assert told[about.again].active
        assert texts.ERASED["files"] in page.erased()[about.note]
    assert finish_erasures(impatient.kw["bind"])
    done = page.erased()
    assert texts.ERASED["none"] in done[about.note]
    assert not done[about.again].active


def test_a_withdrawal_is_told_as_truly(impatient: sessionmaker[Session], tmp_path: Path) -> None:
    room, accounts = StudyRoom(impatient), account_handlers(impatient)
    parts, rater = accounts.parts, room.people[2]
    room.judge(rater)
    with another_program(tmp_path, "BEGIN IMMEDIATE"):
        refused = accounts.withdraw(rater)
    assert "Nothing was deleted" in refused[parts.account.note]
    assert parts.access not in refused
    with another_program(tmp_path, "BEGIN"):
        told = accounts.withdraw(rater)
        assert study_texts.WITHDRAWN_FILES in told[parts.note]
        assert told[parts.account.look].active
    assert finish_erasures(impatient.kw["bind"])
    done = accounts.withdrawn(told[parts.withdrawn])
    assert study_texts.WITHDRAWN_ALL in done[parts.note]
    assert "Deleted: 1 item you" in done[parts.note]
    assert isinstance(done[parts.account.look], gr.Timer)


def test_the_command_says_the_same(
    impatient: sessionmaker[Session], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = StudyRoom(impatient)
    room.judge(room.people[0])
    command = ["study", "withdraw", "--database", database_url, "--study", "pilot", "--member", "r1"]
    with another_program(tmp_path, "BEGIN IMMEDIATE"):
        assert main(command) == 2
    told = capsys.readouterr()
    assert "database is locked" in told.err
    assert told.err.count("\n") == 1
    with another_program(tmp_path, "BEGIN"):
        assert main(command) == 0
    assert "a copy may remain in the database's files" in capsys.readouterr().out


def _erase_on_a_full_disk(url: str) -> str:
    sessions = open_sessions(url)
    nets = {name: EchoResponder(name) for name in ("joint", "misc")}
    service = GenerationService(nets)
    demo = build_app(service, sessions, Settings(nets=tuple(nets)))
    page = next(fn for fn in demo.fns.values() if fn.api_name == "restore").fn.__self__  # type: ignore[union-attr]
    Visitor(page).start().say("Hello there.")
    with largest_file(1):
        refused = page.erase(TOKEN)[page.parts.about.note]
    done = page.erase(TOKEN)[page.parts.about.note]
    service.close()
    return f"{'Nothing was deleted' in refused} {texts.ERASED['none'] in done}"


def test_a_full_disk_deletes_nothing_and_says_so(database_url: str) -> None:
    assert in_child(_erase_on_a_full_disk, database_url).stdout.strip() == "True True"
