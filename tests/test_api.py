"""`python -m models serve` as the official client of the protocol sees it."""

from __future__ import annotations

import http.client
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest

from models.api.keys import VARIABLE, read_keys
from models.api.protocol import MAX_BODY_BYTES
from models.api.stops import cut, settled
from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.intervention import LIKELIHOOD
from models.serving.trace import DECODING, USUAL, DecodeOptions, Reply, Trace
from tests.api_server import KEY, LONG_S, Api, Gated, running_api
from tests.fakes import ChangeableResponder, EchoResponder, FailingResponder

SITUATION, POST = "I moved to a new town.", "I know nobody here and the evenings are long."
MESSAGES = [{"role": "system", "content": SITUATION}, {"role": "user", "content": POST}]
ASKED = {"model": "echo", "messages": MESSAGES, "seed": 7}


class Counting(EchoResponder):
    """Reads one token a word, and one for our manner."""

    def context_tokens(self, dialogue: Dialogue, options: DecodeOptions) -> int:
        return sum(len(turn.text.split()) for turn in dialogue.turns) + options.voice


class Confused(EchoResponder):
    """Fails with a message that quotes the seeker."""

    def context_tokens(self, dialogue: Dialogue, options: DecodeOptions) -> int:
        raise RuntimeError(dialogue.last_post())


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    nets = Counting("echo"), ChangeableResponder("open"), FailingResponder("failing"), Confused("confused")
    with running_api({net.name: net for net in nets}) as found:
        yield found


def expected(options: DecodeOptions = DECODING[USUAL], seed: int = 7) -> Reply:
    return Counting("echo").respond(Dialogue((Turn(Speaker.SEEKER, POST),), SITUATION), options, seed)


def test_a_reply_is_that_of_the_net_with_usage_and_trace(api: Api) -> None:
    answer = api.client().chat.completions.create(**ASKED, extra_body={"trace": True})
    reply = expected()
    assert answer.choices[0].message.content == reply.text
    assert answer.choices[0].finish_reason == "stop"
    assert Trace.from_dict(answer.model_extra["trace"]) == reply.trace
    assert answer.usage is not None
    words = len(POST.split()) + 1
    written = len(reply.trace.tokens)
    assert answer.usage.to_dict() == {
        "prompt_tokens": words,
        "completion_tokens": written,
        "total_tokens": words + written,
    }
    assert answer.system_fingerprint == reply.trace.checkpoint
    assert "trace" not in (api.client().chat.completions.create(**ASKED).model_extra or {})


def test_a_stream_grows_to_the_same_reply(api: Api) -> None:
    options = {"include_usage": True}
    with api.client().chat.completions.create(
        **ASKED, stream=True, stream_options=options, extra_body={"trace": True}
    ) as stream:
        pieces = list(stream)
    said = [piece.choices[0].delta.content or "" for piece in pieces if piece.choices]
    assert "".join(said) == expected().text
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == "stop"
    traces = [piece.model_extra["trace"] for piece in pieces if (piece.model_extra or {}).get("trace")]
    assert [Trace.from_dict(trace) for trace in traces] == [expected().trace]
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == len(expected().trace.tokens)


def test_the_options_of_the_protocol_are_those_of_decoding(api: Api) -> None:
    answer = api.client().chat.completions.create(
        **ASKED, temperature=0.5, top_p=0.4, max_tokens=3, extra_body={"trace": True, "decode": {"top_k": 5}}
    )
    options = DecodeOptions(
        **asdict(DECODING[USUAL]) | {"temperature": 0.5, "top_p": 0.4, "max_tokens": 3, "min_tokens": 3, "top_k": 5}
    )
    assert answer.choices[0].message.content == expected(options).text
    assert answer.choices[0].finish_reason == "length"
    greedy = api.client().chat.completions.create(**ASKED, temperature=0, max_tokens=4000, extra_body={"trace": True})
    told = Trace.from_dict(greedy.model_extra["trace"]).options
    assert (told.method, told.max_tokens) == ("greedy", 128)


def test_without_a_seed_replies_are_drawn_anew(api: Api) -> None:
    asked = {"model": "echo", "messages": MESSAGES, "extra_body": {"trace": True}}
    seeds = {api.client().chat.completions.create(**asked).model_extra["trace"]["seed"] for _ in range(3)}
    assert len(seeds) > 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_ends_before_a_stop_text(api: Api, stream: bool) -> None:
    stop = next(part for part in (' said: "', "said") if part in expected().text)
    found = api.client().chat.completions.create(**ASKED, stream=stream, stop=[stop, "never said"])
    if stream:
        text = "".join(piece.choices[0].delta.content or "" for piece in found if piece.choices)
    else:
        text = found.choices[0].message.content
    assert text == expected().text.split(stop)[0]


def test_what_may_be_sent_of_a_growing_reply() -> None:
    assert settled("I hear yo", ()) == "I hear"
    assert settled("I", ()) == ""
    assert settled("I hear you st", ("you stop",)) == "I hear "
    assert settled("I hear you stop it", ("you stop",)) == "I hear "
    assert cut("a b c", ("c", "b")) == ("a ", True)


def test_earlier_turns_and_their_strategies_reach_the_net(api: Api) -> None:
    earlier = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi!"}], "strategy": "greeting"},
        {"role": "user", "content": POST},
    ]
    answer = api.client().chat.completions.create(model="echo", messages=earlier, seed=7)  # type: ignore[arg-type]
    turns = Turn(Speaker.SEEKER, "Hello"), Turn(Speaker.SUPPORTER, "Hi!", "Others"), Turn(Speaker.SEEKER, POST)
    reply = EchoResponder("echo").respond(Dialogue(turns), DECODING[USUAL], 7)
    assert answer.choices[0].message.content == reply.text


def test_what_if_is_asked_by_the_field_change(api: Api) -> None:
    change = {"strategy": "Question", "blocks_off": []}
    answer = api.client().chat.completions.create(
        model="open", messages=MESSAGES, extra_body={"change": change, "trace": True}
    )
    assert answer.choices[0].message.content.endswith("as Question .")
    assert LIKELIHOOD in [row["name"] for row in answer.model_extra["trace"]["extras"]]
    with pytest.raises(openai.BadRequestError, match="echo has no input for strategy"):
        api.client().chat.completions.create(**ASKED, extra_body={"change": change})


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "not empty"),
        ({"messages": [*MESSAGES, {"role": "assistant", "content": "yes"}]}, "the last one must be of the user"),
        ({"messages": [*MESSAGES, *MESSAGES]}, "only the first may be a system message"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": "x" * 8001}]}, "at most 8000 characters"),
        ({"temperature": 3}, "temperature"),
        ({"n": 2}, "n: "),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "only text is supported"),
        ({"extra_body": {"decode": {"top_q": 1}}}, "decode: unknown top_q"),
        ({"extra_body": {"decode": {"top_p": "much"}}}, "decode.top_p"),
        ({"extra_body": {"decode": {"beams": 99}}}, "beams is 99; allowed: 1 to 32"),
        ({"extra_body": {"change": {"strategy": "shout"}}}, "allowed: Question"),
        ({"seed": 2**64}, "seed"),
    ],
)
def test_a_bad_request_says_which_field_and_what_is_allowed(api: Api, more: dict[str, object], told: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        api.client().chat.completions.create(**ASKED | more)
    assert told in refused.value.message
    assert refused.value.type == "invalid_request_error"
    assert "x" * 100 not in refused.value.message


def test_unknown_models_and_addresses_are_told_in_the_protocols_form(api: Api) -> None:
    with pytest.raises(openai.NotFoundError, match="allowed: echo, open") as refused:
        api.client().chat.completions.create(**ASKED | {"model": "gpt-9"})
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="nothing at this address"):
        api.client().embeddings.create(model="echo", input="x")


def test_the_models_are_listed_with_what_a_client_needs_of_them(api: Api) -> None:
    found = {model.id: model.to_dict() for model in api.client().models.list()}
    assert list(found) == ["echo", "open", "failing", "confused"]
    assert found["echo"]["checkpoint"] == "fake0001"
    assert found["echo"]["screened"] is False
    assert found["open"]["levers"] == {"strategy": True, "mixture": True, "knowledge": True, "emotion": True}
    assert api.client().models.retrieve("open").id == "open"


@pytest.mark.parametrize("stream", [False, True])
def test_a_net_that_fails_is_an_error_and_no_answer(api: Api, stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="models"), pytest.raises(openai.APIError, match="could not answer"):
        list(api.client().chat.completions.create(**ASKED | {"model": "failing"}, stream=stream))
    assert POST not in caplog.text
    assert "broke on purpose" not in caplog.text


def test_an_unforeseen_error_is_logged_without_its_message(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(openai.InternalServerError, match="the server failed"):
        api.client().chat.completions.create(**ASKED | {"model": "confused"})
    until = time.monotonic() + LONG_S
    while "RuntimeError" not in caplog.text and time.monotonic() < until:  # it is logged after it is answered
        time.sleep(0.01)
    assert "a request failed: RuntimeError" in caplog.text
    assert POST not in caplog.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_ends_its_job(stream: bool) -> None:
    net = Gated()
    body = json.dumps(ASKED | {"model": "gated", "stream": stream})
    with running_api({"gated": net}) as api:
        place = urlsplit(api.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LONG_S)
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        if stream:
            assert connection.getresponse().readline().startswith(b"data: ")
        assert net.started.wait(LONG_S)
        connection.close()
        assert net.stopped.wait(LONG_S)
        assert not api.service.busy


def test_a_full_server_says_when_to_come_back() -> None:
    net = Gated()
    with running_api({"gated": net}, workers=1, max_waiting=1) as api:
        asked = ASKED | {"model": "gated", "stream": True}
        open_streams = [api.client().chat.completions.create(**asked) for _ in range(2)]
        assert net.started.wait(LONG_S)
        with pytest.raises(openai.RateLimitError, match="already waiting") as refused:
            api.client().chat.completions.create(**asked)
        assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 60
        net.gate.set()
        ends = [list(stream)[-1].choices[0].finish_reason for stream in open_streams]
        assert ends == ["stop", "stop"]


def test_a_reply_that_takes_too_long_is_a_timeout() -> None:
    with running_api({"gated": Gated()}, timeout_s=0.2) as api:
        with pytest.raises(openai.InternalServerError, match=r"within 0\.2 s") as late:
            api.client().chat.completions.create(**ASKED | {"model": "gated"})
        assert (late.value.status_code, late.value.code) == (504, "timeout")


def test_whoever_has_no_key_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    with running_api({"echo": EchoResponder()}, keys=("another-key-just-as-long", KEY)) as api:
        assert api.client().chat.completions.create(**ASKED).choices
        for wrong in ("wrong", KEY[:-1], f"{KEY}x", KEY.upper()):
            client = api.client(wrong)
            with pytest.raises(openai.AuthenticationError) as refused:
                client.chat.completions.create(**ASKED)
            assert refused.value.code == "invalid_api_key"
        place = urlsplit(api.url)
        for path, status in {"/health": 200, "/metrics": 401, "/v1/models": 401}.items():
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LONG_S)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
        assert KEY not in "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("models"))


def test_keys_come_from_the_environment_and_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{KEY}\n\n")
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        read_keys(file, {})
    file.chmod(0o600)
    assert len(read_keys(file, {VARIABLE: "first key of sixteen,second key of sixteen"})) == 3
    with pytest.raises(ValueError, match="at least 16") as refused:
        read_keys(None, {VARIABLE: "hunter2"})
    assert "hunter2" not in str(refused.value)
    file.write_text("# none\n")
    with pytest.raises(ValueError, match="no API key in"):
        read_keys(file, {})


def test_bodies_and_hosts_are_checked(api: Api) -> None:
    place = urlsplit(api.url)

    def status_of(body: bytes, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LONG_S)
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"} | headers)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    small = json.dumps(ASKED).encode()
    assert status_of(small)[0] == 200
    assert status_of(b'{"model": "' + b"x" * MAX_BODY_BYTES + b'"}')[0] == 413
    assert status_of(small, **{"Content-Type": "text/plain"})[0] == 400  # what a page of another site could send
    assert status_of(small, Host="evil.example")[0] == 400
    assert b"not JSON" in status_of(b"{")[1]


def test_metrics_count_replies_and_tokens(api: Api) -> None:
    api.client().chat.completions.create(**ASKED)
    place = urlsplit(api.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=LONG_S)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    counted = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(counted['escdemo_replies_total{end="done",model="echo"}']) >= 1
    assert float(counted['escdemo_reply_tokens_total{model="echo"}']) >= len(expected().trace.tokens)
    assert float(counted['escdemo_reply_seconds_count{model="echo"}']) >= 1
    assert POST not in text


def test_other_machines_are_let_in_with_keys_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.__main__ import main

    monkeypatch.delenv(VARIABLE, raising=False)
    assert main(["serve", "--host", "0.0.0.0", "--port", "1"]) == 2
    assert VARIABLE in capsys.readouterr().err
    monkeypatch.setenv(VARIABLE, KEY)
    assert main(["serve", "--host", "192.0.2.1", "--port", "9"]) == 2
    told = capsys.readouterr().err
    assert "cannot listen on 192.0.2.1:9" in told
    assert KEY not in told


def test_the_command_serves_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.__main__ import main
    from models.serving import hosting

    served = []

    class Stopped:
        def run(self, sockets: list[object]) -> None:
            served.append(sockets)

    monkeypatch.setattr(hosting, "open_responders", lambda names, *_, **__: {n: EchoResponder(n) for n in names})
    monkeypatch.setattr("models.api.server.server_of", lambda _api: Stopped())
    assert main(["serve", "--nets", "misc, joint", "--port", "0"]) == 0
    assert len(served) == 1
    told = capsys.readouterr().out
    assert "unscreened" in told
    assert "/v1" in told


def test_a_stream_closed_early_leaves_a_server_that_answers(api: Api) -> None:
    stream = api.client().chat.completions.create(**ASKED, stream=True)
    next(iter(stream))
    stream.close()
    assert api.client().chat.completions.create(**ASKED).choices[0].message.content == expected().text
