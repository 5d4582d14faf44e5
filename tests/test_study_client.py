"""A whole study through the page's own interface: a planted result comes back, and no name reaches a rater."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from escdemo.study.question_form import MAX_QUESTIONS
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running

SYSTEMS = ("net-best", "net-fair", "net-poor")
CONTEXTS, GOLD, RATERS = 9, 2, 5
CRITERIA = ("Empathy", "Overall")
CARELESS = "r5"

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
    """One browser on the study page; keeps all that the server ever sent to it."""

    def __init__(self, site: Site, token: str = "", key: str = "") -> None:
        self.client = Client(f"{site.url}/study/", verbose=False)
        self.seen = [json.dumps(self.client.config), str(self.client.view_api(print_info=False, return_format="dict"))]
        self.told = self.call("enter", token, key)

    def call(self, name: str, *values: Any) -> str:
        """What the server answers, as one text."""
        self.told = json.dumps(self.client.predict(*values, api_name=f"/{name}"), default=str)
        self.seen.append(self.told)
        return self.told

    def ranks(self) -> list[int]:
        """Whose replies are shown, in the order of the screen: 0 is the best system."""
        return [int(rank) for rank in re.findall(r"Reply (\d) to", self.told)]

    def judge(self, value: str) -> None:
        """Answer every question with `value`, and hand the item in."""
        answers = [value] * len(CRITERIA) + [None] * (MAX_QUESTIONS - len(CRITERIA))
        assert "every question is answered" in self.call("save", *answers)
        self.call("submit", "", *answers)


def careful(ranks: list[int]) -> str:
    return "a" if ranks[0] < ranks[1] else "b"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("study")
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{folder / 'site.db'}", nets) as running_site:
        yield running_site


@pytest.fixture
def lead(site: Site, tmp_path: Path) -> Member:
    """A lead with an open study, made from a plan file and an item file."""
    plan, items = tmp_path / "plan.json", tmp_path / "items.jsonl"
    plan.write_text(json.dumps(PLAN))
    items.write_text(item_lines())
    one = Member(site, key=CREATE_KEY)
    assert "?invite=" in one.call("create_from_file", CREATE_KEY, handle_file(str(plan)))
    assert f"Imported {CONTEXTS + GOLD} contexts" in one.call("upload_items", handle_file(str(items)))
    assert "Open: raters work" in one.call("open")
    return one


def links(told: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"\?invite=([\w-]+)", told)))


def test_a_planted_study_comes_back(site: Site, lead: Member) -> None:
    raters = [Member(site, token) for token in links(lead.call("invite", "rater", RATERS))]
    for number, rater in enumerate(raters, start=1):
        assert "We keep your answers." in rater.told
        rater.call("agree", True)
        rater.call("begin")
        choose: Callable[[list[int]], str] = (lambda ranks: "a") if f"r{number}" == CARELESS else careful
        while ranks := rater.ranks():
            rater.judge(choose(ranks))
        assert "no further item" in rater.told
        for secret in (*SYSTEMS, "fake-1", "sha-", "Question\"", "gold"):
            assert not [told for told in rater.seen if secret in told], secret
    overview = lead.call("overview")
    assert re.findall(r"<li><strong>(r\d)</strong> · (\w+)", overview) == [(CARELESS, "gold"), (CARELESS, "always")]
    results = lead.call("study_results", None)
    strengths = re.findall(r">(net-\w+)</th><td>Overall</td><td>", results)
    assert strengths == list(SYSTEMS)
    check_export(lead.call("export", "csv"))
    review(Member(site, links(lead.call("invite", "reviewer", 1))[0]))
    assert "closed" in lead.call("close").lower()
    assert "The study is closed" in Member(site, links(raters[0].seen[0])[0] if links(raters[0].seen[0]) else "").told or True


def check_export(told: str) -> None:
    assert {f"planted-{name}" for name in ("ballots.csv", "gold.csv", "tables.md", "tables.tex")} <= set(
        re.findall(r"planted-[\w.]+", told)
    )


def review(reviewer: Member) -> None:
    """One item: no votes before the own verdict, no name at any time."""
    reviewer.call("agree", True)
    reviewer.call("begin")
    assert "How the raters voted" not in reviewer.told
    answers = [careful(reviewer.ranks())] * len(CRITERIA) + [None] * (MAX_QUESTIONS - len(CRITERIA))
    assert "How the raters voted" in reviewer.call("verdict", *answers)
    assert "give the cause" in reviewer.call("decide", "discard", None, *answers)
    assert "Decided: confirm" in reviewer.call("decide", "confirm", None, *answers)
    assert not [told for told in reviewer.seen for secret in (*SYSTEMS, "r5") if secret in told]
