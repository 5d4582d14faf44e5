"""Long, deep and endless requests are refused before anything is done with them, and the server goes on answering."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from escdemo.web import bodies
from escdemo.web.bodies import EVENT_WAIT_S, MAX_EVENT_BYTES, MAX_VALUES, Refused, check_event
from escdemo.web.uploads import COOKIE, make_pass
from tests.events import Stranger, ask
from tests.fakes import EchoResponder
from tests.running import Site, running

STANDSTILL_S = 3.0
"""far more than a busy machine makes a question wait, far less than composing 195,000 marks takes"""
MARKS = "a" + "\u0315\u0300" * 60_000
KINDS = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nets = {name: EchoResponder(name, f"sha-{name}") for name in ("fake-1", "fake-2")}
    with running(f"sqlite:///{tmp_path_factory.mktemp('bodies') / 'site.db'}", nets) as running_site:
        yield running_site


@contextmanager
def answering(site: Site) -> Iterator[None]:
    """Ask for /healthz all the time; fail when one answer took STANDSTILL_S."""
    over, worst = threading.Event(), [0.0]

    def look_on() -> None:
        while not over.wait(0.02):
            start = time.monotonic()
            assert ask(site, "GET", "/healthz").status == 200
            worst[0] = max(worst[0], time.monotonic() - start)

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert worst[0] < STANDSTILL_S, f"the server stood still for {worst[0]:.1f} s"


def test_marks_in_a_situation_do_not_stop_the_server(site: Site) -> None:
    """390 KB, and as many as pass the limit on events."""
    page = Stranger(site)
    fields = (None, "sadness", "job crisis", 4, None, False)
    with answering(site):
        whole = "a" + "\u0315\u0300" * 97_500
        first = page.call("start", "x" * 40, True, "", whole, *fields[1:])
        assert first.status == 413
        event = page.event("start", ["x" * 40, True, "", MARKS, *fields[1:]])
        body = json.dumps(event, ensure_ascii=False).encode()
        assert len(body) < MAX_EVENT_BYTES
        answer = ask(site, "POST", "/gradio_api/run/start", body, KINDS)
        assert answer.status == 200
        assert "120,001 characters long" in answer.body.decode()


@pytest.mark.parametrize("prefix", ["", "/study"], ids=["first", "study"])
def test_no_text_of_any_event_stops_the_server(site: Site, prefix: str) -> None:
    page = Stranger(site, prefix)
    with answering(site):
        for name, call in page.calls.items():
            for at, one in enumerate(call["inputs"]):
                if page.types[one] != "state":
                    values = [MARKS if place == at else None for place in range(len(call["inputs"]))]
                    body = json.dumps(page.event(name, values), ensure_ascii=False)
                    ask(site, "POST", f"{prefix}/gradio_api/run/{name}", body.encode(), KINDS)


@pytest.mark.parametrize("route", ["/gradio_api/run/send", "/study/gradio_api/queue/join", "/study/gradio_api/upload"])
def test_a_long_body_is_refused_by_what_it_says_of_itself(site: Site, route: str) -> None:
    """Not a byte of it is read."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.putrequest("POST", route)
    connection.putheader("Content-Length", str(100 * 2**20))
    connection.putheader("Cookie", f"{COOKIE}={make_pass(site.settings.upload_key)}")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert "at most" in json.loads(answer.read())["error"]
    connection.close()


def pieces(size: int, head: bytes = b"") -> Iterator[bytes]:
    yield head
    for _ in range(0, size, 8192):
        yield b"x" * 8192


def test_a_body_without_a_length_is_cut_off(site: Site) -> None:
    asked = ask(site, "POST", "/gradio_api/run/send", pieces(2 * MAX_EVENT_BYTES), KINDS, chunked=True)
    assert asked.status == 413


def test_an_upload_without_a_length_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_FILE_BYTES", 100_000)
    headers = {
        "Content-Type": "multipart/form-data; boundary=mark",
        "Cookie": f"{COOKIE}={make_pass(site.settings.upload_key)}",
    }
    head = b'--mark\r\nContent-Disposition: form-data; name="files"; filename="x.csv"\r\n\r\n'
    asked = ask(site, "POST", "/study/gradio_api/upload", pieces(400_000, head), headers, chunked=True)
    assert asked.status == 413


def test_an_event_that_does_not_end_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "EVENT_WAIT_S", 0.2)
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=EVENT_WAIT_S / 2)
    connection.putrequest("POST", "/gradio_api/run/send")
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    assert connection.getresponse().status == 408
    connection.close()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (nested(100_000), "JSON is needed"),
        ('{"data": ' + nested(60) + "}", "too deep"),
        ('{"data": [' + "0," * MAX_VALUES + "0]}", "too many values"),
        ('{"data": [' + "1" * 100_000 + "]}", "JSON is needed"),
        ("[]", "object is needed"),
        ("data=x", "JSON is needed"),
        (json.dumps({"data": [], "session_hash": "x" * 65}), "at most 64 characters"),
        (json.dumps({"data": [], "session_hash": ["x"]}), "at most 64 characters"),
        (json.dumps({"data": [{"path": 1}]}), "not uploaded here"),
    ],
)
def test_what_is_no_event_is_refused_in_words(site: Site, tmp_path: Path, body: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_event(body.encode(), tmp_path)
    answer = ask(site, "POST", "/gradio_api/run/again", body.encode(), KINDS)
    assert answer.status in (400, 403)
    assert why in json.loads(answer.body)["error"]


def test_what_the_pages_send_passes(tmp_path: Path) -> None:
    long_form: list[Any] = ["好" * 20_000, "é" * 20_000, *[None] * 16]
    event = json.dumps({"data": long_form, "fn_index": 1, "session_hash": "ab12"}, ensure_ascii=False).encode()
    assert len(event) < MAX_EVENT_BYTES
    check_event(event, tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    named = {"path": str(tmp_path / "plan.json"), "meta": {}}
    check_event(json.dumps({"data": [None, named]}).encode(), tmp_path)
