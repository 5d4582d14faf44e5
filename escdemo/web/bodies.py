"""How long a request may be, and which files it may name: checked before Gradio reads a word of it.

An event whose values hold a file object ({"path": ...}) makes Gradio fetch that file, whatever the component: a path of
the server or an address in the network. So such an object may name an upload and nothing else.
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
"""longest event: the longest form (a study's instructions and consent, 20,000 characters each) in any script"""
MAX_FILE_BYTES = 50 * 2**20
"""largest upload"""
MAX_FRAME_BYTES = 64 * 1024
"""what may stand around it"""
MAX_VALUES = 2_000
"""values in an event, nested ones included; a form has about 60"""
MAX_DEPTH = 12
MAX_SESSION_CHARS = 64
EVENT_WAIT_S = 30.0
"""how long an event may take to arrive"""


class Refused(Exception):  # noqa: N818  (an answer)
    """A request that is not passed on; `status` and the message are the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class BoundedBodies:
    """ASGI middleware: events come in whole, checked and short; uploads, kept in `folder`, are cut off at a limit."""

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
    """By what the request says of itself, before anything is read."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > limit:
        raise _too_long(limit)


def _too_long(limit: int) -> Refused:
    size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit // 1024} KB"
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"This is too long: at most {size} are accepted. Nothing was stored."
    )


async def _whole(receive: Receive, limit: int) -> bytes:
    """The body of an event."""
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
    """The same stream, which ends in an error once it is too long: the length need not have been declared."""
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
    """Raise Refused unless this is an event as the pages send it: an object, few values, no file but of `folder`."""
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
    """Every value in a parsed event, nested ones too. Raises Refused when they are too many or nested too deep."""
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
    """Whether `path` is a file in `folder`, links followed."""
    try:
        return isinstance(path, str) and is_in_or_equal(path, folder) and Path(path).is_file()
    except (OSError, ValueError):  # too long a name, a NUL in it
        return False
