"""The page in a real browser, with fake nets: what a visitor sees and does, from consent to results."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes import EchoResponder, HarmfulResponder
from tests.running import CREATE_KEY, Site, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


# Texts on the screen whose colour has less than 4.5 to 1 against the ground they stand on.
FAINT = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (at) => {
    for (; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim();
    const at = walk.currentNode.parentElement;
    if (!text || !at.offsetParent || at.closest("svg, script, style, button[disabled]")) continue;
    const [one, two] = [light(getComputedStyle(at).color), light(ground(at))];
    if ((Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < 4.5) faint.push(text);
  }
  return faint;
}"""


def nets(delay_s: float = 0.0) -> dict[str, EchoResponder]:
    return {"joint": EchoResponder("joint", "sha-joint", delay_s), "misc": EchoResponder("misc", "sha-misc", delay_s)}


@pytest.fixture(scope="module")
def module_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('e2e') / 'site.db'}"


@pytest.fixture(scope="module")
def demo_site(module_database: str) -> Iterator[Site]:
    with running(module_database, nets()) as site:
        yield site


@pytest.fixture(autouse=True)
def closed_afterwards(browser: Browser) -> Iterator[None]:
    """Pages left open keep their streams and slow down the tests after them."""
    yield
    for context in browser.contexts:
        context.close()


class Rater:
    """One visitor in a browser of their own."""

    def __init__(self, browser: Browser, site: Site, viewport: Any = WIDE) -> None:
        self.page: Page = browser.new_context(viewport=viewport).new_page()
        # Waiting ends as soon as the thing is there; a machine with much else to do may take long to show a page.
        self.page.set_default_timeout(120_000)
        self.site = site
        self.problems: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))
        self.page.on(
            "request", lambda request: self.foreign.append(request.url) if self._foreign(request.url) else None
        )
        self.page.goto(site.url)

    def _foreign(self, url: str) -> bool:
        return not url.startswith((self.site.url, "data:", "blob:"))

    def start(self, situation: str | None = None) -> Rater:
        if situation is not None:
            self.page.get_by_role("button", name="write your own situation").click()
            own = self.page.get_by_label("Situation, in the seeker's own words")
            # As if pasted: it shows when the field is left. A script may come before the field is drawn for good.
            while not self.page.locator("#card").get_by_text(situation).is_visible():
                own.fill(situation)
                own.blur()
                self.page.wait_for_timeout(50)
        self.page.get_by_role("button", name="Play this person").click()
        self.page.get_by_label("I have read this").check()
        self.page.get_by_role("button", name="Agree and start").click()
        self.box.wait_for(state="visible")
        return self

    @property
    def box(self) -> Any:
        return self.page.get_by_label("Your message to both supporters")

    def say(self, text: str) -> Rater:
        self.box.fill(text)
        self.box.press("Enter")
        return self

    def panel(self, letter: str) -> Any:
        return self.page.locator(f"#side-{letter} .esc-log")

    def answered(self, times: int = 1) -> Rater:
        """Wait for both replies to every message: the net's, or the sentence that stands for one held back."""
        for letter in "ab":
            self.page.locator(f"#side-{letter} .esc-done, #side-{letter} .esc-replaced").nth(times - 1).wait_for()
        self.page.locator("#finish:not([disabled])").wait_for()
        return self

    def finish(self) -> Rater:
        self.page.get_by_role("button", name="Finish and judge").click()
        self.page.get_by_role("button", name="Yes, finish it").click()
        self.page.locator("#judge-save").wait_for()
        return self


def test_two_raters_from_consent_to_results(browser: Browser, database_url: str) -> None:
    with running(database_url, nets(delay_s=0.12), study="pilot") as site:
        first, second = Rater(browser, site).start(), Rater(browser, site).start()
        first.say("I feel alone in the new town.")
        first.page.locator("#side-a .esc-held").wait_for()
        first.page.reload()  # in mid-reply
        assert "I feel alone in the new town." in first.panel("a").inner_text()
        second.say("My exam is on Monday.")
        first.answered()
        second.answered()
        assert "alone" not in second.page.content().split("Situation")[0]
        for rater, keys in ((first, "10211"), (second, "22022")):
            rater.finish()
            assert not re.search(r"\b(joint|misc|BlenderBot|MISC|sha-\w+)\b", rater.page.content())
            for key in keys:
                rater.page.keyboard.press(key)
            rater.page.wait_for_function("document.activeElement.id === 'judge-save'")
            rater.page.locator("#judge-save").dblclick()
            rater.page.get_by_text("Your judgment is saved").wait_for()
            rater.page.wait_for_function("document.activeElement.id === 'again'")
            names = sorted(rater.page.locator("#reveal .esc-reveal strong").all_inner_texts())
            assert names == ["BlenderBot-Joint (joint)", "MISC (misc)"]
            rater.page.locator("#side-a .esc-why").first.click()
            rater.page.locator("#why-mixture-a .js-plotly-plot").wait_for()
            assert rater.problems == []
            assert rater.foreign == []
        first.page.reload()
        first.page.get_by_text("Your judgment is saved").wait_for()
        first.page.get_by_role("tab", name="Results").click()
        first.page.get_by_text("for its lead").wait_for()
        first.page.get_by_label("Lead's link").fill(f"{site.url}/study/?create={CREATE_KEY}")
        first.page.get_by_label("Lead's link").press("Enter")
        first.page.locator("#results-table tbody tr").nth(4).wait_for()
        rows = [row.split("\t") for row in first.page.locator("#results-table tbody tr").all_inner_texts()]
        assert [row[0] for row in rows] == ["Fluency", "Accuracy", "Empathy", "Suggestion", "Overall"]
        assert [row[4] for row in rows] == ["2"] * 5  # two raters, one judgment each: the double click counted once


def test_nothing_typed_becomes_markup(browser: Browser, demo_site: Site) -> None:
    evil = "<img src=x onerror=alert(1)> <script>alert(2)</script> **bold** [x](javascript:alert(3)) مرحبا 🙂"
    rater = Rater(browser, demo_site).start(situation=evil).say(evil).answered()
    assert evil in rater.panel("a").inner_text()
    assert evil in rater.page.locator("#situation-line").inner_text()
    assert rater.page.locator(".esc-panel img, .esc-panel script, .esc-panel a, #situation-line img").count() == 0
    rater.page.locator("#side-a .esc-why").click()
    rater.page.locator("#inside-a .esc-word").first.wait_for()
    assert evil in rater.page.locator("#inside-post").inner_text()
    assert rater.page.locator("#inside-tab img").count() == 0
    assert rater.problems == []


def test_a_restart_of_the_server_keeps_the_talk_and_finishes_the_reply(browser: Browser, database_url: str) -> None:
    with running(database_url, nets(delay_s=0.3)) as site:
        rater = Rater(browser, site).start().say("I feel alone in the new town.")
        rater.page.locator("#side-a .esc-writing, #side-a .esc-thinking").wait_for()
    with running(database_url, nets(), port=site.port):
        rater.answered()  # the open page notices the new server by itself
        assert "I feel alone in the new town." in rater.panel("b").inner_text()
        rater.say("And now?").answered(times=2)


def test_a_card_is_picked_by_problem_type_and_reasons_by_message(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site)
    page = rater.page
    page.get_by_role("button", name="write your own situation").click()
    page.get_by_label("Problem type").click()
    page.get_by_role("option", name="Sleep Problems").click()
    page.wait_for_timeout(500)  # the list of cards is on its way
    page.get_by_label("Role card").click()
    page.get_by_role("option").nth(1).click()
    page.locator("#card").get_by_text("Sleep problems").wait_for()
    assert page.get_by_label("Problem", exact=True).input_value() == "Sleep problems"
    page.get_by_role("button", name="Play this person").click()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Agree and start").click()
    page.wait_for_function("document.querySelector('#post textarea')?.value.length > 10")  # the card's opening
    rater.box.press("Enter")
    rater.answered().say("A zebra sang to me.").answered(2)
    page.locator("#side-b .esc-done").nth(1).click()
    page.locator("#inside-post").get_by_text("zebra").wait_for()
    page.locator("#inside-messages .esc-turn").first.click()
    page.locator("#inside-post").get_by_text("zebra").wait_for(state="hidden")


def test_refusals_keep_the_text_and_say_the_limit(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site).start()
    rater.box.fill("x" * 10_000)
    rater.box.press("Enter")
    rater.page.get_by_role("alert").get_by_text("10,000 characters long and the limit is 2,000").wait_for()
    assert len(rater.box.input_value()) == 10_000
    rater.say("   ")
    rater.page.get_by_role("alert").get_by_text("still empty").wait_for()


def test_every_control_has_a_name_and_the_browser_keeps_no_words(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site).start().say("I feel alone in the new town.").answered().finish()
    page = rater.page
    for criterion in ("Fluency", "Accuracy", "Empathy", "Suggestion", "Overall"):
        group = page.get_by_role("radiogroup", name=criterion)
        assert group.get_by_role("radio").count() == 3
    assert page.get_by_role("log").count() == 2
    assert page.evaluate(FAINT) == []
    unnamed = re.findall(r"^ *- (?:button|link|textbox|combobox|radio|checkbox|tab)(?: \[.*)?:?$", snapshot(page), re.M)
    assert unnamed == []
    page.get_by_role("radiogroup", name="Fluency").get_by_role("radio").first.check()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("radio", name="About the same").first.is_checked()
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "alone" not in kept
    page.wait_for_function("Object.keys(localStorage).length === 2")
    assert set(page.evaluate("Object.keys(localStorage)")) == {"escdemo", "escdemo-draft"}


def snapshot(page: Page) -> str:
    """What a screen reader is told, as an outline."""
    return str(page.locator("body").aria_snapshot())


def test_a_phone_shows_one_side_at_a_time_without_sideways_scrolling(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site, PHONE).start().say("I feel alone in the new town.")
    rater.page.locator("#side-a .esc-done").wait_for()
    assert not rater.panel("b").is_visible()
    rater.page.locator("#side-switch [data-side=b]").click()
    assert rater.panel("b").is_visible()
    assert not rater.panel("a").is_visible()
    assert rater.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_finger_and_a_keyboard_learn_what_a_net_does(browser: Browser, demo_site: Site) -> None:
    page = Rater(browser, demo_site, PHONE).start().page
    page.wait_for_function("document.activeElement.matches('#post textarea')")  # where a talk begins
    name = page.locator("#side-a .esc-who")
    name.click()
    told = page.locator("#esc-told")
    told.wait_for()
    assert told.inner_text() == name.get_attribute("title")
    page.keyboard.press("Escape")
    assert not told.is_visible()
    name.press("Enter")
    told.wait_for()


def test_help_is_one_click_away_and_comes_by_itself(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site)
    rater.page.locator("summary").get_by_text("Help now").click()
    assert rater.page.get_by_text("In danger right now?").first.is_visible()
    rater.page.keyboard.press("Escape")
    rater.start().say("Sometimes I don't want to be here anymore.")
    rater.page.locator("#crisis .esc-crisis").wait_for()
    rater.answered()


def test_figures_can_be_saved_and_data_deleted(browser: Browser, demo_site: Site) -> None:
    rater = Rater(browser, demo_site).start().say("I feel alone in the new town.").answered()
    page = rater.page
    page.locator("#side-a .esc-why").click()
    page.locator("#why-mixture-a .js-plotly-plot").wait_for()
    for name, kind in (("PNG", "png"), ("SVG", "svg"), ("CSV", "csv")):
        with page.expect_download() as download:
            page.locator(".esc-savebar:visible .esc-save").get_by_text(name, exact=True).first.click()
        assert download.value.suggested_filename == f"strategies-a.{kind}"
    page.get_by_role("tab", name="About and privacy").click()
    page.get_by_role("button", name="Delete my data").click()
    page.get_by_role("button", name="Yes, delete everything").click()
    page.get_by_text("Nothing you wrote in this browser is stored any more").wait_for()
    page.wait_for_function("document.activeElement.id === 'erase'")  # not lost with the button that was pressed
    page.reload()
    page.locator("#start").wait_for()


def test_a_judgment_that_was_begun_is_there_after_a_reload(browser: Browser, database_url: str) -> None:
    with running(database_url, nets(), study="pilot") as site:
        rater = Rater(browser, site).start().say("I feel alone in the new town.").answered().finish()
        page, reason = rater.page, "B asked me back, twice, and kept to what I had said."
        for key in "12":
            page.keyboard.press(key)
        page.locator("#intensity-after input").nth(1).check()
        page.wait_for_function("localStorage.getItem('escdemo-draft')?.length > 150")
        before = page.evaluate("localStorage.getItem('escdemo-draft').length")
        page.locator("#reason textarea").fill(reason)  # longer than all that the other answers can change
        page.wait_for_function("(before) => localStorage.getItem('escdemo-draft').length > before", arg=before)
        page.reload()
        page.locator("#vote-accuracy input:checked").wait_for()
        assert page.locator("#vote-fluency input").nth(0).is_checked()
        assert page.locator("#vote-accuracy input").nth(2).is_checked()
        assert page.locator("#judge-form .esc-vote input:checked").count() == 2
        assert page.locator("#intensity-after input").nth(1).is_checked()
        assert page.locator("#reason textarea").input_value() == reason
        page.locator("#vote-empathy input").first.focus()
        for key in "000":
            page.keyboard.press(key)
        page.locator("#judge-save").click()
        page.get_by_text("Your judgment is saved").wait_for()
        page.get_by_text(reason).wait_for()
        assert rater.problems == []


def test_two_tabs_opened_at_once_are_one_visitor(browser: Browser, demo_site: Site) -> None:
    context = browser.new_context(viewport=WIDE)
    tabs = [context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.set_default_timeout(120_000)
        tab.goto(demo_site.url, wait_until="commit")
    for tab in tabs:
        tab.locator("#start").wait_for()
    first = Rater(browser, demo_site)
    first.page.close()
    first.page = tabs[0]
    first.start().say("I feel alone in the new town.").answered()
    tabs[1].reload()
    tabs[1].locator("#side-a .esc-log").get_by_text("I feel alone in the new town.").first.wait_for()
    tabs[0].reload()
    tabs[0].locator("#side-a .esc-log").get_by_text("I feel alone in the new town.").first.wait_for()


def test_a_harmful_reply_is_held_back(browser: Browser, database_url: str) -> None:
    harmful = {"joint": EchoResponder("joint", "sha-joint"), "misc": HarmfulResponder("misc", "sha-misc", 0.05)}
    with running(database_url, harmful) as site:
        rater = Rater(browser, site).start().say("I failed the exam.")
        page = rater.page
        page.locator(".esc-replaced").get_by_text("reply was held back").wait_for()
        page.locator("#crisis .esc-crisis").get_by_text("In danger right now?").wait_for()
        page.locator("#retry-a:visible, #retry-b:visible").last.wait_for()
        assert "hurt yourself" not in page.content()
        assert rater.problems == []
