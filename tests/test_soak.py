"""The soak command: it ends by itself, says that a good app holds, and finds what a faulty one loses or doubles."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from escdemo.chat import talks
from escdemo.look import render
from escdemo.soak.__main__ import main, parse
from escdemo.soak.crowd import Soak, soak
from escdemo.soak.ledger import TalkLedger, Tally
from escdemo.soak.panels import Bubble, Exchange, problem_in, read_panel
from escdemo.soak.report import report, warm
from escdemo.soak.running_app import Sample
from escdemo.soak.seeker import WAYS, Plan
from models.data.dialogue import Dialogue
from models.serving.responder import OnText
from models.serving.trace import DecodeOptions, Reply
from tests.api_server import running_api
from tests.fakes import EchoResponder
from tests.running import running

HOUR_S = 3600.0
"""never reached: seekers end by their messages"""
ROUND = len(WAYS)
"""messages in which a seeker does everything that seekers do"""


def tried(folder: Path, seekers: int = 2, messages: int = ROUND, patience_s: float = HOUR_S, **nets: Any) -> Soak:
    """A site with fake nets after seekers have talked to it."""
    loaded = {name: EchoResponder(name, delay_s=0.002) for name in ("joint", "misc")} | nets
    with running(f"sqlite:///{folder / 'site.db'}", loaded) as site:
        return asyncio.run(soak(site.url, seekers, Plan(HOUR_S, messages, patience_s)))


def test_an_app_that_holds_is_said_to(tmp_path: Path) -> None:
    found = tried(tmp_path, messages=ROUND + 1)  # the last one in a second talk
    tally = found.tally
    assert (tally.turns, tally.received) == (2 * (ROUND + 1), 4 * (ROUND + 1))
    assert (tally.late, tally.lost, tally.doubled, tally.strange, tally.excused) == (0, 0, 0, 0, 0)
    assert tally.done.keys() == set(WAYS)
    assert tally.bad == {}
    assert tally.refused == {}
    assert tally.holds
    assert "held: nothing late, lost or doubled" in report(found)


def test_the_command_starts_an_app_and_measures_it(capsys: pytest.CaptureFixture[str]) -> None:
    with running_api({name: EchoResponder(name) for name in ("joint", "misc")}) as api:
        flags = ["--nets", "joint,misc", "--backend", api.url]
        assert main(["--seekers", "2", "--messages", "3", "--minutes", "60", "--", *flags]) == 0
    told = capsys.readouterr().out
    assert "turns asked                   6" in told
    assert "memory of the app      start " in told
    assert "open files of the app  start " in told


def test_without_an_app_it_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--", "--nets", "joint"]) == 2
    told = capfd.readouterr().err
    assert "at least two different names" in told
    assert "error: app.py --nets joint ended with status 2" in told
    with running_api({"joint": EchoResponder("joint")}) as api:
        assert main(["--url", api.url.removesuffix("/v1")]) == 2
    assert "error: /config: status 404" in capfd.readouterr().err


@pytest.mark.parametrize(
    "flags", [["--seekers", "0"], ["--minutes", "nan"], ["--url", "http://x", "--", "--nets", "a"]]
)
def test_flags_that_cannot_work_are_refused(flags: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(flags)


def forgets_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """The app says that it took the third message, and has not."""
    store, numbers = talks.add_post, itertools.count()

    def lossy(**wanted: Any) -> Any:
        return None if next(numbers) == 2 else store(**wanted)

    monkeypatch.setattr(talks, "add_post", lossy)


def forgets_a_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that was there is not drawn any more once the talk has three messages."""
    draw = render.panel

    def lossy(side: int, name: str, exchanges: Any) -> str:
        if side == 1 and len(exchanges) > 2:
            waits = replace(exchanges[0].replies[1], state="waiting", text="")
            first = replace(exchanges[0], replies=(exchanges[0].replies[0], waits))
            exchanges = (first, *exchanges[1:])
        return draw(side, name, exchanges)

    monkeypatch.setattr(render, "panel", lossy)


def stores_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent twice is stored twice."""
    store, numbers = talks.add_post, itertools.count()
    monkeypatch.setattr(talks, "add_post", lambda **wanted: store(**wanted | {"key": str(next(numbers))}))


def answers_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reply stands there than before."""
    draw = render.panel

    def doubling(side: int, name: str, exchanges: Any) -> str:
        if side == 0 and len(exchanges) > 2:
            other = replace(exchanges[0].replies[0], text="Something else.")
            exchanges = (replace(exchanges[0], replies=(other, exchanges[0].replies[1])), *exchanges[1:])
        return draw(side, name, exchanges)

    monkeypatch.setattr(render, "panel", doubling)


@pytest.mark.parametrize(
    ("fault", "lost", "doubled"),
    [(forgets_a_message, 1, 0), (forgets_a_reply, 1, 0), (stores_again, 0, 1), (answers_twice, 0, 1)],
)
def test_what_an_app_loses_or_doubles_is_found(
    fault: Callable[[pytest.MonkeyPatch], None],
    lost: int,
    doubled: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault(monkeypatch)
    found = tried(tmp_path, seekers=1, patience_s=5.0)
    assert (found.tally.lost > 0, found.tally.doubled > 0) == (bool(lost), bool(doubled))
    assert not found.tally.holds
    assert "DID NOT HOLD" in report(found)


class FailsOnce(EchoResponder):
    """Breaks at the first reply it is asked for."""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        numbers = vars(self).setdefault("numbers", itertools.count())
        if next(numbers) == 0:
            raise RuntimeError("on purpose")
        return super().respond(dialogue, options, seed, on_text)


def test_a_reply_that_failed_is_asked_for_again(tmp_path: Path) -> None:
    tally = tried(tmp_path, seekers=1, messages=1, misc=FailsOnce("misc")).tally
    assert (tally.turns, tally.received, tally.excused, tally.lost) == (1, 2, 0, 0)


def talk(*replies: tuple[str, str]) -> dict[str, tuple[Exchange, ...]]:
    """One message on both sides, with these replies below it."""
    return dict.fromkeys("ab", (Exchange("Hello.", tuple(Bubble(*one) for one in replies)),))


def judged(*looks: dict[str, tuple[Exchange, ...]] | None) -> tuple[int, int, int, int, int]:
    """(received, excused, late, lost, doubled) of a talk that was looked at so; the last look closes it."""
    ledger, tally = TalkLedger(), Tally()
    ledger.took("Hello.")
    for shown in looks[:-1]:
        assert shown is not None
        ledger.look(shown)
    ledger.close(looks[-1], tally)
    return tally.received, tally.excused, tally.late, tally.lost, tally.doubled


def test_what_the_ledger_says() -> None:
    done, other = talk(("done", "Hi.")), talk(("done", "Yes?"))
    assert judged(talk(("writing", "H")), done) == (2, 0, 0, 0, 0)
    assert judged(talk(("failed", "")), done) == (2, 0, 0, 0, 0)
    assert judged(talk(("stopped", ""))) == (0, 2, 0, 0, 0)
    assert judged(talk(("waiting", ""))) == (0, 0, 2, 0, 0)
    assert judged(done, talk(("waiting", ""))) == (0, 0, 0, 2, 0)
    assert judged(None) == (0, 0, 0, 2, 0)
    assert judged(done, dict.fromkeys("ab", ())) == (0, 0, 0, 2, 0)
    assert judged(done, talk(("failed", ""))) == (0, 0, 0, 2, 0)
    assert judged(done, other) == (2, 0, 0, 0, 2)
    assert judged(talk(("done", "Hi."), ("done", "Hi."))) == (2, 0, 0, 0, 2)
    assert judged(talk(("done", "Hi."), ("waiting", ""))) == (2, 0, 0, 0, 2)
    assert judged(dict.fromkeys("ab", done["a"] * 2)) == (2, 0, 0, 0, 2)


def test_a_message_of_somebody_else_is_found() -> None:
    ledger, tally = TalkLedger(), Tally()
    ledger.close(talk(("done", "Hi.")), tally)
    assert tally.strange == 1
    assert not tally.holds


def test_nothing_said_is_no_proof() -> None:
    assert not Tally().holds


def test_panels_are_read_as_they_are_drawn() -> None:
    replies = render.ReplyShown("done", 'He said "<hm>".', "Question", turn=0), render.ReplyShown("waiting", ahead=3)
    drawn = render.panel(0, "misc", [render.Exchange("I & you", replies)] * 2)
    assert read_panel(drawn) == (Exchange("I & you", (Bubble("done", 'He said "<hm>".'),)),) * 2
    assert read_panel(render.panel(1, "joint", [render.Exchange("a", replies)])) == (
        Exchange("a", (Bubble("waiting", ""),)),
    )
    assert read_panel(render.panel(0, "misc", [])) == ()
    assert problem_in(render.notice("No & no.", "problem")) == "No & no."
    assert problem_in(render.notice("Yes.")) is None


def test_the_app_is_warm_after_a_quarter_of_the_time() -> None:
    samples = [Sample(float(at), 100.0 + at, 10) for at in range(9)]
    assert warm(samples).at_s == 2.0
    told = report(Soak(1, 8.0, Tally(waits_s=[1.0, 3.0]), tuple(samples)))
    assert "memory of the app      start 100 MiB, warm 102 MiB, end 108 MiB" in told
    assert "p50 2.00 s" in told
