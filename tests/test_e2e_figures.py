"""The tabs Figures and Models in a real browser: filled when opened, for two nets, wide, on a phone and in the dark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from escdemo import texts
from models.analysis.analysis import Source
from models.analysis.analysis_file import write_analysis
from models.files.checkpoint import WEIGHTS, fingerprint, read_card
from tests.analyses import made_up
from tests.fakes import EchoResponder
from tests.running import Site, running
from tests.test_e2e import FAINT, PHONE, WIDE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

NETS = ("joint", "misc", "star")


@pytest.fixture(scope="module")
def analyses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of Joint and MISC that fit the weights here, a damaged one of STAR."""
    folder = tmp_path_factory.mktemp("analyses")
    for at, net in enumerate(NETS):
        card = read_card(WEIGHTS / net)
        of = fingerprint(WEIGHTS / net), card["base"], card["vocabulary"]
        write_analysis(folder, made_up(net, Source(net, *of, "D", "test", "D test", "da7a", ""), asks=2 + at))
    (folder / "star.json").write_text((folder / "star.json").read_text()[:500])
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, analyses: Path) -> Iterator[Site]:
    database = f"sqlite:///{tmp_path_factory.mktemp('figures') / 'site.db'}"
    with running(database, {net: EchoResponder(net, f"sha-{net}") for net in NETS}, analysis=str(analyses)) as site:
        yield site


@pytest.fixture(autouse=True)
def closed_afterwards(browser: Browser) -> Iterator[None]:
    yield
    for context in browser.contexts:
        context.close()


def opened(browser: Browser, site: Site, viewport: Any = WIDE, scheme: Any = "light") -> tuple[Page, list[str]]:
    page = browser.new_context(viewport=viewport, color_scheme=scheme).new_page()
    page.set_default_timeout(120_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(site.url)
    page.locator("#start").wait_for()
    return page, problems


def open_tab(page: Page, name: str) -> None:
    """Gradio moves tabs for which there is no room into a menu."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.is_visible():
        tab.click()
        return
    page.locator("#tabs .overflow-menu > button").first.click()
    page.locator("#tabs .overflow-dropdown button", has_text=name).click()


def drawn(page: Page, *names: str) -> None:
    for name in names:
        page.locator(f"#figures-{name} .js-plotly-plot .main-svg").first.wait_for()


ALONE = ("stages-gold", "stages-a", "stages-difference-a", "top-k-all", "distribution-all", "confusion-a",
         "interference-a")  # fmt: skip
WIDTHS = """() => [...document.querySelectorAll("#figures-body .js-plotly-plot")].map((plot) =>
  [plot.closest(".esc-fig").id, plot.querySelector(".main-svg").getBoundingClientRect().right - innerWidth,
   plot._fullLayout.width - plot.closest(".esc-fig").clientWidth])"""


COUNT_DRAWINGS_OF_THE_OLD = """() => {
  window.old = document.querySelector("#figures-top-k-all .js-plotly-plot");
  window.drawings = 0;
  window.old.on("plotly_afterplot", () => { window.drawings++; });
  window.old.on("plotly_relayout", () => { window.drawings--; }); // for another width
}"""


def test_figures_of_one_net_then_two_and_what_cannot_be_shown(browser: Browser, site: Site) -> None:
    page, problems = opened(browser, site)
    assert page.locator(".js-plotly-plot").count() == 0
    assert "differs from the annotators" not in page.content(), "a tab that is not open loads nothing"
    open_tab(page, "Figures")
    drawn(page, *ALONE)
    assert page.locator("#figures-body .js-plotly-plot").count() == len(ALONE)
    page.get_by_text("BlenderBot-Joint differs from the annotators beyond chance in").wait_for()
    page.evaluate(COUNT_DRAWINGS_OF_THE_OLD)
    page.get_by_label("Beside it").click()
    page.get_by_role("option", name="MISC (misc)").click()
    drawn(page, *ALONE, "stages-b", "stages-difference-b", "confusion-b", "interference-b")
    page.get_by_text("MISC names the annotated strategy first in").wait_for()
    page.wait_for_function("window.drawings > 0")
    assert page.evaluate("[window.drawings, window.old.isConnected]") == [1, True], "drawn once, into what was there"
    names = page.locator("#figures-body [role=img]").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert {"Strategies of annotators", "Strategies of MISC", "Confusion of MISC"} <= set(names)
    page.get_by_label("Beside it").click()
    page.get_by_role("option", name="STAR on Joint (star)").click()
    page.get_by_text("star.json is damaged or no analysis").wait_for()
    drawn(page, *ALONE)
    assert not page.locator("#figures-confusion-b").is_visible()
    for label, kind in (("figures-top-k-all as PNG", "png"), ("the data of figures-top-k-all as CSV", "csv")):
        with page.expect_download() as download:
            page.get_by_label(f"Save {label}", exact=True).click()
        assert download.value.suggested_filename == f"figures-top-k-all.{kind}"
    open_tab(page, "Chat")
    page.locator("#card-draw").click()  # the rest of the page lives on
    assert problems == []


def test_models_in_plain_words_with_the_papers_tables(browser: Browser, site: Site) -> None:
    page, problems = opened(browser, site)
    open_tab(page, "Models")
    page.locator("#models-tables table").nth(5).wait_for()
    cards = page.locator("#models-cards article")
    assert cards.count() == 3
    assert cards.nth(1).get_attribute("aria-label") == "MISC"
    told = cards.nth(1).inner_text()
    assert fingerprint(WEIGHTS / "misc") in told
    assert "Asks what the seeker may feel and want" in told
    page.get_by_text("star.json is damaged or no analysis").wait_for()
    table = page.get_by_role("table", name="STAR, table 1")
    assert table.is_visible(), "folded on a phone only"
    assert not page.locator("#models-tables summary").first.is_visible()
    row = [cell.strip() for cell in table.get_by_role("row", name="here: MISC").inner_text().split("\t")]
    assert row[1] == "D test, 60 turns"
    assert row[2].split()[0] == f"{made_up('misc', asks=3).labels.macro_f1.value:.2f}"
    assert "not measured" in row
    assert page.evaluate(FAINT) == []
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_figure_in_its_box(browser: Browser, site: Site, scheme: str) -> None:
    page, problems = opened(browser, site, PHONE, scheme)
    open_tab(page, "Figures")
    drawn(page, *ALONE)
    page.wait_for_function(f"({WIDTHS})().every(([, over, wide]) => over <= 0 && wide <= 0)")
    assert len(page.evaluate(WIDTHS)) == len(ALONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    open_tab(page, "Models")
    page.locator("#models-tables summary").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    table = page.get_by_role("table", name="STAR, table 1")
    assert table.count() == 0, "folded: each row is a list here"
    page.locator("summary", has_text="STAR, table 1: 12 rows").click()
    table.get_by_role("rowheader", name="here: MISC").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(FAINT) == []
    assert problems == []


UNFILLED = """() => [...document.querySelectorAll(".js-plotly-plot pattern")]
  .filter((pattern) => !pattern.querySelector("rect")).length"""


def test_a_bar_with_a_pattern_has_its_colour_too(browser: Browser, site: Site) -> None:
    page, _ = opened(browser, site)
    open_tab(page, "Figures")
    drawn(page, *ALONE)
    assert page.locator(".js-plotly-plot pattern").count() > 0
    assert page.evaluate(UNFILLED) == 0


DARKEST_INTERVAL = """() => Math.min(...[...document.querySelectorAll("#figures-distribution-all .errorbar path")]
  .map((line) => Math.max(...getComputedStyle(line).stroke.match(/[\\d.]+/g).slice(0, 3).map(Number))))"""
INK_AND_GROUND = """() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
  const text = document.querySelector("#figures-top-k-all .xtick text");
  const box = document.querySelector("#figures-top-k-all"), svg = box.querySelector(".main-svg");
  return [light(getComputedStyle(text).fill), light(getComputedStyle(box).backgroundColor),
          getComputedStyle(svg).backgroundColor, getComputedStyle(document.body).colorScheme];
}"""


def test_a_dark_page_draws_light_on_dark_and_says_so_to_the_browser(browser: Browser, site: Site) -> None:
    page, _ = opened(browser, site, WIDE, "dark")
    open_tab(page, "Figures")
    drawn(page, "top-k-all", "distribution-all")
    page.wait_for_timeout(500)
    ink, ground, svg, scheme = page.evaluate(INK_AND_GROUND)
    assert ink > 200
    assert ground < 60
    assert svg == "rgba(0, 0, 0, 0)"
    assert page.evaluate(DARKEST_INTERVAL) > 200
    assert scheme == "dark"
    assert page.evaluate(FAINT) == []


def test_in_a_study_no_tab_names_a_model_before_the_vote(browser: Browser, database_url: str, analyses: Path) -> None:
    responders = {net: EchoResponder(net, f"sha-{net}") for net in NETS[:2]}
    with running(database_url, responders, study="pilot", analysis=str(analyses)) as site:
        page, problems = opened(browser, site)
        for tab, note in (("Figures", "#figures-note"), ("Models", "#models-note")):
            open_tab(page, tab)
            page.locator(note, has_text=texts.NETS_HIDDEN).wait_for()
        assert "joint" not in page.content()
        assert problems == []


def test_a_file_of_other_weights_is_told_and_the_other_net_is_drawn(
    browser: Browser, database_url: str, analyses: Path, tmp_path: Path
) -> None:
    stale = tmp_path / "stale"
    shutil.copytree(analyses, stale)
    content = json.loads((stale / "joint.json").read_text())
    content["analysis"]["source"]["checkpoint"] = "0123456789ab"
    (stale / "joint.json").write_text(json.dumps(content))
    responders = {net: EchoResponder(net, f"sha-{net}") for net in NETS[:2]}
    with running(database_url, responders, analysis=str(stale)) as site:
        page, problems = opened(browser, site)
        open_tab(page, "Figures")
        page.get_by_text("joint.json is of other weights than those of joint here").wait_for()
        assert page.locator("#figures-body").count() == 0 or not page.locator("#figures-body").is_visible()
        page.get_by_label("Model", exact=True).click()
        page.get_by_role("option", name="MISC (misc)").click()
        drawn(page, *ALONE)
        assert problems == []
