"""What went wrong, in the form that OpenAI's clients read: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)


class Fault(Exception):  # noqa: N818  (reads as the sentence it is)
    """An answer that is an error. `message` holds no text of a conversation."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.param, self.headers = param, dict(headers or {})

    def body(self) -> dict[str, Any]:
        """JSON-ready form."""
        kinds = {401: "authentication_error", 429: "rate_limit_error"}
        kind = kinds.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None) -> Fault:
    """A fault for a request with content that is not allowed."""
    return Fault(HTTPStatus.BAD_REQUEST, message, "invalid_value", param=param)


async def answer_fault(_request: Request, fault: Exception) -> JSONResponse:
    """Exception handler for `Fault`."""
    assert isinstance(fault, Fault)
    return JSONResponse(fault.body(), fault.status, fault.headers)


async def answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for a body that does not follow the protocol; the answer repeats none of it."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str | int))
    if first["type"] == "json_invalid":
        return await answer_fault(request, bad_request("the body is not JSON"))
    if not place:
        advice = "the body must be a JSON object, sent as application/json"
        return await answer_fault(request, bad_request(advice))
    return await answer_fault(request, bad_request(f"{place}: {first['msg']}", place))


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for what the framework refuses: unknown addresses, wrong methods, too long bodies."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    told = str(error.detail) if error.status_code != HTTPStatus.NOT_FOUND else "there is nothing at this address"
    return await answer_fault(request, Fault(error.status_code, told, code, headers=error.headers))


async def answer_unforeseen(request: Request, _error: Exception) -> JSONResponse:
    """Exception handler for everything else; `QuietFaults` logs it."""
    return await answer_fault(request, Fault(500, "the server failed; try again", "internal_error"))


HANDLERS = {
    Fault: answer_fault,
    RequestValidationError: answer_invalid,
    HTTPException: answer_http,
    Exception: answer_unforeseen,
}


class QuietFaults:
    """The outermost ASGI middleware: it logs the kind and place of an unforeseen error, but not its message.

    The message may quote a conversation, and without this the server would log it with the traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            place = "".join(traceback.format_tb(error.__traceback__))
            _log.error("a request failed: %s\n%s", type(error).__name__, place)
