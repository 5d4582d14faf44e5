"""After a few talks memory is as large as it gets: further ones leave nothing behind that is not bounded.

Objects are counted, not bytes, so that no other program and no allocator has a say.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from typing import Any

import pytest

from models.knowledge.comet import CachedComet
from models.knowledge.emotion import CachedEmotion
from models.serving.engine import engine
from models.serving.engine.engine import Engine
from models.serving.hosting import NetResponder, Sources
from models.serving.responder import Responder
from models.serving.trace import DecodeOptions
from tests.api_server import LONG_S
from tests.fakes import EchoResponder
from tests.test_hosting import MadeUpComet
from tests.tiny import MadeUpEmotions, settled_nets
from tests.visitor import Visitor

OURS = ("escdemo", "models", "annotation", "threading")
MESSAGES = 3
"""of each talk"""
ENTRIES = 8
"""of every cache, and jobs that are remembered"""
OTHERS = 10
"""further objects that a turn may leave: libraries may keep some. Measured: 0.1"""


def stand_ins() -> dict[str, Responder]:
    return {name: EchoResponder(name, f"sha-{name}") for name in ("joint", "misc")}


def tiny_nets() -> dict[str, Responder]:
    """On one base, with the caches that hosted nets have, but small ones."""
    nets, writer = dict(zip(("joint", "misc"), settled_nets("joint", "misc"), strict=True)), Engine()
    nets["joint"].backbone.weights.prefixes._readings.limit = 20_000  # type: ignore[union-attr]  # a causal one
    sources = Sources(CachedComet(MadeUpComet(), ENTRIES), CachedEmotion(MadeUpEmotions(), ENTRIES))
    return {name: NetResponder(name, net, "0123456789ab", sources, writer=writer) for name, net in nets.items()}


def talk(page: Any, number: int) -> None:
    """A whole talk of a visitor of its own, to the vote."""
    visitor = Visitor(page, f"the token of the browser with number {number:04}").start()
    for at in range(MESSAGES):
        visitor.say(f"message {at} of talk {number}: i am tired")
    visitor.take(page.finish(visitor.token, visitor.talk))
    visitor.vote("a", "b", "tie", "a", "b")
    page.show_figures(visitor.token, visitor.talk)
    assert page.talks.find(visitor.token).judgments


def alive(before: set[threading.Thread], nets: dict[str, Responder]) -> Counter[str]:
    """How many objects there are, by type, once all threads since `before` have ended. Kept prefixes are forgotten
    first: bytes bound them, and short ones are many."""
    for net in (net for net in nets.values() if isinstance(net, NetResponder)):
        net.net.backbone.weights.prefixes.clear()
    deadline = time.monotonic() + LONG_S
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
    gc.collect()
    return Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())


@pytest.mark.parametrize("nets", [stand_ins, tiny_nets])
def test_talks_leave_nothing_that_is_not_bounded(nets: Any, make_page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "IDLE_S", 0.05)
    hosted = nets()
    page = make_page(**hosted)
    page.talks.options = DecodeOptions("sample", min_tokens=2, max_tokens=5)
    page.talks.service._keep = ENTRIES
    before = set(threading.enumerate())
    for number in range(4):
        talk(page, number)
    first = alive(before, hosted)
    for number in range(4, 12):
        talk(page, number)
    more = alive(before, hosted) - first
    ours = {name: count for name, count in more.items() if name.partition(".")[0] in OURS}
    assert not ours
    assert sum(more.values()) <= OTHERS * 8 * MESSAGES, more.most_common(8)
