"""Fixtures shared by all tests: a fresh database address, fake nets, a small dialogue, a browser.

One thread per process, no network. `--require-e2e` makes a run fail when a browser test was skipped or none ran,
`--require-postgresql` when the store could not be tested on PostgreSQL.
"""

from __future__ import annotations

import os

# Before any test module imports a library that reads them. One thread: tiny matrices are slower with many.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from annotation.store.database import open_sessions
from models.data.dialogue import Dialogue, Speaker, Turn
from tests.browser import ADVICE, FLAGS, find_chromium
from tests.fakes import EchoResponder
from tests.postgres import ADVICE as ADVICE_POSTGRES
from tests.postgres import empty, find_programs, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from escdemo.chat.handlers import Page
    from tests.running import Site


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Address of a database file that does not exist yet. A file, since threads do not share an in-memory database."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, to copy: much faster than migrating for every test."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    open_sessions(f"sqlite:///{path}").kw["bind"].dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a database on a PostgreSQL server that runs as long as the tests.

    Where it is not installed, tests that need it are skipped, or fail with `--require-postgresql`.
    """
    programs = find_programs()
    if programs is None:
        (pytest.fail if request.config.getoption("--require-postgresql") else pytest.skip)(ADVICE_POSTGRES)
    with running_server(programs) as url:
        yield url


@pytest.fixture
def sessions(
    request: pytest.FixtureRequest, database_url: str, empty_database: Path
) -> Iterator[sessionmaker[Session]]:
    """An open database with the current schema, empty; its connections are closed afterwards.

    SQLite, unless the test's module has `STORES`: then the test runs once on each of them.
    """
    if getattr(request, "param", "sqlite") == "sqlite":
        shutil.copy(empty_database, database_url.removeprefix("sqlite:///"))
        opened = open_sessions(database_url)
    else:
        opened = open_sessions(request.getfixturevalue("postgresql_url"))
        empty(opened.kw["bind"])
    yield opened
    opened.kw["bind"].dispose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module with `STORES` on each of them."""
    stores = getattr(metafunc.module, "STORES", ())
    if stores and "sessions" in metafunc.fixturenames:
        metafunc.parametrize("sessions", stores, indirect=True)


@pytest.fixture
def responders() -> dict[str, EchoResponder]:
    """Two fakes under the names of the first two nets; they answer differently."""
    return {
        "joint": EchoResponder("joint", "fake0001"),
        "misc": EchoResponder("misc", "fake0002"),
    }


@pytest.fixture
def dialogue() -> Dialogue:
    """Three turns, the last by the seeker."""
    turns = (
        Turn(Speaker.SEEKER, "I have not slept well since I moved to the new town."),
        Turn(Speaker.SUPPORTER, "Moving is hard. What keeps you awake?", "Question"),
        Turn(Speaker.SEEKER, "I keep thinking that nobody here knows me."),
    )
    return Dialogue(turns, "I moved for work and know nobody here.", "sadness", "Sleep Problems", "test-1")


@pytest.fixture
def make_page(sessions: sessionmaker[Session]) -> Iterator[Any]:
    """make_page(study=None, create_key="", joint=..., misc=...) -> the handlers; all services are closed afterwards."""
    # The page loads gradio, which few tests need.
    from escdemo.chat.build import build_app
    from escdemo.settings import Settings
    from models.serving.service import GenerationService

    services = []

    def make(study: str | None = None, create_key: str = "", **nets: Any) -> Page:
        loaded = {name: EchoResponder(name, f"sha-{name}") for name in ("joint", "misc")} | nets
        settings = Settings(nets=tuple(loaded), study=study, create_key=create_key)
        service = GenerationService(loaded)
        services.append(service)
        demo = build_app(service, sessions, settings)
        handler = next(fn for fn in demo.fns.values() if fn.api_name == "restore")
        return handler.fn.__self__  # type: ignore[union-attr]  # gradio types the function loosely

    yield make
    for service in services:
        service.close()


@pytest.fixture(scope="module")
def echo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server with two fake nets, joint and misc, and a database of its own."""
    from tests.running import running  # loads gradio, which few tests need

    nets = {name: EchoResponder(name) for name in ("joint", "misc")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('site') / 'site.db'}", nets) as site:
        yield site


# Not for the whole session: Playwright's loop stays alive in this thread, and asyncio.run refuses to start beside it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; skips where there is none. Open a fresh `browser.new_context()` per visitor."""
    path = find_chromium()
    if path is None:
        pytest.skip(ADVICE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-e2e", action="store_true", help="fail when a browser test was skipped or none ran")
    parser.addoption("--require-postgresql", action="store_true", help="fail where PostgreSQL is not installed")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a `--require-e2e` run unless all browser tests ran: a machine without a browser must not look green."""
    if not session.config.getoption("--require-e2e") or hasattr(session.config, "workerinput"):  # one of -n N
        return
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    browser_reports = {
        kind: [report for report in terminal.stats.get(kind, []) if "e2e" in getattr(report, "keywords", ())]
        for kind in ("skipped", "passed", "failed")
    }
    if browser_reports["skipped"] or not (browser_reports["passed"] or browser_reports["failed"]):
        terminal.write_line(
            f"\n--require-e2e: {len(browser_reports['skipped'])} browser tests skipped, "
            f"{len(browser_reports['passed'])} passed",
            red=True,
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
