"""The API of `python -m models serve` on a free port, with fake nets behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from openai import OpenAI
from starlette.types import ASGIApp

from models.api.keys import Keys
from models.api.listening import listen
from models.api.server import server_of, web_api
from models.data.dialogue import Dialogue
from models.serving.responder import OnText, Responder
from models.serving.service import GenerationService
from models.serving.trace import DecodeOptions, Reply
from tests.fakes import EchoResponder

LONG_S = 20.0  # a deadline that is never reached when all is well
KEY = "a-key-of-this-test-long-enough"


class Gated(EchoResponder):
    """Says its first word, then waits until the gate is opened or it is stopped; knows what became of it."""

    def __init__(self, name: str = "gated") -> None:
        super().__init__(name)
        vars(self).update(gate=threading.Event(), started=threading.Event(), stopped=threading.Event())

    def respond(self, dialogue: Dialogue, options: DecodeOptions, seed: int, on_text: OnText | None = None) -> Reply:
        gate, started, stopped = (vars(self)[name] for name in ("gate", "started", "stopped"))
        reply = super().respond(dialogue, options, seed)
        try:
            while not gate.wait(0.01):
                if on_text:
                    on_text(" ".join(reply.text.split()[:2]))
                started.set()
        except BaseException:
            stopped.set()
            raise
        return reply


@dataclass(frozen=True)
class Api:
    """Where it runs."""

    url: str
    """with /v1"""
    service: GenerationService

    def client(self, key: str = KEY, **more: Any) -> OpenAI:
        """The official client, which does not try again."""
        return OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=LONG_S, **more)


@contextmanager
def running_api(
    responders: Mapping[str, Responder], keys: tuple[str, ...] = (), port: int = 0, **limits: Any
) -> Iterator[Api]:
    """Serve until the block ends."""
    service = GenerationService(responders, **limits)
    try:
        with serving(web_api(responders, service, Keys(keys)), port) as address:
            yield Api(f"{address}/v1", service)
    finally:
        service.close()


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Any app on 127.0.0.1, at a free port when `port` is 0; yields its address."""
    bound = listen("127.0.0.1", port)
    server: uvicorn.Server = server_of(app)
    server.config.timeout_graceful_shutdown = 0
    up = threading.Event()
    startup = server.startup

    async def noted(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        up.set()

    server.startup = noted  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    assert up.wait(LONG_S)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(LONG_S)
        bound.close()
