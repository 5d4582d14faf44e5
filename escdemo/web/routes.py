"""The addresses that the pages need. All others are closed, including those where Gradio serves files (`file=`,
`proxy=`, `stream`), keeps deep links and runs, shows its monitoring and OpenAPI pages, or edits code.

The pages serve no files: figures, tables and exports are inside links. `gradio_api/info` stays open because
`gradio_client` needs it; it lists events and their inputs, which the page itself must know too.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

STUDY_PATH = "/study"

_NAME = r"[\w-]{1,64}"
_READ = re.compile(
    rf"(?:{STUDY_PATH})?/(?:|healthz|config|theme\.css|favicon\.ico|robots\.txt|static/.+|assets/.+"
    rf"|gradio_api/(?:info|queue/data|heartbeat/{_NAME}))|{STUDY_PATH}"
)
_EVENT = re.compile(rf"(?:{STUDY_PATH})?/gradio_api/(?:run/{_NAME}|queue/join|cancel)")
UPLOAD = f"{STUDY_PATH}/gradio_api/upload"
"""only the study page takes files"""


def is_event(scope: Scope) -> bool:
    """Whether this is an event of one of the pages: a POST with JSON."""
    return scope["method"] == "POST" and _EVENT.fullmatch(scope["path"]) is not None


def is_upload(scope: Scope) -> bool:
    """Whether this is a file for the study page."""
    return bool(scope["method"] == "POST" and scope["path"] == UPLOAD)


def is_open(scope: Scope) -> bool:
    """Whether the pages need what is requested."""
    if ".." in scope["path"]:
        return False
    if scope["method"] in ("GET", "HEAD"):
        # Gradio would load a stored page for a deep link; none is ever stored.
        return _READ.fullmatch(scope["path"]) is not None and b"deep_link=" not in scope["query_string"]
    return is_event(scope) or is_upload(scope)


class OpenRoutes:
    """ASGI middleware: passes on what the pages need and answers 404 to everything else, without websockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_open(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})


def refusal(status: HTTPStatus, message: str) -> JSONResponse:
    """An answer whose message is shown by Gradio's script."""
    return JSONResponse({"error": message, "detail": message}, status)
