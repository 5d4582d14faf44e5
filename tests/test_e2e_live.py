"""A live item in a real browser: a rater talks, reloads in mid-reply, gives a star, prefers a reply, judges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes import EchoResponder
from tests.running import running
from tests.test_e2e_study import PHONE, Visitor
from tests.test_study_client import links
from tests.test_study_live import SYSTEMS, make_study

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.e2e


def test_one_rater_does_one_live_item(browser: Browser, tmp_path: Path) -> None:
    nets = {name: EchoResponder(name, f"sha-{name}", delay_s=0.1) for name in SYSTEMS}
    with running(f"sqlite:///{tmp_path / 'site.db'}", nets) as site:
        lead = make_study(site, ([], ["grey-winter"]))
        rater = Visitor(browser, site, f"?invite={links(lead.call('invite', 'rater', 1))[0]}")
        page = rater.page
        page.get_by_label("I have read this").check()
        rater.press("Continue")
        rater.press("Start")
        page.locator("#intensity-before input").nth(3).check()
        rater.press("Start the talk")
        box = page.locator("#post textarea")
        assert "flat most of the day" in box.input_value()  # the card's first message
        rater.press("Send")
        page.get_by_text("both replies appear together").first.wait_for()
        page.reload()  # in mid-reply: it goes on
        page.locator("#turn-preference input").first.wait_for()
        page.get_by_text("End the talk (messages left: 1)").wait_for()
        page.locator("#turn-preference input").nth(2).check()
        page.locator("#send:not([disabled])").wait_for()
        box.fill("What shall I do?")
        box.press("Enter")
        page.locator("#stars-a input").first.wait_for()
        page.get_by_text("the talk continued from here").first.wait_for()
        assert page.locator("#side-b").get_by_text("the talk continued from here").count() == 1
        page.locator("#stars-a input").nth(4).check()
        page.locator("#turn-preference input").nth(1).check()
        page.set_viewport_size(PHONE)
        assert rater.no_side_scroll()
        page.locator("#finish:not([disabled])").click()
        page.get_by_role("button", name="Yes, finish it").click()
        page.locator("#question-1 input").first.wait_for()
        assert rater.no_side_scroll()
        for question in ("#question-1", "#question-2"):
            page.locator(f"{question} input").first.check()
        page.locator("#intensity-after input").nth(1).check()
        rater.answered()
        rater.press("Hand in and go on")
        page.locator("#end h2").wait_for()
        assert [name for name in SYSTEMS if name in page.content()] == []
        assert rater.problems == []
        results = json.loads(lead.call("study_results", None))
        assert "Helpfulness" in str(results)
        assert "net-left vs. net-right" in str(results)
