"""A whole study through the page's own interface: a planted result comes back, and no name reaches a rater.

Five raters at once judge sixty items of three systems. Four of them like net-best more than net-fair and that more
than net-poor, but for every fifth context, where it is the other way round; mostly the reply that they prefer has the
more peaked mixture of strategies. The fifth always takes the one shown first.
"""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from escdemo.study.question_form import MAX_QUESTIONS
from escdemo.web.uploads import COOKIE
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running

SYSTEMS = ("net-best", "net-fair", "net-poor")
CONTEXTS, GOLD, RATERS = 60, 2, 5
CRITERIA = ("Empathy", "Overall")
PEAKS = (0.95, 0.75, 0.45)
"""largest share of the strategies, in the order in which the careful raters like the replies"""

PLAN = {
    "name": "planted",
    "systems": list(SYSTEMS),
    "raters": RATERS,
    "raters_per_item": RATERS,
    "gold_share": 0.05,
    "duplicate_share": 0.05,
    "review_share": 0.05,
    "min_seconds": 0,
    "seed": 3,
    "consent": "We keep your answers.",
    "rubric": {
        "name": "two",
        "majority": "at_least_half",
        "criteria": [{"name": name, "question": f"Which has more {name}?"} for name in CRITERIA],
    },
}


def liked(number: int, rank: int) -> int:
    """How the careful raters like the reply of the system of this rank to this context: 0 most, 2 least."""
    return 2 - rank if number < CONTEXTS and number % 5 == 0 else rank


def reply_of(number: int, rank: int) -> dict[str, Any]:
    """It tells the test whose it is by its rank (0 best), and nobody else. Every sixth trace misleads."""
    peak = PEAKS[2 - liked(number, rank) if number % 6 == 1 else liked(number, rank)]
    reactions = (3 * number + 5 * rank) % 7 / 7  # goes with nothing
    blocks = [
        {"source": "post", "relation": relation, "text": "sad", "weight": weight}
        for relation, weight in (("xReact", reactions), ("xWant", 1 - reactions))
    ]
    trace = {
        "net": SYSTEMS[rank],
        "checkpoint": f"sha-{SYSTEMS[rank]}",
        "strategies": [peak, *[(1 - peak) / 7] * 7],
        "blocks": blocks,
    }
    return {"text": f"Reply {rank} to {number}.", "strategy": "Question", "trace": trace}


def item_lines() -> str:
    """Contexts with the replies of all systems, the gold ones with those of the best and of the poorest."""
    rows = []
    for number in range(CONTEXTS + GOLD):
        gold = number >= CONTEXTS
        row: dict[str, Any] = {
            "id": f"i{number}",
            "situation": f"Situation {number}.",
            "context": [{"speaker": "seeker", "text": f"Post {number}."}],
            "replies": {name: reply_of(number, rank) for rank, name in enumerate(SYSTEMS) if not gold or rank != 1},
        }
        rows.append(row | ({"purpose": "gold", "gold": SYSTEMS[0]} if gold else {}))
    return "".join(json.dumps(row) + "\n" for row in rows)


class Member:
    """One browser on the study page: speaks HTTP as the page's own script does, and keeps all that it is sent."""

    def __init__(self, site: Site, token: str = "", key: str = "") -> None:
        self.token, self.upload_pass = token, ""
        self.base, self.session = f"{site.url}/study/", secrets.token_hex(8)
        self.page = self._ask("config")
        config = json.loads(self.page)
        self.calls = {one["api_name"]: one for one in config["dependencies"]}
        self.kept = {one["id"]: 0 for one in config["components"] if one["props"].get("elem_id") in ("shown", "seen")}
        self.given = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "upload-pass")
        self.states = {one["id"] for one in config["components"] if one["type"] == "state"}
        self.seen: list[str] = []
        self.told = self.call("enter", token, key)

    def call(self, name: str, *values: Any) -> str:
        """What the server answers, as one text. The values of gr.State are the server's: none is sent."""
        left, call = iter(values), self.calls[name]
        data = [
            None if at in self.states else self.kept[at] if at in self.kept else next(left) for at in call["inputs"]
        ]
        asked = {"fn_index": call["id"], "session_hash": self.session, "data": data}
        answer = json.loads(self._ask("gradio_api/run/predict", json.dumps(asked).encode(), "application/json"))
        for at in self.kept.keys() & set(call["outputs"]):
            new = answer["data"][call["outputs"].index(at)]
            self.kept[at] = self.kept[at] if isinstance(new, dict) else new
        if self.given in call["outputs"]:
            new = answer["data"][call["outputs"].index(self.given)]
            self.upload_pass = new if isinstance(new, str) and new else self.upload_pass
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
        headers = {"Cookie": f"{COOKIE}={self.upload_pass}"} | ({"Content-Type": kind} if kind else {})
        request = urllib.request.Request(self.base + path, body, headers)
        with urllib.request.urlopen(request) as answer:
            return str(answer.read().decode())

    def replies(self) -> list[tuple[int, int]]:
        """(rank of the system, number of the context) of the replies that are shown, in the order of the screen."""
        return [(int(rank), int(number)) for rank, number in re.findall(r"Reply (\d) to (\d+)", self.told)]

    def judge(self, value: str) -> None:
        """Answer every question with `value`, and hand the item in."""
        self.call("submit", "", *answers(value))


def answers(*values: str) -> list[str | None]:
    """What the page's radio groups hold; one value is for all questions."""
    given = list(values) * (len(CRITERIA) if len(values) == 1 else 1)
    return [*given, *[None] * (MAX_QUESTIONS - len(given))]


def careful(replies: list[tuple[int, int]]) -> str:
    first, second = (liked(number, rank) for rank, number in replies)
    return "a" if first < second else "b"


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
    careless = re.findall(r"<strong>(r\d)</strong>", lead.told)[-1]
    choices = [careful] * (RATERS - 1) + [lambda replies: "a"]
    with ThreadPoolExecutor(RATERS) as at_once:
        handed_in = list(at_once.map(lambda token, choose: work(Member(site, token), choose), tokens, choices))
    assert all(CONTEXTS + GOLD <= items <= CONTEXTS + GOLD + 3 for items in handed_in)  # 3 duplicates, if in time
    overview = lead.call("overview")
    assert f">{CONTEXTS * RATERS} of {CONTEXTS * RATERS}</td>" in overview
    # "fast" compares raters by the clock, which says nothing here. Whether gold is met by luck depends on the draw.
    flags = [pair for pair in re.findall(r"<li><strong>(r\d)</strong> · ([^<]+)", overview) if "fast" not in pair[1]]
    assert {name for name, _ in flags} == {careless}
    assert any("one side" in flag for _, flag in flags)
    results = lead.call("study_results", None)
    assert re.findall(r">(net-\w+)</th><td[^>]*>Overall</td><td[^>]*>-?\d", results) == list(SYSTEMS)
    entropy, decoy = (relation(results, name) for name in ("strategy entropy", "COMET attention on reactions"))
    assert entropy[1] < entropy[2] < 0, entropy  # peaked mixtures win, whatever the careless rater drew
    assert abs(decoy[0]) < abs(entropy[0]) / 2
    files = re.findall(r"download=\W*planted-([\w.]+)", lead.call("export", "csv"))
    assert files == ["ballots.csv", "gold.csv", "features.csv", "tables.md", "tables.tex"]
    review(Member(site, links(lead.call("invite", "reviewer", 1))[0]))
    assert "Closed: nothing changes" in lead.call("close")
    assert f"The study is closed. You handed in {handed_in[0]} items" in Member(site, tokens[0]).told


def relation(results: str, feature: str) -> tuple[float, float, float]:
    """Rank correlation of a feature with the votes on Overall, and its interval."""
    number = r"(-?\d\.\d\d)"
    found = re.search(
        rf"{feature}[^<]*</th><td[^>]*>Overall</td><td[^>]*>{number} \({number}(?:-| to ){number}\)", results
    )
    assert found is not None
    value, low, high = map(float, found.groups())
    return value, low, high


def work(rater: Member, choose: Callable[[list[tuple[int, int]]], str]) -> int:
    """A rater from the link to the end, and the items handed in; nothing names a system, a strategy or a gold item.

    Traces are in the store by then: they hold names, checkpoints and strategies, and reach nobody here.
    """
    assert "We keep your answers." in rater.told
    assert "tick the box" in rater.call("agree", False)
    rater.call("agree", True)
    rater.call("begin")
    items = 0
    while replies := rater.replies():
        rater.judge(choose(replies))
        items += 1
    assert "no more items" in rater.told
    told = "".join(rater.seen)
    hidden = (*SYSTEMS, "fake-1", "sha-", "xReact", "Question\\", "gold", "main-")
    assert [secret for secret in hidden if secret in told] == []
    assert [secret for secret in (*SYSTEMS, "fake-1") if secret in rater.page] == []
    return items


def review(reviewer: Member) -> None:
    """One item: no votes before the own verdict, no name at any time."""
    reviewer.call("agree", True)
    reviewer.call("begin")
    assert "How the raters voted" not in reviewer.told
    given = answers(careful(reviewer.replies()))
    assert "How the raters voted" in reviewer.call("verdict", *given)
    assert "give the cause" in reviewer.call("decide", "discard", None, *given)
    assert "Decided: confirm" in reviewer.call("decide", "confirm", None, *given)
    assert [secret for secret in (*SYSTEMS, "r6", "sha-") if secret in "".join(reviewer.seen)] == []
