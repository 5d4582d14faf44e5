"""A running site for tests: the real page, store, service and server, with fake nets behind them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from annotation.store.database import open_sessions
from escdemo.chat.build import build_app
from escdemo.server import listen, web_app
from escdemo.settings import Settings
from escdemo.study.build import build_studies
from escdemo.web.uploads import private_folder
from models.serving.responder import Responder
from models.serving.service import GenerationService

CREATE_KEY = "the key of this run"


@dataclass(frozen=True)
class Site:
    """Where it runs, and what a test may need to know of it."""

    url: str
    port: int
    settings: Settings
    uploads: Path
    """the folder in which Gradio keeps files"""
    checked: bool


@contextmanager
def running(
    database_url: str,
    responders: Mapping[str, Responder],
    study: str | None = None,
    port: int | None = None,
    *,
    checked: bool = True,
    **more: Any,
) -> Iterator[Site]:
    """Serve until the block ends; `port` None takes a free one. The same port and database later are "a restart".

    `more` are further settings. Not `checked`, requests reach Gradio without the checks of `escdemo.web`: to see what
    it refuses by itself.
    """
    port = port or free_port()
    own = {"port": port, "database": database_url, "nets": tuple(responders), "study": study}
    settings = Settings(**own, create_key=CREATE_KEY, **more)
    bound = listen(settings)
    sessions = open_sessions(database_url)
    service = GenerationService(responders)
    with private_folder() as uploads:
        pages = build_app(service, sessions, settings), build_studies(service, sessions, settings)
        site: Any = web_app(*pages, service, sessions, settings)
        while not checked and not isinstance(site, FastAPI):
            site = site.app
        server = uvicorn.Server(
            uvicorn.Config(
                site,
                log_level="critical",
                timeout_graceful_shutdown=0,
                ws="none",
                lifespan="on",
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        try:
            yield Site(f"http://127.0.0.1:{port}", port, settings, uploads, checked)
        finally:
            service.close()
            server.should_exit = True
            thread.join(10)
            bound.close()
            sessions.kw["bind"].dispose()


def free_port() -> int:
    """A port that nobody listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
