"""Deleting one's data while maps of one's talks are being made."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from annotation.talks.encounters import visitor_of
from escdemo.chat.map_work import MapWork
from escdemo.chat.own_replies import replies_in
from models.data.dialogue import Dialogue, Turn
from models.serving.decoding import DecodeOptions
from tests.fakes import EchoResponder
from tests.visitor import TOKEN, Visitor

OWNER = visitor_of(TOKEN)
LONG_S = 20.0


@dataclass(frozen=True)
class LateReader(EchoResponder):
    """Reads replies when it is told to."""

    begun: threading.Event = field(default_factory=threading.Event, hash=False, compare=False)
    go: threading.Event = field(default_factory=threading.Event, hash=False, compare=False)

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """As an `EchoResponder`, later."""
        self.begun.set()
        assert self.go.wait(LONG_S)
        return super().read_replies(said, options)


def ask(work: MapWork, visitor: Visitor) -> None:
    own = [one.said for one in replies_in(visitor.page.talks.all_of(TOKEN))]
    work.make(OWNER, ["joint"], lambda: (own, ("", "")), None)


def idle(work: MapWork) -> bool:
    end = time.monotonic() + LONG_S
    while work._thread is not None and time.monotonic() < end:
        time.sleep(0.02)
    return work._thread is None


@pytest.mark.parametrize("asked_anew", [False, True])
def test_a_map_that_is_deleted_while_it_is_made_is_not_kept(make_page: Any, asked_anew: bool) -> None:
    reader = LateReader("joint", "sha-joint")
    page = make_page(joint=reader)
    work, visitor = page.talks.map_work, Visitor(page).start()
    for number in range(8):
        visitor.say(f"message {number}")
    ask(work, visitor)
    assert reader.begun.wait(LONG_S)
    visitor.take(page.erase(TOKEN))
    if asked_anew:
        ask(work, visitor)  # of no talks, so that it fails
    reader.go.set()
    assert idle(work)
    assert work._own.recent() == []
    made = work.progress(OWNER)
    assert (made.error if made is not None else None) == ("There is no reply to map yet." if asked_anew else None)


def test_words_that_wait_to_be_read_go_with_the_talk(make_page: Any) -> None:
    nets = {name: LateReader(name, f"sha-{name}") for name in ("joint", "misc")}
    page = make_page(**nets)
    work, visitor = page.talks.map_work, Visitor(page).start()
    visitor.say("one").say("two")
    replies = list(replies_in(page.talks.all_of(TOKEN)))
    work.states(replies)
    waiting = [weakref.ref(one.said) for one in replies]
    replies.clear()
    visitor.take(page.erase(TOKEN))
    gc.collect()
    assert len(waiting) == 4
    assert sum(one() is not None for one in waiting) <= 1, "the one that is being read"
    for net in nets.values():
        net.go.set()
    assert idle(work)
    assert work._states.recent() == []
