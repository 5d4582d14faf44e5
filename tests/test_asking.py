"""One chat completion of a server that may fail in every way a server fails."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from models.serving.responder import Cancelled
from models.systems.asking import (
    Answer,
    AnswerCutOff,
    AnswerLate,
    AnswerUnreadable,
    AnswerWithheld,
    KeyRefused,
    RequestRefused,
    ServerBusy,
    ServerFailed,
    ServerFault,
    ServerUnreachable,
    ask,
    open_client,
)
from models.systems.server_address import check_address, host_of
from tests.faulty_server import FaultyServer, faulty_server

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "my words"}]}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as found:
        yield found


def asked(server: FaultyServer, mode: str, timeout_s: float = 20.0) -> Answer:
    server.mode = mode
    client = open_client(server.url, "key-of-the-test", retries=1, timeout_s=timeout_s)
    return ask(client, REQUEST, timeout_s)


def test_a_good_answer_has_text_end_and_counts(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "an organisation")
    monkeypatch.setenv("OPENAI_API_KEY", "a key for another server")
    grown: list[str] = []
    server.mode = "good"
    answer = ask(open_client(server.url, "key-of-the-test"), REQUEST, 20.0, grown.append)
    assert (answer.text, answer.end, answer.tokens) == ("That sounds hard.", "stop", (100, 10))
    assert [text for at, text in enumerate(grown) if text not in grown[:at]] == ["That ", "That sounds hard."]
    assert server.keys[-1] == "Bearer key-of-the-test"
    assert server.organisations[-1] is None


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("401", KeyRefused),
        ("403", KeyRefused),
        ("404", RequestRefused),
        ("400", RequestRefused),
        ("307", RequestRefused),
        ("429", ServerBusy),
        ("500", ServerFailed),
        ("503", ServerFailed),
        ("error", ServerFailed),
        ("cut", AnswerCutOff),
        ("dropped", AnswerCutOff),
        ("malformed", AnswerUnreadable),
        ("odd", AnswerUnreadable),
        ("html", AnswerCutOff),
        ("endless", AnswerUnreadable),
        ("filtered", AnswerWithheld),
    ],
)
def test_every_failure_has_a_name_and_repeats_nothing(server: FaultyServer, mode: str, kind: type[ServerFault]) -> None:
    with pytest.raises(kind) as failed:
        asked(server, mode)
    assert type(failed.value) is kind
    assert "my words" not in str(failed.value)
    assert failed.value.__suppress_context__ or failed.value.__context__ is None
    assert asked(server, "good").text == "That sounds hard."


@pytest.mark.parametrize("mode", ["silent", "hanging"])
def test_a_server_that_hangs_is_left_in_time(server: FaultyServer, mode: str) -> None:
    with pytest.raises(AnswerLate):
        asked(server, mode, timeout_s=0.3)


def test_a_slow_drip_does_not_outlast_the_time(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time; all of them together do not."""
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr("models.systems.asking.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(AnswerLate):
        asked(server, "good")


def test_nobody_there_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
        with pytest.raises(ServerUnreachable, match="is the server running"):
            ask(open_client(url, "", retries=0), REQUEST, 20.0)


def test_whoever_listens_may_stop_it(server: FaultyServer) -> None:
    def stop(_text: str) -> None:
        raise Cancelled

    server.mode = "endless"
    with pytest.raises(Cancelled):
        ask(open_client(server.url, ""), REQUEST, 20.0, stop)


def test_words_are_not_sent_on_by_a_redirect(server: FaultyServer) -> None:
    before = len(server.bodies)
    with pytest.raises(RequestRefused):
        asked(server, "307")
    assert len(server.bodies) == before + 1


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:8000", "an address such as"),
        ("ftp://x/v1", "an address such as"),
        ("http://x:port/v1", "Port could not be cast"),
        ("https://user:secret@host/v1", "never from here"),
        ("https://host/v1?key=secret", "never from here"),
        ("http://host.example/v1", "want https"),
    ],
)
def test_addresses_are_checked(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        check_address(url, "url", safe=True)
    assert "secret" not in str(refused.value)


def test_this_machine_is_no_third_party() -> None:
    assert check_address("http://127.0.0.1:8000/v1/", "url", safe=True) == "http://127.0.0.1:8000/v1"
    assert [host_of(url) for url in ("http://[::1]:1/v1", "http://localhost", "https://api.openai.com/v1")] == [
        "",
        "",
        "api.openai.com",
    ]
