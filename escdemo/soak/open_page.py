"""One open page of the app, without a browser: sends the same requests, by the names of the events.

Events in Gradio's queue (`follow_*`) are streams to follow; every other event is one request. Values are returned by
the `elem_id` of the component that shows them.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

API = "/gradio_api"
TOKEN = "token"
"""name for the browser's token, whose component has no `elem_id`"""


class BadAnswer(RuntimeError):  # noqa: N818  (what came)
    """The app did not answer with a page: an error status, a broken connection, a stream that stopped early."""


@dataclass(frozen=True)
class _Event:
    number: int
    states: tuple[bool, ...]
    """for each input, whether the server keeps its value itself"""
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """A running app and its events."""

    http: httpx.AsyncClient
    """its base address is that of the app"""
    events: Mapping[str, _Event]

    @classmethod
    async def open(cls, http: httpx.AsyncClient) -> Site:
        """Ask the app for its events. Raises BadAnswer when there is no such app."""
        config = await _json(http, "GET", "/config")
        try:
            kinds = {part["id"]: part["type"] for part in config["components"]}
            names = {part["id"]: part["props"].get("elem_id") or str(part["id"]) for part in config["components"]}
            found = {one["api_name"]: one for one in config["dependencies"] if one["api_name"]}
            names[found["restore"]["outputs"][0]] = TOKEN
            return cls(http, {name: _event(one, names, kinds) for name, one in found.items()})
        except (KeyError, TypeError, IndexError):
            raise BadAnswer(f"{http.base_url} is no page of Gradio") from None


class OpenPage:
    """A page that was just opened; it knows no talk before `restore` is called."""

    def __init__(self, site: Site) -> None:
        self.site, self.session = site, secrets.token_hex(8)

    async def call(self, name: str, *values: Any) -> dict[str, Any]:
        """What the page shows after an event, by `elem_id`; unchanged components are left out."""
        answer = await _json(self.site.http, "POST", f"{API}/run/{name}", self._body(name, values))
        return self._shown(name, answer)

    async def cut(self, name: str, *values: Any) -> None:
        """Send a complete event and hang up before any answer."""
        url = self.site.http.base_url
        body = json.dumps(self._body(name, values)).encode()
        head = f"POST {API}/run/{name} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Type: application/json\r\n"
        secure = ssl.create_default_context() if url.scheme == "https" else None
        port = url.port or (443 if secure else 80)
        try:
            _, writer = await asyncio.open_connection(url.host, port, ssl=secure)
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            raise BadAnswer(f"{name}: {type(error).__name__}") from None

    async def follow(self, name: str, *values: Any) -> AsyncGenerator[dict[str, Any]]:
        """Follow an event: yield {} for each change, then what is shown at the end. Closing the generator hangs up."""
        event = self.site.events[name]
        joined = await _json(
            self.site.http, "POST", f"{API}/queue/join", self._body(name, values) | {"fn_index": event.number}
        )
        where = httpx.QueryParams(session_hash=self.session)
        try:
            async with self.site.http.stream("GET", f"{API}/queue/data", params=where) as stream:
                async for line in stream.aiter_lines():
                    told = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                    if told.get("event_id") != joined["event_id"]:
                        continue
                    if told["msg"] == "process_generating":
                        yield {}
                    elif told["msg"] == "process_completed":
                        yield self._shown(name, told["output"])
                        return
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise BadAnswer(f"{name}: {type(error).__name__}") from None
        raise BadAnswer(f"{name}: the stream ended early")

    async def follow_to_the_end(self, name: str, *values: Any) -> dict[str, Any]:
        """What is shown once nothing changes by itself any more."""
        shown: dict[str, Any] = {}
        async with aclosing(self.follow(name, *values)) as pieces:
            async for piece in pieces:
                shown = piece
        return shown

    async def follow_a_little(self, name: str, *values: Any) -> None:
        """Follow until something changes, then hang up."""
        async with aclosing(self.follow(name, *values)) as pieces:
            async for _ in pieces:
                return

    def _body(self, name: str, values: tuple[Any, ...]) -> dict[str, Any]:
        given = iter(values)
        data = [None if kept else next(given) for kept in self.site.events[name].states]
        return {"data": data, "session_hash": self.session}

    def _shown(self, name: str, answer: Any) -> dict[str, Any]:
        try:
            found = dict(zip(self.site.events[name].outputs, answer["data"], strict=True))
        except (KeyError, TypeError, ValueError):
            raise BadAnswer(f"{name}: {str(answer)[:80]}") from None
        updates = {part: one for part, one in found.items() if isinstance(one, dict) and one.get("__type__")}
        values = {part: one for part, one in found.items() if part not in updates}
        return values | {part: one["value"] for part, one in updates.items() if "value" in one}


def _event(told: Mapping[str, Any], names: Mapping[int, str], kinds: Mapping[int, str]) -> _Event:
    """`told` is Gradio's description of an event; `names` and `kinds` are those of the components, by id."""
    states = tuple(kinds[number] == "state" for number in told["inputs"])
    return _Event(told["id"], states, tuple(names[number] for number in told["outputs"]))


async def _json(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    """The answer to a request, as JSON. Raises BadAnswer."""
    try:
        answer = await http.request(method, path, json=body)
        if answer.status_code != httpx.codes.OK:
            raise BadAnswer(f"{path}: status {answer.status_code}")
        return answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise BadAnswer(f"{path}: {type(error).__name__}") from None
