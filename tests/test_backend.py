"""Nets of a server elsewhere answer as nets in this process do; the app over them is the same app."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client

from escdemo.soak.running_app import app_process
from models.data.dialogue import Dialogue, Speaker, Turn
from models.knowledge.comet import Block
from models.serving.intervention import Intervention
from models.serving.job import JobState, ReplyRequest
from models.serving.responder import Responder
from models.serving.service import GenerationService
from models.serving.trace import DECODING, DecodeOptions
from models.systems.asking import KeyRefused, RequestRefused, ServerBusy, ServerFailed
from models.systems.backend import KEY as VARIABLE
from models.systems.backend import open_backend
from tests.api_server import KEY, LONG_S, Api, Gated, running_api
from tests.fakes import ChangeableResponder, EchoResponder, FailingResponder
from tests.running import free_port, running
from tests.visitor import OWN

TALK = Dialogue(
    (
        Turn(Speaker.SEEKER, "I moved.\nAlone."),
        Turn(Speaker.SUPPORTER, "Since when?", "Question"),
        Turn(Speaker.SEEKER, "I know nobody here — and the evenings are long 😔"),
    ),
    "A new town.",
)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    nets = EchoResponder("misc"), ChangeableResponder("joint"), FailingResponder("failing")
    with running_api({net.name: net for net in nets}, keys=(KEY,)) as found:
        yield found


@pytest.fixture(scope="module")
def nets(api: Api) -> dict[str, Responder]:
    return open_backend(api.url, KEY, ["misc", "joint", "failing"])


@pytest.mark.parametrize("options", [*DECODING.values(), DecodeOptions(max_tokens=3, min_tokens=1)])
def test_reply_and_trace_are_those_of_the_net(nets: dict[str, Responder], options: DecodeOptions) -> None:
    grown: list[str] = []
    reply = nets["misc"].respond(TALK, options, 5, grown.append)
    assert reply == EchoResponder("misc").respond(TALK, options, 5)
    assert grown[-1] == reply.text
    assert all(reply.text.startswith(text) for text in grown)
    assert nets["misc"].checkpoint == "fake0001"


@pytest.mark.parametrize(
    "change",
    [
        Intervention(strategy="Question", beside="Since when?"),
        Intervention(mixture=(0.125,) * 8),
        Intervention(knowledge=False),
        Intervention(blocks_off=frozenset({Block("post", "xWant", "to be heard")})),
        Intervention(emotion="fear"),
    ],
)
def test_a_change_is_made_there(nets: dict[str, Responder], change: Intervention) -> None:
    net = ChangeableResponder("joint")
    assert nets["joint"].intervene(TALK, DecodeOptions(), 5, change) == net.intervene(  # type: ignore[attr-defined]
        TALK, DecodeOptions(), 5, change
    )
    service = GenerationService(nets)
    assert service.levers("joint") == net.levers
    assert not service.levers("misc").any()
    with pytest.raises(ValueError, match="misc has no input for"):
        nets["misc"].intervene(TALK, DecodeOptions(), 5, change)  # type: ignore[attr-defined]


def test_a_cancelled_job_stops_the_net_at_the_server() -> None:
    net = Gated("misc")
    with running_api({"misc": net}) as api:
        service = GenerationService(open_backend(api.url, "", ["misc"]))
        service.submit("one", ReplyRequest("misc", TALK, DecodeOptions(), 1))
        assert net.started.wait(LONG_S)
        assert service.cancel("one").state is JobState.CANCELLED
        assert net.stopped.wait(LONG_S)
        service.close()


def test_failures_have_names(nets: dict[str, Responder], api: Api) -> None:
    with pytest.raises(ServerFailed):
        nets["failing"].respond(TALK, DecodeOptions(), 1)
    with pytest.raises(RequestRefused):
        nets["misc"].respond(Dialogue(()), DecodeOptions(), 1)
    with pytest.raises(OSError, match="refuses the key"):
        open_backend(api.url, "another-key-just-as-long", ["misc"])
    with pytest.raises(ValueError, match=r"does not serve star; it serves misc, joint, failing"):
        open_backend(api.url.removesuffix("/v1"), KEY, ["star"])
    with pytest.raises(OSError, match="is the server running"):
        open_backend(f"http://127.0.0.1:{free_port()}", "", ["misc"])
    assert issubclass(KeyRefused, RuntimeError)


def test_a_full_server_is_a_job_that_says_so() -> None:
    net = Gated("misc")
    with running_api({"misc": net}, workers=1, max_waiting=1) as api:
        responder = open_backend(api.url, "", ["misc"])["misc"]
        first = [threading.Thread(target=responder.respond, args=(TALK, DecodeOptions(), n)) for n in range(2)]
        for one in first:
            one.start()
        assert net.started.wait(LONG_S)
        with pytest.raises(ServerBusy):
            _unretried(api).respond(TALK, DecodeOptions(), 3)
        net.gate.set()
        for one in first:
            one.join(LONG_S)


def _unretried(api: Api) -> Responder:
    found = open_backend(api.url, "", ["misc"])["misc"]
    found._client = found._client.with_options(max_retries=0)  # type: ignore[attr-defined]
    return found


def test_the_page_over_a_backend_shows_replies_and_reasons(nets: dict[str, Responder], tmp_path: Path) -> None:
    used = {name: nets[name] for name in ("misc", "joint")}
    with running(f"sqlite:///{tmp_path / 'site.db'}", used, backend="http://127.0.0.1:1") as site:
        client = Client(site.url, verbose=False)
        token = "a token for the backend"
        client.predict(token, "", None, api_name="/restore")
        client.predict(token, True, *OWN, api_name="/agree")
        client.predict(token, 0, "I feel alone.", api_name="/send")
        shown = json.dumps(list(client.submit(token, api_name="/follow_send")), default=str)
        assert "You said" in shown
        looked = client.predict(token, json.dumps({"jump": True, "turn": 0}), api_name="/look")
        assert "xReact" in json.dumps(looked, default=str)
        client.close()


def test_the_app_starts_over_a_backend(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    database = f"sqlite:///{tmp_path / 'x.db'}"
    with app_process(["--nets", "misc,joint", "--backend", api.url], database) as (process, address):
        with urllib.request.urlopen(f"{address}/healthz") as answer:
            assert json.load(answer)["nets"] == 2
        process.terminate()
        assert process.wait() == 0
