"""Two app processes over one PostgreSQL and one backend: a talk begun on one continues on the other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from html import escape

import pytest
from gradio_client import Client
from sqlalchemy import select

from annotation.store.database import open_sessions
from annotation.store.schema import Reply
from escdemo.soak.running_app import app_process
from tests.api_server import LONG_S, Api, Gated, running_api
from tests.postgres import empty

TOKEN, ANOTHER = "a visitor of both", "another one"
pytestmark = pytest.mark.slow
OWN = ("", "I moved and know nobody.", "sadness", "Sleep Problems", 4, None, False)


@contextmanager
def two_apps(database: str, api: Api, nets: str) -> Iterator[tuple[subprocess.Popen[bytes], Client, Client]]:
    """The first process, and a client of each."""
    sessions = open_sessions(database)
    empty(sessions.kw["bind"])
    sessions.kw["bind"].dispose()
    flags = ["--nets", nets, "--backend", api.url]
    with ExitStack() as stack:
        first, one = stack.enter_context(app_process(flags, database))
        _, other = stack.enter_context(app_process(flags, database))
        clients = Client(one, verbose=False), Client(other, verbose=False)
        for client in clients:
            stack.callback(client.close)
        yield first, *clients


def shown(answer: object) -> str:
    return json.dumps(answer, default=str)


def stored(database: str) -> list[tuple[str, str]]:
    """(state, reply) of all replies that the store has."""
    sessions = open_sessions(database)
    with sessions() as session:
        found = [(reply.state.value, reply.text or "") for reply in session.scalars(select(Reply))]
    sessions.kw["bind"].dispose()
    return found


def begin(client: Client, token: str) -> None:
    """A talk with one message."""
    client.predict(token, "", None, api_name="/restore")
    client.predict(token, True, *OWN, api_name="/agree")
    client.predict(token, 0, "I feel alone at night.", api_name="/send")


def test_a_talk_goes_on_at_the_other_process_and_so_does_a_reply_that_was_lost(postgresql_url: str) -> None:
    nets = {name: Gated(name) for name in ("misc", "joint")}
    gates, started, stopped = ([vars(net)[name] for net in nets.values()] for name in ("gate", "started", "stopped"))
    with running_api(nets) as api, two_apps(postgresql_url, api, "misc,joint") as (first, one, other):
        for gate in gates:
            gate.set()
        begin(one, TOKEN)
        list(one.submit(TOKEN, api_name="/follow_send"))
        assert "alone at night" in shown(other.predict(TOKEN, "", None, api_name="/restore"))
        other.predict(TOKEN, 1, "The evenings are long.", api_name="/send")
        list(other.submit(TOKEN, api_name="/follow_send"))
        back = shown(one.predict(TOKEN, "", None, api_name="/restore"))
        replies = stored(postgresql_url)
        assert [state for state, _ in replies] == ["done"] * 4
        assert all(escape(text.split('"')[0]) in back for _, text in replies)
        assert "evenings are long" in back

        for event in (*gates, *started):
            event.clear()
        begin(one, ANOTHER)
        assert all(event.wait(LONG_S) for event in started)
        first.kill()
        assert all(event.wait(LONG_S) for event in stopped)  # the server makes nothing for a process that is gone
        for gate in gates:
            gate.set()
        assert sorted(state for state, _ in stored(postgresql_url)) == ["done"] * 4 + ["pending"] * 2
        other.predict(ANOTHER, "", None, api_name="/restore")
        list(other.submit(ANOTHER, api_name="/follow_send"))
        made = stored(postgresql_url)
        assert [state for state, _ in made] == ["done"] * 6
        assert all("You said: " in text for _, text in made)
