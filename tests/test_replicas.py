"""Replicas over Ray Serve: a talk keeps to one of them, and when one is killed no reply is lost or made twice.

Those tests are skipped where Ray is not installed: it is needed by nothing else.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import secrets
import signal
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from models.__main__ import main
from models.api.replicas import ADVICE, Replicas, deploy, read_count, undeploy
from models.data.dialogue import Dialogue, Speaker, Turn
from models.serving.job import Job, JobState, ReplyRequest
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions
from models.systems.backend import TALK_HEADER, open_backend, talk_of
from tests.gated_server import GATE, NETS, gated_server, in_words, nets
from tests.running import free_port

OPTIONS = DecodeOptions(method="greedy", min_tokens=8, max_tokens=16)
TALKS = 4
"""for each replica"""
LONG_S = 120.0
"""never reached when all is well"""
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason=ADVICE)


@pytest.mark.parametrize(("text", "count"), [("2", (2, 2)), (" 1-4 ", (1, 4)), ("3-3", (3, 3))])
def test_how_many(text: str, count: tuple[int, int]) -> None:
    assert read_count(text) == count


@pytest.mark.parametrize("text", ["0", "-1", "4-1", "two", "", "1-", "1.5"])
def test_how_many_is_checked(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: a number such as 2"):
        read_count(text)


def test_without_ray_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main(["serve", "--nets", "misc", "--replicas", "2"]) == 2
    assert 'pip install "ray[serve]' in capsys.readouterr().err


def test_a_talk_is_named_the_same_all_along_and_cannot_be_read() -> None:
    first = dialogue("42")
    later = Dialogue(
        (*first.turns, Turn(Speaker.SUPPORTER, "hi"), Turn(Speaker.SEEKER, "bye")), first.situation, id="42"
    )
    assert talk_of(first) == talk_of(later)
    assert talk_of(first) != talk_of(dialogue("43"))
    assert "42" not in talk_of(first)


def dialogue(talk: str) -> Dialogue:
    return Dialogue((Turn(Speaker.SEEKER, "hello i am sad"),), "i lost my job", id=talk)


@dataclass(frozen=True)
class Cluster:
    """Two replicas, and the gate of their replies."""

    url: str
    gate: Path

    def client(self) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=2, timeout=LONG_S)

    def replica(self, talk: str, net: str = "misc", text: str = "hello i am sad") -> int:
        """The process that answers a talk."""
        messages: Any = [{"role": "user", "content": text}]
        pinned = {TALK_HEADER: talk_of(dialogue(talk))}
        ours = {"decode": {"method": "greedy", "max_tokens": 8, "min_tokens": 3}}
        answer = self.client().chat.completions.create(
            model=net, messages=messages, extra_headers=pinned, extra_body=ours
        )
        return int(answer.system_fingerprint or 0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder, port = tmp_path_factory.mktemp("replicas"), free_port()
    gate = folder / GATE
    gate.touch()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else Ray leaves one in the home folder
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        warnings.simplefilter("ignore")  # Ray's own
        deploy(partial(gated_server, str(folder)), Replicas(2, 2, 32, 64, cores=0.5), "127.0.0.1", port)
        try:
            yield Cluster(f"http://127.0.0.1:{port}", gate)
        finally:
            undeploy()


def spread(cluster: Cluster) -> dict[str, int]:
    """Talks and the processes that answer them: TALKS for each replica."""
    found: dict[str, int] = {}
    for talk in map(str, itertools.count()):
        process = cluster.replica(talk)
        if Counter(found.values())[process] < TALKS:
            found[talk] = process
        if sorted(Counter(found.values()).values()) == [TALKS, TALKS]:
            return found
    raise AssertionError


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_ray
@pytest.mark.slow
def test_a_client_that_goes_away_ends_its_reply_at_the_replica(cluster: Cluster) -> None:
    cluster.gate.unlink()
    messages: Any = [{"role": "user", "content": "hello i am sad"}]
    pinned = {TALK_HEADER: "one talk"}
    stream = cluster.client().chat.completions.create(
        model="misc", messages=messages, stream=True, extra_headers=pinned
    )
    next(iter(stream))
    stream.close()

    def left() -> bool:
        told = httpx.get(f"{cluster.url}/metrics", headers=pinned).text
        return 'escdemo_replies_total{end="client_closed",model="misc"} 1.0' in told

    wait_for(left)
    cluster.gate.touch()


@needs_ray
@pytest.mark.slow
def test_a_talk_keeps_to_its_replica_and_a_killed_one_loses_and_doubles_nothing(cluster: Cluster) -> None:
    talks = spread(cluster)
    for talk, process in talks.items():  # whichever net and message
        assert cluster.replica(talk, "joint", "it is hard. thank you") == process

    here = nets()

    def expected(name: str) -> str:
        talk, net = name.split("-")
        return in_words(here[net].respond(dialogue(talk), OPTIONS, 7)).text

    service = GenerationService(open_backend(cluster.url, "", NETS), workers=4 * TALKS)
    wanted = {f"{talk}-{net}": ReplyRequest(net, dialogue(talk), OPTIONS, 7) for talk in talks for net in NETS}
    ended: list[Job] = []
    cluster.gate.unlink()
    for name, request in wanted.items():
        service.submit(name, request, ended.append)
    wait_for(lambda: all(service.get(name).text for name in wanted))

    victim = talks["0"]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: sum(service.get(name).state.ended for name in wanted) == len(NETS) * TALKS)
    cluster.gate.touch()
    jobs = {name: service.wait(name, LONG_S) for name in wanted}

    cut = {name for name in wanted if talks[name.split("-")[0]] == victim}
    assert {name for name, job in jobs.items() if job.state is JobState.FAILED} == cut
    for name, job in jobs.items():
        if name in cut:
            assert job.reply is None
            assert "could not answer" in str(job.error)
        else:
            assert job.reply is not None
            assert job.reply.text == expected(name)
    assert Counter(job.id for job in ended) == dict.fromkeys(wanted, 1)

    for name in cut:  # asked again, the other replica or a new one answers
        service.submit(name, wanted[name], ended.append)
        job = service.wait(name, LONG_S)
        assert job.reply is not None, job.error
        assert job.reply.text == expected(name)
    service.close()
