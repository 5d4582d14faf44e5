"""A tiny server of the OpenAI protocol that fails as it is told to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def chunk(text: str | None = None, end: str | None = None, **more: Any) -> bytes:
    """One event of a stream."""
    choices = [] if text is None and end is None else [{"index": 0, "delta": {"content": text}, "finish_reason": end}]
    about = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**about, 'choices': choices, **more})}\n\n".encode()


GOOD = (chunk("That "), chunk("sounds hard."), chunk("", "stop"), chunk(usage=USAGE), b"data: [DONE]\n\n")


class FaultyServer:
    """`mode` says what happens next: a status such as "429", or one of those in `_stream`."""

    def __init__(self) -> None:
        self.mode = "good"
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.organisations: list[str | None] = []
        self.hold = threading.Event()
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        length = int(handler.headers.get("Content-Length", 0))
        self.bodies.append(json.loads(handler.rfile.read(length)))
        self.keys.append(handler.headers.get("Authorization", ""))
        self.organisations.append(handler.headers.get("OpenAI-Organization"))
        if self.mode.isdigit():
            body = json.dumps({"error": {"message": "no: my words", "type": "t", "code": "c", "param": None}}).encode()
            handler.send_response(int(self.mode))
            if self.mode == "307":
                handler.send_header("Location", f"{self.url}/elsewhere")
            handler.send_header("Retry-After", "0")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        if self.mode == "silent":
            self.hold.wait()
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html" if self.mode == "html" else "text/event-stream")
        handler.send_header("Connection", "close")
        if self.mode == "dropped":
            handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for piece in self._stream():
            handler.wfile.write(piece)
            handler.wfile.flush()

    def _stream(self) -> Iterator[bytes]:
        if self.mode in ("cut", "dropped"):
            yield GOOD[0]
        elif self.mode == "hanging":
            yield GOOD[0]
            self.hold.wait()
        elif self.mode == "malformed":
            yield GOOD[0]
            yield b'data: {"choices": [{"delta"\n\n'
        elif self.mode == "odd":
            yield b'data: {"choices": [{"delta": 7, "finish_reason": "stop"}]}\n\n'
        elif self.mode == "html":
            yield b"<html>Welcome to nginx</html>"
        elif self.mode == "endless":
            while True:
                yield chunk("word " * 1000)
        elif self.mode == "error":
            yield GOOD[0]
            yield b'data: {"error": {"message": "no: my words", "type": "server_error"}}\n\n'
        elif self.mode == "filtered":
            yield chunk("", "content_filter")
        else:
            yield from GOOD


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    """On a free port until the block ends."""
    state = FaultyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                state.answer(self)
            except OSError:  # the client went away
                self.close_connection = True

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        state.hold.set()
        server.shutdown()
        server.server_close()
