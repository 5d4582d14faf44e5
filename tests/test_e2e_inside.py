"""The tab "Look inside" in a real browser: bubbles, links, lighting, sliders, what if, a phone, and how fast it is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from escdemo import texts
from escdemo.look.script_texts import SCRIPT_TEXTS
from models.data.dialogue import Dialogue
from models.serving.responder import OnText
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import ChangeableResponder, distribution, fake_blocks
from tests.running import Site, running
from tests.test_e2e import FAINT, PHONE, Rater

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e

MOST_MS = 200
"""from an event to the next frame"""
SIXTY = 15


LIT = "all => all.map((one) => Number(one.style.getPropertyValue('--lit')))"
LIT_AND_FOCUSED = "one => one.matches('.esc-on') && one === document.activeElement"


@dataclass(frozen=True)
class ManyBlocks(ChangeableResponder):
    """With 60 blocks, as MISC at its most."""

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        reply = super().respond(dialogue, options, seed, on_text)
        rng, size = random.Random(seed), len(reply.trace.tokens)
        rows = zip(*(distribution(60, rng) for _ in range(size)), strict=True)
        sources = ["situation"] * 5 + ["post"] * (SIXTY - 5)
        blocks = [block for source in sources for block in fake_blocks(source, size, rng)]
        weighted = enumerate(zip(blocks, rows, strict=True))
        blocks = [replace(block, text=f"{block.text} {at}", token_weights=row) for at, (block, row) in weighted]
        return replace(reply, trace=replace(reply.trace, blocks=tuple(blocks)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: ManyBlocks(name, f"sha-{name}") for name in ("joint", "misc")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('inside') / 'site.db'}", nets) as opened:
        yield opened


@pytest.fixture(autouse=True)
def closed_afterwards(browser: Browser) -> Iterator[None]:
    yield
    for context in browser.contexts:
        context.close()


def test_from_a_bubble_to_the_words_a_link_and_what_if(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start().say("I feel alone.").answered().say("A zebra sang to me.").answered(2)
    page = rater.page
    why = page.get_by_role("button", name="Why? BlenderBot-Joint's reply to message 1")
    why.focus()
    page.keyboard.press("Enter")
    page.locator("#inside-post").get_by_text("I feel alone.").wait_for()
    page.wait_for_function("document.activeElement.matches('.esc-turn[aria-current]')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("#inside-post").get_by_text("zebra").wait_for()
    page.locator("#inside-a .esc-word").nth(2).hover()
    assert page.locator("#inside-a .esc-word.esc-on").count() == 1
    lit = page.locator("#inside-a .esc-block").evaluate_all(LIT)
    assert lit.count(1) == 2  # the most of either list
    assert len(set(lit)) > 10
    told = page.locator("#inside-a .esc-lit").inner_text()
    assert "paid most attention to" in told
    assert "(about the situation, " in told
    assert "(about the last message, " in told
    page.locator("#inside-a .esc-block").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#inside-a .esc-block").nth(1).evaluate(LIT_AND_FOCUSED)
    assert "got most attention from" in page.locator("#inside-a .esc-lit").inner_text()

    link = page.locator("#inside-post .esc-link").get_attribute("href") or ""
    token = page.evaluate("localStorage.getItem('escdemo')")
    assert token not in link
    page.goto(f"{site.url}/{link.replace('turn=1', 'turn=0')}")
    page.locator("#inside-post").get_by_text("I feel alone.").wait_for()
    assert "talk=" not in page.url

    page.locator("#what-if-b .esc-whatif > summary").click()
    sliders = page.locator("#what-if-b .esc-mix")
    sliders.first.fill("80")
    values = sliders.evaluate_all("all => all.map((one) => Number(one.value))")
    assert values[0] == 80
    assert sum(values) == pytest.approx(100, abs=0.5)
    sliders.nth(1).fill("100")
    sliders.nth(1).fill("50")
    assert sum(sliders.evaluate_all("all => all.map((one) => Number(one.value))")) == pytest.approx(100, abs=0.5)
    page.locator("#what-if-b .esc-run").click()
    page.locator("#what-if-result-b ins").get_by_text("other inside").wait_for()
    page.locator("#what-if-b select[name=strategy]").select_option("Information")
    assert sliders.first.is_disabled()
    page.locator("#what-if-b .esc-run").click()
    page.locator("#what-if-result-b ins").get_by_text("Information").wait_for()
    assert page.evaluate(FAINT) == []
    assert rater.problems == []
    assert rater.foreign == []


def test_a_pasted_dialogue_and_what_is_none(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site)
    page = rater.page
    page.get_by_role("tab", name="Look inside").click()
    page.get_by_text("Once there is a reply").wait_for()
    page.get_by_role("button", name="Look into another dialogue").click()
    # as it is pasted; `fill` types line by line, which takes a minute and more
    paste = "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator("#inside-paste textarea").first.evaluate(paste, "seeker: alone\n" * 5000)
    page.locator("#inside-paste-go").click()
    page.locator("#inside-paste-note").get_by_text("5,000 lines and 400 can be read").wait_for()
    page.locator("#inside-paste textarea").first.fill("seeker: I moved.\nsupporter: Why?\nseeker: For work.")
    page.locator("#inside-paste-go").click()
    page.locator("#inside-b .esc-word").first.wait_for()
    page.locator("#inside-messages .esc-turn").first.click()
    page.locator("#inside-post").get_by_text("I moved.").wait_for()
    page.locator("#inside-a .esc-word").first.wait_for()
    assert rater.problems == []


SELECT = """(selector) => {
  const words = document.querySelector(selector).firstChild;
  window.getSelection().setBaseAndExtent(words, 0, words, 4);
}"""


def test_words_selected_elsewhere_do_not_hold_back_a_look_inside(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start().say("I feel alone in the new town.").answered()
    page, bubble = rater.page, rater.page.locator("#side-a .esc-msg[data-turn]").first
    page.evaluate(SELECT, "#side-a .esc-msg[data-turn] bdi")
    bubble.locator("bdi").dispatch_event("click")
    page.wait_for_timeout(300)
    assert bubble.is_visible()  # words of this bubble are selected: it stays
    bubble.locator(".esc-why").click()
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    page.get_by_role("tab", name="Chat").click()
    page.evaluate(SELECT, "#side-a .esc-seeker bdi")
    bubble.locator("bdi").dispatch_event("click")
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    assert rater.problems == []


def test_a_phone_looks_inside_one_side_without_sideways_scrolling(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site, PHONE).start().say("I feel alone in the new town.")
    page = rater.page
    page.locator("#side-a .esc-done .esc-why").click()
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    assert not page.locator("#inside-b").is_visible()
    page.locator("#what-if-a .esc-whatif > summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    wide = page.locator("#why-mixture-a .main-svg").first.bounding_box()
    assert wide is not None
    assert wide["width"] <= PHONE["width"]
    page.locator("#inside-switch").locator("[data-side=b]").click()
    page.locator("#inside-b .esc-word").first.wait_for()
    page.get_by_role("button", name=texts.INSIDE_ATTENTION).click()
    figure = page.locator("#why-heat-b.esc-goes-on")  # its right edge fades
    figure.wait_for()
    assert figure.get_attribute("data-sideways") == SCRIPT_TEXTS["sideways"]
    figure.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    page.locator("#why-heat-b[data-sideways]:not(.esc-goes-on)").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


BESIDE = """() => scrollY > 300 &&
  document.querySelector("#inside-messages .esc-turn").getBoundingClientRect().top >= 0"""


def test_on_a_wide_page_the_list_of_messages_stays_beside_long_figures(browser: Browser, site: Site) -> None:
    page = Rater(browser, site).start().say("I feel alone in the new town.").answered().page
    page.locator("#side-a .esc-why").click()
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    page.locator("#inside-differences").evaluate("one => one.scrollIntoView({ block: 'end' })")
    page.wait_for_function(BESIDE)


IN_VIEW = """() => {
  const [sliders, reply] = ["#what-if-a .esc-sliders", "#what-if-result-a .esc-beside > :last-child"]
    .map((one) => document.querySelector(one).getBoundingClientRect());
  return sliders.top >= 0 && reply.top + 60 <= innerHeight; // its heading and first line: a long one ends below
}"""
AT_REST = """async () => {
  const height = document.body.scrollHeight;
  await new Promise((waited) => setTimeout(waited, 700));
  return document.body.scrollHeight === height;
}"""


@pytest.mark.parametrize("size", [{"width": 1366, "height": 768}, PHONE], ids=["laptop", "phone"])
def test_sliders_and_both_replies_are_in_view_together(browser: Browser, site: Site, size: Any) -> None:
    page = Rater(browser, site, size).start().say("I feel alone in the new town.").page
    page.locator("#side-a .esc-done .esc-why").click()
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    page.locator("#what-if-a .esc-whatif > summary").click()
    page.wait_for_function(AT_REST)  # the figures above have found their size
    page.locator("#what-if-a .esc-mix").first.fill("80")
    page.locator("#what-if-a .esc-run").click()
    page.locator("#what-if-result-a ins").first.wait_for()
    page.wait_for_function(IN_VIEW)


KEPT = """() => {
  const [seen, unseen] = ["why-mixture-a", "why-emotion"].map((id) => document.querySelector(`#${id} .js-plotly-plot`));
  window.kept = { seen, unseen, order: [] };
  for (const name of ["seen", "unseen"]) window.kept[name].on("plotly_afterplot", () => window.kept.order.push(name));
}"""


def test_figures_of_another_message_are_drawn_into_those_there_the_seen_ones_first(
    browser: Browser, site: Site
) -> None:
    rater = Rater(browser, site).start().say("I feel alone.").answered().say("A zebra sang to me.").answered(2)
    page = rater.page
    page.locator("#side-a .esc-why").nth(1).click()
    page.locator("#why-emotion [aria-label='Emotions heard (n = 2)']").wait_for()
    page.locator("#why-mixture-a").evaluate("one => one.scrollIntoView()")
    page.set_viewport_size({"width": 1280, "height": 300})  # the emotions are below
    page.wait_for_timeout(500)
    page.evaluate(KEPT)
    page.locator("#inside-messages .esc-turn").first.evaluate("one => one.click()")
    page.wait_for_function("window.kept.order.includes('unseen')")
    assert page.evaluate("window.kept.order.indexOf('seen')") == 0
    assert page.evaluate("window.kept.seen.isConnected && window.kept.unseen.isConnected")
    page.locator("#why-emotion [aria-label='Emotions heard (n = 1)']").wait_for()
    assert page.locator("#inside-tab .js-plotly-plot").count() == 3  # each once
    assert rater.problems == []


LIGHT = """async (selector) => {
  const all = [...document.querySelectorAll(selector)].slice(0, 20);
  const times = [];
  for (const one of all) {
    const begin = performance.now();
    one.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - begin);
  }
  return times.length ? Math.min(...times) : Infinity; // the least: how busy the machine is adds to each
}"""


def test_sixty_blocks_light_up_at_once(browser: Browser, site: Site) -> None:
    rater = Rater(browser, site).start().say("I feel alone in the new town.").answered()
    page = rater.page
    page.locator("#side-a .esc-why").click()
    page.locator("#inside-a .esc-block").nth(59).wait_for()
    assert page.evaluate(LIGHT, "#inside-a .esc-word") < MOST_MS
    assert page.evaluate(LIGHT, "#inside-a .esc-block") < MOST_MS


def test_a_text_longer_than_the_server_takes_is_told_and_stays(browser: Browser, site: Site) -> None:
    page = Rater(browser, site).page
    page.get_by_role("tab", name="Look inside").click()
    page.get_by_role("button", name="Look into another dialogue").click()
    box = page.locator("#inside-paste textarea").first
    paste = "(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }"
    box.evaluate(paste, "seeker: " + "x" * 2_000_000)
    page.locator("#inside-paste-go").click()
    page.get_by_role("alert").filter(has_text="too long, so nothing was sent").wait_for()
    assert len(box.input_value()) > 2_000_000
    box.evaluate(paste, "seeker: I moved.")
    page.locator("#esc-bar").wait_for(state="detached")
    page.locator("#inside-paste-go").click()
    page.locator("#inside-paste-note").get_by_text("Only the seeker speaks here").wait_for()
