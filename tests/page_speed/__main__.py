"""How long the page takes to answer a visitor, in a real browser: `python -m tests.page_speed`.

With what must stay smooth: maps of 2,000 points, a talk of 200 messages, replies that read 60 pieces of commonsense.
Each interaction is timed from the event to the frame that shows it, ten times; one of under 200 ms feels immediate.
The next begins when the page is at rest: a visitor looks before going on, and Plotly draws on for a while after the
figures are there. The fake nets answer at once, so what is measured is the page.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from annotation.store.database import open_sessions
from annotation.store.schema import Encounter
from annotation.talks.conversation import add_post, missing_replies, save_reply
from escdemo.replies import request_of
from models.analysis.map_file import map_path, write_map
from models.data.dialogue import Dialogue
from models.serving.responder import OnText
from models.serving.trace import CometBlock, DecodeOptions, Reply
from tests.browser import ADVICE, FLAGS, find_chromium
from tests.fakes import RELATIONS, TAILS, EchoResponder, distribution
from tests.maps import made_up_map
from tests.running import running
from tests.visitor import OWN

if TYPE_CHECKING:
    from playwright.sync_api import Page

SOURCES = ("situation", "post")
POINTS, MESSAGES, BLOCKS, TIMES = 2_000, 200, 60, 10
SMOOTH_MS = 200.0

TIMED = """async ([count, act, done]) => {
  const frame = () => new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  const rest = () => new Promise((resting) => requestIdleCallback(resting));
  const [doing, ready] = [new Function('at', act), new Function('at', `return ${done}`)];
  const times = [];
  for (let at = 0; at < count; at++) {
    do await frame(); while (document.querySelector('[aria-busy=true]'));
    await rest();
    const start = performance.now();
    await doing(at);
    do await frame(); while (!ready(at));
    times.push(performance.now() - start);
  }
  return times;
}"""
POINT = "dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))"
INTERACTIONS = {
    "a letter in the box below the talk": (
        "chat",
        "const box = document.querySelector('#post textarea'); box.value += 'x';"
        " box.dispatchEvent(new Event('input', { bubbles: true }))",
        "true",
    ),
    "words light up commonsense": (
        "inside",
        f"document.querySelectorAll('#inside-a .esc-word')[at].{POINT}",
        "document.querySelectorAll('#inside-a .esc-word')[at].classList.contains('esc-on')",
    ),
    "commonsense lights up words": (
        "inside",
        f"document.querySelectorAll('#inside-b .esc-block')[at].{POINT}",
        "document.querySelectorAll('#inside-b .esc-block')[at].classList.contains('esc-on')",
    ),
    "another message is looked into": (
        "inside",
        "document.querySelectorAll('#inside-messages .esc-turn')[3 * at].click()",
        "document.querySelector('#inside-post').textContent.includes(`Message ${3 * at}:`)",
    ),
    "and its figures are drawn": (
        "inside",
        "document.querySelectorAll('#inside-messages .esc-turn')[3 * at + 1].click()",
        "document.querySelector('#inside-post').textContent.includes(`Message ${3 * at + 1}:`)"
        " && !document.querySelector('#inside[aria-busy=true]')",
    ),
    "and those in view are drawn": (
        "inside",
        "document.querySelector('#why-mixture-a').scrollIntoView();"
        " document.querySelectorAll('#inside-messages .esc-turn')[3 * at + 2].click()",
        "document.querySelector('#inside-post').textContent.includes(`Message ${3 * at + 2}:`)"
        " && !document.querySelector('#inside[aria-busy=true]')",
    ),
    "turns are marked on both maps": (
        "map",
        "return window.escMapMark(['Question', 'Information', 'Others'][at % 3])",
        "true",
    ),
}
"""what is done -> the tab, what does it for the `at`-th time, and when it shows"""


@dataclass(frozen=True)
class ManyBlocks(EchoResponder):
    """Replies that read 60 pieces of commonsense."""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """As an `EchoResponder`, with more blocks."""
        reply = super().respond(dialogue, options, seed, on_text)
        rng, tokens = random.Random(seed), len(reply.trace.tokens)
        half = BLOCKS // len(SOURCES)
        blocks = []
        for source in SOURCES:
            rows = list(zip(*(distribution(half, rng) for _ in range(tokens)), strict=True))
            for at, row in enumerate(rows):
                tail = f"{TAILS[at % len(TAILS)]} ({at})"
                blocks.append(CometBlock(source, RELATIONS[at % len(RELATIONS)], tail, sum(row) / tokens, row))
        return replace(reply, trace=replace(reply.trace, blocks=tuple(blocks)))


def main(words: Sequence[str] | None = None) -> int:
    """Print the times; 1 when the median of any is above SMOOTH_MS, 2 without a browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.page_speed", description="How long the page takes to answer")
    parser.add_argument("--only", nargs="+", choices=INTERACTIONS, default=list(INTERACTIONS), metavar="INTERACTION")
    names = parser.parse_args(words).only
    path = find_chromium()
    if path is None:
        print(ADVICE, file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    nets = {name: ManyBlocks(name, f"sha-{name}") for name in ("joint", "misc")}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        for name in nets:
            write_map(made_up_map(name, count=POINTS), map_path(Path(folder) / "maps", name))
        url = f"sqlite:///{folder}/site.db"
        with running(url, nets, maps=f"{folder}/maps") as site:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.set_default_timeout(600_000)
            page.goto(site.url)
            _talk(page, url, nets)
            slow = [_print(what, _times(page, *INTERACTIONS[what])) for what in names]
            browser.close()
    return int(any(slow))


def _talk(page: Page, url: str, nets: Mapping[str, EchoResponder]) -> None:
    """A talk of MESSAGES messages: begun in the browser, continued in the store."""
    page.locator("#start").click()
    page.get_by_label("I have read this").check()
    page.locator("#consent-go").click()
    page.locator("#post textarea").wait_for()
    sessions = open_sessions(url)
    with sessions.begin() as session:
        talk, visitor = session.execute(select(Encounter.id, Encounter.visitor)).one()
    for at in range(MESSAGES):
        with sessions.begin() as session:
            post = f"Message {at}: {OWN[1]}"
            add_post(session=session, encounter_id=talk, visitor=visitor, text=post, key=str(at))
            for task in missing_replies(session=session, encounter_id=talk):
                wanted = request_of(task, DecodeOptions())
                reply = nets[task.system].respond(wanted.dialogue, wanted.options, wanted.seed)
                save_reply(session=session, slot=task.slot, reply=reply.to_dict())
    sessions.kw["bind"].dispose()
    page.reload()
    page.locator("#side-b .esc-done").nth(MESSAGES - 1).wait_for(state="attached")


def _times(page: Page, tab: str, act: str, done: str) -> list[float]:
    """Milliseconds of each time."""
    page.get_by_role("tab", name={"chat": "Chat", "inside": "Look inside", "map": "Map"}[tab], exact=True).click()
    ready = {"chat": "#post textarea", "inside": "#inside-b .esc-block", "map": "#map-plot-b .js-plotly-plot .nsewdrag"}
    page.locator(ready[tab]).first.wait_for()
    found: list[float] = page.evaluate(TIMED, [TIMES, act, done])
    return found


def _print(what: str, times: Sequence[float]) -> bool:
    middle = statistics.median(times)
    print(f"{what:36} median {middle:6.0f} ms, slowest {max(times):6.0f} ms", flush=True)
    return middle > SMOOTH_MS


if __name__ == "__main__":
    sys.exit(main())
