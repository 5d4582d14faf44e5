"""How long a request may be, and which files it may name. Checked before Gradio reads any of it.

A file object ({"path": ...}) in the values of an event makes Gradio fetch that file, whatever the component: from a
path on the server or an address in the network. So such an object may name only an upload.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from gradio.utils import is_in_or_equal
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from escdemo.web.routes import is_event, is_upload, refusal

MAX_EVENT_BYTES = 256 * 1024
"""longest event; fits the longest form (a study's instructions and consent, 20,000 characters each) in any script"""
MAX_FILE_BYTES = 50 * 2**20
"""largest upload"""
MAX_FRAME_BYTES = 64 * 1024
"""room for what surrounds the file in an upload request"""
MAX_VALUES = 2_000
"""most values in an event, including nested ones; a form has about 60"""
MAX_DEPTH = 12
MAX_SESSION_CHARS = 64
EVENT_WAIT_S = 30.0
"""how long an event may take to arrive"""


class Refused(Exception):  # noqa: N818  (an answer)
    """The request is not passed on; `status` and the message are the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class BoundedBodies:
    """ASGI middleware: reads and checks each event as a whole, and stops other bodies at a limit.

    `folder` is where uploads are kept.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app, self.folder = app, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = MAX_FILE_BYTES + MAX_FRAME_BYTES if is_upload(scope) else MAX_EVENT_BYTES
        try:
            _check_declared(scope, limit)
            if is_event(scope):
                body = await _whole(receive, limit)
                check_event(body, self.folder)
                receive = _replay(body, receive)
            else:
                receive = _counted(receive, limit)
        except Refused as refused:
            await refusal(refused.status, str(refused))(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _check_declared(scope: Scope, limit: int) -> None:
    """Raise Refused when the declared length is invalid or too long, before anything is read."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > limit:
        raise _too_long(limit)


def _too_long(limit: int) -> Refused:
    size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 1024} KB"
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"This is too long: at most {size} are accepted. Nothing was stored."
    )


async def _whole(receive: Receive, limit: int) -> bytes:
    """The whole body of an event. Raises Refused when it is too long, too slow or cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(EVENT_WAIT_S):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(HTTPStatus.BAD_REQUEST, "The request ended early.")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise _too_long(limit)
    except TimeoutError as error:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive.") from error
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


def _counted(receive: Receive, limit: int) -> Receive:
    """The same stream, which raises once it is too long, as its length may be undeclared."""
    got = 0

    async def next_message() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(_too_long(limit)))
        return message

    return next_message


def check_event(body: bytes, folder: Path) -> None:
    """Raise Refused unless this looks like an event of the pages: an object, few values, only files in `folder`."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "This is not an event: JSON is needed.") from error
    if not isinstance(event, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "This is not an event: a JSON object is needed.")
    session = event.get("session_hash")
    if session is not None and not (isinstance(session, str) and len(session) <= MAX_SESSION_CHARS):
        raise Refused(HTTPStatus.BAD_REQUEST, f"session_hash: at most {MAX_SESSION_CHARS} characters are accepted.")
    for value in _values(event):
        if isinstance(value, dict) and "path" in value and not _is_upload(value["path"], folder):
            raise Refused(HTTPStatus.FORBIDDEN, "This event names a file that was not uploaded here.")


def _values(event: Any) -> Iterator[Any]:
    """Every value in a parsed event, including nested ones. Raises Refused for too many or too deeply nested ones."""
    waiting, known = [(event, 0)], 1
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Refused(HTTPStatus.BAD_REQUEST, "This event is nested too deep.")
        yield value
        if isinstance(value, dict | list):
            known += len(value)
            if known > MAX_VALUES:
                raise Refused(HTTPStatus.BAD_REQUEST, f"This event has too many values: {MAX_VALUES:,} are accepted.")
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(one, depth + 1) for one in inner]


def _is_upload(path: Any, folder: Path) -> bool:
    """Whether `path`, with links followed, is a file in `folder`."""
    try:
        return isinstance(path, str) and is_in_or_equal(path, folder) and Path(path).is_file()
    except (OSError, ValueError):  # the name is too long or contains a NUL
        return False
