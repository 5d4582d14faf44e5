"""The routes: /v1/chat/completions, /v1/models, /health, /metrics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from models.api.completion import Completions, Wish
from models.api.faults import HANDLERS, Fault, QuietFaults
from models.api.keys import Keys
from models.api.metrics import Metrics
from models.api.protocol import MAX_BODY_BYTES, ChatRequest
from models.serving.job import ReplyRequest
from models.serving.responder import CountsTokens, Responder
from models.serving.service import GenerationService
from models.serving.trace import DECODING, USUAL, DecodeOptions

LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


def web_api(
    responders: Mapping[str, Responder],
    service: GenerationService,
    keys: Keys,
    *,
    options: DecodeOptions = DECODING[USUAL],
    hosts: Sequence[str] = LOOPBACK,
) -> ASGIApp:
    """The server's app.

    Args:
        responders: those that answer, the same as in `service`.
        keys: every request must carry one of them, except to /health.
        options: how replies are decoded unless the request says otherwise.
        hosts: names by which clients may address the server; "*" allows any. Web pages of other names are refused.
    """
    api = FastAPI(title="escdemo", docs_url=None, redoc_url=None, openapi_url=None, max_body_size=MAX_BODY_BYTES)
    api.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    for kind, handler in HANDLERS.items():
        api.add_exception_handler(kind, handler)
    metrics = Metrics()
    completions, started = Completions(service, metrics), int(time.time())

    def allowed(request: Request) -> None:
        keys.check(request)

    needs_key = [Depends(allowed)]

    @api.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/metrics", dependencies=needs_key)
    def measured() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    def described(name: str) -> dict[str, Any]:
        """`screened` is false: the words are the net's own."""
        about = {"checkpoint": responders[name].checkpoint, "levers": asdict(service.levers(name)), "screened": False}
        return {"id": name, "object": "model", "created": started, "owned_by": "escdemo", **about}

    @api.get("/v1/models", dependencies=needs_key)
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [described(name) for name in responders]}

    @api.get("/v1/models/{name}", dependencies=needs_key)
    def model(name: str) -> dict[str, Any]:
        return described(_known(name, responders))

    @api.post("/v1/chat/completions", dependencies=needs_key)
    async def complete(asked: ChatRequest, request: Request) -> Any:
        wish = _wish(asked, responders, options)
        completions.submit(wish)
        if not asked.stream:
            return await completions.whole(wish, request)
        # X-Accel-Buffering is for proxies: without it nginx would hold the stream back.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(completions.stream(wish), media_type="text/event-stream", headers=headers)

    return QuietFaults(api)


def _known(name: str, responders: Mapping[str, Responder]) -> str:
    """Raises Fault for a name that is not served."""
    if name not in responders:
        there = ", ".join(responders)
        raise Fault(
            404, f"the model {name[:100]!r} is not served here; allowed: {there}", "model_not_found", param="model"
        )
    return name


def _wish(asked: ChatRequest, responders: Mapping[str, Responder], usual: DecodeOptions) -> Wish:
    responder, dialogue = responders[_known(asked.model, responders)], asked.dialogue()
    request = ReplyRequest(asked.model, dialogue, asked.options(usual), asked.chosen_seed(), asked.intervention())
    return Wish(
        request,
        responder.checkpoint,
        asked.stops,
        asked.trace,
        asked.usage,
        responder.context_tokens(dialogue, request.options) if isinstance(responder, CountsTokens) else None,
    )


def server_of(api: ASGIApp) -> uvicorn.Server:
    """The server. Access logs stay off: they add nothing to the metrics."""
    config = uvicorn.Config(api, log_level="warning", access_log=False, timeout_graceful_shutdown=5, ws="none")
    return uvicorn.Server(config)
