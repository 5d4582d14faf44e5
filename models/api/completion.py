"""A job of the generation service as a whole answer, or as a stream that grows with it.

Both submit the job first, so that a full server answers 429 before a stream begins. When a client disconnects, its job
is cancelled.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import Request

from models.api.faults import Fault
from models.api.metrics import Metrics
from models.api.stops import cut, settled
from models.serving.job import Job, JobState, ReplyRequest, ServiceBusy
from models.serving.service import GenerationService
from models.serving.trace import Reply

LOOK_EVERY_S = 0.03
"""seconds between two looks at a job"""
BEAT_S = 1.0
"""seconds after which an idle stream sends an empty piece, so that both sides notice when the other is gone"""
CLIENT_CLOSED = 499
"""status for a client that has gone, so nobody reads it; nginx uses the same one"""


@dataclass(frozen=True)
class Wish:
    """One request, checked."""

    request: ReplyRequest
    checkpoint: str
    stops: tuple[str, ...] = ()
    trace: bool = False
    usage: bool = True
    prompt_tokens: int | None = None
    """tokens that the net reads; None: unknown"""
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, kind: str) -> dict[str, Any]:
        """The fields with which every piece of the answer begins."""
        about = {"created": self.created, "model": self.request.net, "system_fingerprint": self.checkpoint}
        return {"id": self.id, "object": kind, **about}

    def counts(self, reply: Reply) -> dict[str, int] | None:
        """The usage, None if unknown."""
        if self.prompt_tokens is None:
            return None
        written = len(reply.trace.tokens)
        both = {"prompt_tokens": self.prompt_tokens, "completion_tokens": written}
        return {**both, "total_tokens": self.prompt_tokens + written}

    def ended_by(self, reply: Reply) -> str:
        """ "length" for a reply that was cut at the maximum number of tokens, else "stop"."""
        stopped = cut(reply.text, self.stops)[1]
        return "length" if not stopped and len(reply.trace.tokens) >= self.request.options.max_tokens else "stop"


class Completions:
    """Answers wishes by means of the generation service."""

    def __init__(self, service: GenerationService, metrics: Metrics) -> None:
        self.service, self.metrics = service, metrics

    def submit(self, wish: Wish) -> None:
        """Queue the job. Raises Fault when there is no room."""
        net = wish.request.net
        try:
            self.service.submit(wish.id, wish.request)
        except ServiceBusy as busy:
            self.metrics.replies.labels(net, "refused").inc()
            wait = {"Retry-After": str(self.metrics.retry_after_s())}
            raise Fault(HTTPStatus.TOO_MANY_REQUESTS, str(busy), "server_busy", headers=wait) from None
        except ValueError as error:
            raise Fault(HTTPStatus.BAD_REQUEST, str(error), "invalid_value", param="change") from None

    async def whole(self, wish: Wish, request: Request) -> dict[str, Any]:
        """The answer when the reply has ended. Raises Fault when there is none."""
        reply: Reply | None = None
        async with aclosing(self._follow(wish)) as jobs:
            async for job in jobs:
                if job.state.ended:
                    reply = _made(job)
                elif await request.is_disconnected():
                    raise Fault(CLIENT_CLOSED, "the client went away", "client_closed")
        assert reply is not None  # `_follow` goes on until the job has ended
        message = {"role": "assistant", "content": cut(reply.text, wish.stops)[0], "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": wish.ended_by(reply)}
        answer = {**wish.head("chat.completion"), "choices": [choice], "usage": wish.counts(reply)}
        return answer | ({"trace": reply.trace.to_dict()} if wish.trace else {})

    async def stream(self, wish: Wish) -> AsyncGenerator[str]:
        """Server-sent events; the trace comes with the last piece. A failure is sent as the last event."""

        def piece(delta: dict[str, Any], end: str | None = None, **more: Any) -> str:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}
            return _event({**wish.head("chat.completion.chunk"), "choices": [choice], **more})

        sent, reply, opening = "", None, {"role": "assistant"}
        try:
            async with aclosing(self._follow(wish)) as jobs:
                async for job in jobs:
                    if job.state.ended:
                        reply = _made(job)
                    now = settled(job.text, wish.stops) if reply is None else cut(reply.text, wish.stops)[0]
                    if reply is not None and not now.startswith(sent):
                        raise Fault(500, "the reply changed after a part of it was sent; try again", "reply_changed")
                    more = now[len(sent) :] if now.startswith(sent) else ""
                    yield piece({**opening, "content": more})
                    sent, opening = sent + more, {}
        except Fault as fault:
            yield _event(fault.body())
            return
        assert reply is not None
        yield piece({}, wish.ended_by(reply), **({"trace": reply.trace.to_dict()} if wish.trace else {}))
        if wish.usage:
            yield _event({**wish.head("chat.completion.chunk"), "choices": [], "usage": wish.counts(reply)})
        yield "data: [DONE]\n\n"

    async def _follow(self, wish: Wish) -> AsyncGenerator[Job]:
        """The job whenever it has changed, at least every BEAT_S, until it has ended. Leaving early ends the job."""
        seen, shown_at, start = None, 0.0, time.monotonic()
        net, end = wish.request.net, "client_closed"
        self.metrics.open.inc()
        try:
            while True:
                job = self.service.get(wish.id)
                now = time.monotonic()
                if job.text and not (seen and seen.text):
                    self.metrics.first.labels(net).observe(now - start)
                if job.state.ended:
                    end = job.state.value
                    if job.reply is not None:
                        self.metrics.done(net, now - start, len(job.reply.trace.tokens))
                if job != seen or now - shown_at >= BEAT_S:
                    seen, shown_at = job, now
                    yield job
                if job.state.ended:
                    return
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self.service.forget(wish.id)
            self.metrics.open.dec()
            self.metrics.replies.labels(net, end).inc()


def _made(job: Job) -> Reply:
    """The reply of an ended job. Raises Fault when there is none."""
    if job.state is JobState.DONE and job.reply is not None:
        return job.reply
    if job.state is JobState.TIMED_OUT:
        raise Fault(HTTPStatus.GATEWAY_TIMEOUT, job.error or "the reply took too long; try again", "timeout")
    if job.state is JobState.CANCELLED:
        raise Fault(HTTPStatus.SERVICE_UNAVAILABLE, "the server is shutting down; try again in a minute", "stopped")
    raise Fault(HTTPStatus.INTERNAL_SERVER_ERROR, job.error or "the net could not answer; try again", "reply_failed")


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
