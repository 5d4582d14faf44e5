"""Live items through the page's own interface: the whole way of a rater, and every byte that the server sends."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from escdemo import texts
from models.data.strategies import STRATEGIES
from models.serving.job import ServiceBusy
from models.serving.service import GenerationService
from tests.fakes import EchoResponder, FailingResponder
from tests.running import CREATE_KEY, Site, running
from tests.test_study_client import Member, answers, links

SYSTEMS = ("net-left", "net-right")
PLAN = {
    "name": "talks",
    "kind": "live",
    "systems": list(SYSTEMS),
    "raters": 2,
    "raters_per_item": 1,
    "min_turns": 2,
    "min_seconds": 0,
    "turn_preference": "preferred",
    "review_share": 1.0,
    "seed": 3,
    "rubric": {
        "name": "two",
        "criteria": [{"name": name, "question": f"Which has more {name}?"} for name in ("Empathy", "Overall")],
    },
}
SECRETS = (*SYSTEMS, "sha-net", "Question\\", "COMET", *(name for name in STRATEGIES if " " in name))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("live")
    nets = {name: EchoResponder(name, f"sha-{name}") for name in SYSTEMS}
    with running(f"sqlite:///{folder / 'site.db'}", nets) as running_site:
        yield running_site


def make_study(site: Site, cards: tuple[list[str], list[str]], **changes: object) -> Member:
    """A lead whose live study is open."""
    lead = Member(site, key=CREATE_KEY)
    assert "?invite=" in lead.call("create_from_file", lead.send_file("plan.json", json.dumps(PLAN | changes)))
    assert "role cards" in lead.call("add_cards", *cards)
    lead.call("open")
    return lead


def invited(site: Site, lead: Member, role: str = "rater") -> Member:
    """A member at the first item."""
    member = Member(site, links(lead.call("invite", role, 1))[0])
    member.call("agree", True)
    member.call("begin")
    return member


def until(member: Member, text: str, call: Callable[[], str]) -> str:
    """Ask until the server tells `text`."""
    deadline = time.monotonic() + 60
    while text not in (told := call()):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def say(rater: Member, text: str) -> str:
    """Send a message, and look on until both replies are there."""
    rater.call("send", text)
    return until(rater, "You said", lambda: rater.call("look_on"))


def test_a_live_item_from_the_card_to_the_hand_in(site: Site) -> None:
    lead = make_study(site, ([], ["grey-winter", "retired-captain"]))
    assert "Open: raters work" in lead.told
    rater = invited(site, lead)
    assert "Who you play" in rater.told
    assert "computer programs" in "".join(rater.seen)
    assert "1 to 5; then the talk begins" in rater.call("talk", None)
    assert "still empty" in (rater.call("talk", 4), rater.call("send", " "))[1]
    told = say(rater, "I feel alone tonight.")
    assert "Which of the two replies is better?" in told
    assert "messages left: 1" in told
    assert "First say which of the two" in rater.call("send", "And now?")
    assert "more answered message" in rater.call("end_talk")
    rater.call("prefer", "a")
    again = Member(site, rater.token)  # a reload, or another machine: the same talk
    assert "I feel alone tonight." in again.told
    told = say(again, "What shall I do?")
    assert "the talk continued from here" in told
    assert "better one, for both" in told
    again.call("star_b", 5)
    again.call("prefer", "tie")
    assert "Talk with the two supporters first" in again.call("submit", "", *answers("a"))
    assert "Intensity now" in again.call("end_talk")
    assert "Please answer Intensity now" in again.call("submit", "", *answers("a"))
    assert "Every question is answered" in again.call("keep_after", 2)
    assert "Item 2" in again.call("submit", "because", *answers("a"))
    seen = "".join([*rater.seen, *again.seen])
    assert [secret for secret in SECRETS if secret in seen] == []
    assert [name for name in SYSTEMS if name in rater.page] == []
    results = lead.call("study_results", None)
    for title in ("Preferred replies, turn by turn", "Helpfulness", "Intensity of the emotion"):
        assert title in results
    assert "Preferred turns" in results
    files = re.findall(r"download=\W*talks-([\w.]+)", lead.call("export", "csv"))
    assert files == [
        "ballots.csv",
        "talks.csv",
        "preferences.csv",
        "stars.csv",
        "features.csv",
        "tables.md",
        "tables.tex",
    ]
    reviewer = invited(site, lead, "reviewer")
    assert "The talk with each supporter" in reviewer.told
    assert "I feel alone tonight." in reviewer.told
    assert [secret for secret in SECRETS if secret in "".join(reviewer.seen)] == []


def test_a_system_that_this_server_does_not_run_is_refused_by_name(site: Site) -> None:
    lead = Member(site, key=CREATE_KEY)
    plan = PLAN | {"name": "far away", "systems": ["net-left", "elsewhere"]}
    lead.call("create_from_file", lead.send_file("plan.json", json.dumps(plan)))
    assert "This server does not run elsewhere" in lead.told
    assert "--nets elsewhere,net-left" in lead.told
    assert "?invite=" not in lead.told


def test_stop_and_retry(tmp_path: Path) -> None:
    nets = {"net-left": EchoResponder("net-left"), "net-right": FailingResponder("net-right")}
    with running(f"sqlite:///{tmp_path / 'site.db'}", nets) as site:
        rater = invited(site, make_study(site, ([], ["grey-winter"])))
        rater.call("talk", 3)
        rater.call("send", "Hello there.")
        told = until(rater, "No reply came", lambda: rater.call("look_on"))
        assert told.count("No reply came") >= 2  # both alike, though only one broke
        assert "You said" not in told
        assert "reply to your last message is missing" in rater.call("send", "Are you there?")
        rater.call("retry")
        until(rater, "No reply came", lambda: rater.call("look_on"))
        assert [secret for secret in (*SECRETS, "broke on purpose") if secret in "".join(rater.seen)] == []
    nets = {name: EchoResponder(name, delay_s=0.5) for name in SYSTEMS}
    with running(f"sqlite:///{tmp_path / 'slow.db'}", nets) as site:
        rater = invited(site, make_study(site, ([], ["grey-winter"])))
        rater.call("talk", 3)
        assert "both replies appear together" in rater.call("send", "Hello there.")
        rater.call("stop")
        until(rater, "No reply came", lambda: rater.call("look_on"))


def test_a_full_server_says_so_as_often_as_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a message nor a retry that has no room is lost without a word, and the retry after that works."""

    def full(*_: object) -> None:
        raise ServiceBusy("no room")

    with running(f"sqlite:///{tmp_path / 'site.db'}", {name: EchoResponder(name) for name in SYSTEMS}) as site:
        rater = invited(site, make_study(site, ([], ["grey-winter"])))
        rater.call("talk", 3)
        with monkeypatch.context() as busy:
            busy.setattr(GenerationService, "submit_together", full)
            for ask in (("send", "Hello there."), ("retry",), ("retry",)):
                assert texts.BUSY in rater.call(*ask)
        assert texts.BUSY not in rater.call("retry")
        until(rater, "You said", lambda: rater.call("look_on"))


def test_a_reply_lost_with_the_server_is_made_when_the_rater_comes_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    with running(url, {name: EchoResponder(name, delay_s=5) for name in SYSTEMS}) as site:
        rater = invited(site, make_study(site, ([], ["grey-winter"])))
        rater.call("talk", 3)
        rater.call("send", "Hello there.")
    with running(url, {name: EchoResponder(name) for name in SYSTEMS}) as site:
        again = Member(site, rater.token)
        assert "Hello there." in again.told
        until(again, "You said", lambda: again.call("look_on"))


class Elsewhere(EchoResponder):
    sends_to = "api.example.org"


def test_a_rater_is_asked_again_when_talks_go_to_another_server(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'site.db'}"
    with running(url, {name: EchoResponder(name) for name in SYSTEMS}) as site:
        rater = invited(site, make_study(site, ([], ["grey-winter"])))
        rater.call("talk", 3)
        say(rater, "Hello there.")
    with running(url, {name: Elsewhere(name) for name in SYSTEMS}) as site:
        again = Member(site, rater.token)
        assert "You agreed before" in again.told
        assert "api.example.org" in again.told
        again.call("begin")  # without consent
        assert "other servers than those you agreed to" in again.call("send", "And now?")
        again.call("agree", True)
        again.call("begin")
        assert "You said" in say(again, "And now?")
        assert "You agreed before" not in Member(site, rater.token).told
    with running(url, {name: EchoResponder(name) for name in SYSTEMS}) as site:
        assert "is sent anywhere else" in Member(site, rater.token).told
