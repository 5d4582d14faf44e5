"""Events of a page without a browser: any endpoint, any values, any bytes, as a stranger could send them."""

from __future__ import annotations

import http.client
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.running import Site

TIMEOUT_S = 60


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """names in lower case"""
    body: bytes


def ask(
    site: Site, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, chunked: bool = False
) -> Answer:
    """One request; `body` as `http.client` takes it."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    finally:
        connection.close()


@dataclass
class Stranger:
    """Somebody at one of the pages: `prefix` is "" or "/study"."""

    site: Site
    prefix: str = ""
    session: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        config = json.loads(ask(self.site, "GET", f"{self.prefix}/config").body)
        self.calls: dict[str, Any] = {one["api_name"]: one for one in config["dependencies"] if one["api_name"]}
        self.types: dict[int, str] = {one["id"]: one["type"] for one in config["components"]}

    def call(self, name: str, *values: Any, **headers: str) -> Answer:
        """One event; `values` as they are, states included."""
        return self.post(f"run/{name}", self.event(name, list(values)), **headers)

    def event(self, name: str, values: list[Any]) -> dict[str, Any]:
        """The body of an event."""
        return {"data": values, "fn_index": self.calls[name]["id"], "session_hash": self.session}

    def post(self, route: str, event: Any, **headers: str) -> Answer:
        """JSON to one of the routes of Gradio."""
        kind = {"Content-Type": "application/json"} | headers
        return ask(self.site, "POST", f"{self.prefix}/gradio_api/{route}", json.dumps(event).encode(), kind)
