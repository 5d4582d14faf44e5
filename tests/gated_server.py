"""A server of tiny nets that hold every reply back until a file is there: for tests that need one in mid-reply."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from starlette.types import ASGIApp

from models.api.keys import Keys
from models.api.server import web_api
from models.data.dialogue import Dialogue
from models.knowledge.comet import NoComet
from models.serving.engine.engine import Engine
from models.serving.hosting import NetResponder, Sources
from models.serving.responder import OnText, Responder
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from tests.tiny import MadeUpEmotions, settled_nets

GATE = "open"
"""name of the file"""
NETS = ("joint", "misc")


@dataclass(frozen=True)
class Gated:
    """A net whose replies do not end before the gate is open."""

    net: Responder
    folder: Path

    @property
    def checkpoint(self) -> str:
        """The process it runs in."""
        return str(os.getpid())

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        """See `Responder`."""
        reply = in_words(self.net.respond(dialogue, options, seed))
        while on_text and not (self.folder / GATE).exists():
            on_text(reply.text)
            time.sleep(0.01)
        return reply


def in_words(reply: Reply) -> Reply:
    """The reply after a word: a server streams whole words, and tiny nets write none."""
    return replace(reply, text=f"Well, {reply.text}")


def nets() -> dict[str, Responder]:
    """Tiny nets on one base, the same in every process."""
    sources, engine = Sources(NoComet(), MadeUpEmotions()), Engine()
    found = zip(NETS, settled_nets(*NETS), strict=True)
    return {name: NetResponder(name, net, "0123456789ab", sources, writer=engine) for name, net in found}


def gated_server(folder: str) -> ASGIApp:
    """The server; `folder` is where the gate is."""
    responders = {name: Gated(net, Path(folder)) for name, net in nets().items()}
    return web_api(responders, GenerationService(responders), Keys(()))
