"""A seeker in a real browser: the first screen, ways out and back, what stays in view, the transcript, a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route
from playwright.sync_api import TimeoutError as NotThere

from tests.running import Site, running
from tests.test_e2e import PHONE, Rater, nets

pytestmark = pytest.mark.e2e

POST = "I feel alone in the new town."

# How far the boxes reach out of the window, in pixels; 0 when all of them are in view.
OUTSIDE = """(selectors) => Math.max(...selectors.map((selector) => {
  const at = document.querySelector(selector).getBoundingClientRect();
  return Math.max(0, -at.top, at.bottom - innerHeight, -at.left, at.right - innerWidth);
}))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(f"sqlite:///{tmp_path_factory.mktemp('seeker') / 'site.db'}", nets()) as site:
        yield site


@pytest.fixture(autouse=True)
def closed_afterwards(browser: Browser) -> Iterator[None]:
    yield
    for context in browser.contexts:
        context.close()


def outside(page: Page, *selectors: str) -> float:
    return float(page.evaluate(OUTSIDE, list(selectors)))


def test_the_first_screen_shows_the_product_and_asks_consent_when_it_matters(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, {"width": 1366, "height": 768})
    page = rater.page
    page.locator("#start").wait_for()
    story = page.locator("#card bdi").inner_text()
    assert outside(page, "#card", "#start", "#card-draw", "#example-open") == 0
    assert page.locator(".esc-example .esc-supporter").count() == 6
    page.locator("#example-open").click()
    page.locator(".esc-example").wait_for(state="detached")
    page.locator("#start").click()
    page.locator("#consent-box").wait_for()
    page.locator("#steps button", has_text="Situation").click()
    page.locator("#start").wait_for()
    page.locator("#start").click()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Agree and start").click()
    rater.box.wait_for()
    assert page.locator("#situation-line bdi").inner_text() != ""
    assert rater.box.input_value() != ""
    assert story
    assert rater.problems == []


def go_to(page: Page, step: str, there: Locator) -> None:
    """Click a step above the talk; on a busy machine a click may meet steps that are drawn anew: once more then."""
    for _ in range(3):
        page.locator("#steps button", has_text=step).click()
        with suppress(NotThere):
            there.wait_for(timeout=20_000)
            return
    there.wait_for()


def test_a_talk_can_be_left_and_gone_back_to(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start().say(POST).answered()
    page = rater.page
    page.get_by_role("button", name="New talk").click()
    page.locator("#setup-note").get_by_text("Your talk is kept").wait_for()
    go_to(page, "Chat", rater.panel("a").get_by_text(POST).first)
    page.get_by_role("button", name="Finish and judge").click()
    page.get_by_role("button", name="Keep talking").click()
    rater.say("And now?").answered(2)
    rater.finish()
    go_to(page, "Situation", page.locator("#start"))
    go_to(page, "Judge", page.locator("#judge-save"))
    assert rater.problems == []


def held_back(page: Page, text: str) -> list[Route]:
    """The request that sends `text` waits in this list until it is let go."""
    held: list[Route] = []

    def look(route: Route) -> None:
        if text in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/gradio_api/**", look)
    return held


def test_what_is_typed_after_enter_stays(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start()
    page = rater.page
    held = held_back(page, POST)
    rater.say(POST)
    while not held:
        page.wait_for_timeout(20)
    assert rater.box.input_value() == ""
    rater.box.type("next")
    held[0].continue_()
    rater.answered()
    assert rater.box.input_value() == "next"
    long = "y" * 3000
    refused = held_back(page, long)
    rater.say(long)
    while not refused:
        page.wait_for_timeout(20)
    rater.box.type("more")
    refused[0].continue_()
    page.get_by_text("the limit is 2,000").wait_for()
    page.wait_for_function("document.querySelector('#post textarea').value.length > 2000")
    assert rater.box.input_value() == f"{long}\nmore"


@pytest.mark.parametrize("size", [(1440, 900), (1366, 768)])
def test_input_buttons_errors_and_the_judged_talk_are_in_view(
    browser: Browser, site: Site, size: tuple[int, int]
) -> None:
    rater = Rater(browser, site, {"width": size[0], "height": size[1]}).start()
    page = rater.page
    for times in (1, 2, 3):
        rater.say(POST).answered(times)
    assert outside(page, "#post", "#send", "#finish", "#status") == 0
    page.locator("#status").get_by_text("see the reasons").wait_for()  # drawn after the reply
    rater.say("   ")
    page.get_by_role("alert").get_by_text("still empty").wait_for()
    assert outside(page, "#post", "#send", "#post-note") == 0
    rater.finish()
    for key in "1201":
        page.keyboard.press(key)
    page.wait_for_function("document.activeElement.closest('#vote-overall')")
    assert outside(page, "#side-a .esc-log", "#side-b .esc-log", "#vote-overall") == 0


def test_stop_is_in_view_while_the_supporters_think(browser: Browser, tmp_path: Path) -> None:
    with running(f"sqlite:///{tmp_path / 'site.db'}", nets(delay_s=0.5)) as slow:
        rater = Rater(browser, slow, {"width": 1366, "height": 768}).start().say(POST)
        rater.page.locator("#stop").wait_for()
        assert outside(rater.page, "#post", "#stop") == 0
        rater.page.locator("#stop").click()
        rater.page.get_by_text("Both replies are missing").wait_for()


def test_a_talk_can_be_saved_and_copied(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start().say(POST).answered().say("And now?").answered(2)
    page = rater.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the talk").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line]
    assert lines[1] == f"You: {POST}"
    for letter, line in zip("AB", lines[2:4], strict=True):
        assert re.match(rf"{letter} \((BlenderBot-Joint|MISC)\) \[[A-Z].+\]: .*You said", line)
    assert lines[4] == "You: And now?"
    assert len(lines) == 7
    page.get_by_role("button", name="Copy the talk").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == text


def test_times_are_those_of_the_visitor(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site)
    rater.page.context.close()
    rater.page = browser.new_context(timezone_id="Pacific/Auckland", locale="en-GB").new_page()
    rater.page.set_default_timeout(120_000)
    rater.page.goto(site.url)
    rater.start()
    shown = rater.page.locator("#status time[data-local]")
    shown.wait_for()
    there = "(at) => new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Pacific/Auckland' })"
    assert shown.inner_text() == rater.page.evaluate(there, shown.get_attribute("datetime"))


def test_a_blind_talk_shows_no_name_before_the_vote(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site)
    page = rater.page
    page.get_by_label("Until I judge, hide").check()
    rater.start().say(POST).answered()
    assert page.locator("#chat .esc-why").count() == 0
    assert re.search(r"\b(joint|misc|BlenderBot|MISC)\b", page.locator("#chat").inner_html()) is None
    rater.finish()
    for key in "11111":
        page.keyboard.press(key)
    page.wait_for_function("document.activeElement.id === 'judge-save'")
    page.keyboard.press("Enter")
    page.locator("#reveal strong").first.wait_for()


def test_a_card_does_not_run_under_its_arrow(browser: Browser, site: Site) -> None:
    page = Rater(browser, site).page
    page.get_by_role("button", name="write your own situation").click()
    card = page.locator("#card-choice input")
    card.wait_for()
    room = "(input) => [parseFloat(getComputedStyle(input).paddingRight), getComputedStyle(input).textOverflow]"
    padding, overflow = card.evaluate(room)
    assert padding >= 24
    assert overflow == "ellipsis"


# How much lighter one colour is than the other (WCAG 2): 1 to 21.
CONTRAST = """([one, other]) => {
  const light = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map(Number).map((part) => part / 255)
    .map((part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], 0);
  const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
  return (high + .05) / (low + .05);
}"""


def colour(page: Page, selector: str, part: str) -> str:
    return str(page.locator(selector).first.evaluate(f"(element) => getComputedStyle(element).{part}"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_empty_boxes_and_links_are_seen_on_light_and_dark_pages(browser: Browser, site: Site, scheme: str) -> None:
    rater = Rater(browser, site)
    page = rater.page
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
    border = colour(page, "#blind input", "borderTopColor")
    assert page.evaluate(CONTRAST, [border, colour(page, "#blind", "backgroundColor")]) >= 3
    rater.start().say(POST).answered()
    page.locator("#side-a .esc-why").first.click()
    page.locator("a.esc-link").wait_for()
    link, ground = colour(page, "a.esc-link", "color"), colour(page, "body", "backgroundColor")
    assert page.evaluate(CONTRAST, [link, ground]) >= 4.5


def beyond(page: Page, where: str) -> list[Any]:
    """Cells of the tables there that reach out of the window."""
    found: list[Any] = page.locator(f"{where} :is(td, th)").evaluate_all(
        "(cells) => cells.filter((c) => c.getBoundingClientRect().right > innerWidth + 1).map((c) => c.textContent)"
    )
    return found


def test_tables_fit_a_phone(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, PHONE).start().say(POST)
    page = rater.page
    page.locator("#finish:not([disabled])").wait_for()
    rater.finish()
    reason = page.locator("#reason").bounding_box()
    assert reason is not None
    assert reason["width"] > 280  # below the strength, not squeezed in beside it
    for key in "12001":
        page.keyboard.press(key)
    page.wait_for_function("document.activeElement.id === 'judge-save'")
    page.keyboard.press("Enter")
    page.locator("#reveal td").first.wait_for()
    page.wait_for_function("document.activeElement.id === 'again'")  # the page has scrolled: no click goes astray
    assert beyond(page, "#reveal") == []
    first = page.locator("#reveal td").first
    assert first.evaluate("(cell) => getComputedStyle(cell).display") == "flex"  # beside its column's name
    page.locator("#side-a .esc-why").first.click()
    page.get_by_text("Settings, times and tokens").click()
    page.locator("#why-settings td").first.wait_for()
    assert beyond(page, "#why-settings") == []
    page.locator("#tabs .overflow-menu > button").click()
    page.locator(".overflow-dropdown button", has_text="Results").click()
    page.locator("#results-table td").first.wait_for()
    assert beyond(page, "#results-table") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


# Whether the last message of a side is in view: neither below the end of its panel nor under the box to write in.
CLEAR = """(letter) => {
  const last = [...document.querySelectorAll(`#side-${letter} .esc-msg`)].at(-1).getBoundingClientRect();
  const ends = [document.querySelector(`#side-${letter} .esc-log`).getBoundingClientRect().bottom,
    document.querySelector("#writing").getBoundingClientRect().top];
  return last.height > 0 && last.bottom <= Math.min(...ends) + 1;
}"""


def said_on_a_phone(rater: Rater, post: str, number: int) -> None:
    rater.say(post)
    for letter in "ab":  # one of them is hidden
        rater.page.locator(f"#side-{letter} .esc-done").nth(number).wait_for(state="attached")


def test_on_a_phone_the_last_reply_stays_above_the_box_to_write_in(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, PHONE).start()
    page = rater.page
    for number, post in enumerate((POST, "Nobody here knows me.", "And now?")):
        said_on_a_phone(rater, post, number)
        page.wait_for_function(CLEAR, arg="a")
    page.locator("#retry-a").wait_for()
    assert not page.locator("#retry-b").is_visible()
    page.locator("#side-switch [data-side=b]").click()
    page.wait_for_function(CLEAR, arg="b")
    page.locator("#retry-b").wait_for()
    assert not page.locator("#retry-a").is_visible()
    assert rater.problems == []


REDRAWN = """() => {
  const log = document.querySelector("#side-a .esc-log");
  for (const one of log.children) one.style.display = "none";
  log.scrollTop; // lays the page out: the browser scrolls the talk to its start
  for (const one of log.children) one.style.display = "";
  log.append("");
}"""
TOLD = """document.querySelector("#writing").insertAdjacentHTML("afterbegin", "<p style='height: 240px'>New</p>")"""
TOP = """document.querySelector("#side-a .esc-log").scrollTop"""


def test_only_the_reader_leaves_the_end_of_a_talk(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, PHONE).start()
    page = rater.page
    for number, post in enumerate((POST, "Nobody here knows me.")):
        said_on_a_phone(rater, post, number)
    page.wait_for_function(f"{TOP} > 0")
    page.evaluate(REDRAWN)
    page.wait_for_function(CLEAR, arg="a", timeout=10_000)
    page.evaluate(TOLD)
    page.wait_for_function(CLEAR, arg="a", timeout=10_000)
    page.locator("#side-a .esc-log").hover()
    page.mouse.wheel(0, -1000)
    page.wait_for_function(f"{TOP} === 0")
    page.evaluate("""document.querySelector("#side-a .esc-msg:last-child").append("More words. ".repeat(40))""")
    page.wait_for_timeout(300)
    assert page.evaluate(TOP) == 0
    said_on_a_phone(rater, "And now?", 2)
    page.wait_for_function(CLEAR, arg="a", timeout=10_000)
