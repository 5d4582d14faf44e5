"""Who has left gives up the place in the queue; who is there, or is being answered, keeps it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from escdemo.job_watch import LEFT_AFTER_S, Watch
from models.data.dialogue import Dialogue
from models.serving.job import JobState, ReplyRequest
from models.serving.responder import OnText
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder


@dataclass(frozen=True)
class Held(EchoResponder):
    """Answers when it is let go."""

    go: threading.Event = field(default_factory=threading.Event, hash=False, compare=False)

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        assert self.go.wait(60)
        return super().respond(dialogue, options, seed, on_text)


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def busy(dialogue: Dialogue) -> Iterator[GenerationService]:
    """A service that makes one reply, while three wait."""
    held = Held("joint", "sha-joint")
    service = GenerationService({"joint": held}, workers=1)
    for name in ("running", "here", "gone", "also-gone"):
        service.submit(name, ReplyRequest("joint", dialogue, DecodeOptions(), 1))
    yield service
    held.go.set()
    service.close()


def test_places_of_people_who_left_are_free_again(busy: Any) -> None:
    clock = Clock()
    watch = Watch(busy, clock)
    watch.seen("talk 1", ["running"])
    watch.seen("talk 2", ["here"])
    watch.seen("talk 3", ["gone", "also-gone"])
    clock.s += LEFT_AFTER_S - 1
    watch.seen("talk 2", ["here"])
    assert busy.get("gone").state is JobState.QUEUED  # not long enough
    clock.s += 2
    watch.seen("talk 2", ["here"])
    for name in ("gone", "also-gone"):
        with pytest.raises(KeyError):
            busy.get(name)
    assert busy.get("here").waiting == 1
    assert busy.get("running").state is JobState.RUNNING  # what is being made is kept


def test_a_talk_without_open_replies_is_not_watched(busy: Any) -> None:
    clock = Clock()
    watch = Watch(busy, clock)
    watch.seen("talk 3", ["gone"])
    watch.seen("talk 3", [])  # answered, or stopped
    clock.s += LEFT_AFTER_S + 2
    watch.seen("talk 2", ["here"])
    assert busy.get("gone").state is JobState.QUEUED
