"""Pages that are only opened, as by a program, hardly cost memory; those in use keep what they need."""

from __future__ import annotations

import datetime
import gc
import json
import secrets
import tracemalloc
import urllib.request
from typing import Any

import gradio as gr
import pytest

from escdemo.page_sessions import IDLE, PageSessions
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running

PAGES = 20
NETS = {name: EchoResponder(name) for name in ("joint", "misc")}


class Opener:
    """Opens one of the pages over HTTP, again and again, and never listens."""

    def __init__(self, site: Site, path: str) -> None:
        self.base = f"{site.url}{path}"
        self.config = self.ask("config")

    def ask(self, address: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.base}/{address}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def call(self, api: str, data: list[Any], session: str | None = None) -> Any:
        number = next(one["id"] for one in self.config["dependencies"] if one["api_name"] == api)
        body = {"data": data, "fn_index": number, "session_hash": session or secrets.token_hex(6)}
        return self.ask(f"gradio_api/run/{api}", body)["data"]


@pytest.mark.parametrize(
    ("path", "api", "data"), [("", "restore", ["a browser", "", None]), ("/study", "enter", ["", ""])]
)
def test_a_page_that_is_only_opened_costs_little(database_url: str, path: str, api: str, data: list[Any]) -> None:
    with running(database_url, NETS) as site:
        opener = Opener(site, path)
        for _ in range(3):
            opener.call(api, data)
        gc.collect()
        tracemalloc.start()
        for _ in range(PAGES):
            opener.call(api, data)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / PAGES
        tracemalloc.stop()
        assert kept < 20_000, f"{kept:,.0f} bytes a page"


def test_pages_that_share_changed_controls_keep_their_own_states(database_url: str) -> None:
    """Two pages, one of which may make studies: what it knows does not reach the other."""
    with running(database_url, NETS) as site:
        opener = Opener(site, "/study")
        opener.call("enter", ["", CREATE_KEY], "founder")
        opener.call("enter", ["", ""], "stranger")
        fields = next(one for one in opener.config["dependencies"] if one["api_name"] == "create")["inputs"]
        values = {one["id"]: one["props"].get("value") for one in opener.config["components"]}
        names = {one["id"]: one["props"].get("elem_id") for one in opener.config["components"]}
        given = {"plan-name": "pilot", "plan-systems": "net-x, net-y", "plan-instructions": "", "plan-consent": ""}
        data = [given.get(names[field], values[field]) for field in fields]
        made = {who: str(opener.call("create", data, who)) for who in ("stranger", "founder")}
    assert "cannot make studies" in made["stranger"]
    assert "invite=" in made["founder"]


def held_of(page: gr.Blocks) -> PageSessions:
    held = PageSessions()
    held.set_blocks(page)
    return held


def test_a_page_not_used_for_long_is_forgotten() -> None:
    with gr.Blocks() as page:
        gr.State("nothing")
    held = held_of(page)
    for name in ("first", "second"):
        assert held[name] is held[name]
    held.time_last_used["first"] -= IDLE + datetime.timedelta(seconds=1)
    assert held["third"] is not None
    assert [name in held for name in ("first", "second", "third")] == [False, True, True]


def test_with_too_many_pages_the_oldest_goes_and_what_the_queue_keeps_of_it() -> None:
    with gr.Blocks() as page:
        gr.State("nothing")
    held = held_of(page)
    held.capacity = 2
    lists = page._queue.pending_event_ids_session
    for name in ("first", "second", "first", "third"):
        assert held[name] is not None
        lists[name] = set()
    assert list(held.session_data) == list(held.time_last_used) == ["first", "third"]
    assert lists.keys() == {"first", "third"}


def test_a_control_that_is_changed_in_one_page_stays_as_it_is_in_others() -> None:
    with gr.Blocks() as page:
        box = gr.Textbox(label="before")
    held = held_of(page)
    held["one"][box._id] = gr.Textbox(label="after", render=False)
    assert [held[name][box._id].label for name in ("one", "other")] == ["after", "before"]
    assert page.blocks[box._id] is box


def test_choices_go_with_the_last_page_that_shows_them() -> None:
    """They may name the talks of a visitor who deletes them."""
    with gr.Blocks() as page:
        talks = gr.Dropdown([])
    held = held_of(page)
    for name in ("one", "other"):
        held[name][talks._id] = gr.Dropdown(["a talk that is deleted later"], render=False)
    assert held["one"][talks._id] is held["other"][talks._id]
    for left, name in ((1, "one"), (0, "other")):
        held[name][talks._id] = gr.Dropdown([], render=False)
        gc.collect()
        assert sum("a talk" in change for _, change in held._changed) == left


def test_events_are_seen_by_all_pages_and_changed_by_none() -> None:
    with gr.Blocks() as page:
        gr.Button().click(lambda: None, api_name="press")
    held = held_of(page)
    one, other = (held[name].blocks_config.fns for name in ("one", "other"))
    assert [fn.api_name for fn in other.values()] == ["press"]
    with pytest.raises(TypeError):
        one[99] = one[0]
    assert list(other) == list(page.fns)


def test_gradio_makes_no_statistics_of_events() -> None:
    """They are shown on a page that is closed here, and cost the more the longer the app runs."""
    with gr.Blocks() as page:
        gr.State("nothing")
    queue = page._queue
    assert queue.ANALYTICS_MAX_EVENTS == 1
    queue.events_recorded = 1_000_000
    assert queue.compute_analytics_summary([{"function": "f", "status": "success", "process_time": 1.0}]) == {
        "functions": {}
    }
