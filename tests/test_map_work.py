"""Work for maps behind the page: it stands back while replies are made, and reads each reply as it was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from escdemo.chat.map_work import MapWork
from escdemo.chat.own_replies import OwnReply
from models.analysis.map_turns import Said
from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.strategies import STRATEGIES
from models.serving.trace import DECODING, USUAL, DecodeOptions
from tests.fakes import EchoResponder


@dataclass(frozen=True)
class Remembering(EchoResponder):
    """Remembers the options that it read replies with."""

    read: list[DecodeOptions] = field(default_factory=list)

    def read_replies(
        self, said: Sequence[tuple[Dialogue, Turn]], options: DecodeOptions
    ) -> tuple[np.ndarray, np.ndarray]:
        """As an `EchoResponder`."""
        self.read.append(options)
        return super().read_replies(said, options)


@dataclass
class OneNet:
    """A service with one net; while it is busy, it makes replies."""

    net: EchoResponder
    busy: bool = False

    def reader(self, name: str) -> EchoResponder:
        """The net."""
        return self.net


TALK = Dialogue((Turn(Speaker.SEEKER, "hello"),))
SAID = [Said(1, at, TALK, Turn(Speaker.SUPPORTER, f"hi {at}", STRATEGIES[at % 8])) for at in range(40)]
OWN = OwnReply("joint:talk:0", "joint", 1, "hello", SAID[0])


def work_for(service: OneNet) -> MapWork:
    """The work of an app with the usual options."""
    return MapWork(cast(Any, service), DECODING[USUAL])


def wait_until(done: Callable[[], object]) -> None:
    """Wait, for at most ten seconds."""
    end = time.monotonic() + 10
    while not done() and time.monotonic() < end:
        time.sleep(0.02)


def test_it_stands_back_while_replies_are_made() -> None:
    service = OneNet(EchoResponder("joint", "sha-joint"), busy=True)
    work = work_for(service)
    assert work.states([OWN])[1] == 1
    time.sleep(0.3)
    assert work.states([OWN]) == ({}, 1)
    service.busy = False
    wait_until(lambda: not work.states([OWN])[1])
    assert list(work.states([OWN])[0]) == ["joint:talk:0"]


def test_talks_are_read_as_their_replies_were_made_and_esconv_without_our_voice(tmp_path: Path) -> None:
    net = Remembering("joint", "sha-joint")
    work = work_for(OneNet(net))
    wait_until(lambda: not work.states([OWN])[1])
    assert net.read == [DECODING[USUAL]]
    assert DECODING[USUAL].voice
    for part, folder, options in ((("", ""), None, USUAL), (("D", "test"), tmp_path, "published")):
        net.read.clear()
        work.make("me", ["joint"], lambda part=part: (SAID, part), folder)  # type: ignore[misc]
        wait_until(lambda: (making := work.progress("me")) is not None and making.ended)
        assert (making := work.progress("me")) is not None
        assert making.error == ""
        assert set(net.read) == {DECODING[options]}
