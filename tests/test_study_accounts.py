"""Signing in by password, and out: the study page's handlers over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Role
from annotation.studies.study_views import Access
from escdemo.settings import Settings
from escdemo.study import texts
from escdemo.study.accounts import Accounts
from escdemo.study.build import build_studies
from models.serving.service import GenerationService
from tests.studies import PLAN, SYSTEMS, StudyRoom

PASSWORD = "a long password"


@pytest.fixture
def accounts(sessions: sessionmaker[Session]) -> Accounts:
    """The handlers behind the controls of a page."""
    handlers = {fn.api_name: fn.fn for fn in build_studies(GenerationService({}), sessions, Settings()).fns.values()}
    return handlers["sign_in"].__self__  # type: ignore[union-attr]


def request(origin: str = "1.2.3.4") -> gr.Request:
    return gr.Request(client={"host": origin})


def enter(accounts: Accounts, study: str, name: str, password: str, address: str = "1.2.3.4") -> dict[Any, Any]:
    return asyncio.run(accounts.sign_in(study, name, password, request(address)))


def said(shown: dict[Any, Any]) -> str:
    return str(list(shown.values()))


def test_a_password_chosen_on_the_first_visit_opens_elsewhere(
    sessions: sessionmaker[Session], accounts: Accounts
) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    rater = room.people[2]
    assert texts.PASSWORDS_DIFFER in said(accounts.choose_password(rater, PASSWORD, "another"))
    assert "10 to 200" in said(accounts.choose_password(rater, "short", "short"))
    refused = enter(accounts, "pilot", "r3", PASSWORD)
    assert parts.access not in refused
    chosen = accounts.choose_password(rater, PASSWORD, PASSWORD)
    assert "study pilot, name r3" in chosen[parts.account.note]
    assert (chosen[parts.account.new], chosen[parts.account.again]) == ("", "")
    entered = enter(accounts, "pilot", "r3", PASSWORD)
    assert entered[parts.access] == rater
    assert entered[parts.entry.sign_in.password] == ""
    assert entered[parts.account.box]["visible"]
    assert PASSWORD not in said(entered)
    assert not any(name in said(entered) for name in SYSTEMS)
    for ticket in (chosen[parts.account.ticket], entered[parts.account.ticket]):  # after a reload
        assert accounts.arrival.enter(ticket, "")[parts.access] == rater
    assert accounts.sign_out() == {parts.access: None}


def test_wrong_names_and_wrong_passwords_are_told_alike(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    accounts.choose_password(room.people[0], PASSWORD, PASSWORD)
    mistakes = (("pilot", "r1", "a wrong password"), ("pilot", "r9", PASSWORD), ("other", "r1", PASSWORD), ("", "", ""))
    assert len({enter(accounts, *one)[parts.note] for one in mistakes}) == 1


def test_ten_wrong_passwords_lock_nobody_out(
    sessions: sessionmaker[Session], accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner comes in from elsewhere and from the same address, after a pause that holds no thread."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("escdemo.study.member_session.asyncio.sleep", sleep)
    room, parts = StudyRoom(sessions), accounts.parts
    accounts.choose_password(room.people[0], PASSWORD, PASSWORD)
    for _ in range(12):
        assert parts.access not in enter(accounts, "pilot", "r1", "a wrong password", "5.6.7.8")
    assert pauses[:8] == [0, 0, 0, 0.5, 1, 2, 4, 8]
    assert max(pauses) == 8
    assert enter(accounts, "pilot", "r1", PASSWORD, "9.9.9.9")[parts.access] == room.people[0]
    assert pauses[-1] == 8
    assert enter(accounts, "pilot", "r1", PASSWORD, "5.6.7.8")[parts.access] == room.people[0]
    assert pauses[-1] == 0


def test_bad_links_keep_no_good_one_out(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    for number in range(30):
        assert "not valid" in accounts.arrival.enter(f"guess {number}", "")[parts.note]
    assert accounts.arrival.enter(room.lead_token, "")[parts.access] == room.lead


def test_more_attempts_than_may_wait_are_told_of_the_link(
    sessions: sessionmaker[Session], accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    StudyRoom(sessions)
    going_on = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await going_on.wait()

    monkeypatch.setattr("escdemo.study.member_session.asyncio.sleep", sleep)

    async def crowd() -> list[str]:
        waiting = [asyncio.create_task(accounts.sign_in("pilot", "r1", "wrong", request())) for _ in range(5)]
        while sum(task.done() for task in waiting) < 2:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
        going_on.set()
        return [(await task)[accounts.parts.note] for task in waiting]

    told = asyncio.run(crowd())
    assert ["use your link" in one for one in told] == [False, False, False, True, True]


def test_a_stale_ticket_asks_to_sign_in_again(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    ticket = accounts.choose_password(room.people[0], PASSWORD, PASSWORD)[parts.account.ticket]
    after = {
        fn.api_name: fn.fn for fn in build_studies(GenerationService({}), sessions, Settings()).fns.values()
    }  # a restart
    shown = after["enter"].__self__.enter(ticket, "")  # type: ignore[union-attr]
    assert "Please sign in again." in said(shown)


def test_without_passwords_in_the_plan_none_is_offered(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions, replace(PLAN, passwords=False)), accounts.parts
    rater: Access = room.people[0]
    assert not accounts.arrival.welcome(rater)[parts.account.passwords]["visible"]
    assert "by their link only" in said(accounts.choose_password(rater, PASSWORD, PASSWORD))
    assert texts.RELOAD in said(accounts.choose_password(None, PASSWORD, PASSWORD))


def test_a_rater_is_asked_twice_and_then_everything_goes(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    rater = room.people[2]
    room.judge(rater)
    assert accounts.arrival.welcome(rater)[parts.account.leave]["visible"]
    assert not accounts.arrival.welcome(room.lead)[parts.account.leave]["visible"]
    assert accounts.ask_withdraw()[parts.account.ask]["visible"]
    assert not accounts.stay()[parts.account.ask]["visible"]
    assert "for a rater" in said(accounts.withdraw(room.invited("reviewer")))
    gone = accounts.withdraw(rater)
    assert "Deleted: 1 item you" in gone[parts.note]
    assert gone[parts.access] is None
    assert not gone[parts.account.box]["visible"]
    assert "not valid" in said(accounts.withdraw(rater))
    leads = accounts.arrival.work[Role.LEAD]
    assert "withdrew (1 items deleted)" in said(leads.continue_(room.lead))
