"""Serves the pages with uvicorn: Gradio mounted in FastAPI beside /healthz, behind the checks of `web`."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when Gradio is imported
# By default Gradio keeps 10,000 events and makes a table of them after each one, for a monitoring page that is closed
# here (see `web.routes`). Read when a page is built.
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from gradio.utils import get_upload_folder
from sqlalchemy.orm import Session, sessionmaker
from starlette.types import ASGIApp

from annotation.store.database import for_reading
from annotation.studies.members import is_lead
from escdemo.look import theme
from escdemo.page_sessions import keep_little
from escdemo.settings import Settings
from escdemo.web.bodies import MAX_FILE_BYTES, BoundedBodies
from escdemo.web.faults import quiet_gradio
from escdemo.web.headers import SafeHeaders
from escdemo.web.hosts import TrustedHosts
from escdemo.web.routes import STUDY_PATH, OpenRoutes
from escdemo.web.uploads import UploadGate
from models.api import listening
from models.api.faults import QuietFaults
from models.serving.service import GenerationService


def web_app(
    demo: gr.Blocks,
    studies: gr.Blocks,
    service: GenerationService,
    sessions: sessionmaker[Session],
    settings: Settings,
) -> ASGIApp:
    """The whole site: the first page at /, the study page at /study/. Every request passes the checks first."""
    site = FastAPI(title="escdemo", docs_url=None, redoc_url=None, openapi_url=None)

    run = secrets.token_hex(8)  # lets an open page notice that the server was restarted

    @site.get("/healthz")
    @site.get(f"{STUDY_PATH}/healthz")  # the same, for the study page
    async def healthz() -> dict[str, Any]:
        """Whether the server is up, without naming its models."""
        return {"status": "ok", "mode": settings.mode, "nets": len(service.names), "run": run}

    @site.get(STUDY_PATH)
    def add_slash(request: Request) -> RedirectResponse:
        """Add the final slash that the page's relative addresses need; keep the invitation."""
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{STUDY_PATH.removeprefix('/')}/{query}")

    _mount(site, studies, STUDY_PATH, settings, show_error=False)
    # The message of an unforeseen error could name a model.
    _mount(site, demo, "/", settings, show_error=settings.mode == "demo")
    keep_little(site)
    bounded = BoundedBodies(site, Path(get_upload_folder()))
    gate = UploadGate(bounded, settings.upload_key, partial(_leads, sessions))
    quiet_gradio()
    return QuietFaults(SafeHeaders(TrustedHosts(OpenRoutes(gate), settings)))


def _leads(sessions: sessionmaker[Session], member_id: str) -> bool:
    with for_reading(sessions)() as session:
        return is_lead(session=session, member_id=member_id)


def _mount(site: FastAPI, page: gr.Blocks, path: str, settings: Settings, show_error: bool) -> None:
    """Mount a page at `path`. No run history, as it would keep a seeker's words in the browser."""
    gr.mount_gradio_app(
        site,
        page,
        path=path,
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        show_error=show_error,
        max_file_size=MAX_FILE_BYTES,
        ssr_mode=False,
        theme=theme.page_theme(),
        css=theme.page_css(),
        head=theme.page_head(),
    )
    # Gradio 6.31 checks that files are in the upload folder only for launched pages (processing_utils._check_allowed),
    # and mounting does not count as launching. `web.bodies` checks this too, and earlier.
    page.has_launched = True


def listen(settings: Settings) -> socket.socket:
    """A bound socket. Raises PortTaken when the address cannot be used, so that this shows before any net is loaded."""
    return listening.listen(settings.host, settings.port)


def serve(site: ASGIApp, bound: socket.socket) -> None:
    """Answer requests until interrupted. Access logs are off: they add nothing and would contain invitations."""
    config = uvicorn.Config(site, log_level="warning", access_log=False, timeout_graceful_shutdown=3, ws="none")
    uvicorn.Server(config).run(sockets=[bound])
