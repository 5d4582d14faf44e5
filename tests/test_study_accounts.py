"""Signing in by password, and out: the study page's handlers over a real store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Role
from annotation.studies.members import MAX_FAILURES
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


def said(shown: dict[Any, Any]) -> str:
    return str(list(shown.values()))


def test_a_password_chosen_on_the_first_visit_opens_elsewhere(
    sessions: sessionmaker[Session], accounts: Accounts
) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    rater = room.people[2]
    assert texts.PASSWORDS_DIFFER in said(accounts.choose_password(rater, PASSWORD, "another"))
    assert "10 to 200" in said(accounts.choose_password(rater, "short", "short"))
    refused = accounts.sign_in("pilot", "r3", PASSWORD, request())
    assert parts.access not in refused
    chosen = accounts.choose_password(rater, PASSWORD, PASSWORD)
    assert "study pilot, name r3" in chosen[parts.account.note]
    assert (chosen[parts.account.new], chosen[parts.account.again]) == ("", "")
    entered = accounts.sign_in("pilot", "r3", PASSWORD, request())
    assert entered[parts.access] == rater
    assert entered[parts.entry.sign_in.password] == ""
    assert entered[parts.account.box]["visible"]
    assert PASSWORD not in said(entered)
    assert not any(name in said(entered) for name in SYSTEMS)
    for ticket in (chosen[parts.account.ticket], entered[parts.account.ticket]):  # after a reload
        assert accounts.arrival.enter(ticket, "", request())[parts.access] == rater
    assert accounts.sign_out() == {parts.access: None}


def test_wrong_names_and_wrong_passwords_are_told_alike_and_slowed_down(
    sessions: sessionmaker[Session], accounts: Accounts
) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    accounts.choose_password(room.people[0], PASSWORD, PASSWORD)
    mistakes = (("pilot", "r1", "a wrong password"), ("pilot", "r9", PASSWORD), ("other", "r1", PASSWORD), ("", "", ""))
    told = {accounts.sign_in(*one, request())[parts.note] for one in mistakes}
    assert len(told) == 1
    for _ in range(MAX_FAILURES):
        accounts.sign_in("pilot", "r1", "a wrong password", request("5.6.7.8"))
    blocked = accounts.sign_in("pilot", "r1", PASSWORD, request("5.6.7.8"))
    assert "Too many" in blocked[parts.note]
    assert parts.access not in blocked


def test_a_stale_ticket_asks_to_sign_in_again(sessions: sessionmaker[Session], accounts: Accounts) -> None:
    room, parts = StudyRoom(sessions), accounts.parts
    ticket = accounts.choose_password(room.people[0], PASSWORD, PASSWORD)[parts.account.ticket]
    after = {
        fn.api_name: fn.fn for fn in build_studies(GenerationService({}), sessions, Settings()).fns.values()
    }  # a restart
    shown = after["enter"].__self__.enter(ticket, "", request())  # type: ignore[union-attr]
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
    assert "Deleted: 1 item that" in gone[parts.note]
    assert gone[parts.access] is None
    assert not gone[parts.account.box]["visible"]
    assert "not valid" in said(accounts.withdraw(rater))
    leads = accounts.arrival.work[Role.LEAD]
    assert "withdrew (1 items deleted)" in said(leads.continue_(room.lead))
