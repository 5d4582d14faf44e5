"""A study in a real browser: the lead makes it, two raters judge, a reviewer decides, the lead reads the results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from annotation.choices import Mode
from annotation.store.database import open_sessions
from annotation.talks.encounters import EncounterSetup, visitor_of
from tests.encounters import SYSTEMS as LIVE_SYSTEMS
from tests.encounters import Story
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

SYSTEMS = ("net-best", "net-poor")
PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def site_database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('e2e-study') / 'site.db'}"


@pytest.fixture(scope="module")
def site(site_database: str) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("joint", "misc")}
    with running(site_database, nets) as running_site:
        yield running_site


@pytest.fixture
def items(tmp_path: Path) -> Path:
    """Two items; the number in a reply tells the test whose it is: 0 is the better system's."""
    path = tmp_path / "items.jsonl"
    rows = [
        {
            "id": f"i{number}",
            "context": [{"speaker": "seeker", "text": f"<b>Post</b> {number}"}],
            "replies": {name: f"Reply {place} to {number}." for place, name in enumerate(SYSTEMS)},
        }
        for number in range(2)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Visitor:
    """Somebody with a browser of their own on the study page."""

    def __init__(self, browser: Browser, site: Site, query: str, viewport: Any = WIDE) -> None:
        self.page: Page = browser.new_context(viewport=viewport).new_page()
        self.page.set_default_timeout(120_000)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(f"{site.url}/study{query}")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def enter(self) -> Visitor:
        self.page.get_by_label("I have read this").check()
        self.press("Continue")
        self.press("Start")
        return self

    def agree(self) -> Visitor:
        self.enter().page.locator("#question-1 input").first.wait_for()
        return self

    def item(self) -> str:
        return self.page.locator("#item .prose").inner_text()

    def best(self) -> str:
        """The key for the better system's side."""
        first, second = re.findall(r"Reply (\d) to", self.item())
        return "1" if first < second else "2"

    def answered(self) -> None:
        self.page.get_by_text("Every question is answered").wait_for()

    def no_side_scroll(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))

    def invite(self, count: int) -> None:
        """As a lead: make links for the chosen role."""
        self.page.get_by_label("How many").wait_for()
        self.page.wait_for_timeout(500)  # what is typed while a tab is still being drawn is lost
        self.page.get_by_label("How many").fill(str(count))
        self.press("Make links")

    def links(self, count: int) -> list[str]:
        """The invitation links shown to the lead."""
        self.page.locator("#invite-links a").nth(count - 1).wait_for()
        return [str(link.get_attribute("href")) for link in self.page.locator("#invite-links a").all()]


def name_systems(page: Page, names: Sequence[str]) -> None:
    """Type the names of the systems into the form."""
    for name in names:
        page.locator("#plan-systems input").fill(name)
        page.keyboard.press("Enter")
        page.locator("#plan-systems").get_by_text(name, exact=True).first.wait_for()


def make_study(lead: Visitor, items: Path, name: str = "pilot") -> None:
    page = lead.page
    page.get_by_label("Name", exact=True).fill(name)
    name_systems(page, SYSTEMS)
    page.get_by_label("Raters", exact=True).fill("2")
    page.get_by_label("Raters per item").fill("5")
    lead.press("Make the study")
    page.get_by_text("cannot give each item 5 different raters").wait_for()  # refused with its reason
    page.get_by_label("Raters per item").fill("2")
    lead.press("Make the study")
    link = page.locator("#lead-link a").get_attribute("href")
    page.reload()  # the tab keeps the link, which the server cannot show again
    page.get_by_role("button", name="Copy my link").click()
    page.get_by_role("button", name="Copied").wait_for()
    page.context.grant_permissions(["clipboard-read"])
    assert str(link) in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("tab", name="Items", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.locator("#items-upload").click()
    chooser.value.set_files(str(items))
    page.get_by_text("Imported 2 contexts").wait_for()
    page.get_by_role("tab", name="Overview").click()
    lead.press("Open the study")
    page.get_by_text("Open: raters work.").wait_for()
    page.get_by_role("tab", name="People").click()
    lead.invite(2)


def first_rater(rater: Visitor) -> None:
    """By keys, with a reload in the middle, an undo, a break and a look back."""
    page = rater.agree().page
    page.keyboard.press(rater.best())
    page.locator("#saved time").wait_for()
    before = rater.item()
    page.reload()  # the same item, the same answer
    page.locator("#question-1 input:checked").wait_for()
    assert rater.item() == before
    assert "<b>Post</b>" in before  # as text
    page.locator("#question-2 input").first.focus()
    for _ in range(4):
        page.keyboard.press(rater.best())
    rater.answered()
    rater.press("Undo last answer")
    page.get_by_text("Still open: Overall").wait_for()
    rater.press("Take a break")
    rater.press("Go on")
    page.locator("#question-5 input").nth(1).click()
    rater.answered()
    rater.press("Hand in and go on")
    page.get_by_text("Item 2").wait_for()
    rater.press("Back")
    page.get_by_text("Item 1, handed in").wait_for()
    page.locator("#question-5 input").nth(0 if rater.best() == "1" else 2).click()
    rater.press("Forward")
    page.get_by_text("Item 2 ").wait_for()
    judge_rest(rater)


def judge_rest(rater: Visitor) -> None:
    """The item on the page and all after it, the better system first."""
    page = rater.page
    while True:
        page.wait_for_function("() => !document.querySelector('#questions input:checked, #questions[inert]')")
        page.locator("#question-1 input").first.focus()
        for _ in range(5):
            page.keyboard.press(rater.best())
        rater.answered()
        assert rater.no_side_scroll()
        before = rater.item()
        rater.press("Hand in and go on")
        came = page.wait_for_function(
            """text => {
              const item = document.querySelector('#item .prose');
              if (document.querySelector('#end h2')) return 'end';
              return item?.offsetParent && item.innerText.includes('Reply') && item.innerText !== text && 'item';
            }""",
            arg=before,
        )
        if came.json_value() == "end":
            return


def review_one(reviewer: Visitor) -> None:
    page = reviewer.page
    page.locator("#question-1 input").first.wait_for()
    assert page.locator("#votes").count() == 0
    page.locator("#question-1 input").first.focus()
    for _ in range(5):
        page.keyboard.press(reviewer.best())
    reviewer.press("Give my verdict")
    page.locator("#votes").get_by_text("How the raters voted").wait_for()
    page.get_by_label("Discard: the item does not count").check()
    page.locator("#cause input").fill("ambiguous")
    page.locator("#cause input").press("Enter")
    reviewer.press("Decide and go on")
    page.get_by_text("Decided: discard.").wait_for()


def test_lead_two_raters_and_a_reviewer(browser: Browser, site: Site, items: Path) -> None:
    lead = Visitor(browser, site, f"?create={CREATE_KEY}")
    make_study(lead, items)
    one, two = lead.links(2)
    first, second = Visitor(browser, site, one), Visitor(browser, site, two, PHONE)
    first_rater(first)
    lead.page.get_by_label("Role").click()
    lead.page.get_by_role("option", name="reviewer").click()
    lead.invite(1)
    lead.page.locator("#invite-links").get_by_text("reviewer1").first.wait_for()
    reviewer = Visitor(browser, site, lead.links(1)[0]).enter()
    reviewer.page.get_by_text("No item is waiting for review").wait_for()
    judge_rest(second.agree())
    reviewer.press("Look for more items")
    review_one(reviewer)
    page = lead.page
    page.get_by_role("tab", name="Results").click()
    page.locator("#study-tables").get_by_text("Win, lose and tie by items").wait_for()
    page.locator("#study-outcomes .main-svg").first.wait_for()
    page.get_by_role("tab", name="Overview").click()
    lead.press("Refresh")
    page.get_by_text("2 of 2").first.wait_for()
    page.set_viewport_size(PHONE)
    assert lead.no_side_scroll()
    for visitor in (first, second, reviewer):
        assert [name for name in SYSTEMS if name in visitor.page.content()] == []
    assert [problem for one in (lead, first, second, reviewer) for problem in one.problems] == []


def test_a_rater_chooses_a_password_signs_in_elsewhere_and_out(browser: Browser, site: Site, items: Path) -> None:
    lead = Visitor(browser, site, f"?create={CREATE_KEY}")
    make_study(lead, items, "by-password")
    first = Visitor(browser, site, lead.links(2)[0])
    page = first.page
    page.get_by_role("button", name="Your part in this study").click()
    page.get_by_label("New password").fill("a long password")
    page.get_by_label("Password again").fill("a long password")
    first.press("Set the password")
    page.get_by_text("The password is set").wait_for()
    item = first.agree().item()
    elsewhere = Visitor(browser, site, "", PHONE)
    page = elsewhere.page
    for password in ("a wrong password", "a long password"):
        page.get_by_label("Study", exact=True).fill("by-password")
        page.get_by_label("Your member name").fill("r1")
        page.get_by_label("Password", exact=True).fill(password)
        elsewhere.press("Sign in")
        if password == "a wrong password":
            page.get_by_text("not valid").wait_for()
    page.locator("#question-1 input").first.wait_for()
    assert elsewhere.item() == item
    assert elsewhere.no_side_scroll()
    page.reload()  # still signed in, in this tab
    page.locator("#question-1 input").first.wait_for()
    assert "a long password" not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    page.get_by_role("button", name="Your part in this study").click()
    elsewhere.press("Sign out")
    page.get_by_label("Your member name").wait_for()
    page.reload()
    page.get_by_label("Your member name").wait_for()
    assert not page.locator("#item").is_visible()
    assert [problem for one in (lead, first, elsewhere) for problem in one.problems] == []


def test_a_rater_deletes_the_answers_after_a_second_question(browser: Browser, site: Site, items: Path) -> None:
    lead = Visitor(browser, site, f"?create={CREATE_KEY}")
    make_study(lead, items, "left")
    link = lead.links(2)[0]
    rater = Visitor(browser, site, link)
    judge_rest(rater.agree())
    page = rater.page
    page.get_by_role("button", name="Your part in this study").click()
    rater.press("Delete my answers and leave")
    rater.press("Keep them")
    page.locator("#withdraw-ask").wait_for(state="hidden")
    rater.press("Delete my answers and leave")
    rater.press("Yes, delete them and leave")
    page.get_by_text("Deleted: 2 items").wait_for()
    page.locator("#end").wait_for(state="hidden")
    page.reload()  # the tab has forgotten the link
    page.get_by_label("Your member name").wait_for()
    page.goto(f"{site.url}/study{link}")
    page.get_by_text("not valid").wait_for()
    lead.page.get_by_role("tab", name="Overview").click()
    lead.press("Refresh")
    lead.page.get_by_text("withdrew (2 items deleted)").wait_for()
    assert [problem for one in (lead, rater) for problem in one.problems] == []


def test_the_lead_imports_finished_live_talks_once(browser: Browser, site: Site, site_database: str) -> None:
    sessions = open_sessions(site_database)
    for at, stage in enumerate(("revealed", "frozen", "chatting")):  # the last one is still going on
        setup = EncounterSetup(LIVE_SYSTEMS, Mode.STUDY, study="live-pilot", situation=f"Situation {at}.")
        Story(sessions, setup, visitor=visitor_of(f"visitor {at}")).told_until(stage)
    sessions.kw["bind"].dispose()
    lead = Visitor(browser, site, f"?create={CREATE_KEY}")
    page = lead.page
    page.get_by_label("Name", exact=True).fill("live-pilot")
    name_systems(page, LIVE_SYSTEMS)
    lead.press("Make the study")
    page.get_by_role("tab", name="Items", exact=True).click()
    lead.press("Import finished live talks")
    page.get_by_text("Imported 2 contexts with 4 replies.").wait_for()
    page.get_by_text("2 contexts imported").wait_for()
    lead.press("Import finished live talks")
    page.get_by_text("no more finished live talks under this study's name").wait_for()
    page.get_by_role("tab", name="Overview").click()
    lead.press("Open the study")
    page.get_by_text("Open: raters work.").wait_for()
    page.get_by_role("tab", name="People").click()
    lead.invite(1)
    rater = Visitor(browser, site, lead.links(1)[0]).agree()
    assert "Situation" in rater.item()
    assert not any(name in rater.page.content() for name in LIVE_SYSTEMS)
    assert lead.problems == rater.problems == []
