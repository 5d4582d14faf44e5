"""By which names the server may be called, and what every answer tells the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from escdemo.settings import Settings
from escdemo.web.headers import HEADERS
from escdemo.web.hosts import TrustedHosts, address_of
from escdemo.web.routes import OpenRoutes
from tests.events import Stranger, ask
from tests.fakes import EchoResponder
from tests.running import Site, running

PATHS = ("/", "/config", "/healthz", "/gradio_api/info", "/gradio_api/queue/data?session_hash=x", "/study", "/study/")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('hosts') / 'site.db'}", nets) as running_site:
        yield running_site


@pytest.mark.parametrize("path", PATHS)
def test_a_rebound_name_reaches_nothing(site: Site, path: str) -> None:
    answer = ask(site, "GET", path, headers={"Host": f"evil.example:{site.port}"})
    assert answer.status == 400
    assert b"--trusted-host" in answer.body


def test_a_rebound_name_makes_no_event(site: Site) -> None:
    page = Stranger(site)
    for route in ("run/ask_erase", "queue/join", "cancel"):
        assert page.post(route, page.event("ask_erase", []), Host="evil.example").status == 400
    assert page.call("ask_erase", Host=f"localhost:{site.port}").status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://a@b"])
def test_a_page_of_another_site_makes_no_event(site: Site, origin: str) -> None:
    page = Stranger(site)
    assert page.call("ask_erase", Origin=origin).status == 400
    assert page.call("ask_erase", Origin=f"http://127.0.0.1:{site.port}").status == 200


LOOPBACK = ("localhost", "LOCALHOST:7860", "127.0.0.1:7860", "127.8.9.1", "[::1]", "[::1]:7860")


@pytest.mark.parametrize(
    ("settings", "ours", "strange"),
    [
        (Settings(), LOOPBACK, ("evil.example", "192.168.1.5", "localhost.evil.example", "", "[::1", "localhost:x")),
        (Settings(host="::1"), LOOPBACK, ("[fe80::1]:7860",)),
        (Settings(host="lab.example"), (*LOOPBACK, "Lab.Example:80"), ("www.lab.example", "10.0.0.1")),
        (Settings(host="0.0.0.0"), (*LOOPBACK, "0.0.0.0:7860", "192.168.1.5:7860", "[fe80::1]"), ("evil.example",)),
        (Settings(trusted_hosts=("a.example", "[fd00::7]")), ("a.example", "A.example:443", "[fd00::7]:80"), ("b",)),
    ],
)
def test_names(settings: Settings, ours: tuple[str, ...], strange: tuple[str, ...]) -> None:
    assert [host for host in ours if status(settings, host) != 200] == []
    assert [host for host in strange if status(settings, host) != 400] == []


def test_exactly_one_name_is_needed() -> None:
    assert status(Settings()) == 400
    assert status(Settings(), "localhost", "localhost") == 400


def status(settings: Settings, *hosts: str) -> int:
    """What a request with these Host headers is answered."""
    sent = asgi(TrustedHosts(PlainTextResponse("inside"), settings), "http", [(b"host", one.encode()) for one in hosts])
    return int(sent[0]["status"])


def test_there_is_no_websocket() -> None:
    """Of a strange name or of a known one."""
    for host in (b"evil.example", b"localhost"):
        sent = asgi(TrustedHosts(OpenRoutes(PlainTextResponse("inside")), Settings()), "websocket", [(b"host", host)])
        assert [one["type"] for one in sent] == ["websocket.close"]


def asgi(app: Any, kind: str, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """All that `app` sends in answer to one request."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize("name", ["http://a.example", "a.example:80", "", "a b", "*", "*.example"])
def test_a_bad_trusted_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"--trusted-host .* without scheme and port"):
        Settings(trusted_hosts=(name,))


def test_addresses_are_printed_as_a_browser_takes_them() -> None:
    assert address_of(Settings(host="::1", port=80)) == "http://[::1]:80"
    assert address_of(Settings()) == "http://127.0.0.1:7860"


def test_every_answer_has_the_headers(site: Site) -> None:
    answers = [ask(site, "GET", path) for path in (*PATHS[:4], "/study/config", "/no/such/page", "/theme.css")]
    answers += [ask(site, "GET", "/", headers={"Host": "evil.example"}), Stranger(site).call("ask_erase")]
    answers += [ask(site, "POST", "/gradio_api/run/ask_erase", b"{", {"Content-Type": "application/json"})]
    assert {answer.status for answer in answers} == {200, 400, 404}
    for answer in answers:
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
    policy = HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy
