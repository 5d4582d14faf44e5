"""One streamed chat completion of any server that speaks the OpenAI protocol, and what may go wrong.

Whatever happens, the caller gets a whole answer or one of the faults below. A fault's message says what to do and
repeats nothing that was sent or received, so it may be logged; a visitor sees only its kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import openai

LONGEST_ANSWER = 20_000
"""characters after which an answer that does not end is stopped"""
CONNECT_S = 10.0


class ServerFault(RuntimeError):  # noqa: N818  (reads as the sentence it is)
    """A server gave no answer."""


class ServerUnreachable(ServerFault):
    """No server answers at that address."""


class KeyRefused(ServerFault):
    """The key is missing, wrong or lacks permission for this."""


class ServerBusy(ServerFault):
    """Too many requests, or the account's limit is reached."""


class RequestRefused(ServerFault):
    """The server rejects the request."""


class ServerFailed(ServerFault):
    """The server reports that it failed."""


class AnswerLate(ServerFault):
    """The time ran out before the answer was complete."""


class AnswerCutOff(ServerFault):
    """The connection ended before the answer did."""


class AnswerUnreadable(ServerFault):
    """The answer does not follow the protocol."""


class AnswerWithheld(ServerFault):
    """The server's own filter held the answer back, or it is empty."""


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    text: str
    end: str
    """why it ended: "stop", or "length" when it was cut"""
    tokens: tuple[int, int] | None = None
    """read and written, as the server counts them; None if it does not report them"""
    trace: Mapping[str, Any] | None = None
    """trace from a `models serve` server, if it was requested"""
    first_s: float = 0.0
    """seconds until the first text"""


def open_client(url: str, key: str, *, retries: int = 2, timeout_s: float = 120.0) -> openai.OpenAI:
    """A client for the server at `url`. It follows no redirect: words go only where the operator sends them."""
    timeout = openai.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
    http = openai.DefaultHttpxClient(follow_redirects=False, timeout=timeout)
    client = openai.OpenAI(base_url=url, api_key=key or "none", max_retries=retries, timeout=timeout, http_client=http)
    # The library reads these from the environment; they are meant for one server, but this one may be another.
    client.organization = client.project = None
    return client


def ask(
    client: openai.OpenAI, request: Mapping[str, Any], timeout_s: float, on_text: Callable[[str], None] | None = None
) -> Answer:
    """The answer to `request` (fields of the protocol); `on_text` gets the text so far and may raise to stop.

    Raises ServerFault.
    """
    start = time.monotonic()
    text, end, first_s = "", None, 0.0
    tokens: tuple[int, int] | None = None
    trace: Mapping[str, Any] | None = None
    pieces = _pieces(client, request, start + timeout_s)
    try:
        for piece in pieces:
            if piece.text and not text:
                first_s = time.monotonic() - start
            text, end = text + piece.text, piece.end or end
            tokens, trace = piece.tokens or tokens, piece.trace or trace
            if len(text) > LONGEST_ANSWER:
                raise AnswerUnreadable(f"the answer has more than {LONGEST_ANSWER:,} characters; lower max_tokens")
            if on_text is not None:
                on_text(text)
    finally:
        pieces.close()  # the server notices and stops
    if end is None:
        raise AnswerCutOff("the connection ended before the answer did; try again")
    if end == "content_filter" or not text.strip():
        raise AnswerWithheld("the server withheld its answer, or it is empty; try again")
    return Answer(text, end, tokens, trace, first_s)


@dataclass(frozen=True)
class _Piece:
    text: str
    end: str | None
    tokens: tuple[int, int] | None
    trace: Mapping[str, Any] | None


def _pieces(client: openai.OpenAI, request: Mapping[str, Any], until: float) -> Generator[_Piece]:
    """The pieces of a stream. Raises ServerFault, never an error of the library."""
    begun = False
    try:
        create: Any = client.chat.completions.create  # its types lack the fields that only we have
        with create(**request, stream=True, stream_options={"include_usage": True}) as stream:
            for chunk in stream:
                begun = True
                if time.monotonic() > until:
                    raise AnswerLate("the answer was not whole in time; try again, or allow more seconds")
                yield _piece(chunk)
    except openai.APIError as error:
        raise _fault(error, begun) from None
    except (ValueError, TypeError, AttributeError, LookupError):
        raise AnswerUnreadable("what came is no chat completion; is the address that of an API?") from None


def _piece(chunk: Any) -> _Piece:
    """The content of a chunk. The library checks no types, so anything may be in it."""
    choice = chunk.choices[0] if chunk.choices else None
    text = (choice.delta.content or "") if choice is not None else ""
    end = choice.finish_reason if choice is not None else None
    usage = chunk.usage
    tokens = None if usage is None else (int(usage.prompt_tokens), int(usage.completion_tokens))
    trace = (chunk.model_extra or {}).get("trace")
    if not isinstance(text, str) or not isinstance(trace, dict | None):
        raise TypeError
    return _Piece(text, end, tokens, trace)


def _fault(error: openai.APIError, begun: bool) -> ServerFault:
    """The fault behind an error of the library."""
    if isinstance(error, openai.APITimeoutError):
        return AnswerLate("the server did not answer in time; try again, or allow more seconds")
    if isinstance(error, openai.APIConnectionError):
        if begun:
            return AnswerCutOff("the connection ended before the answer did; try again")
        return ServerUnreachable("nobody answers at that address; is the server running?")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return KeyRefused("the server refuses the key; look at the environment variable that holds it")
    if isinstance(error, openai.RateLimitError):
        return ServerBusy("the server takes no more requests now, or the account's limit is reached; try again later")
    if isinstance(error, openai.APIStatusError) and error.status_code < 500:
        return RequestRefused(f"the server refuses the request (status {error.status_code}); look at model and address")
    status = f" (status {error.status_code})" if isinstance(error, openai.APIStatusError) else ""
    return ServerFailed(f"the server failed{status}; try again")


def read_models(client: openai.OpenAI) -> list[dict[str, Any]]:
    """The server's list of models. Raises ServerFault."""
    try:
        return [model.to_dict() for model in client.models.list().data]
    except openai.APIError as error:
        raise _fault(error, begun=False) from None
    except (ValueError, TypeError, AttributeError):
        raise AnswerUnreadable("what came is no list of models; is the address that of an API?") from None
