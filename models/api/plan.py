"""What a server hosts, and how: made from flags, and sent to the process that runs the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp

from models.api.keys import Keys
from models.api.server import web_api
from models.serving.service import GenerationService
from models.serving.trace import DECODING, USUAL
from models.systems.opening import open_systems


@dataclass(frozen=True)
class ServerPlan:
    """Loads nothing before `open` is called."""

    names: Sequence[str]
    keys: Keys
    hosts: Sequence[str]
    """host names by which clients may address the server"""
    device: str = "auto"
    comet: str | None = None
    emotion: str | None = None
    decode: str = USUAL
    """name in `DECODING`"""
    workers: int = 2
    max_waiting: int = 64
    timeout_s: float = 120.0

    def open(self) -> tuple[ASGIApp, GenerationService]:
        """The server's app with its nets loaded, and the service behind it, which the caller closes in the end.

        Raises as `models.systems.opening.open_systems` does.
        """
        responders = open_systems(self.names, self.device, comet=self.comet, emotion=self.emotion)
        limits = {"workers": self.workers, "max_waiting": self.max_waiting, "timeout_s": self.timeout_s}
        service = GenerationService(responders, **limits)  # type: ignore[arg-type]  # float and ints by name
        return web_api(responders, service, self.keys, options=DECODING[self.decode], hosts=self.hosts), service

    def app(self) -> ASGIApp:
        """The app alone, for a process that ends together with it."""
        return self.open()[0]
