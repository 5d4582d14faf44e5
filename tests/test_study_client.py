"""A whole study through the page's own interface: a planted result comes back, and no name reaches a rater."""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from escdemo.study.question_form import MAX_QUESTIONS
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running

SYSTEMS = ("net-best", "net-fair", "net-poor")
CONTEXTS, GOLD, RATERS = 9, 2, 5
CRITERIA = ("Empathy", "Overall")
CARELESS = "r6"

PLAN = {
    "name": "planted",
    "systems": list(SYSTEMS),
    "raters": RATERS,
    "raters_per_item": RATERS,
    "gold_share": 0.2,
    "review_share": 0.2,
    "min_seconds": 0,
    "seed": 3,
    "consent": "We keep your answers.",
    "rubric": {
        "name": "two",
        "majority": "at_least_half",
        "criteria": [{"name": name, "question": f"Which has more {name}?"} for name in CRITERIA],
    },
}


def item_lines() -> str:
    """Replies that tell the test whose they are by their number (0 best), and nobody else."""
    rows = []
    for number in range(CONTEXTS + GOLD):
        gold = number >= CONTEXTS
        replies = {name: f"Reply {place} to {number}." for place, name in enumerate(SYSTEMS) if not gold or place != 1}
        row: dict[str, Any] = {
            "id": f"i{number}",
            "situation": f"Situation {number}.",
            "context": [{"speaker": "seeker", "text": f"Post {number}."}],
            "replies": {name: {"text": text, "strategy": "Question"} for name, text in replies.items()},
        }
        rows.append(row | ({"purpose": "gold", "gold": SYSTEMS[0]} if gold else {}))
    return "".join(json.dumps(row) + "\n" for row in rows)


class Member:
    """One browser on the study page: speaks HTTP as the page's own script does, and keeps all that it is sent."""

    def __init__(self, site: Site, token: str = "", key: str = "") -> None:
        self.base, self.session = f"{site.url}/study/", secrets.token_hex(8)
        self.page = self._ask("config")
        config = json.loads(self.page)
        self.calls = {one["api_name"]: one for one in config["dependencies"]}
        self.shown = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "shown")
        self.item = 0
        self.states = {one["id"] for one in config["components"] if one["type"] == "state"}
        self.seen: list[str] = []
        self.told = self.call("enter", token, key)

    def call(self, name: str, *values: Any) -> str:
        """What the server answers, as one text. The values of gr.State are the server's: none is sent."""
        left, call = iter(values), self.calls[name]
        data = [None if at in self.states else self.item if at == self.shown else next(left) for at in call["inputs"]]
        asked = {"fn_index": call["id"], "session_hash": self.session, "data": data}
        answer = json.loads(self._ask("gradio_api/run/predict", json.dumps(asked).encode(), "application/json"))
        if self.shown in call["outputs"]:
            new = answer["data"][call["outputs"].index(self.shown)]
            self.item = self.item if isinstance(new, dict) else new
        self.told = json.dumps(answer, ensure_ascii=False)
        self.seen.append(self.told)
        return self.told

    def send_file(self, name: str, text: str) -> dict[str, Any]:
        """Upload a file, as the value of an upload button."""
        mark = "a-mark-between-parts"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = f"{head}{text}\r\n--{mark}--\r\n".encode()
        told = self._ask("gradio_api/upload", body, f"multipart/form-data; boundary={mark}")
        return {"path": json.loads(told)[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> str:
        request = urllib.request.Request(self.base + path, body, {"Content-Type": kind} if kind else {})
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())

    def ranks(self) -> list[int]:
        """Whose replies are shown, in the order of the screen: 0 is the best system."""
        return [int(rank) for rank in re.findall(r"Reply (\d) to", self.told)]

    def judge(self, value: str) -> None:
        """Answer every question with `value`, and hand the item in."""
        self.call("submit", "", *answers(value))


def answers(*values: str) -> list[str | None]:
    """What the page's radio groups hold; one value is for all questions."""
    given = list(values) * (len(CRITERIA) if len(values) == 1 else 1)
    return [*given, *[None] * (MAX_QUESTIONS - len(given))]


def careful(ranks: list[int]) -> str:
    return "a" if ranks[0] < ranks[1] else "b"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("study")
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{folder / 'site.db'}", nets) as running_site:
        yield running_site


@pytest.fixture(scope="module")
def lead(site: Site) -> Member:
    """A lead with an open study, made from a plan file and an item file."""
    one = Member(site, key=CREATE_KEY)
    assert "?invite=" in one.call("create_from_file", one.send_file("plan.json", json.dumps(PLAN)))
    bad = item_lines() + "no JSON"
    assert f"line {CONTEXTS + GOLD + 1}" in one.call("upload_items", one.send_file("items.jsonl", bad))
    told = one.call("upload_items", one.send_file("items.jsonl", item_lines()))
    assert f"Imported {CONTEXTS + GOLD} contexts" in told
    assert "Open: raters work" in one.call("open")
    return one


def links(told: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\?invite=([\w-]+)", told)))


def test_each_handler_asks_for_the_role(site: Site, lead: Member) -> None:
    """Whatever a page shows, the interface can be called by anybody."""
    token = links(lead.call("invite", "rater", 1))[0]
    stranger, rater = Member(site, "no such link"), Member(site, token)
    assert "not valid" in stranger.told
    assert "reload" in stranger.call("submit", "", *answers("a"))
    assert "reload" in stranger.call("overview")
    for action in ("overview", "close", "open"):
        told = rater.call(action)
        assert "lead" in told, told
        assert not any(name in told for name in SYSTEMS)
    for action, values in (("study_results", [None]), ("export", ["csv"]), ("invite", ["rater", 1])):
        assert "?invite=" not in rater.call(action, *values)
        assert not any(name in rater.told for name in SYSTEMS)
    assert "cannot make studies" in Member(site, key="wrong").told
    assert "reload" in stranger.call("choose_password", "a long password", "a long password")
    rater.call("choose_password", "a long password", "a long password")
    assert "planted" in stranger.call("sign_in", "planted", "r1", "a long password")
    assert "lead" in stranger.call("overview")  # signed in, as a rater


def test_a_planted_study_comes_back(site: Site, lead: Member) -> None:
    tokens = links(lead.call("invite", "rater", RATERS))
    for token in tokens[:-1]:
        work(Member(site, token), careful)
    work(Member(site, tokens[-1]), lambda ranks: "a")
    overview = lead.call("overview")
    flags = re.findall(r"<li><strong>(r\d)</strong> · (\w+)", overview)
    # On which side the gold item's answer stood for this rater is drawn: half of the time "a" is right by luck.
    assert flags in ([(CARELESS, "gold"), (CARELESS, "one")], [(CARELESS, "one")])
    results = lead.call("study_results", None)
    assert re.findall(r">(net-\w+)</th><td>Overall</td><td>-?\d", results) == list(SYSTEMS)
    files = re.findall(r"download=\W*planted-([\w.]+)", lead.call("export", "csv"))
    assert files == ["ballots.csv", "gold.csv", "tables.md", "tables.tex"]
    review(Member(site, links(lead.call("invite", "reviewer", 1))[0]))
    assert "Closed: nothing changes" in lead.call("close")
    assert "The study is closed. You handed in 11 items" in Member(site, tokens[0]).told


def work(rater: Member, choose: Callable[[list[int]], str]) -> None:
    """A rater from the link to the end; the server never names a system or a strategy, nor says what is gold."""
    assert "We keep your answers." in rater.told
    assert "tick the box" in rater.call("agree", False)
    rater.call("agree", True)
    rater.call("begin")
    while ranks := rater.ranks():
        rater.judge(choose(ranks))
    assert "no further item" in rater.told
    told = "".join(rater.seen)
    assert [secret for secret in (*SYSTEMS, "fake-1", "Question\\", "gold", "main-") if secret in told] == []
    assert [secret for secret in (*SYSTEMS, "fake-1") if secret in rater.page] == []


def review(reviewer: Member) -> None:
    """One item: no votes before the own verdict, no name at any time."""
    reviewer.call("agree", True)
    reviewer.call("begin")
    assert "How the raters voted" not in reviewer.told
    given = answers(careful(reviewer.ranks()))
    assert "How the raters voted" in reviewer.call("verdict", *given)
    assert "give the cause" in reviewer.call("decide", "discard", None, *given)
    assert "Decided: confirm" in reviewer.call("decide", "confirm", None, *given)
    assert [secret for secret in (*SYSTEMS, CARELESS) if secret in "".join(reviewer.seen)] == []
