"""In a real browser: links leave the address, nothing is loaded from elsewhere, no other site frames the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from escdemo.look.render import plain_info
from tests.fakes import EchoResponder
from tests.running import CREATE_KEY, Site, running
from tests.test_study_client import Member, links

pytestmark = pytest.mark.e2e

SYSTEMS = ("net-x", "net-y")
WATCH = """
window.blocked = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.blocked.push(`${event.effectiveDirective} ${event.blockedURI}`);
});
"""
NASTY = """<img src=x onerror="window.hit=1"> **bold** _it_ [link](https://a.example) `code` $x^2$ https://b.example
1. one
# head &amp; <b>tag</b> | a | ~~gone~~ \\ ends"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('doors') / 'site.db'}", nets) as running_site:
        yield running_site


@pytest.fixture(scope="module")
def invitation(site: Site) -> str:
    """The token of a rater of an open study whose question holds every mark-up there is."""
    lead = Member(site, key=CREATE_KEY)
    rubric = {"name": "nasty", "criteria": [{"name": "Warmth", "question": NASTY}]}
    plan = {"name": "nasty", "systems": list(SYSTEMS), "raters": 3, "rubric": rubric}
    lead.call("create_from_file", lead.send_file("plan.json", json.dumps(plan)))
    row = {
        "id": "i1",
        "context": [{"speaker": "seeker", "text": "Hello."}],
        "replies": {name: f"Reply of {at}." for at, name in enumerate(SYSTEMS)},
    }
    lead.call("upload_items", lead.send_file("items.jsonl", json.dumps(row)))
    assert "Open: raters work" in lead.call("open")
    return links(lead.call("invite", "rater", 1))[0]


def opened(browser: Browser, address: str) -> tuple[Page, list[str]]:
    """A page of a new browser, and the addresses it asks for."""
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(WATCH)
    page.goto(address)
    return page, asked


@pytest.mark.parametrize("name", ["invite", "create"])
def test_a_link_leaves_the_address_and_the_tab_keeps_it(
    browser: Browser, site: Site, invitation: str, name: str
) -> None:
    secret = {"invite": invitation, "create": CREATE_KEY}[name]
    here = {"invite": "I have read this", "create": "Name"}[name]
    page, asked = opened(browser, f"{site.url}/study/?{name}={secret.replace(' ', '%20')}&x=1")
    page.get_by_label(here).first.wait_for()
    assert page.url == f"{site.url}/study/?x=1"
    assert page.evaluate("history.length") == 2  # about:blank and this one
    page.reload()
    page.get_by_label(here).first.wait_for()
    assert len([url for url in asked if f"{name}=" in url]) == 1  # opening it
    elsewhere = page.context.new_page()
    elsewhere.goto(f"{site.url}/study/")
    elsewhere.get_by_label("Your member name").wait_for()


def test_a_question_of_a_plan_is_shown_as_it_was_written(browser: Browser, site: Site, invitation: str) -> None:
    page, _ = opened(browser, f"{site.url}/study/?invite={invitation}")
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator("#question-1 input").first.wait_for()
    assert page.evaluate("window.hit") is None
    tags: list[str] = page.evaluate(
        "[...document.querySelectorAll('#question-1 *')].map((one) => one.tagName.toLowerCase())"
    )
    assert set(tags) & {"img", "a", "b", "strong", "em", "code", "h1", "li", "ol", "del", "math", "table"} == set()
    assert plain_info(NASTY) in " ".join(page.locator("#question-1").inner_text().split())


@pytest.mark.parametrize("path", ["/", "/study/"])
def test_nothing_is_loaded_from_elsewhere_and_nothing_needed_is_blocked(
    browser: Browser, site: Site, path: str
) -> None:
    page, asked = opened(browser, f"{site.url}{path}")
    page.locator("#start, #sign-in").first.wait_for()
    assert [url for url in asked if not url.startswith((site.url, "data:", "blob:"))] == []
    assert blocked(page) == []


def blocked(page: Page) -> list[Any]:
    return list(page.evaluate("window.blocked"))


def test_no_other_site_frames_the_pages(browser: Browser, site: Site) -> None:
    page = browser.new_context().new_page()
    for host, framed in (("127.0.0.1", True), ("localhost", False)):
        page.goto(f"http://{host}:{site.port}/healthz")
        page.set_content(f'<iframe src="{site.url}/study/"></iframe>')
        frame = page.frames[-1]
        frame.wait_for_load_state()
        assert frame.url == (f"{site.url}/study/" if framed else "chrome-error://chromewebdata/")
