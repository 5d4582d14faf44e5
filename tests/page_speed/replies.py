"""How long a visitor waits for the replies of real nets, in a real browser: `python -m tests.page_speed.replies`.

The app is started with its default settings (flags for it follow `--`) on a database that is gone afterwards. One
visitor at a time tells the story of the simulated seekers, each talk in other words so that nothing is known before.
Timed on the page, from the click that sends: the first words of either net, and both whole replies. Then "What if?" is
asked for another strategy: its first words. The first talk only warms up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from escdemo.soak.running_app import running_app
from escdemo.soak.seeker import POSTS, STORY
from tests.browser import ADVICE, FLAGS, find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIRST, BOTH, WHAT_IF = "first words of a reply", "both replies", "first words of What if"
REPLY = "document.querySelectorAll('#side-{letter} .esc-supporter')[at]"
STARTED = " || ".join(REPLY.format(letter=letter) + "?.querySelector('bdi')" for letter in "ab")
ENDED = " && ".join(REPLY.format(letter=letter) + "?.matches('.esc-done, .esc-replaced')" for letter in "ab")
TIMED = """([at, act, ...signs]) => new Promise((told) => {
  const ready = signs.map((sign) => new Function('at', `return Boolean(${sign})`));
  const times = [];
  const look = () => {
    while (times.length < ready.length && ready[times.length](at)) times.push(performance.now() - start);
    times.length < ready.length ? requestAnimationFrame(look) : told(times);
  };
  const start = performance.now();
  new Function(act)();
  look();
})"""
SEND = "document.querySelector('#send').click()"
RUN = "document.querySelector('#what-if-b .esc-run').click()"


def main(words: Sequence[str] | None = None) -> int:
    """Print medians; 2 without a browser."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.page_speed.replies", description="How long a visitor waits for replies of real nets"
    )
    parser.add_argument("--talks", type=int, default=3, help="talks after the one that warms up")
    counts = range(1, len(POSTS) + 1)
    parser.add_argument("--messages", type=int, default=6, choices=counts, help="messages of a talk")
    parser.add_argument("app", nargs="*", metavar="-- FLAG", help="flags of app.py")
    args = parser.parse_args(words)
    path = find_chromium()
    if path is None:
        print(ADVICE, file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    times = defaultdict[str, list[float]](list)
    with running_app(args.app) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        for number in range(args.talks + 1):
            week = f"This is week {number + 1}."
            situation, posts = f"{STORY[1]} {week}", [f"{post} {week}" for post in POSTS[: args.messages]]
            page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
            page.set_default_timeout(600_000)
            page.goto(address)
            found = _talk(page, situation, posts)
            page.context.close()
            for what, each in found.items() if number else ():
                times[what] += each
        browser.close()
    for what, each in times.items():
        print(
            f"{what:24} median {statistics.median(each):5.2f} s, slowest {max(each):5.2f} s, of {len(each)}",
            flush=True,
        )
    print(f"load {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores")
    return 0


def _talk(page: Page, situation: str, posts: Sequence[str]) -> dict[str, list[float]]:
    """Seconds of each message of a talk, and of one change of its last reply."""
    page.get_by_role("button", name="write your own situation").click()
    own = page.get_by_label("Situation, in the seeker's own words")
    while not page.locator("#card").get_by_text(situation).is_visible():  # a script may be early
        own.fill(situation)
        own.blur()
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Play this person").click()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Agree and start").click()
    box = page.locator("#post textarea")
    found = defaultdict[str, list[float]](list)
    for at, post in enumerate(posts):
        box.fill(post)
        page.locator("#send:not([disabled])").wait_for()
        first, both = page.evaluate(TIMED, [at, SEND, STARTED, ENDED])
        found[FIRST].append(first / 1000)
        found[BOTH].append(both / 1000)
        page.locator("#finish:not([disabled])").wait_for()
    page.locator("#side-b .esc-why").last.click()
    page.locator("#what-if-b .esc-whatif > summary").click()
    choice = page.locator("#what-if-b select[name=strategy]")
    choice.select_option("Providing Suggestions")
    (took,) = page.evaluate(TIMED, [0, RUN, "document.querySelector('#what-if-result-b .esc-new :is(bdi, ins, h4)')"])
    found[WHAT_IF].append(took / 1000)
    return found


if __name__ == "__main__":
    sys.exit(main())
